"""How a baseline changes: nights are promoted, or a run's behaviour is accepted. Nothing else writes one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.core.batch import (
    Acceptance,
    Baseline,
    Batch,
    CaseBaseline,
    CaseIdentity,
    StoredMeasures,
    StoredSample,
)
from harness.core.canonical import text_digest
from harness.core.findings import Outcome
from harness.core.measures import measurer
from harness.core.plan import Round
from harness.core.run import RunKind, RunRecord, RunTarget
from harness.core.suite import Case
from harness.core.verdict import BaselineState, State, Verdict, enough_measured
from harness.errors import UsageError
from harness.ports import BaselineStore

SHORTEST_REASON = 10
DIGEST_LENGTH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A run and what was decided of it."""

    record: RunRecord
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who accepts, when and why. `by` is a claim taken from git."""

    by: str
    at: str
    reason: str

    def __post_init__(self) -> None:
        if len(self.reason.strip()) < SHORTEST_REASON:
            raise UsageError(
                f"--reason needs {SHORTEST_REASON} characters or more: what changed, and why is it fine?"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of a baseline."""

    target: str
    written: bool
    nights: int
    cases: tuple[str, ...]


def promote(
    runs: Sequence[Decided],
    target_name: str,
    store: BaselineStore,
    signature: Signature,
    *,
    digests_only: bool,
) -> Change:
    """Add the quiet nights among `runs` to a target's baseline; nights that it already holds are left alone.

    The first scheduled run of a night counts, and never a night that drifted, that was cut short, or that
    was measured too little. A burst stays until `learning_below` real nights replace it, so that a suite
    which has a verdict does not lose it. Raises UsageError where no night is left.
    """
    ran = [run for run in runs if any(t.name == target_name for t in run.record.manifest.targets)]
    quiet = [run for run in first_of_each_night(ran) if is_quiet_night(run, target_name)]
    if not quiet:
        raise UsageError(f"none of the {len(runs)} runs is a quiet, fully measured night of '{target_name}'")
    suite, newest = quiet[-1].record.manifest.suite, quiet[-1].record
    existing = store.load(suite.name, target_name)
    held = {} if existing is None else dict(existing.cases)
    enough = newest.manifest.policy.learning_below
    waiting: dict[str, int] = {}
    for case in suite.cases:
        known = held.get(case.id)
        identity = identity_of(case, _run_target(newest, target_name))
        same = known is not None and _same_question(known.identity, identity)
        if known is not None and known.identity.ruler != identity.ruler:
            # Measures that were kept without their text cannot be taken again under other rules.
            same = same and all(sample.answer is not None for sample in known.samples)
        kept = known.samples if known is not None and same and not _is_burst(known) else ()
        nights = {sample.night for sample in kept}
        added = [
            sample
            for run in quiet
            if run.record.manifest.night not in nights
            and _same_question(identity_in(run.record, case.id, target_name), identity)
            for sample in stored_samples(
                case, run.record.batches[target_name], burst=False, digests_only=digests_only
            )
        ]
        nights_added = len({sample.night for sample in added})
        if known is not None and same and _is_burst(known) and nights_added < enough:
            waiting[case.id] = nights_added
        elif kept or added:
            held[case.id] = CaseBaseline(identity=identity, samples=(*kept, *added))
    if len(waiting) == len(suite.cases):
        raise UsageError(
            f"the baseline of '{target_name}' is a burst, and {enough} real nights replace it; there are "
            f"{min(waiting.values())} so far. Promote them together: drift calibrate {suite.name} --from-runs last:{enough}"
        )
    current = {case.id for case in suite.cases}
    baseline = _signed(
        existing,
        quiet,
        target_name,
        {k: v for k, v in held.items() if k in current},
        signature,
        outcome="quiet",
    )
    return _saved(store, existing, baseline)


