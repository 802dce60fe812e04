"""What stays the same from sample to sample of a case, kept so that it is made once."""

from collections.abc import Callable
from typing import Generic, TypeVar

from harness.core.plan import Request

T = TypeVar("T")


class PerCase(Generic[T]):
    """Remembers what `make` returned for a case, a target and a turn."""

    def __init__(self, make: Callable[[Request], T]) -> None:
        self._make = make
        self._made: dict[tuple[str, str, int], tuple[Request, T]] = {}

    def of(self, request: Request) -> T:
        """Return what `make` gives for this request's question, made before or now."""
        place = (request.target_name, request.case.id, request.turn)
        entry = self._made.get(place)
        # One place can hold another question in another round: the base prompt, a conversation's next turn.
        if entry is not None and _asks_the_same(entry[0], request):
            return entry[1]
        made = self._make(request)
        self._made[place] = (request, made)
        return made


def _asks_the_same(one: Request, other: Request) -> bool:
    return one.messages is other.messages and one.case is other.case and one.target is other.target
