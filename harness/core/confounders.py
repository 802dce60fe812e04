"""What else changed, and could explain a difference."""

from collections.abc import Iterator, Sequence

from harness.core.baseline_state import Comparable
from harness.core.batch import Baseline, Sample
from harness.core.run import LostNight, RunRecord, RunTarget
from harness.core.self_test import over_budget_note

LOST_NAMED = 3


def confounders(
    record: RunRecord,
    target: RunTarget,
    baseline: Baseline | None,
    known: Comparable,
    samples: Sequence[Sample],
    stale: str | None,
) -> tuple[str, ...]:
    """Return a sentence for each thing that changed beside the model, or that was left out."""
    said = [stale] if stale else []
    if record.end and record.end.stopped:
        said.append(f"The run stopped early: {record.end.stopped}.")
    if (void := void_judge(record, target.name)) is not None:
        said.append(f"Nothing that the judge said counts, so scores are not compared: {void}.")
    said.extend(_lost_nights(record.earlier.lost.get(target.name, ())))
    if baseline is not None:
        said.extend(_over_budget(record, baseline))
        said.extend(_identity_changes(record, baseline))
        said.extend(_provider_changes(target, known, samples))
    if known.changed:
        said.append(
            f"{_cases(known.changed)} changed since the baseline was accepted, so no comparison was made there."
        )
    gone = sorted(set(baseline.cases) - {case.id for case in record.manifest.suite.cases}) if baseline else []
    if gone:
        said.append(
            f"In the baseline and not in this run: {', '.join(gone[:3])}{' and more' if len(gone) > 3 else ''}."
        )
    if baseline is not None and known.unknown:
        said.append(f"{_cases(known.unknown)} {_are(known.unknown)} not in the baseline yet.")
    if known.few_nights:
        said.append(
            f"{_cases(known.few_nights)} {_are(known.few_nights)} still learning: too few accepted nights to be compared."
        )
    if not target.latency_at_transport:
        said.append("Latency includes waiting inside the client library.")
    return tuple(said)


def void_judge(record: RunRecord, target: str) -> str | None:
    """Return why nothing counts that the judge said of a target; None where it counts, or nobody was asked."""
    judged = record.judged.get(target)
    return judged.void if judged is not None else None


def _lost_nights(lost: Sequence[LostNight]) -> Iterator[str]:
    missing = "could not be read, so {} missing from what tonight is decided with"
    for one in lost[:LOST_NAMED]:
        which = f"The night of {one.night}" if one.night else "A night"
        yield f"{which} {missing.format('it is')}: {one.why}."
    left = len(lost) - LOST_NAMED
    if left > 0:
        which, it = ("One more night", "it is") if left == 1 else (f"{left} more nights", "they are")
        yield f"{which} {missing.format(it)}."


def _over_budget(record: RunRecord, baseline: Baseline) -> list[str]:
    tested = baseline.tested_under(record.manifest.policy)
    if tested is None or not tested.exceeds:
        return []
    return [f"{over_budget_note(tested)}: `drift calibrate {baseline.suite} --aa` says what to do."]


def _identity_changes(record: RunRecord, baseline: Baseline) -> list[str]:
    if baseline.encoder == record.manifest.encoder:
        return []
    return [
        f"The encoder changed from {baseline.encoder} to {record.manifest.encoder}; the baseline's replies were encoded again."
    ]


def _provider_changes(target: RunTarget, known: Comparable, samples: Sequence[Sample]) -> list[str]:
    lines = [line for case in known.cases.values() for line in case.samples]
    stored = [line.answer for line in lines if line.answer is not None]
    tonight = [sample.answer for sample in samples if sample.answer is not None]
    said = []
    for name, before, after in (
        ("model served", {a.model_served for a in stored}, {a.model_served for a in tonight}),
        (
            "provider's fingerprint",
            {a.system_fingerprint for a in stored},
            {a.system_fingerprint for a in tonight},
        ),
        (
            "library that asks",
            {line.made_by for line in lines},
            {f"{target.provider} {target.provider_version}"},
        ),
    ):
        new = sorted(value for value in after - before if value)
        if new and before - {None}:
            said.append(
                f"The {name} is new: {', '.join(new)} (baseline: {', '.join(sorted(v for v in before if v))})."
            )
    return said


def _cases(ids: Sequence[str]) -> str:
    return ", ".join(ids[:3]) + (f" and {len(ids) - 3} more" if len(ids) > 3 else "")


def _are(ids: Sequence[str]) -> str:
    return "is" if len(ids) == 1 else "are"
