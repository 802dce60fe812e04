"""Answers from a file: what was recorded elsewhere is scored, and a fork without keys can decide."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from harness.core.canonical import normalise
from harness.core.messages import Message, Role, Said, plain_messages
from harness.core.plan import Request, Round
from harness.core.replies import Answer, Failure, FailureKind
from harness.core.suite import Price, Target
from harness.edges.providers import Surroundings
from harness.edges.providers.recording import (
    RecordedAnswer,
    no_such_recording,
    quoted,
    read_recording,
)
from harness.edges.providers.targets import check_settings
from harness.errors import BadRecording, BadTarget, UsageError
from harness.ports import ProviderTraits

OPTIONS = ("path", "where")
_Place: TypeAlias = tuple[Round, str, int, int]
_Index: TypeAlias = Mapping[_Place, RecordedAnswer]


class RecordedProvider:
    """Answers targets called ``recorded/FILE``, the file (or `options.path`) being under `root`.

    A request is answered by the record of its case with its sample number. Nothing is sent anywhere.
    """

    def __init__(self, *, root: Path, targets: Sequence[Target] = ()) -> None:
        self._root = root.resolve()
        self._targets = targets
        self._indexes: dict[str, _Index] = {}

    @classmethod
    def build(cls, targets: Sequence[Target], surroundings: Surroundings) -> "RecordedProvider":
        """Make the provider of `targets`."""
        return cls(root=surroundings.root, targets=targets)

    @property
    def traits(self) -> ProviderTraits:
        """Describe the provider. What a recorded latency includes, nobody knows."""
        return ProviderTraits(
            name="recorded", version="1", latency_at_transport=False, replays=True, costs=False
        )

    def check(self) -> None:
        """Check settings, and that the files are there. Raises SetupError, UsageError or MissingBaseline."""
        for target in self._targets:
            check_settings(target, options=OPTIONS, refused_params=())
            path = self._find_file(target)
            if not path.is_file():
                raise no_such_recording(path)

    async def prepare(self) -> None:
        """Read the files. Raises SetupError, UsageError, MissingBaseline or DamagedRecord."""
        for target in self._targets:
            await self._index_of(target)

    async def complete(self, request: Request, *, deadline_s: float) -> Answer | Failure:  # noqa: ARG002  # nothing waits
        """Return what was recorded for this case and sample.

        Raises what `prepare` raises, and DamagedRecord where the record answers another question: that is
        no failed call, the file belongs to another suite.
        """
        index = await self._index_of(request.target)
        record = index.get((request.round, request.case.id, request.turn, request.sample))
        if record is None:
            which = f"sample {request.sample} of case '{request.case.id}' (round {request.round}, turn {request.turn})"
            return Failure(
                kind=FailureKind.NOT_RECORDED, detail=f"{which} is not in the recording", attempts=0
            )
        if not _asks(record.question, request.messages):
            raise BadRecording(
                f"{record.place}: recorded for another suite: what was asked is not what case '{request.case.id}' asks; "
                "record it again, or take the file that belongs to this suite"
            )
        return record.answer

    def price(self, target: Target) -> Price | None:
        """Return what the target says its answers cost, else nothing."""
        return target.price or Price(input_usd_per_million=0, output_usd_per_million=0)

    async def aclose(self) -> None:
        """Nothing is open."""

    async def _index_of(self, target: Target) -> _Index:
        place = f"{target.model} {target.options}"
        if place not in self._indexes:
            check_settings(target, options=OPTIONS, refused_params=())
            path, where = self._find_file(target), target.options.get("where")
            records = await asyncio.to_thread(
                read_recording, path, where if isinstance(where, Mapping) else None
            )
            self._indexes[place] = _by_place(records)
        return self._indexes[place]

    def _find_file(self, target: Target) -> Path:
        named = target.options.get("path") or target.model.partition("/")[2]
        if not isinstance(named, str):
            raise UsageError(f"{target.model}: 'path' is a text")
        try:
            path = (self._root / named).resolve()
        except (OSError, RuntimeError, ValueError) as error:  # links in a circle, a name no system takes
            raise no_such_recording(self._root / named) from error
        if not path.is_relative_to(self._root):
            raise BadTarget(
                f"{target.model}: the recording is outside {self._root}; copy it into the repository"
            )
        return path


def _by_place(records: Sequence[RecordedAnswer]) -> _Index:
    index: dict[_Place, RecordedAnswer] = {}
    for record in records:
        place = (record.round, record.case, record.turn, record.sample)
        if place in index:
            raise BadRecording(
                f"{record.place}: sample {record.sample} of case '{quoted(record.case)}' stands already at {index[place].place}; "
                "delete one of the two lines"
            )
        index[place] = record
    return index


def _asks(recorded: tuple[Message, ...] | str | None, said: tuple[Said, ...]) -> bool:
    if recorded is None:
        return True
    asked = plain_messages(said)
    if isinstance(recorded, str):
        users = [message.content for message in asked if message.role is Role.USER]
        everything = "\n\n".join(message.content for message in asked)
        return normalise(recorded) in {normalise(everything), *(normalise(user) for user in users[-1:])}
    return [(m.role, normalise(m.content)) for m in recorded] == [
        (m.role, normalise(m.content)) for m in asked
    ]