def burst(
    run: Decided,
    target_name: str,
    store: BaselineStore,
    signature: Signature,
    *,
    nights: int,
    digests_only: bool,
) -> Change:
    """Make a provisional baseline of one evening's batches, marked as a burst.

    The run holds `nights` batches one after the other, as many samples a case as all of them need. Raises
    UsageError where real nights are held already, or too little came back.
    """
    record = run.record
    existing = store.load(record.manifest.suite.name, target_name)
    if existing is not None and any(not _is_burst(case) for case in existing.cases.values()):
        raise UsageError(f"'{target_name}' has a baseline of real nights; add more with --from-runs")
    batch = record.batches.get(target_name)
    if batch is None or record.end is None or record.end.stopped:
        raise UsageError(f"run {record.manifest.run} did not finish; resume it first")
    target = next(t for t in run.verdict.targets if t.target == target_name)
    if not enough_measured(target.coverage, run.verdict.policy):
        raise UsageError(
            f"run {record.manifest.run}: only {target.coverage.answered} of {target.coverage.planned} replies of "
            f"'{target_name}' came back; calibrate again when the provider is well"
        )
    cases = {
        case.id: CaseBaseline(
            identity=identity_of(case, _run_target(record, target_name)),
            samples=tuple(
                sample.model_copy(
                    update={"run": f"{sample.run}.{sample.sample * nights // (case.samples or nights):02d}"}
                )
                for sample in stored_samples(case, batch, burst=True, digests_only=digests_only)
            ),
        )
        for case in record.manifest.suite.cases
        if _answered(batch, case.id)
    }
    baseline = _signed(existing, [run], target_name, cases, signature, outcome=f"burst of {nights}")
    return _saved(store, existing, baseline)


def accept_run(
    run: Decided,
    target_name: str,
    case_ids: Sequence[str],
    store: BaselineStore,
    signature: Signature,
    *,
    digest: str,
    digests_only: bool,
) -> Change:
    """Make a run's behaviour the baseline of the cases named.

    Refuses a run that is partial or failed, and a digest that is not the one shown. Over a third of the
    suite starts the suite's baseline anew. Raises UsageError.
    """
    record, verdict = run.record, run.verdict
    if not verdict.shown.startswith(digest) or len(digest) < DIGEST_LENGTH:
        raise UsageError(
            f"--digest {digest} is not the digest of what this run shows; look at it with `drift review {verdict.run}`"
        )
    target = next((t for t in verdict.targets if t.target == target_name), None)
    if target is None:
        raise UsageError(f"run {verdict.run} has no target '{target_name}'")
    if record.end is None or record.end.stopped or not enough_measured(target.coverage, verdict.policy):
        raise UsageError(
            f"run {verdict.run} is partial or failed for '{target_name}'; only a whole run can be accepted"
        )
    cases = {case.id: case for case in record.manifest.suite.cases}
    unknown = [case_id for case_id in case_ids if case_id not in cases]
    if unknown:
        raise UsageError(f"no such case in run {verdict.run}: {', '.join(unknown)}")
    batch = record.batches[target_name]
    silent = [case_id for case_id in case_ids if not _answered(batch, case_id)]
    if silent:
        raise UsageError(
            f"run {verdict.run} has no answer to {', '.join(silent)}; there is nothing to accept there"
        )
    owner = _run_target(record, target_name).baseline_of
    existing = store.load(verdict.suite, owner)
    anew = 3 * len(set(case_ids)) > len(cases) or existing is None
    chosen = set(cases) if anew else set(case_ids)
    fresh = {
        case_id: CaseBaseline(
            identity=identity_of(cases[case_id], _run_target(record, target_name)),
            samples=stored_samples(
                cases[case_id], batch, burst=False, digests_only=digests_only, rounds=tuple(Round)
            ),
        )
        for case_id in sorted(chosen)
        if _answered(batch, case_id)
    }
    held = {} if anew or existing is None else dict(existing.cases)
    if all(held.get(case_id) == case for case_id, case in fresh.items()):
        return Change(target=owner, written=False, nights=existing.night_count() if existing else 0, cases=())
    baseline = _signed(
        existing,
        [run],
        owner,
        {**held, **fresh},
        signature,
        outcome=target.outcome.value,
        cases_named=tuple(sorted(fresh)),
    )
    return _saved(store, existing, baseline)


def is_quiet_night(run: Decided, target_name: str) -> bool:
    """Say whether a run may become part of a baseline: scheduled, whole, measured, without drift.

    A check that had a baseline and could not tell is no quiet night: its drift would become the norm.
    """
    record, manifest = run.record, run.record.manifest
    target = next((t for t in run.verdict.targets if t.target == target_name), None)
    if target is None or not manifest.scheduled or record.end is None or record.end.stopped:
        return False
    drifted = target.outcome in (Outcome.REGRESSED, Outcome.CHANGED) or target.awaiting_confirmation
    could_tell = target.baseline is BaselineState.PRESENT and target.state is not State.LEARNING
    if manifest.kind is RunKind.CHECK and could_tell and target.outcome is Outcome.INCONCLUSIVE:
        return False
    return not drifted and enough_measured(target.coverage, run.verdict.policy)


