"""From a golden run and its verdict to everything that a report says: the same parts, in a pull request's words."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from harness.core.findings import Outcome
from harness.core.run import RunRecord
from harness.core.verdict import State, Verdict
from harness.reporting.budget import PageBudget
from harness.reporting.counting import listed, many
from harness.reporting.escape import one_line
from harness.reporting.facts import always_facts, failure_rows
from harness.reporting.golden_entries import GoldenTarget, TaskEntry, golden_target
from harness.reporting.golden_facts import golden_facts
from harness.reporting.golden_lists import golden_lists, said_counts
from harness.reporting.golden_rows import golden_proof, task_row
from harness.reporting.golden_steps import golden_steps
from harness.reporting.golden_words import (
    accepted_runs_text,
    compared_with,
    golden_word,
    plain_lines,
    seen_texts,
)
from harness.reporting.identity import identity_note, identity_rows
from harness.reporting.model import (
    Command,
    FileChange,
    Glyph,
    Nouns,
    Prose,
    QueueRow,
    ReportView,
    Status,
    TargetLine,
)
from harness.reporting.prompt_change import prompt_changes
from harness.reporting.provenance import new_fingerprint
from harness.reporting.states import keeps_digests
from harness.reporting.wording import (
    WORDS,
    clock_text,
    cost_text,
    duration_text,
    failure_text,
    night_text,
    prose,
    strong,
)

DETAILED = 30
QUEUED = 200
RIBBON = 120


def make_golden_view(record: RunRecord, verdict: Verdict) -> ReportView:
    """Decide everything that the renderers say of a golden run."""
    targets = tuple(golden_target(record, verdict, target) for target in verdict.targets)
    worst = min(targets, key=lambda target: target.status.rank, default=None)
    status = worst.status if worst is not None else Status.INCONCLUSIVE
    word = golden_word(status, WORDS[status])
    missing = {target.name: tuple(_missing(record, target)) for target in targets}
    complete = bool(targets) and verdict.exit_code == 0 and not any(missing.values())
    queue, left_out = _queue(record, verdict, targets)
    changes = prompt_changes(record.manifest)
    steps = golden_steps(record, verdict)
    end, manifest, policy = record.end, record.manifest, verdict.policy
    linked = {(row.case, row.target) for row in queue}
    within = golden_lists(record, targets)
    linked |= {(row.case, row.target) for one in within for row in one.rows}
    return ReportView(
        run=one_line(verdict.run, 120),
        suite=one_line(verdict.suite, 80),
        night=one_line(verdict.night, 40),
        night_text=night_text(verdict.night, weekday=True),
        when=f"{night_text(verdict.night)}, {clock_text(manifest.started_at)}",
        duration=duration_text(end.duration_s) if end else "not finished",
        cost=cost_text(end.cost_usd) if end else "cost not known",
        exit_code=verdict.exit_code,
        status=status,
        word=word,
        qualifier="" if complete else _qualifier(worst, missing),
        complete=complete,
        headline=one_line(verdict.headline, 300),
        lead=_lead(record, targets, changes, complete=complete),
        next_step=steps[0] if steps else None,
        proof=golden_proof(record, worst, queue),
        targets=tuple(_target_line(target, linked, complete=not missing[target.name]) for target in targets),
        facts=golden_facts(record, verdict, targets),
        visible=_visible(targets),
        window=(),
        tiles=(),
        always=always_facts(record, verdict),
        failures=tuple(
            row
            for target in targets
            if target.verdict.failures or target.verdict.coverage.answered < target.verdict.coverage.planned
            for row in failure_rows(record, target.verdict)
        ),
        queue=queue,
        queue_left_out=left_out,
        queue_note=_queue_note(queue),
        filters=_filters(queue, targets),
        within=within,
        identity=identity_rows(record, verdict),
        identity_note=identity_note(record, verdict),
        again=Command(head=f"drift report {verdict.run}"),
        versions=one_line(", ".join(f"{k} {v}" for k, v in sorted(manifest.versions.items())), 200),
        policy=f"{one_line(policy.name, 40)} {verdict.policy_digest[:8]}",
        cases=sum(len(target.entries) for target in targets),
        plain=plain_lines(verdict),
        further_steps=steps[1:],
        changes=changes,
        nouns=Nouns(
            case="task",
            cases="tasks",
            occasion=f"against {one_line(manifest.pull.ref, 60)}"
            if manifest.pull is not None
            else "against the accepted baseline",
            to_look_at=8,
            word=word.upper(),
            whole_commands=True,
        ),
    )


def _queue(
    record: RunRecord, verdict: Verdict, targets: Sequence[GoldenTarget]
) -> tuple[tuple[QueueRow, ...], int]:
    by_name = {target.name: target for target in targets}
    entries = sorted(
        (entry for target in targets for entry in target.entries if target.in_queue(entry)),
        key=TaskEntry.order,
    )
    budget = PageBudget()
    rows = tuple(
        task_row(record, verdict, by_name[entry.target], entry, budget if place < DETAILED else None)
        for place, entry in enumerate(entries[:QUEUED])
    )
    return rows, max(0, len(entries) - QUEUED)


def _missing(record: RunRecord, target: GoldenTarget) -> Iterator[str]:
    """Say what keeps a target from being shown in green; nothing where everything was asked, compared and passed."""
    verdict, coverage = target.verdict, target.verdict.coverage
    if target.status is not Status.STABLE:
        yield WORDS[target.status].lower()
    lost = coverage.planned - coverage.measured
    if lost > 0 or not coverage.planned:
        yield f"{many(lost, 'reply is', 'replies are')} missing" if lost > 0 else "nothing was asked"
    elif verdict.failures:
        yield "some calls failed"
    if verdict.cut_short or record.end is None or record.end.stopped:
        yield "the run stopped early"
    if verdict.state is not State.ARMED:
        yield "provisional: too few accepted runs to see small changes"
    if coverage.cases_compared < coverage.cases_planned:
        yield "not every task was compared"
    untold = [task for task in verdict.tasks if task.outcome not in (Outcome.STABLE, Outcome.IMPROVED)]
    if len(untold) > len(verdict.accepted):
        yield f"{many(len(untold) - len(verdict.accepted), 'task')} not told, or other than before"
    if verdict.accepted:
        yield f"{many(len(verdict.accepted), 'change')} accepted in this pull request"
    if verdict.gated:
        yield "not everything is accepted"
    judged = record.judged.get(target.name)
    if judged is not None and (judged.void is not None or judged.stopped is not None):
        yield "what the judge said does not count"
    if record.manifest.judge is None and any(case.rubric for case in record.manifest.suite.cases):
        yield "rubrics were not judged"
    if keeps_digests(record, target.name):
        yield "the baseline keeps digests only"
    if verdict.under_base is not None:
        yield "the pull request changes its own rules"
    if target.baseline is None and not verdict.tasks:
        yield "no baseline"


def _qualifier(worst: GoldenTarget | None, missing: Mapping[str, Sequence[str]]) -> str:
    if worst is None:
        return ""
    of = many(len(worst.entries), "task")
    counted = Counter(
        entry.status
        for entry in worst.entries
        if worst.in_queue(entry) or entry.status is not Status.ACCEPTED
    )
    match worst.status:
        case Status.REGRESSED | Status.WARNED | Status.ACCEPTED | Status.REFUSED | Status.MOVED:
            return f"{counted[worst.status]} of {of}" if counted[worst.status] else ""
        case Status.STABLE:
            return next((said for found in missing.values() for said in found), "")
        case Status.NOT_ACCEPTED if worst.verdict.outcome in (Outcome.STABLE, Outcome.IMPROVED) and any(
            entry.reading and entry.reading.reference_runs for entry in worst.entries
        ):
            return "it did not regress"
        case _:
            return ""


def _lead(
    record: RunRecord, targets: Sequence[GoldenTarget], changes: Sequence[FileChange], *, complete: bool
) -> Prose:
    """Say what was asked, why, and what became of the tasks."""
    said = " ".join(compared_with(record))
    moved = [f"{change.path}: {change.summary}" for change in changes[:2]]
    if len(changes) == 1 and said.endswith(f"because {changes[0].path} changed."):
        said = f"{said.removesuffix('.')} ({changes[0].summary})."
    elif moved:
        said += f" {'; '.join(moved)}."
    parts = [prose(said)]
    for target in targets[:6]:
        name = "" if len(targets) == 1 else f"{target.name}: "
        whole = " There is nothing to do" if complete else ""
        clauses = list(said_counts(target.entries))
        counts, whole_suite = listed(clauses), f"Of {many(len(target.entries), 'task')} "
        if len(clauses) == 1 and len(target.entries) > 1:
            count, _, rest = counts.partition(" ")
            counts, whole_suite = f"All {count} tasks {rest}", ""
        parts.append(prose(f" {name}{whole_suite}", strong(counts), f".{whole}{'.' if whole else ''}"))
    if len(targets) > 6:
        parts.append(prose(f" And {many(len(targets) - 6, 'more target')}."))
    return tuple(phrase for part in parts for phrase in part)


def _target_line(target: GoldenTarget, linked: set[tuple[str, str]], *, complete: bool) -> TargetLine:
    ordered = sorted(target.entries, key=TaskEntry.order)
    coverage, accepted = target.verdict.coverage, target.verdict.accepted_at
    fingerprint = new_fingerprint(target.baseline, target.verdict)
    return TargetLine(
        name=target.name,
        status=target.status,
        word=target.word,
        complete=complete,
        ribbon=tuple(
            Glyph(
                case=entry.id,
                status=entry.status,
                word="passes as before" if entry.status is Status.STABLE else WORDS[entry.status].lower(),
                linked=(entry.id, entry.target) in linked,
            )
            for entry in ordered[:RIBBON]
        ),
        ribbon_left_out=max(0, len(ordered) - RIBBON),
        cases=len(ordered),
        measured=f"{coverage.measured:,} of {many(coverage.planned, 'reply', 'replies')}",
        missing=", ".join(failure_text(kind, count) for kind, count in target.verdict.failures),
        served=tuple(one_line(name, 80) for name in target.verdict.served[:4]),
        fingerprint=fingerprint,
        accepted=f"baseline of {night_text(accepted)}" if accepted else "",
        state=accepted_runs_text(target.verdict),
    )


def _visible(targets: Sequence[GoldenTarget]) -> tuple[str, ...]:
    several = len(targets) > 1
    found = [(target.name, seen_texts(target.verdict)) for target in targets]
    return tuple(f"{f'{name}: ' if several else ''}{', '.join(said)}" for name, said in found if said)


def _queue_note(queue: Sequence[QueueRow]) -> str:
    if not queue:
        return ""
    said = "Worst first. If a change is intended, accept it with a reason and commit the baseline; a code owner reviews it."
    return said + (f" The {DETAILED} worst come with their evidence." if len(queue) > DETAILED else "")


def _filters(queue: Sequence[QueueRow], targets: Sequence[GoldenTarget]) -> tuple[Command, ...]:
    counted: Mapping[Status, int] = Counter(row.status for row in queue)
    return (
        *(
            Command(head=f"s:{status.value}", tail=f"{WORDS[status]} {counted[status]}")
            for status in sorted(counted, key=lambda status: status.rank)
        ),
        *(Command(head=f"t:{t.name}", tail=t.name) for t in (targets if len(targets) > 1 else ())),
    )
