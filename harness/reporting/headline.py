"""The headline of a report: what qualifies it, what it leaves open, what to do next, and one picture."""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence

from harness.core.findings import Outcome
from harness.core.plan import Round
from harness.core.policy import Policy
from harness.core.replies import FailureKind
from harness.core.run import RunRecord
from harness.core.shard_decision import MERGED
from harness.core.verdict import State, Verdict, enough_measured
from harness.reporting.counting import listed, many
from harness.reporting.entries import TargetEntries
from harness.reporting.marks import came_back
from harness.reporting.model import (
    Column,
    Command,
    Mark,
    NextStep,
    Phrase,
    Prose,
    QueueRow,
    ReplyProof,
    SignalProof,
    Status,
)
from harness.reporting.signals import signal_proof
from harness.reporting.states import what_changed
from harness.reporting.wording import is_open, prose, strong

REPLIES_DRAWN = 240
MERGE_IT = "Merge it with the other shards of its run: only all of them together have a verdict."
GO_ON = "Ask what an undivided run would have asked next: only then is there a verdict."
_THE_REST = {
    Status.STABLE: ("is within its own noise", "are within their own noise"),
    Status.AWAITING: ("is not decided yet", "are not decided yet"),
    Status.STALE: ("was edited and is not compared", "were edited and are not compared"),
    Status.NO_BASELINE: ("is not in the baseline yet", "are not in the baseline yet"),
    Status.LEARNING: ("is still learning", "are still learning"),
    Status.INCONCLUSIVE: ("could not be told", "could not be told"),
}
"""What is said of one case, and of several, beside those that moved."""


def qualifier(targets: Sequence[TargetEntries], worst: TargetEntries | None, *, complete: bool) -> str:
    """Qualify the outcome word, such as confirmed, or say what is missing."""
    if worst is None or complete:
        return ""
    status = worst.status
    if status in (Status.REGRESSED, Status.CHANGED, Status.IMPROVED) and worst.verdict.confirmed:
        # What it took several nights to see has its sentence in the headline.
        lasting = [f.nights > 1 for f in worst.verdict.findings if f.case is None]
        return "" if lasting and all(lasting) else "confirmed"
    if status is Status.OPEN:
        return "quiet tonight"
    if status is Status.AWAITING:
        return "strayed once; not a verdict yet"
    if status is Status.LEARNING:
        return "no verdict yet"
    if status in (Status.STABLE, Status.IMPROVED):
        missing = sum(t.verdict.coverage.planned - t.verdict.coverage.measured for t in targets)
        if missing > 0:
            return f"{many(missing, 'reply is', 'replies are')} missing"
        if any(t.knows is not None and t.knows.burst for t in targets):
            return "provisional: only gross changes would be seen"
        if any(t.verdict.state is State.PROVISIONAL for t in targets):
            return "provisional: its noise is known less well"
        if any(is_open(t.verdict) for t in targets):
            return "an earlier drift is still open"
        return "not everything was compared"
    return ""


def lead(record: RunRecord, targets: Sequence[TargetEntries], *, complete: bool) -> Prose:
    """Say what the headline leaves open, one target after another, the worst first."""
    if complete:
        where = "" if len(targets) == 1 else f", on {'both' if len(targets) == 2 else 'all'} targets"
        count = max(len(target.entries) for target in targets)
        cases = f"All {many(count, 'case')} behave" if count > 1 else "The one case behaves"
        return prose(f"{cases} as on the baseline nights{where}. There is nothing to do.")
    said: list[str | Phrase] = []
    for target in sorted(targets, key=lambda one: one.status.rank)[:6]:
        said += [" "] if said else []
        said += _about(record, target, alone=len(targets) == 1)
    if len(targets) > 6:
        said.append(f" And {many(len(targets) - 6, 'more target')}.")
    return prose(*said)


