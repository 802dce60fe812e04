"""The short answers beside the headline: how sure, what it rests on, what else is worth knowing."""

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median

from harness.core.batch import Sample
from harness.core.replies import FinishReason
from harness.core.run import RunRecord
from harness.core.verdict import TargetVerdict, Verdict
from harness.reporting.counting import listed, many
from harness.reporting.entries import TargetEntries
from harness.reporting.escape import one_line
from harness.reporting.model import Fact, FailureRow, Prose, Status
from harness.reporting.natural import span_of
from harness.reporting.seen import could_have_seen, seen_lines
from harness.reporting.states import budget_text, unmeasured_texts, what_changed, window_lines
from harness.reporting.sure import how_sure
from harness.reporting.wording import failure_text, night_text, prose, signal_named, strong, value_text

COULD_HAVE_SEEN = "What could have been seen"
RESTS_ON = "What it rests on"
KNOWN_SHOWN = 8
"""Lines of one fact."""


def facts(record: RunRecord, verdict: Verdict, targets: Sequence[TargetEntries]) -> tuple[Fact, ...]:
    """Answer the reader's questions; what is not known is left out, never guessed."""
    found = (
        Fact(title="How sure", lines=tuple(how_sure(record, verdict, targets))),
        Fact(title=COULD_HAVE_SEEN, lines=tuple(_could_have_seen(record, verdict))),
        Fact(title=RESTS_ON, lines=tuple(_rests_on(record, verdict))),
        Fact(title="Worth knowing", lines=_capped(list(_worth_knowing(record, verdict, targets)))),
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
    yield from (prose(line) for line in window_lines(verdict))


def _could_have_seen(record: RunRecord, verdict: Verdict) -> Iterator[Prose]:
    """Say the smallest changes that this many replies would have caught."""
    alone = could_have_seen(verdict.targets[0]) if len(verdict.targets) == 1 else ()
    lines = alone or seen_lines(verdict)
    for line in lines:
        yield prose(f"{line[:1].upper()}{line[1:]}" if alone else line)
    if lines:
        samples = many(record.manifest.samples, "reply", "replies")
        yield prose(f"Eight times in ten, with {samples} a case; what is smaller needs several nights")


def _worth_knowing(record: RunRecord, verdict: Verdict, targets: Sequence[TargetEntries]) -> Iterator[Prose]:
    for entries in targets:
        target = entries.verdict
        name = "" if len(verdict.targets) == 1 else f"{target.target}: "
        if target.failures:
            kinds = listed([failure_text(kind, count) for kind, count in target.failures])
            failed = sum(count for _, count in target.failures)
            never = max(0, target.coverage.planned - target.coverage.answered - failed)
            unasked = f"; {never} {'was' if never == 1 else 'were'} never asked" if never else ""
            yield prose(f"{name}{many(failed + never, 'reply is', 'replies are')} missing: {kinds}{unasked}.")
        # A stale target's lead says it already.
        changed = () if entries.status is Status.STALE else what_changed(record, target.target, entries.knows)
        for said in (*changed, *target.confounders, *unmeasured_texts(record, target)):
            yield prose(f"{name}{one_line(said, 300)}")
    if together := budget_text(verdict):
        yield prose(together)
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
