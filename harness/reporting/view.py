"""From a run and its verdict to everything that a report says. Linear in the number of results."""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence

from harness.core.findings import Finding
from harness.core.plan import Round
from harness.core.policy import Policy
from harness.core.run import RunRecord
from harness.core.verdict import State, Verdict
from harness.reporting.budget import PageBudget
from harness.reporting.counting import listed, many
from harness.reporting.entries import Entry, TargetEntries, in_queue, target_entries
from harness.reporting.escape import one_line
from harness.reporting.evidence import detail_of
from harness.reporting.facts import always_facts, facts, failure_rows
from harness.reporting.golden_view import make_golden_view
from harness.reporting.golden_words import is_golden, plain_lines
from harness.reporting.headline import lead, next_step, proof, qualifier
from harness.reporting.identity import identity_note, identity_rows
from harness.reporting.marks import (
    NIGHTS_IN_STRIP,
    counts_of,
    gather,
    grid_label,
    grid_of,
)
from harness.reporting.model import (
    Command,
    FailureRow,
    Glyph,
    QueueRow,
    ReportView,
    Status,
    TargetLine,
)
from harness.reporting.provenance import new_fingerprint
from harness.reporting.quiet import quiet_lists
from harness.reporting.seen import seen_lines
from harness.reporting.signals import tiles
from harness.reporting.states import state_text, window_lines
from harness.reporting.trends import trends
from harness.reporting.upgrade_view import make_upgrade_view
from harness.reporting.wording import (
    WORDS,
    clock_text,
    cost_text,
    duration_text,
    failure_text,
    night_text,
    signal_title,
)

__all__ = ["ReportView", "make_view"]

DETAILED = 30
"""Queue rows with their evidence on the page."""
QUEUED = 200
"""Queue rows on the page at all."""
RIBBON = 120


def make_view(record: RunRecord, verdict: Verdict) -> ReportView:
    """Decide everything that the renderers say: wording, order, counts, what is shown and what is left out."""
    if record.manifest.upgrade is not None:
        return make_upgrade_view(record, verdict)
    if is_golden(record, verdict):
        return make_golden_view(record, verdict)
    targets = tuple(target_entries(record, verdict, target) for target in verdict.targets)
    worst = min(targets, key=lambda target: target.status.rank, default=None)
    status = worst.status if worst else Status.INCONCLUSIVE
    complete = bool(targets) and all(target.complete for target in targets)
    entries = sorted(
        (e for target in targets for e in target.entries if in_queue(target, e)), key=Entry.order
    )
    queue = _queue(verdict, targets, entries[:QUEUED])
    within = quiet_lists(targets)
    linked = {(row.case, row.target) for row in queue} | {
        (r.case, r.target) for one in within for r in one.rows
    }
    end, manifest = record.end, record.manifest
    policy = verdict.policy
    return ReportView(
        run=one_line(verdict.run, 120),
        suite=one_line(verdict.suite, 80),
        night=one_line(verdict.night, 40),
        night_text=night_text(verdict.night, weekday=True),
        when=clock_text(manifest.started_at),
        duration=duration_text(end.duration_s) if end else "not finished",
        cost=cost_text(end.cost_usd) if end else "cost not known",
        exit_code=verdict.exit_code,
        status=status,
        word=WORDS[status],
        qualifier=qualifier(targets, worst, complete=complete),
        complete=complete,
        headline=one_line(verdict.headline, 300),
        lead=lead(record, targets, complete=complete),
        next_step=next_step(verdict, targets, status),
        proof=proof(policy, targets, worst, queue),
        targets=tuple(_target_line(target, linked, policy) for target in targets),
        facts=facts(record, verdict, targets),
        visible=seen_lines(verdict),
        window=window_lines(verdict),
        tiles=tiles(verdict.targets),
        always=always_facts(record, verdict),
        failures=_failures(record, targets),
        queue=queue,
        queue_left_out=max(0, len(entries) - QUEUED),
        queue_note=_queue_note(len(entries)),
        filters=_filters(queue, targets),
        within=within,
        identity=identity_rows(record, verdict),
        identity_note=identity_note(record, verdict),
        again=Command(head=f"drift report {shlex.quote(verdict.run)}", tail="--policy policy.yaml"),
        versions=one_line(", ".join(f"{k} {v}" for k, v in sorted(manifest.versions.items())), 200),
        policy=f"{one_line(policy.name, 40)} {verdict.policy_digest[:8]}",
        cases=sum(len(target.entries) for target in targets),
        plain=plain_lines(verdict),
        trends=trends(record, verdict),
    )


def _queue(
    verdict: Verdict, targets: Sequence[TargetEntries], entries: Sequence[Entry]
) -> tuple[QueueRow, ...]:
    by_name = {target.name: target for target in targets}
    budget = PageBudget()
    return tuple(
        _queue_row(verdict, by_name[entry.target], entry, budget if place < DETAILED else None)
        for place, entry in enumerate(entries)
    )


