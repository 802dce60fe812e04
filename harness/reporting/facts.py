"""The short answers beside the headline: how sure, what it rests on, what else is worth knowing."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from harness.core.batch import Sample
from harness.core.findings import Outcome
from harness.core.replies import FinishReason
from harness.core.run import RunRecord
from harness.core.verdict import State, TargetVerdict, Verdict
from harness.reporting.escape import one_line
from harness.reporting.model import Fact, FailureRow, Prose, Status
from harness.reporting.signals import span_of
from harness.reporting.wording import (
    chance,
    failure_text,
    listed,
    many,
    night_text,
    prose,
    signal_named,
    signal_title,
    strong,
    value_text,
)

KNOWN_SHOWN = 8
"""Lines of one fact."""


def facts(record: RunRecord, verdict: Verdict, statuses: Mapping[str, Status]) -> tuple[Fact, ...]:
    """Answer the reader's questions; what is not known is left out, never guessed."""
    found = (
        Fact(title="How sure", lines=tuple(_how_sure(verdict, statuses))),
        Fact(title="What it rests on", lines=tuple(_rests_on(record, verdict))),
        Fact(title="Worth knowing", lines=_capped(list(_worth_knowing(record, verdict)))),
    )
    return tuple(fact for fact in found if fact.lines)


def always_facts(record: RunRecord, verdict: Verdict) -> tuple[Fact, ...]:
    """List what is shown on every page and never decides."""
    found = []
    shown_only = dict.fromkeys(
        reading.signal
        for target in verdict.targets
        for reading in target.readings
        if (signal := signal_named(reading.signal)) is not None and not signal.decides
    )
    for name in shown_only:
        signal = signal_named(name)
        readings = [
            (t.target, r) for t in verdict.targets for r in t.readings if r.signal == name and r.nights
        ]
        span = span_of([reading for _, reading in readings])
        values = [
            f"{_of(target, verdict)}{value_text(r.tonight, r.unit, span)}, floor {value_text(min(r.nights), r.unit, span)} to {value_text(max(r.nights), r.unit, span)}"
            for target, r in readings
        ]
        if values and signal is not None:
            line = prose(f"{signal.what}: {'; '.join(values)}. Shown, never decides.")
            found.append(Fact(title=signal.title, lines=(line,)))
    batches = [(t.target, _samples(record, t.target)) for t in verdict.targets]
    errors = [
        f"{_of(n, verdict)}{sum(s.answer is None for s in found_)} of {len(found_)} calls"
        for n, found_ in batches
    ]
    found.append(Fact(title="Errors", lines=(prose("; ".join(errors) + "."),)))
    stopped = [f"{_of(n, verdict)}{_cut_off(samples)}" for n, samples in batches]
    found.append(Fact(title="Cut off", lines=(prose("; ".join(stopped) + "."),)))
    waits = [f"{_of(n, verdict)}{said}" for n, samples in batches if (said := _wait(record, n, samples))]
    if waits:
        found.append(Fact(title="Waiting", lines=(prose("; ".join(waits) + "."),)))
    return tuple(found)


def failure_rows(record: RunRecord, target: TargetVerdict) -> Iterator[FailureRow]:
    """List what came back instead of answers, most frequent first, with the first thing that was said."""
    samples = _samples(record, target.target)
    counted: Counter[str] = Counter()
    said: dict[str, str] = {}
    for sample in samples:
        if sample.failure is not None:
            kind = sample.failure.kind.value
            counted[kind] += 1
            status = f"{sample.failure.status} " if sample.failure.status else ""
            said.setdefault(kind, one_line(f"{status}{sample.failure.detail}".strip(), 200))
    for kind, count in counted.most_common():
        what = failure_text(kind, count).split(" ", 1)[1]
        yield FailureRow(target=target.target, what=what, calls=count, said=said[kind])
    never = target.coverage.planned - sum(1 for s in samples if s.round.value == "first")
    if never > 0:
        yield FailureRow(target=target.target, what="never asked", calls=never, said="")
    answered = sum(sample.answer is not None for sample in samples)
    yield FailureRow(
        target=target.target, what="answered", calls=answered, said="kept in the run's journal", failed=False
    )


def _how_sure(verdict: Verdict, statuses: Mapping[str, Status]) -> Iterator[Prose]:
    policy = verdict.policy
    for target in sorted(verdict.targets, key=lambda one: statuses[one.target].rank)[:4]:
        name = "" if len(verdict.targets) == 1 else f"{target.target}: "
        match statuses[target.target]:
            case Status.REGRESSED | Status.CHANGED | Status.IMPROVED:
                yield from _sure_of_drift(target, name, policy.permutations)
            case Status.INCONCLUSIVE:
                yield prose(
                    f"{name}Not at all. {_share(policy.limits.min_coverage)} of the calls and "
                    f"{_share(policy.limits.min_cases)} of the cases are needed before anything is said."
                )
            case Status.AWAITING:
                yield prose(
                    name, strong("Seen once."), " A signal strayed in one batch; a fresh batch decides."
                )
            case Status.LEARNING | Status.NO_BASELINE:
                yield prose(
                    f"{name}Night {target.nights} of {policy.armed_from}. A verdict needs {policy.learning_below} "
                    f"accepted nights, fine drift {policy.armed_from}. Broken contracts count from the first."
                )
            case Status.STALE:
                yield prose(f"{name}Nothing was compared.")
            case Status.STABLE:
                if target.state is State.PROVISIONAL:
                    yield prose(
                        f"{name}Provisional: {many(target.nights, 'baseline night')}. Gross changes would be seen; "
                        f"fine drift from {policy.armed_from} nights."
                    )


