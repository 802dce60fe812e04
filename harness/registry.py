"""Names to implementations, without importing any of them.

A table holds ``name -> "module:attribute"``; the module is imported when the name is asked for. Third
parties add names through entry points in the table's group; those are read only for a name that the
table does not know, and so only when the trusted configuration asks for it.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Generic, TypeVar, cast

from harness.errors import MissingPackage, UnknownName

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry(Generic[T]):
    """A table of one kind of part: what it is called in messages, its entry-point group, its names."""

    kind: str
    group: str
    table: Mapping[str, str]

    def names(self) -> tuple[str, ...]:
        """List the built-in names, in the table's order."""
        return tuple(self.table)

    def load(self, name: str) -> T:
        """Import and return the part called `name`.

        Raises UsageError for a name nobody registered, SetupError where its module needs something that
        is not installed.
        """
        place = self.table.get(name) or self._entry_point(name)
        if place is None:
            raise UnknownName(self.unknown(name))
        module, _, attribute = place.partition(":")
        try:
            return cast(T, getattr(import_module(module), attribute))
        except ModuleNotFoundError as error:
            if error.name is None or error.name.startswith("harness"):
                raise
            raise MissingPackage(
                f"{self.kind} '{name}' needs the package '{error.name}', which is not installed"
            ) from error

    def knows(self, name: str) -> bool:
        """Say whether the table or an installed package has the name; nothing is imported."""
        return name in self.table or self._entry_point(name) is not None

    def unknown(self, name: str) -> str:
        """Say that there is no such name, and which one may be meant."""
        return f"unknown {self.kind} '{name}'{did_you_mean(name, self.names())}"

    def _entry_point(self, name: str) -> str | None:
        return _installed(self.group, name)


@cache
def _installed(group: str, name: str) -> str | None:
    """Return what an installed package adds; every package on the machine is looked through for it."""
    found = next(iter(entry_points(group=group, name=name)), None)
    # Not its `value`, which may end in extras.
    return f"{found.module}:{found.attr}" if found else None


def did_you_mean(name: str, known: tuple[str, ...]) -> str:
    """Say which known name is meant, or which there are: the tail of an error message."""
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f", did you mean '{close[0]}'?"
    return f"; there are: {', '.join(known)}" if known else ""
