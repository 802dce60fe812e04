"""From a manifest and what its calls gave to the batches of a run."""

from collections.abc import Iterable, Iterator, Mapping

from harness.core.batch import Baseline, Batch, Sample
from harness.core.measures import Vectors
from harness.core.plan import Request, Round, planned_requests, round_named
from harness.core.replies import Answer, Failure, Transcript, Turn
from harness.core.run import Manifest, RunEnd, RunRecord

_NOTHING_SET: set[str] = set()


def assemble(
    manifest: Manifest,
    completions: Mapping[str, Answer | Failure],
    end: RunEnd | None,
    references: Mapping[str, Baseline],
    stale: Mapping[str, str],
    vectors: Vectors,
) -> RunRecord:
    """Sort completions into batches."""
    sorted_samples: dict[str, dict[str, list[Sample]]] = {target.name: {} for target in manifest.targets}
    asked = tuple(Round(name) for name in dict.fromkeys(round_named(key) for key in completions))
    for request in possible_requests(manifest, sorted(asked, key=list(Round).index)):
        completion = completions.get(request.key)
        if completion is not None:
            sample = _sample(request, completion)
            sorted_samples[request.target_name].setdefault(request.case.id, []).append(sample)
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
    )


def possible_requests(
    manifest: Manifest, rounds: Iterable[Round] = (Round.FIRST, Round.CONFIRM)
) -> Iterator[Request]:
    """Yield every request that the run may have made in `rounds`."""
    targets = {target.name: target.target for target in manifest.targets}
    for round_ in rounds:
        yield from planned_requests(manifest.suite.cases, targets, samples=manifest.samples, round_=round_)


def _sample(request: Request, completion: Answer | Failure) -> Sample:
    # Both parts are validated already; doing it again, or keeping a set of fields for each, would cost more
    # than the call.
    reply: Transcript | Failure
    if isinstance(completion, Failure):
        reply = completion
    else:
        turn = Turn.model_construct(_NOTHING_SET, answer=completion)
        reply = Transcript.model_construct(_NOTHING_SET, turns=(turn,))
    return Sample.model_construct(_NOTHING_SET, number=request.sample, round=request.round, reply=reply)