def _about(record: RunRecord, target: TargetEntries, *, alone: bool) -> Iterator[str | Phrase]:
    coverage, name = target.verdict.coverage, target.name
    counted = Counter(entry.status for entry in target.entries)
    its = "the" if alone else f"{name}'s"
    match target.status:
        case Status.REGRESSED | Status.CHANGED | Status.IMPROVED:
            found = [
                f"{counted[one]} {word}"
                for one, word in (
                    (Status.REGRESSED, "got worse"),
                    (Status.CHANGED, "changed"),
                    (Status.IMPROVED, "got better"),
                )
                if counted[one]
            ]
            yield f"Of {its} {many(len(target.entries), 'case')} "
            if found:
                yield strong(f"{listed(found)}")
            else:
                yield "no single one can be named: the sample is too small, or the change is spread over the suite"
            rest = [
                f"{counted[one]} {phrases[counted[one] != 1]}"
                for one, phrases in _THE_REST.items()
                if counted[one] and (found or one is not Status.STABLE)
            ]
            yield f"; {listed(rest)}." if rest else "."
        case Status.INCONCLUSIVE:
            yield "Only " if coverage.measured < coverage.planned else f"{name}: "
            yield strong(f"{coverage.measured:,} of {coverage.planned:,}")
            yield " replies arrived" + ("" if alone else f" from {name}")
            yield ". This is not a pass, and it is not drift."
        case Status.AWAITING:
            yield f"{name} strayed in its first batch. " if not alone else "One batch strayed. "
            yield "Whether it is drift is decided by a second one."
        case Status.OPEN:
            yield f"{name} was quiet tonight" if not alone else "Tonight was quiet"
            yield ", and the drift that was seen before is not settled: accept it, mend it, or wait."
        case Status.LEARNING:
            yield f"{name} has {many(target.verdict.nights, 'accepted night')}"
            ran = target.verdict.nights_run
            yield f" of {ran} that ran" if ran > target.verdict.nights else ""
            yield "; its own noise is not known yet."
        case Status.STALE:
            yield f"{name} was measured, and not compared. "
            yield (
                " ".join(what_changed(record, name, target.knows))
                or "What was accepted belongs to other cases."
            )
        case Status.NO_BASELINE:
            yield f"{name} was measured; nothing is accepted to compare it with."
        case Status.STABLE:
            yield f"{name} is steady" if not alone else "What was compared is steady"
            missing = coverage.planned - coverage.measured
            rest = [f"{many(missing, 'reply is', 'replies are')} missing"] if missing > 0 else []
            rest += [
                f"{counted[one]} {phrases[counted[one] != 1]}"
                for one, phrases in _THE_REST.items()
                if counted[one] and one is not Status.STABLE
            ]
            yield f"; {listed(rest)}." if rest else "."


