"""From a manifest and what its calls gave to the batches of a run."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.core.batch import Baseline, Batch, Sample
from harness.core.conversation import EndedEarly, following, opening, turn_count
from harness.core.judging.keys import is_judge_key
from harness.core.measures import Vectors
from harness.core.plan import CASES_A_BLOCK, Request, Round, next_request, planned_requests, sample_numbers
from harness.core.replies import Answer, Failure, Transcript, Turn
from harness.core.run import Earlier, Manifest, RunEnd, RunRecord
from harness.core.suite import Case
from harness.errors import DamagedRecord

_NOTHING_SET: set[str] = set()
_BASE_PROMPT = tuple(Round).index(Round.BASE_PROMPT)


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
    cases = {(False, case.id): case for case in manifest.suite.cases}
    cases |= {(True, case.id): case for case in manifest.base_cases}
    for place in _places(manifest, [key for key in completions if not is_judge_key(key)]):
        if place.turn > 0:
            continue  # follows its first turn
        case = cases[place.round_number == _BASE_PROMPT, place.case]
        sample = _sample(case, place, completions)
        if sample is not None:
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
    manifest: Manifest, known: Mapping[str, Answer | Failure] | None = None
) -> Iterator[Request]:
    """Yield every request that the run may have made: of a conversation the turns that `known` leads to."""
    targets = {target.name: target.target for target in manifest.targets}
    for round_ in (Round.FIRST, Round.CONFIRM, Round.ESCALATE, Round.BASE_PROMPT):
        cases = manifest.base_cases if round_ is Round.BASE_PROMPT else manifest.suite.cases
        for first in planned_requests(
            cases, targets, samples=manifest.samples, round_=round_, further_to=manifest.escalate_to
        ):
            request: Request | None = first
            while request is not None:
                yield request
                answer = (known or {}).get(request.key)
                request = next_request(request, answer) if isinstance(answer, Answer) else None


@dataclass(frozen=True, slots=True, order=True)
class _Place:
    """Where a completion stands in the plan; in the order in which calls are made."""

    round_number: int
    block: int
    sample: int
    case_number: int
    target_number: int
    turn: int
    case: str
    target: str
    key: str


def _places(manifest: Manifest, keys: Iterable[str]) -> list[_Place]:
    """Find what every key addresses, without making the plan: it may be as large as a stranger's manifest says."""
    addresses = dict(_addresses(manifest, manifest.suite.cases))
    base_addresses = dict(_addresses(manifest, manifest.base_cases))
    rounds = {round_.value: number for number, round_ in enumerate(Round)}
    places = []
    for key in keys:
        target, _, rest = key.partition(":")
        round_, _, rest = rest.partition(":")
        rest, _, turn_written = rest.rpartition(":")
        address, _, written = rest.rpartition(":")
        sample, turn = _plain_number(written), _plain_number(turn_written)
        known = base_addresses if round_ == Round.BASE_PROMPT else addresses
        found = known.get((target, address))
        if (
            found is None
            or round_ not in rounds
            or sample is None
            or turn is None
            or turn >= found.turns
            or sample not in found.samples[rounds[round_]]
        ):
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
                turn,
                found.case,
                target,
                key,
            )
        )
    return sorted(places)


def _plain_number(written: str) -> int | None:
    """Read a number as a key writes it, in one way only: 01 would be a second call for the sample 1."""
    plain = written.isascii() and written.isdecimal() and len(written) < 10
    return int(written) if plain and str(int(written)) == written else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Address:
    case: str
    case_number: int
    target_number: int
    turns: int
    samples: tuple[range, ...]
    """By number of the round."""


def _addresses(manifest: Manifest, cases: Sequence[Case]) -> Iterator[tuple[tuple[str, str], _Address]]:
    ranges: dict[int | None, tuple[range, ...]] = {}
    for case_number, case in enumerate(cases):
        question = case.question[:16]
        if case.samples not in ranges:
            ranges[case.samples] = tuple(
                sample_numbers(case, manifest.samples, round_, manifest.escalate_to) for round_ in Round
            )
        for target_number, named in enumerate(manifest.targets):
            address = f"{case.id}:{question}:{named.target.treatment(case)[:16]}"
            yield (
                (named.name, address),
                _Address(
                    case=case.id,
                    case_number=case_number,
                    target_number=target_number,
                    turns=turn_count(case),
                    samples=ranges[case.samples],
                ),
            )


def _sample(case: Case, first: _Place, completions: Mapping[str, Answer | Failure]) -> Sample | None:
    """Put a sample together; None where its conversation was left before its last turn."""
    # All parts are validated already; doing it again, or keeping a set of fields for each, would cost more
    # than the call.
    reply: Transcript | Failure
    completion = completions[first.key]
    if isinstance(completion, Failure):
        reply = completion
    elif turn_count(case) == 1:
        turn = Turn.model_construct(_NOTHING_SET, answer=completion)
        reply = Transcript.model_construct(_NOTHING_SET, turns=(turn,))
    else:
        held = _conversation(case, first.key, completions)
        if held is None:
            return None
        reply = held
    round_ = tuple(Round)[first.round_number]
    return Sample.model_construct(_NOTHING_SET, number=first.sample, round=round_, reply=reply)


def _conversation(
    case: Case, key: str, completions: Mapping[str, Answer | Failure]
) -> Transcript | Failure | None:
    """Follow a conversation as it was held. A turn that failed fails all of it."""
    stem, said, before, turns = key.rpartition(":")[0], opening(case), 0, []
    for turn in range(turn_count(case)):
        completion = completions.get(f"{stem}:{turn}")
        if completion is None:
            return None
        if isinstance(completion, Failure):
            return completion
        turns.append(Turn(said=said[before:], answer=completion))
        if turn + 1 == turn_count(case):
            break
        before = len(said)
        follows = following(case, said, completion, turn)
        if isinstance(follows, EndedEarly):
            return Transcript(turns=tuple(turns), not_called=follows.tool)
        said = follows
    return Transcript(turns=tuple(turns))
