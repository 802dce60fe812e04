"""Golden baselines: runs of a task that were accepted, for one prompt file, tools and model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.core.batch import Baseline, CaseBaseline, StoredSample
from harness.core.plan import Round
from harness.errors import NotAcceptable, UnknownName
from harness.flows.accept import check_owner
from harness.flows.baseline_change import (
    Change,
    Decided,
    Signature,
    Signed,
    identity_of,
    is_answered,
    run_target,
    stored_samples,
    target_verdict,
    write_change,
)
from harness.ports import BaselineStore

FULL_RUNS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskWish:
    """Which tasks of which runs are to be the norm."""

    runs: Sequence[Decided]
    """The run that was looked at, then those that top it up; all of one prompt, tools and model."""
    target: str
    case_ids: Sequence[str]
    baseline_of: str | None = None
    digests_only: bool = False


def accept_tasks(wish: TaskWish, store: BaselineStore, signature: Signature) -> Change:
    """Make tasks' answers their baseline; runs of the same prompt, tools and model that are accepted already stay.

    Of a run only what was asked of every task counts: what escalated did so because it failed, and would make a
    baseline that looks worse than it is. A task that the pull request deleted is taken out. Raises UsageError.
    """
    shown = wish.runs[0]
    manifest = shown.record.manifest
    deleted = set(manifest.pull.deleted) if manifest.pull is not None else set()
    _check(wish, deleted)
    owner = run_target(shown.record, wish.target).baseline_of
    with store.locked():
        existing = store.load(manifest.suite.name, owner)
        held = dict(existing.cases) if existing is not None else {}
        fresh = {case_id: _fresh(wish, case_id, held) for case_id in wish.case_ids if case_id not in deleted}
        gone = {case_id for case_id in wish.case_ids if case_id in deleted and case_id in held}
        changed = tuple(sorted({*(c for c, case in fresh.items() if held.get(c) != case), *gone}))
        if not changed:
            return Change(target=owner, written=False, nights=0, cases=())
        verdict = target_verdict(shown, wish.target)
        signed = Signed(
            signature=signature,
            verdict=verdict.outcome.value if verdict is not None else "",
            cases=changed,
        )
        cases = {case_id: case for case_id, case in {**held, **fresh}.items() if case_id not in gone}
        runs = [*wish.runs[1:], shown]
        return write_change(store, existing, runs, owner, cases, signed)


def runs_missing(wish: TaskWish, existing: Baseline | None, full: int = FULL_RUNS) -> Mapping[str, int]:
    """Return how many more runs each task needs for a full baseline; a task that needs none is left out."""
    held = dict(existing.cases) if existing is not None else {}
    record = wish.runs[0].record
    missing = {}
    for case_id in wish.case_ids:
        if case_id in record.cases:
            lacks = full - len(_fresh(wish, case_id, held).samples)
            if lacks > 0:
                missing[case_id] = lacks
    return missing


def _check(wish: TaskWish, deleted: set[str]) -> None:
    record = wish.runs[0].record
    check_owner(wish.runs[0], wish.target, wish.baseline_of)
    batch = record.batches.get(wish.target)
    unknown = [case for case in wish.case_ids if case not in record.cases and case not in deleted]
    if unknown:
        raise UnknownName(f"no such task in run {record.manifest.run}: {', '.join(unknown)}")
    silent = [
        case
        for case in wish.case_ids
        if case not in deleted and (batch is None or not is_answered(batch, case))
    ]
    if silent:
        raise NotAcceptable(
            f"run {record.manifest.run} has no answer to {', '.join(silent)}; there is nothing to accept there"
        )
    for run in wish.runs[1:]:
        other = [case for case in wish.case_ids if _asks_otherwise(run, wish.runs[0], wish.target, case)]
        if other:
            raise NotAcceptable(f"{', '.join(other)} changed since run {record.manifest.run}: make a new run")


def _asks_otherwise(run: Decided, shown: Decided, target: str, case_id: str) -> bool:
    one, other = run.record.cases.get(case_id), shown.record.cases.get(case_id)
    if one is None or other is None:
        return False
    return identity_of(one, run_target(run.record, target)) != identity_of(
        other, run_target(shown.record, target)
    )


def _fresh(wish: TaskWish, case_id: str, held: Mapping[str, CaseBaseline]) -> CaseBaseline:
    """Return a task's runs, added to what was accepted of the very same question, prompt, tools and model."""
    shown = wish.runs[0].record
    case = shown.cases[case_id]
    identity = identity_of(case, run_target(shown, wish.target))
    known = held.get(case_id)
    kept = known.samples if known is not None and known.identity == identity else ()
    lines: dict[tuple[str, int], StoredSample] = {(line.run, line.sample): line for line in kept}
    for run in wish.runs:
        if case_id not in run.record.cases or wish.target not in run.record.batches:
            continue
        for line in stored_samples(
            case,
            run.record,
            wish.target,
            burst=False,
            digests_only=wish.digests_only,
            rounds=(Round.FIRST,),
        ):
            lines[line.run, line.sample] = line
    ordered = sorted(lines.values(), key=lambda line: (line.night, line.run, line.sample))
    return CaseBaseline(identity=identity, samples=tuple(ordered))
