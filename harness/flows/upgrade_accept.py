"""How a model that was compared side by side gets its baselines: from the very replies that were compared."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.core.batch import CaseBaseline
from harness.core.canonical import canonical_json
from harness.core.findings import Outcome
from harness.core.run import Manifest, RunRecord
from harness.core.suite import Suite
from harness.core.verdict import enough_measured
from harness.errors import NotAcceptable, UnknownName
from harness.flows.accept import check_digest, check_owner
from harness.flows.baseline_change import (
    Change,
    Decided,
    Signature,
    Signed,
    identity_of,
    is_answered,
    is_burst,
    run_target,
    same_question,
    stored_samples,
    target_verdict,
    write_change,
)
from harness.flows.golden_baseline import TaskWish, accept_tasks
from harness.ports import BaselineStore

FEWEST_BATCHES = 5
"""As few nights give no verdict, and batches of one evening stand in for nights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeWish:
    """What somebody wants accepted of a comparison."""

    run: Decided
    target: str
    case_ids: Sequence[str]
    digest: str
    baseline_of: str | None = None
    digests_only: bool = False


def accept_upgrade(wish: UpgradeWish, store: BaselineStore, signature: Signature) -> tuple[Change, ...]:
    """Make the candidate's replies its baselines, a change a suite; cases that were worse are accepted as such.

    Canaries become batches of one evening, marked as a burst: gross changes show until real nights replace them.
    A case that has nights of the same model already keeps them. Golden tasks become runs. Raises UsageError for a
    run that stopped, that lacks too much of either side, or whose digest is another.
    """
    _check(wish)
    manifest = wish.run.record.manifest
    sides, target = manifest.upgrade, target_verdict(wish.run, wish.target)
    assert sides is not None
    assert target is not None
    assert target.upgrade is not None
    worse = {one.case for one in target.upgrade.of(Outcome.REGRESSED)}
    changes = []
    for suite in dict.fromkeys(sides.suites[case_id] for case_id in wish.case_ids):
        part = _of_suite(wish.run, suite)
        named = [case_id for case_id in wish.case_ids if sides.suites[case_id] == suite]
        signed = replace(
            signature,
            upgrade_from=sides.reference,
            worse=tuple(sorted(worse.intersection(named))),
        )
        if part.record.manifest.suite.golden:
            tasks = TaskWish(
                runs=(part,),
                target=wish.target,
                case_ids=named,
                baseline_of=wish.baseline_of,
                digests_only=wish.digests_only,
            )
            changes.append(accept_tasks(tasks, store, signed))
        else:
            changes.append(_accept_canaries(part, wish, named, store, signed))
    return tuple(changes)


def pending_baselines(run: Decided, *, digests_only: bool) -> Mapping[str, str]:
    """Return, by suite, what accepting all of a comparison would write, as JSON; nothing where it stopped."""
    sides, end = run.record.manifest.upgrade, run.record.end
    if sides is None or end is None or end.stopped or sides.candidate not in run.record.batches:
        return {}
    found = {}
    for suite in dict.fromkeys(sides.suites.values()):
        part = _of_suite(run, suite)
        cases = dict(_fresh(part, sides.candidate, list(part.record.cases), digests_only=digests_only))
        if cases:
            content = {
                "pending": f"drift accept {run.record.manifest.run} --target {sides.candidate}",
                "suite": suite,
                "target": run_target(run.record, sides.candidate).baseline_of,
                "cases": {
                    case_id: case.model_dump(mode="json", exclude_none=True)
                    for case_id, case in cases.items()
                },
            }
            found[suite] = canonical_json(content) + "\n"
    return found


