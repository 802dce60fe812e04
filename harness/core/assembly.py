"""From a manifest and what its calls gave to the batches of a run."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from harness.core.batch import Baseline, Batch, Sample
from harness.core.measures import Vectors
from harness.core.plan import CASES_A_BLOCK, Request, Round, planned_requests
from harness.core.replies import Answer, Failure, Transcript, Turn
from harness.core.run import Earlier, Manifest, RunEnd, RunRecord
from harness.errors import DamagedRecord

_NOTHING_SET: set[str] = set()


def assemble(
    manifest: Manifest,
    completions: Mapping[str, Answer | Failure],
    end: RunEnd | None,
    references: Mapping[str, Baseline],
    stale: Mapping[str, str],
    vectors: Vectors,
    earlier: Earlier | None = None,
) -> RunRecord:
    """Sort completions into batches. Raises DamagedRecord for one that the manifest does not plan."""
    sorted_samples: dict[str, dict[str, list[Sample]]] = {target.name: {} for target in manifest.targets}
    for place in _places(manifest, completions):
        sample = _sample(place, completions[place.key])
        sorted_samples[place.target].setdefault(place.case, []).append(sample)
    return RunRecord(
        manifest=manifest,
        end=end,
        batches={
            name: Batch.model_construct(
                suite=manifest.suite.name,
                target=name,
                night=manifest.night,
                run=manifest.run,
                samples={case_id: tuple(samples) for case_id, samples in found.items()},
            )
            for name, found in sorted_samples.items()
            if found
        },
        references=references,
        stale=stale,
        vectors=vectors,
        earlier=earlier or Earlier(),
    )


def possible_requests(
    manifest: Manifest, rounds: Iterable[Round] = (Round.FIRST, Round.CONFIRM)
) -> Iterator[Request]:
    """Yield every request that the run may have made in `rounds`."""
    targets = {target.name: target.target for target in manifest.targets}
    for round_ in rounds:
        yield from planned_requests(manifest.suite.cases, targets, samples=manifest.samples, round_=round_)


@dataclass(frozen=True, slots=True, order=True)
class _Place:
    """Where a completion stands in the plan; in the order in which calls are made."""

    round_number: int
    block: int
    sample: int
    case_number: int
    target_number: int
    case: str
    target: str
    key: str


def _places(manifest: Manifest, keys: Iterable[str]) -> list[_Place]:
    """Find what every key addresses, without making the plan: it may be as large as a stranger's manifest says."""
    addresses = dict(_addresses(manifest))
    samples = {case.id: case.samples or manifest.samples for case in manifest.suite.cases}
    rounds = {round_.value: number for number, round_ in enumerate(Round)}
    places = []
    for key in keys:
        target, _, rest = key.partition(":")
        round_, _, rest = rest.partition(":")
        address, _, written = rest.removesuffix(":0").rpartition(":")
        found, sample = addresses.get((target, address)), _sample_number(written)
        if found is None or round_ not in rounds or sample is None or sample >= samples[found.case]:
            raise DamagedRecord(
                f"run {manifest.run[:80]}: its journal holds a call that its manifest does not plan, {key[:120]!r}; "
                "restore both files, or start a new run"
            )
        places.append(
            _Place(
                rounds[round_],
                found.case_number // CASES_A_BLOCK,
                sample,
                found.case_number,
                found.target_number,
                found.case,
                target,
                key,
            )
        )
    return sorted(places)


def _sample_number(written: str) -> int | None:
    """Read a number as a key writes it, in one way only: 01 would be a second call for the sample 1."""
    plain = written.isascii() and written.isdecimal() and len(written) < 10
    return int(written) if plain and str(int(written)) == written else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Address:
    case: str
    case_number: int
    target_number: int


def _addresses(manifest: Manifest) -> Iterator[tuple[tuple[str, str], _Address]]:
    for case_number, case in enumerate(manifest.suite.cases):
        question = case.question[:16]
        for target_number, named in enumerate(manifest.targets):
            address = f"{case.id}:{question}:{named.target.treatment(case)[:16]}"
            yield (
                (named.name, address),
                _Address(case=case.id, case_number=case_number, target_number=target_number),
            )


def _sample(place: _Place, completion: Answer | Failure) -> Sample:
    # Both parts are validated already; doing it again, or keeping a set of fields for each, would cost more
    # than the call.
    reply: Transcript | Failure
    if isinstance(completion, Failure):
        reply = completion
    else:
        turn = Turn.model_construct(_NOTHING_SET, answer=completion)
        reply = Transcript.model_construct(_NOTHING_SET, turns=(turn,))
    round_ = tuple(Round)[place.round_number]
    return Sample.model_construct(_NOTHING_SET, number=place.sample, round=round_, reply=reply)
