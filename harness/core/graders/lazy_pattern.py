"""RE2 patterns that are compiled when they are first used: most commands classify nothing."""

from collections.abc import Callable
from functools import cached_property

import re2


class LazyPattern:
    """What `re2.compile` makes of a source, once it is needed; `expand` turns a shorthand into RE2's syntax."""

    def __init__(self, source: str, expand: Callable[[str], str] = str) -> None:
        self._source = source
        self._expand = expand

    def search(self, text: str) -> "re2._Match[str] | None":
        """Find the first match in `text`."""
        return self._compiled.search(text)

    def sub(self, replacement: str, text: str) -> str:
        """Replace every match in `text`."""
        return str(self._compiled.sub(replacement, text))

    @cached_property
    def _compiled(self) -> "re2._Regexp[str]":
        return re2.compile(self._expand(self._source))