def _check(wish: UpgradeWish) -> None:
    record, verdict = wish.run.record, wish.run.verdict
    sides = record.manifest.upgrade
    assert sides is not None
    check_digest(wish.run, wish.digest)
    if wish.target != sides.candidate:
        raise UnknownName(
            f"run {verdict.run} is about '{sides.candidate}', which may take the place of '{sides.reference}': "
            f"accept it with --target {sides.candidate}"
        )
    target = target_verdict(wish.run, wish.target)
    assert target is not None
    check_owner(wish.run, wish.target, wish.baseline_of)
    reading, limits = target.upgrade, verdict.policy.limits
    assert reading is not None
    short = [
        side.target for side in reading.sides if side.answered < limits.min_coverage * side.planned - 1e-9
    ]
    if target.cut_short or short or not enough_measured(target.coverage, verdict.policy):
        what = f"too little came back of {' and '.join(short)}" if short else "it is partial"
        raise NotAcceptable(
            f"run {verdict.run} cannot be accepted: {what}. Go on with: {record.manifest.resumed_by}"
        )
    unknown = [case_id for case_id in wish.case_ids if case_id not in record.cases]
    if unknown:
        raise UnknownName(f"no such case in run {verdict.run}: {', '.join(unknown)}")
    batch = record.batches[wish.target]
    silent = [case_id for case_id in wish.case_ids if not is_answered(batch, case_id)]
    if silent:
        raise NotAcceptable(
            f"run {verdict.run} has no answer to {', '.join(silent)}; there is nothing to accept there"
        )


def _of_suite(run: Decided, suite: str) -> Decided:
    """Return one suite's part of a comparison, as a run of that suite."""
    record, sides = run.record, run.record.manifest.upgrade
    assert sides is not None
    cases = tuple(case for case in record.manifest.suite.cases if sides.suites.get(case.id) == suite)
    golden = bool(cases) and cases[0].is_task
    manifest: Manifest = record.manifest.model_copy(
        update={
            "suite": Suite(name=suite, cases=cases),
            "encoder": sides.task_encoder if golden else record.manifest.encoder,
            "upgrade": None,
        }
    )
    ids = {case.id for case in cases}
    batches = {
        name: batch.model_copy(
            update={
                "suite": suite,
                "samples": {case_id: found for case_id, found in batch.samples.items() if case_id in ids},
            }
        )
        for name, batch in record.batches.items()
    }
    part: RunRecord = replace(record, manifest=manifest, batches=batches)
    return Decided(record=part, verdict=run.verdict)


def _accept_canaries(
    part: Decided, wish: UpgradeWish, named: Sequence[str], store: BaselineStore, signature: Signature
) -> Change:
    record, owner = part.record, run_target(part.record, wish.target).baseline_of
    if record.manifest.samples < FEWEST_BATCHES:
        raise NotAcceptable(
            f"{record.manifest.samples} replies a case are too few for a baseline of canaries: compare with --samples "
            f"{FEWEST_BATCHES} or more, or accept golden tasks alone with --case"
        )
    with store.locked():
        existing = store.load(record.manifest.suite.name, owner)
        held = dict(existing.cases) if existing is not None else {}
        fresh = dict(_fresh(part, wish.target, named, digests_only=wish.digests_only))
        for case_id, case in fresh.items():
            known = held.get(case_id)
            if known is not None and same_question(known.identity, case.identity) and not is_burst(known):
                fresh[case_id] = known  # real nights of the same model say more than one evening
        kept = {case_id: case for case_id, case in held.items() if case_id not in fresh}
        verdict = target_verdict(part, wish.target)
        signed = Signed(
            signature=signature,
            verdict=verdict.outcome.value if verdict is not None else "",
            cases=tuple(sorted(fresh)),
        )
        return write_change(store, existing, [part], owner, {**kept, **fresh}, signed)


def _fresh(
    part: Decided, target: str, named: Sequence[str], *, digests_only: bool
) -> Iterator[tuple[str, CaseBaseline]]:
    """Yield the named cases' baselines: golden tasks as runs, canaries as batches of one evening."""
    record = part.record
    batch = record.batches.get(target)
    for case_id in named:
        case = record.cases[case_id]
        if batch is None or not is_answered(batch, case_id):
            continue
        lines = stored_samples(case, record, target, burst=not case.is_task, digests_only=digests_only)
        if not case.is_task:
            a_batch = _samples_a_batch(record.manifest.samples)
            lines = tuple(
                line.model_copy(update={"run": f"{line.run}.{line.sample // a_batch:02d}"}) for line in lines
            )
        yield case_id, CaseBaseline(identity=identity_of(case, run_target(record, target)), samples=lines)


def _samples_a_batch(samples: int) -> int:
    """Return how many replies of an evening make a batch: as on a night, where that leaves enough batches."""
    return max(1, min(3, samples // FEWEST_BATCHES))
