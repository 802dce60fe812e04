"""From a comparison of two models and its verdict to everything that a report says of it."""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence

from harness.core.findings import Outcome
from harness.core.plan import Round
from harness.core.provenance import samples_of
from harness.core.run import RunRecord
from harness.core.upgrade_records import SideCoverage, UpgradeReading
from harness.core.verdict import TargetVerdict, Verdict
from harness.reporting.budget import PageBudget
from harness.reporting.counting import listed, many
from harness.reporting.escape import one_line
from harness.reporting.facts import failure_rows
from harness.reporting.model import (
    Command,
    Fact,
    FailureRow,
    Glyph,
    Nouns,
    Prose,
    QueueRow,
    Status,
    TargetLine,
)
from harness.reporting.upgrade_figures import forest_rows, ratio_tiles, replay
from harness.reporting.upgrade_identity import upgrade_identity
from harness.reporting.upgrade_model import UpgradeReport
from harness.reporting.upgrade_rows import case_row, same_list, untold_list
from harness.reporting.upgrade_steps import ahead, ahead_steps, next_step
from harness.reporting.upgrade_words import (
    CASE_WORDS,
    case_status,
    how_sure,
    lead,
    qualifier,
    shown_status,
    tallies,
)
from harness.reporting.wording import (
    WORDS,
    clock_text,
    cost_text,
    duration_text,
    failure_text,
    night_text,
    prose,
)

DETAILED = 30
QUEUED = 200
RIBBON = 120
KNOWN_SHOWN = 10


def make_upgrade_view(record: RunRecord, verdict: Verdict) -> UpgradeReport:
    """Decide everything that the renderers say of two models side by side."""
    (target,) = verdict.targets
    reading = target.upgrade
    assert reading is not None
    missing = tuple(_missing(record, target, reading))
    status = shown_status(target, verdict)
    complete = verdict.exit_code == 0 and not missing and status in (Status.STABLE, Status.IMPROVED)
    lost = _is_lost(verdict, reading)
    queue, left_out = _queue(record, reading, lost=lost)
    same = (*(untold_list(record, reading) if lost else ()), *same_list(record, reading))
    linked = {row.case for row in queue} | {row.case for one in same for row in one.rows}
    manifest, end, policy = record.manifest, record.end, verdict.policy
    names = f"{one_line(reading.reference, 40)} → {one_line(reading.candidate, 40)}"
    return UpgradeReport(
        run=one_line(verdict.run, 120),
        suite="upgrade",
        night=one_line(verdict.night, 40),
        night_text=night_text(verdict.night, weekday=True),
        when=f"{night_text(verdict.night)}, {clock_text(manifest.started_at)}",
        duration=duration_text(end.duration_s) if end else "not finished",
        cost=cost_text(end.cost_usd) if end else "cost not known",
        exit_code=verdict.exit_code,
        status=status,
        word=WORDS[status],
        qualifier=qualifier(target, reading, missing, status),
        complete=complete,
        headline=one_line(verdict.headline, 300),
        lead=lead(reading) if target.coverage.answered else (),
        next_step=next_step(record, target, reading),
        proof=None,
        targets=tuple(_side_line(side, reading, linked, status) for side in reading.sides),
        facts=_facts(record, reading),
        visible=(", ".join(f"{what} {much}" for what, much in reading.visible),) if reading.visible else (),
        window=(),
        tiles=(),
        always=(),
        failures=_failures(record, target, reading),
        queue=queue,
        queue_left_out=left_out,
        queue_note=f"Worse first. The reference is {one_line(reading.reference, 60)}, the candidate "
        f"{one_line(reading.candidate, 60)}.",
        filters=_filters(queue),
        within=same,
        identity=upgrade_identity(record, verdict, reading),
        identity_note="Everything needed to repeat this comparison.",
        again=Command(head=f"drift report {shlex.quote(verdict.run)}"),
        versions=one_line(", ".join(f"{k} {v}" for k, v in sorted(manifest.versions.items())), 200),
        policy=f"{one_line(policy.name, 40)} {verdict.policy_digest[:8]}",
        cases=len(reading.cases),
        further_steps=ahead_steps(record, verdict, target, reading),
        nouns=Nouns(
            occasion=names,
            to_look_at=8,
            word=_margin(status),
            one_target=True,
            before="Reference",
            now="Candidate",
            whole_commands=True,
        ),
        reference_name=one_line(reading.reference, 60),
        candidate_name=one_line(reading.candidate, 60),
        tally=tallies(reading),
        forest=forest_rows(reading),
        ratios=ratio_tiles(reading),
        ratio_cases=max((len(one.ratios) for one in reading.ratios), default=0),
        untested=_untested(reading),
        seen=reading.visible,
        replay=replay(reading.factorial),
        ahead=ahead(record, verdict, target, reading),
    )


def _margin(status: Status) -> str:
    return {Status.STABLE: "THE SAME", Status.IMPROVED: "BETTER", Status.REGRESSED: "WORSE"}.get(
        status, WORDS[status].upper()
    )