def _sure_of_drift(target: TargetVerdict, name: str, permutations: int) -> Iterator[Prose]:
    moved = [
        r
        for r in target.readings
        if r.outcome not in (Outcome.STABLE, Outcome.INCONCLUSIVE) and r.p_value is not None
    ]
    if target.confirmed:
        yield prose(name, strong("Seen twice."), " In the first batch, and again in a fresh one.")
    elif target.confirmed is False:
        yield prose(name, "A second batch did not show it again.")
    elif moved:
        yield prose(name, strong("Seen once."), " No second batch was asked for.")
    else:
        yield prose(name, "A contract was broken; that needs no baseline and no statistics.")
    if moved:
        worst = min(moved, key=lambda r: (-r.outcome.weight, r.p_value or 0.0))
        often = chance(worst.p_value or 0.0, permutations)
        yield prose(
            f"Had nothing changed, {signal_title(worst.signal).lower()} would stray this far ",
            strong(often),
            ".",
        )


def _rests_on(record: RunRecord, verdict: Verdict) -> Iterator[Prose]:
    for target in verdict.targets[:4]:
        name = "" if len(verdict.targets) == 1 else f"{target.target}: "
        coverage = target.coverage
        baseline = record.references.get(target.target)
        if baseline is None or not target.nights:
            yield prose(
                f"{name}{coverage.measured:,} of {many(coverage.planned, 'reply', 'replies')}, no baseline."
            )
            continue
        accepted = f", accepted on {night_text(target.accepted_at)}" if target.accepted_at else ""
        yield prose(
            name,
            strong(f"{coverage.compared:,} of {many(coverage.planned, 'reply', 'replies')}"),
            f" against {many(target.nights, 'baseline night')}{accepted}.",
        )


def _worth_knowing(record: RunRecord, verdict: Verdict) -> Iterator[Prose]:
    for target in verdict.targets:
        name = "" if len(verdict.targets) == 1 else f"{target.target}: "
        if target.failures:
            kinds = listed([failure_text(kind, count) for kind, count in target.failures])
            failed = sum(count for _, count in target.failures)
            yield prose(f"{name}{many(failed, 'reply is', 'replies are')} missing: {kinds}.")
        for said in target.confounders:
            yield prose(f"{name}{one_line(said, 300)}")
    end = record.end
    if end is None:
        yield prose("The run has not finished.")
    elif end.stopped and not any(end.stopped in said for t in verdict.targets for said in t.confounders):
        yield prose(f"The run stopped early: {one_line(end.stopped, 200)}.")
    if end is not None and end.possibly_billed_twice:
        calls = len(end.possibly_billed_twice)
        yield prose(
            f"{many(calls, 'call was', 'calls were')} in flight when the run was killed, and may be billed twice."
        )
    answered = all(target.coverage.answered for target in verdict.targets)
    if (
        answered
        and not any(target.confounders for target in verdict.targets)
        and any(record.references.get(t.target) for t in verdict.targets)
    ):
        yield prose("Models served, fingerprints and encoder are those of the baseline.")


def _capped(lines: list[Prose]) -> tuple[Prose, ...]:
    left = len(lines) - KNOWN_SHOWN
    more: list[Prose] = [prose(f"And {many(left, 'more line')}, in verdict.json.")] if left > 0 else []
    return (*lines[:KNOWN_SHOWN], *more)


def _of(target: str, verdict: Verdict) -> str:
    return "" if len(verdict.targets) == 1 else f"{target} "


def _samples(record: RunRecord, target: str) -> Sequence[Sample]:
    batch = record.batches.get(target)
    return [sample for samples in batch.samples.values() for sample in samples] if batch else []


def _cut_off(samples: Sequence[Sample]) -> str:
    answers = [sample.answer for sample in samples if sample.answer is not None]
    cut = sum(answer.finish_reason is FinishReason.LENGTH for answer in answers)
    return f"{cut} of {many(len(answers), 'reply', 'replies')}"


def _wait(record: RunRecord, target: str, samples: Sequence[Sample]) -> str:
    tonight = [s.answer.latency_ms for s in samples if s.answer and s.answer.latency_ms is not None]
    baseline = record.references.get(target)
    before = [
        sample.answer.latency_ms
        for case in (baseline.cases.values() if baseline else ())
        for sample in case.samples
        if sample.answer and sample.answer.latency_ms is not None
    ]
    if not tonight:
        return ""
    said = f"median {median(tonight) / 1000:.1f} s a reply"
    return f"{said}, baseline {median(before) / 1000:.1f} s" if before else said


def _share(share: float) -> str:
    return {2 / 3: "Two thirds", 3 / 4: "three quarters"}.get(share, f"{100 * share:.0f} %")