def _queue_row(verdict: Verdict, target: TargetEntries, entry: Entry, budget: PageBudget | None) -> QueueRow:
    known = target.baseline.cases.get(entry.case.id) if target.baseline else None
    finding = entry.findings[0] if entry.findings else None
    evidence = gather(entry.case, finding.signal if finding else None, known, entry.samples, entry.planned)
    detail = None
    if budget is not None and target.run is not None:
        detail = detail_of(evidence, entry.findings, target.run, entry.samples, budget)
    return QueueRow(
        case=entry.case.id,
        target=entry.target,
        kind=entry.case.kind.value,
        status=entry.status,
        word=WORDS[entry.status],
        grid=grid_of(evidence, NIGHTS_IN_STRIP),
        grid_label=grid_label(evidence),
        counts=counts_of(evidence, finding),
        why=_why(entry.findings) or _missing_text(entry),
        accept=_accept(verdict, target, entry),
        detail=detail,
    )


def _why(findings: Sequence[Finding]) -> str:
    said = [one_line(finding.because, 300) for finding in findings[:2]]
    also = [signal_title(finding.signal).lower() for finding in findings[2:6]]
    return " ".join([*said, *([f"Also {listed(also)}."] if also else [])])


def _missing_text(entry: Entry) -> str:
    kinds = Counter(s.failure.kind.value for s in entry.samples if s.failure and s.round is Round.FIRST)
    never = entry.planned - sum(1 for s in entry.samples if s.round is Round.FIRST)
    said = [failure_text(kind, count) for kind, count in sorted(kinds.items())]
    said += [f"{never} never asked"] if never > 0 else []
    came = "No reply" if not entry.answered else f"Only {entry.answered}"
    why = f": {listed(said)}" if said else ""
    return f"{came} of {entry.planned} came back{why}. That is too few to say anything."


def _accept(verdict: Verdict, target: TargetEntries, entry: Entry) -> Command | None:
    settled = target.status not in (Status.AWAITING, Status.INCONCLUSIVE, Status.STALE)
    if (
        not entry.findings
        or entry.status is Status.INCONCLUSIVE
        or not settled
        or target.verdict.state is State.LEARNING
    ):
        return None
    owner = target.run.baseline_of if target.run else entry.target
    whose = f"--baseline-of {shlex.quote(owner)} " if owner != entry.target else ""
    return Command(
        head=f"drift accept {shlex.quote(verdict.run)} --case {shlex.quote(entry.case.id)} --target {shlex.quote(entry.target)}",
        tail=f'{whose}--digest {shlex.quote(verdict.shown[:8])} --reason "…"',
    )


def _queue_note(count: int) -> str:
    if not count:
        return ""
    said = "Worst first. Accept what you meant to happen; what you leave stays open."
    return said + (f" The {DETAILED} worst come with their evidence." if count > DETAILED else "")


def _target_line(target: TargetEntries, linked: set[tuple[str, str]], policy: Policy) -> TargetLine:
    ordered = sorted(target.entries, key=Entry.order)
    coverage = target.verdict.coverage
    glyphs = tuple(
        Glyph(
            case=e.case.id,
            status=e.status,
            word="within noise" if e.status is Status.STABLE else WORDS[e.status].lower(),
            linked=(e.case.id, e.target) in linked,
        )
        for e in ordered[:RIBBON]
    )
    accepted = target.verdict.accepted_at
    return TargetLine(
        name=target.name,
        status=target.status,
        word=WORDS[target.status],
        complete=target.complete,
        ribbon=glyphs,
        ribbon_left_out=max(0, len(ordered) - RIBBON),
        cases=len(ordered),
        measured=f"{coverage.measured:,} of {many(coverage.planned, 'reply', 'replies')}",
        missing=", ".join(failure_text(kind, count) for kind, count in target.verdict.failures),
        served=tuple(one_line(name, 80) for name in target.verdict.served[:4]),
        fingerprint=new_fingerprint(target.baseline, target.verdict),
        accepted=f"baseline of {night_text(accepted)}" if accepted else "",
        state=state_text(target.verdict, policy, burst=target.knows is not None and target.knows.burst),
    )


def _failures(record: RunRecord, targets: Sequence[TargetEntries]) -> tuple[FailureRow, ...]:
    lost = [
        t.verdict
        for t in targets
        if t.verdict.failures or t.verdict.coverage.answered < t.verdict.coverage.planned
    ]
    return tuple(row for target in lost for row in failure_rows(record, target))


def _filters(queue: Sequence[QueueRow], targets: Sequence[TargetEntries]) -> tuple[Command, ...]:
    counted: Mapping[Status, int] = Counter(row.status for row in queue)
    return (
        *(
            Command(head=f"s:{status.value}", tail=f"{WORDS[status]} {counted[status]}")
            for status in sorted(counted, key=lambda status: status.rank)
        ),
        *(Command(head=f"t:{t.name}", tail=t.name) for t in (targets if len(targets) > 1 else ())),
    )