def next_step(verdict: Verdict, targets: Sequence[TargetEntries], status: Status) -> NextStep | None:
    """Say what to do about a night without a verdict; a drift's own commands are in its queue."""
    suite, run = shlex.quote(verdict.suite), shlex.quote(verdict.run)
    missing = any(t.verdict.coverage.measured < t.verdict.coverage.planned for t in targets)
    rejected = {t.verdict.rejected for t in targets} - {None}
    parts = {t.verdict.shard for t in targets} - {None}
    if not missing and parts == {MERGED}:
        return NextStep(why=GO_ON, command=Command(head=f"drift check {suite} --resume {run}"))
    if not missing and parts:
        return NextStep(why=MERGE_IT, command=Command(head="drift merge RUN…"))
    match status:
        case Status.INCONCLUSIVE if FailureKind.UNKNOWN_MODEL in rejected:
            names = [t.name for t in targets if t.verdict.rejected is FailureKind.UNKNOWN_MODEL]
            fields = listed([f"targets.{name}.model" for name in names])
            return NextStep(
                why=f"Correct {fields} in drift.yaml, then start a new run.",
                command=Command(head=f"drift check {suite}"),
            )
        case Status.INCONCLUSIVE if rejected:
            return NextStep(
                why="Mend the key, then go on with this run. What has arrived is kept and not paid for twice.",
                command=Command(head=f"drift check {suite} --resume {run}"),
            )
        case Status.INCONCLUSIVE if missing:
            return NextStep(
                why="Ask again for what is missing. What has arrived is kept and not paid for twice.",
                command=Command(head=f"drift check {suite} --resume {run}", tail="--only-errors"),
            )
        case Status.AWAITING:
            later = "The next scheduled run confirms it. To know now, ask" if verdict.scheduled else "Ask"
            return NextStep(
                why=f"{later} the whole suite once more.",
                command=Command(head=f"drift check {suite} --resume {run}"),
            )
        case Status.OPEN:
            incident = next(t.verdict.incident for t in targets if is_open(t.verdict))
            named = shlex.quote(incident.id) if incident else ""
            return NextStep(
                why="If it was meant, accept it; drift review prints the digest of the last run that drifted.",
                command=Command(head=f"drift accept --incident {named}", tail='--digest … --reason "…"'),
            )
        case Status.LEARNING | Status.NO_BASELINE:
            why = "Accept the nights that ran, once there are enough of them."
        case Status.STALE:
            why = "Accept new nights for the cases as they are now."
        case _:
            return None
    return NextStep(why=why, command=Command(head=f"drift calibrate {suite}", tail="--from-runs last:14"))


def proof(
    policy: Policy, targets: Sequence[TargetEntries], worst: TargetEntries | None, queue: Sequence[QueueRow]
) -> SignalProof | ReplyProof | None:
    """Choose the one picture: the deciding signal, or the replies themselves where no signal tells."""
    if worst is None:
        return None
    if worst.status is Status.INCONCLUSIVE:
        lost = not enough_measured(worst.verdict.coverage, policy)
        return _replies_proof(worst) if lost else signal_proof([worst.verdict])
    row = next((r for r in queue if r.target == worst.name and r.status is worst.status), None)
    drifted = any(r.outcome in (Outcome.REGRESSED, Outcome.CHANGED) for r in worst.verdict.readings)
    if row is not None and not drifted:
        return _case_proof(row)
    among = [worst.verdict] if worst.status is not Status.STABLE else [t.verdict for t in targets]
    drawn = signal_proof(among)
    return drawn if drawn is not None or row is None else _case_proof(row)


def _replies_proof(target: TargetEntries) -> ReplyProof:
    marks = [
        came_back(sample)
        for entry in target.entries
        for sample in entry.samples
        if sample.round is Round.FIRST
    ]
    planned = target.verdict.coverage.planned
    marks += [Mark.MISSING] * (planned - len(marks))
    came = marks.count(Mark.HELD)
    cut = f", the first {REPLIES_DRAWN} drawn" if len(marks) > REPLIES_DRAWN else ""
    said = f"{came:,} of {many(planned, 'reply', 'replies')} of {target.name} came back{cut}"
    return ReplyProof(
        caption="Every reply that was asked for, case by case",
        reference=(),
        reference_text="",
        candidate=tuple(marks[:REPLIES_DRAWN]),
        candidate_text=said,
        label=said,
    )


def _case_proof(row: QueueRow) -> ReplyProof:
    sides = [_flat(row.grid.reference)[-60:], _flat(row.grid.candidate)[:60]]
    counts = row.counts
    words = [
        f"{side} {counts.unit}" if counts else ""
        for side in ((counts.reference, counts.candidate) if counts else ("", ""))
    ]
    return ReplyProof(
        caption=f"{row.case}, {row.target}",
        reference=sides[0],
        reference_text=f"baseline: {words[0]}",
        candidate=sides[1],
        candidate_text=f"tonight: {words[1]}",
        label=row.grid_label,
    )


def _flat(columns: Sequence[Column]) -> tuple[Mark, ...]:
    return tuple(mark for column in columns for mark in column.marks)
