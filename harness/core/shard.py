"""An n-th of a suite, so that several machines share a run. A shard asks and decides nothing: a merge does."""

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, model_validator

from harness.core.canonical import Record
from harness.core.suite import Case

MOST_SHARDS = 99
_WRITTEN = re.compile(r"([1-9][0-9]?)/([1-9][0-9]?)", re.ASCII)


class Shard(Record):
    """Which part of the cases a run asks."""

    number: Annotated[int, Field(ge=1, le=MOST_SHARDS)]
    """Counted from 1."""
    of: Annotated[int, Field(ge=1, le=MOST_SHARDS)]
    scheduled: bool = False
    """Whether the merged run is the night's; a shard itself never is, so that no window and no baseline takes it."""

    @model_validator(mode="after")
    def _is_one_of_them(self) -> "Shard":
        if self.number > self.of:
            raise ValueError(f"there is no shard {self.number} of {self.of}")
        return self

    @property
    def name(self) -> str:
        """Return it as the command line takes it, such as 2/5."""
        return f"{self.number}/{self.of}"


def shard_named(text: str) -> Shard:
    """Read ``i/n``. Raises ValueError."""
    found = _WRITTEN.fullmatch(text)
    if found is None or int(found[1]) > int(found[2]):
        raise ValueError(f"expected i/n with i from 1 to n, such as 2/5, and n at most {MOST_SHARDS}")
    return Shard(number=int(found[1]), of=int(found[2]))


def shard_cases(cases: Sequence[Case], shard: Shard | None) -> tuple[Case, ...]:
    """Return the cases that a shard asks; all of them where there is none.

    Every n-th, so that the kinds of a suite, which lie side by side in it, are spread over the machines.
    """
    return tuple(cases) if shard is None else tuple(cases[shard.number - 1 :: shard.of])