def _missing(record: RunRecord, target: TargetVerdict, reading: UpgradeReading) -> Iterator[str]:
    """Say what keeps the page from green; nothing where all was asked, came back and could be told."""
    lost = target.coverage.planned - target.coverage.answered
    if lost > 0:
        yield f"{many(lost, 'reply is', 'replies are')} missing"
    if target.cut_short:
        yield "the run stopped early"
    if reading.judge_lost is not None:
        yield "what the judge said does not count"
    if record.manifest.judge is None and any(case.rubric for case in record.manifest.suite.cases):
        yield "rubrics were not judged"
    if reading.of(Outcome.INCONCLUSIVE):
        yield f"{many(len(reading.of(Outcome.INCONCLUSIVE)), 'case')} could not be told"
    if untold := [one.title for one in reading.signals if one.strays]:
        yield f"{listed(untold)} could not be told"
    if any(case.warns and case.outcome is Outcome.REGRESSED for case in reading.cases):
        yield "a task that only warns is worse"
    if reading.factorial is not None and reading.factorial.left_out:
        yield "the replay of the prompts is not whole"


def _is_lost(verdict: Verdict, reading: UpgradeReading) -> bool:
    """Say whether so little of a side came back that a list of what could not be told tells nothing."""
    limits = verdict.policy.limits
    return any(side.answered < limits.min_coverage * side.planned - 1e-9 for side in reading.sides)


def _queue(record: RunRecord, reading: UpgradeReading, *, lost: bool) -> tuple[tuple[QueueRow, ...], int]:
    left_out = (Outcome.STABLE, Outcome.INCONCLUSIVE) if lost else (Outcome.STABLE,)
    found = sorted(
        (case for case in reading.cases if case.outcome not in left_out),
        key=lambda case: (
            _ORDER.index(case_status(case)),
            1.0 if case.p_value is None else case.p_value,
            case.case,
        ),
    )
    budget = PageBudget()
    rows = tuple(
        case_row(record, reading, case, budget if place < DETAILED else None)
        for place, case in enumerate(found[:QUEUED])
    )
    return rows, max(0, len(found) - QUEUED)


_ORDER = (
    Status.REGRESSED,
    Status.WARNED,
    Status.CHANGED,
    Status.IMPROVED,
    Status.INCONCLUSIVE,
    Status.STABLE,
)


def _side_line(side: SideCoverage, reading: UpgradeReading, linked: set[str], status: Status) -> TargetLine:
    own = side.target == reading.candidate
    ordered = sorted(reading.cases, key=lambda case: _ORDER.index(case_status(case))) if own else []
    return TargetLine(
        name=side.target,
        status=status if own else Status.STABLE,
        word=WORDS[status] if own else "Reference",
        complete=side.answered == side.planned,
        ribbon=tuple(
            Glyph(
                case=case.case,
                status=case_status(case),
                word=CASE_WORDS[case_status(case)].lower(),
                linked=case.case in linked,
            )
            for case in ordered[:RIBBON]
        ),
        ribbon_left_out=max(0, len(ordered) - RIBBON),
        cases=len(reading.cases),
        measured=f"{side.answered:,} of {many(side.planned, 'reply', 'replies')}",
        missing=", ".join(failure_text(kind, count) for kind, count in side.failures),
        served=tuple(one_line(name, 80) for name in side.served[:4]),
        fingerprint="",
        accepted="",
        state="",
    )


def _facts(record: RunRecord, reading: UpgradeReading) -> tuple[Fact, ...]:
    known = [prose(one_line(line, 400)) for line in reading.confounders]
    if reading.judge_lost is not None:
        known.insert(0, prose(f"Nothing that the judge said counts: {one_line(reading.judge_lost, 300)}."))
    if reading.factorial is not None:
        known.insert(0, prose(one_line(reading.factorial.sentence, 400)))
    left = len(known) - KNOWN_SHOWN
    if left > 0:
        known = [*known[:KNOWN_SHOWN], prose(f"And {many(left, 'more thing')}, in the JSON.")]
    found = (
        Fact(title="How sure", lines=tuple(how_sure(record))),
        Fact(title="Worth knowing", lines=tuple(known)),
    )
    return tuple(fact for fact in found if fact.lines)


def _untested(reading: UpgradeReading) -> Prose:
    found = [one for one in reading.signals if one.outcome is Outcome.INCONCLUSIVE]
    if not found:
        return ()
    named = listed([f"{one.title.lower()} ({many(one.cases, 'case')})" for one in found])
    return prose(
        f"Not tested over all cases, because 8 or more are needed: {named}. Each of these cases is tested by itself."
    )


def _failures(record: RunRecord, target: TargetVerdict, reading: UpgradeReading) -> tuple[FailureRow, ...]:
    lost = [side for side in reading.sides if side.answered < side.planned]
    rows: list[FailureRow] = []
    for side in lost:
        replayed = sum(
            sample.round is Round.BASE_PROMPT for sample in samples_of(record.batches.get(side.target))
        )
        coverage = target.coverage.model_copy(update={"planned": side.planned - replayed})
        own = target.model_copy(update={"target": side.target, "coverage": coverage})
        rows += failure_rows(record, own)
    return tuple(rows)


def _filters(queue: Sequence[QueueRow]) -> tuple[Command, ...]:
    counted = Counter(row.status for row in queue)
    return tuple(
        Command(head=f"s:{status.value}", tail=f"{CASE_WORDS[status]} {counted[status]}")
        for status in _ORDER
        if counted[status]
    )