def first_of_each_night(runs: Iterable[Decided]) -> list[Decided]:
    """Keep the first scheduled run of every night, oldest first."""
    nights: dict[str, Decided] = {}
    for run in sorted(runs, key=lambda found: found.record.manifest.run):
        if run.record.manifest.scheduled:
            nights.setdefault(run.record.manifest.night, run)
    return [nights[night] for night in sorted(nights)]


def identity_of(case: Case, target: RunTarget) -> CaseIdentity:
    """Return what makes samples of a case comparable."""
    return CaseIdentity(question=case.question, treatment=target.target.treatment(case), ruler=case.ruler)


def identity_in(record: RunRecord, case_id: str, target_name: str) -> CaseIdentity | None:
    """Return a case's identity in a run, or None where the run did not have it."""
    case = record.cases.get(case_id)
    return identity_of(case, _run_target(record, target_name)) if case else None


def _same_question(one: CaseIdentity | None, other: CaseIdentity) -> bool:
    return one is not None and (one.question, one.treatment) == (other.question, other.treatment)


def _run_target(record: RunRecord, name: str) -> RunTarget:
    return next(target for target in record.manifest.targets if target.name == name)


def _answered(batch: Batch, case_id: str) -> bool:
    return any(sample.answer is not None for sample in batch.samples.get(case_id, ()))


def _is_burst(case: CaseBaseline) -> bool:
    return any(sample.burst for sample in case.samples)


def stored_samples(
    case: Case, batch: Batch, *, burst: bool, digests_only: bool, rounds: Sequence[Round] = (Round.FIRST,)
) -> tuple[StoredSample, ...]:
    """Turn a batch's answers to a case into baseline lines.

    By default the first round only: a confirmation exists only on nights that strayed, so it would be a
    biased choice. In the order in which a store keeps them, so that the same replies are equal.
    """
    measure = measurer(case)
    lines: list[StoredSample] = []
    for sample in batch.samples.get(case.id, ()):
        if sample.answer is None or sample.round not in rounds:
            continue
        measures = measure(sample.answer)
        kept = StoredMeasures(
            refusal=measures.refusal.value,
            invalid=measures.invalid,
            quality=measures.quality,
            length=round(measures.length, 6),
        )
        lines.append(
            StoredSample(
                night=batch.night,
                run=batch.run,
                sample=sample.number,
                round=sample.round,
                burst=burst,
                answer=None if digests_only else sample.answer,
                text_digest=text_digest(sample.answer.measured_text),
                measures=kept if digests_only else None,
            )
        )
    return tuple(sorted(lines, key=lambda line: (line.round.value, line.sample)))


def _signed(
    existing: Baseline | None,
    runs: Sequence[Decided],
    target: str,
    cases: Mapping[str, CaseBaseline],
    signature: Signature,
    *,
    outcome: str,
    cases_named: tuple[str, ...] | None = None,
) -> Baseline:
    last = runs[-1]
    acceptance = Acceptance(
        at=signature.at,
        by=signature.by,
        reason=signature.reason,
        cases=cases_named if cases_named is not None else tuple(sorted(cases)),
        runs=tuple(run.record.manifest.run for run in runs),
        verdict=outcome,
        shown=last.verdict.shown,
    )
    earlier = existing.acceptances if existing else ()
    return Baseline(
        suite=last.record.manifest.suite.name,
        target=target,
        encoder=last.record.manifest.encoder,
        cases=cases,
        acceptances=(*earlier, acceptance),
    )


def _saved(store: BaselineStore, existing: Baseline | None, baseline: Baseline) -> Change:
    """Write a baseline unless nothing but the signature would change."""
    same = existing is not None and dict(existing.cases) == dict(baseline.cases)
    written = False if same else store.save(baseline)
    return Change(
        target=baseline.target,
        written=written,
        nights=baseline.night_count(),
        cases=baseline.acceptances[-1].cases,
    )
