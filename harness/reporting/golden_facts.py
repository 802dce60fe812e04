"""The short answers beside the headline of a golden run."""

from collections.abc import Iterator, Sequence

from harness.core.findings import Outcome
from harness.core.run import RunRecord
from harness.core.verdict import TargetVerdict, Verdict
from harness.reporting.counting import listed, many
from harness.reporting.escape import one_line
from harness.reporting.facts import COULD_HAVE_SEEN, RESTS_ON
from harness.reporting.golden_entries import GoldenTarget, TaskEntry, passes_anyway
from harness.reporting.golden_words import (
    acceptance_text,
    accepted_runs_text,
    merge_base_text,
    named,
    p_text,
    plain_lines,
    seen_texts,
    two_verdicts,
)
from harness.reporting.model import (
    Fact,
    Prose,
    Status,
)
from harness.reporting.wording import (
    chance,
    failure_text,
    night_text,
    prose,
    strong,
)

_SURE_OF = 4


_LINES = 10


def golden_facts(record: RunRecord, verdict: Verdict, targets: Sequence[GoldenTarget]) -> tuple[Fact, ...]:
    found = (
        Fact(title="How sure", lines=tuple(_how_sure(targets))),
        Fact(title=COULD_HAVE_SEEN, lines=tuple(_could_have_seen(targets))),
        Fact(title=RESTS_ON, lines=tuple(_rests_on(record, targets))),
        Fact(title="Plain rules", lines=tuple(prose(_sentence(line)) for line in plain_lines(verdict))),
        Fact(title="Worth knowing", lines=tuple(_worth_knowing(record, targets))[:_LINES]),
    )
    return tuple(fact for fact in found if fact.lines)


def _how_sure(targets: Sequence[GoldenTarget]) -> Iterator[Prose]:
    for target in sorted(targets, key=lambda one: one.status.rank)[:_SURE_OF]:
        name = "" if len(targets) == 1 else f"{target.name}: "
        for line in _sure_of(target):
            yield (*prose(name), *line)


def _sure_of(target: GoldenTarget) -> Iterator[Prose]:
    """Say it for the worst tasks, and for the suite where that decided."""
    verdict = target.verdict
    shown = (Status.REGRESSED, Status.WARNED, Status.MOVED)
    worst = [e for e in sorted(target.entries, key=TaskEntry.order) if e.reading and e.status in shown]
    for entry in worst[:2]:
        reading = entry.reading
        p_value = reading.adjusted_p_value if reading is not None else None
        if reading is None or p_value is None or not reading.failed or not reading.reference_runs:
            continue
        before = f"{reading.reference_failed} of {reading.reference_runs}"
        yield prose(
            strong(f"{before} against {reading.failed} of {reading.runs}"),
            f" runs of {entry.id} failed. Had nothing changed, as many would fail ",
            strong(chance(p_value)),
            f" ({p_text(p_value)}).",
        )
        if reading.base_runs:
            with_base = f"{reading.base_failed} of {reading.base_runs}"
            blamed = "so it is the prompt" if entry.status is not Status.MOVED else "so it is not the prompt"
            yield prose(f"With the merge base's prompt {with_base} failed, asked in the same run: {blamed}.")
    suite = next((f for f in verdict.findings if f.case is None and f.outcome is Outcome.REGRESSED), None)
    if suite is not None:
        p_text_ = p_text(suite.p_value)
        yield prose(f"{one_line(suite.because, 300).rstrip('.')}{f' ({p_text_})' if p_text_ else ''}.")
    if target.status is Status.INCONCLUSIVE:
        yield prose("Not at all: what was not measured could hide a regression. This is not a pass.")
    if target.status is Status.NOT_EVALUATED:
        yield prose("Not at all: nothing was asked as the change would have it. This is not a pass.")


def _could_have_seen(targets: Sequence[GoldenTarget]) -> Iterator[Prose]:
    several = len(targets) > 1
    for target in targets:
        for said in seen_texts(target.verdict):
            yield prose(f"{target.name}: {said}" if several else _sentence(said).rstrip("."))
    if any(seen_texts(target.verdict) for target in targets):
        yield prose("Eight times in ten; what is smaller needs more runs")


def _rests_on(record: RunRecord, targets: Sequence[GoldenTarget]) -> Iterator[Prose]:
    pull = record.manifest.pull
    if pull is not None:
        whose = (
            "the head's, as it is trusted"
            if pull.trust_head
            else f"those of merge base {merge_base_text(record.manifest)}"
        )
        yield prose(f"Targets, gates and limits are {whose}.")
    for target in targets[:4]:
        name = "" if len(targets) == 1 else f"{target.name}: "
        accepted = target.verdict.accepted_at
        on = f", accepted on {night_text(accepted)}" if accepted else ""
        yield prose(f"{name}{_sentence(f'{accepted_runs_text(target.verdict)}{on}')}")


def _worth_knowing(record: RunRecord, targets: Sequence[GoldenTarget]) -> Iterator[Prose]:
    for target in targets:
        name = "" if len(targets) == 1 else f"{target.name}: "
        verdict = target.verdict
        for said in _accepted_anyway(target):
            yield prose(f"{name}{said}")
        if both := two_verdicts(verdict):
            yield prose(f"{name}{one_line(both, 500)}")
        if verdict.failures:
            kinds = listed([failure_text(kind, count) for kind, count in verdict.failures])
            yield prose(f"{name}some calls gave no answer: {kinds}.")
        for said in verdict.confounders:
            yield prose(f"{name}{one_line(said, 300)}")
        yield from (prose(f"{name}{said}") for said in _judge_lines(record, verdict))
    end, pull = record.end, record.manifest.pull
    if end is None:
        yield prose("The run has not finished.")
    elif end.stopped:
        yield prose(_sentence(one_line(end.stopped, 300)))
    if end is not None and end.possibly_billed_twice:
        calls = len(end.possibly_billed_twice)
        yield prose(f"{many(calls, 'call')} may be billed twice: in flight when the run was killed.")
    if pull is not None and pull.config_changed:
        yield prose(f"drift.yaml changes {named(pull.config_changed, 'entry')}; the merge base's was used.")


def _accepted_anyway(target: GoldenTarget) -> Iterator[str]:
    """Say what was accepted that would have passed all the same, signature by signature: approving approves it."""
    signed: dict[str, list[str]] = {}
    for change in target.verdict.accepted:
        if passes_anyway(change):
            signed.setdefault(acceptance_text(change), []).append(change.case)
    for said, cases in signed.items():
        yield f"ACCEPTED CHANGE in {named(cases, 'task')}, which would have passed without it. {said}"


def _judge_lines(record: RunRecord, verdict: TargetVerdict) -> Iterator[str]:
    judged = record.judged.get(verdict.target)
    rubrics = sum(case.rubric is not None for case in record.manifest.suite.cases)
    if judged is not None and judged.void is not None:
        yield f"Nothing that the judge said counts: {one_line(judged.void, 300)}"
    elif judged is not None:
        bias = judged.position_bias
        said = f"The judge was asked {many(judged.calls.questions, 'question')}"
        if bias.pairs:
            said += f"; in {bias.by_order} of {many(bias.pairs, 'pair')} it went by the order of the answers"
        yield f"{said}."
    elif rubrics and record.manifest.judge is None:
        verb = "has" if rubrics == 1 else "have"
        yield f"{many(rubrics, 'task')} {verb} a rubric, and no judge is configured: only the rules were checked."


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"
