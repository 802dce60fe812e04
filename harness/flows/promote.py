"""How a baseline comes to be and grows: quiet nights are promoted, one batch is added, an evening is a burst."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from harness.core.batch import Baseline, CaseBaseline, CaseIdentity, StoredSample
from harness.core.suite import Case
from harness.errors import NotAcceptable
from harness.flows.baseline_change import (
    Change,
    Decided,
    Signature,
    Signed,
    identity_in,
    identity_of,
    is_answered,
    is_burst,
    is_whole,
    keeps_digests,
    run_target,
    same_question,
    stored_samples,
    target_verdict,
    write_change,
)
from harness.flows.nights import is_accepted_verdict, is_quiet, quiet_nights
from harness.ports import BaselineStore


def promote(
    runs: Sequence[Decided],
    target_name: str,
    store: BaselineStore,
    signature: Signature,
    *,
    digests_only: bool,
    case_ids: Collection[str] | None = None,
) -> Change:
    """Add the quiet nights among `runs` to a target's baseline; nights that it already holds are left alone.

    The first scheduled run of a night counts, and never a night of an incident, one that was cut short, one
    that could not tell, or one that was measured too little. A case that was accepted from a run takes no
    night from before. A burst stays until `learning_below` real nights replace it, so that a suite which has
    a verdict does not lose it. With `case_ids` no other case is touched. Raises UsageError where no night is
    left.
    """
    quiet = quiet_nights(runs, target_name)
    if not quiet:
        which = f"none of the {len(runs)} runs" if runs else "no scheduled run"
        raise NotAcceptable(
            f"{which} is a quiet, fully measured night of '{target_name}', outside of an incident"
        )
    return _grow(quiet, target_name, store, signature, digests_only=digests_only, case_ids=case_ids)


def add_batch(
    run: Decided,
    target_name: str,
    store: BaselineStore,
    signature: Signature,
    *,
    digests_only: bool,
) -> Change:
    """Add a batch that was gathered for some cases, whenever that was, to these cases and no other.

    Raises UsageError where the batch is no quiet one.
    """
    if not is_quiet(run, target_name):
        raise NotAcceptable(
            f"run {run.record.manifest.run} is not a quiet, fully measured batch of '{target_name}'"
        )
    named = [case.id for case in run.record.manifest.suite.cases]
    return _grow([run], target_name, store, signature, digests_only=digests_only, case_ids=named)


def burst(
    run: Decided,
    target_name: str,
    store: BaselineStore,
    signature: Signature,
    *,
    nights: int,
    digests_only: bool,
    only_these: bool = False,
) -> Change:
    """Make a provisional baseline of one evening's batches, marked as a burst.

    The run holds `nights` batches one after the other, as many samples a case as all of them need. With
    `only_these` the cases that it did not ask keep their burst. Raises UsageError where real nights are held
    already, or too little came back.
    """
    record = run.record
    with store.locked():
        existing = store.load(record.manifest.suite.name, target_name)
        if existing is not None and any(not is_burst(case) for case in existing.cases.values()):
            raise NotAcceptable(f"'{target_name}' has a baseline of real nights; add more with --from-runs")
        if record.batches.get(target_name) is None or record.end is None or record.end.stopped:
            raise NotAcceptable(
                f"run {record.manifest.run} did not finish; go on with: drift calibrate --resume {record.manifest.run}"
            )
        target = target_verdict(run, target_name)
        if target is None or not is_whole(run, target_name):
            answered, planned = (target.coverage.answered, target.coverage.planned) if target else (0, 0)
            raise NotAcceptable(
                f"run {record.manifest.run}: only {answered} of {planned} replies of '{target_name}' came back; "
                "calibrate again when the provider is well"
            )
        cases = {
            case.id: CaseBaseline(
                identity=identity_of(case, run_target(record, target_name)),
                samples=tuple(
                    sample.model_copy(
                        update={
                            "run": f"{sample.run}.{sample.sample * nights // (case.samples or nights):02d}"
                        }
                    )
                    for sample in stored_samples(
                        case, record, target_name, burst=True, digests_only=digests_only
                    )
                ),
            )
            for case in record.manifest.suite.cases
            if is_answered(record.batches[target_name], case.id)
        }
        kept = existing.cases if existing is not None and only_these else {}
        signed = Signed(signature=signature, verdict=f"burst of {nights}", cases=tuple(sorted(cases)))
        return write_change(store, existing, [run], target_name, {**kept, **cases}, signed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grown:
    """A case with what the nights add to it."""

    case: CaseBaseline | None
    nights_missing: bool = False
    """A burst that stays, because there are too few real nights to replace it."""
    nights_added: int = 0


def _grow(
    quiet: Sequence[Decided],
    target_name: str,
    store: BaselineStore,
    signature: Signature,
    *,
    digests_only: bool,
    case_ids: Collection[str] | None,
) -> Change:
    newest = quiet[-1].record
    suite, enough = newest.manifest.suite, quiet[-1].verdict.policy.learning_below
    cases = [case for case in suite.cases if case_ids is None or case.id in case_ids]
    with store.locked():
        existing = store.load(suite.name, target_name)
        grown = {
            case.id: _grown(case, quiet, target_name, existing, digests_only=digests_only) for case in cases
        }
        waiting = [one.nights_added for one in grown.values() if one.nights_missing]
        if waiting and len(waiting) == len(cases):
            raise NotAcceptable(
                f"the baseline of '{target_name}' is a burst, and {enough} real nights replace it; there are "
                f"{min(waiting)} so far. Promote them together: drift calibrate {suite.name} --from-runs last:{enough}"
            )
        held = dict(existing.cases) if existing is not None else {}
        if case_ids is None:
            # What the suite asks no more leaves its baseline.
            held = {case_id: held[case_id] for case_id in held if case_id in newest.cases}
        held.update({case_id: one.case for case_id, one in grown.items() if one.case is not None})
        named = tuple(sorted(held)) if case_ids is None else tuple(sorted(grown))
        signed = Signed(signature=signature, verdict="quiet", cases=named)
        return write_change(store, existing, quiet, target_name, held, signed)


def _grown(
    case: Case,
    quiet: Sequence[Decided],
    target_name: str,
    existing: Baseline | None,
    *,
    digests_only: bool,
) -> _Grown:
    newest = quiet[-1].record
    known = existing.cases.get(case.id) if existing is not None else None
    identity = identity_of(case, run_target(newest, target_name))
    same = known is not None and same_question(known.identity, identity)
    if existing is not None and known is not None and keeps_digests(known):
        # Measures that were kept without their text cannot be taken again under other rules.
        same = same and known.identity.ruler == identity.ruler and existing.encoder == newest.manifest.encoder
    kept = known.samples if known is not None and same and not is_burst(known) else ()
    held = {sample.night for sample in kept}
    first = min(held) if held and existing is not None and _was_accepted(existing, case.id) else ""
    added = _added(case, quiet, target_name, identity, held, first, digests_only=digests_only)
    nights = len({sample.night for sample in added})
    if known is not None and same and is_burst(known) and nights < quiet[-1].verdict.policy.learning_below:
        return _Grown(case=None, nights_missing=True, nights_added=nights)
    if not kept and not added:
        return _Grown(case=None)
    return _Grown(case=CaseBaseline(identity=identity, samples=(*kept, *added)))


def _added(
    case: Case,
    quiet: Sequence[Decided],
    target_name: str,
    identity: CaseIdentity,
    held: Collection[str],
    first: str,
    *,
    digests_only: bool,
) -> list[StoredSample]:
    return [
        sample
        for run in quiet
        if run.record.manifest.night not in held
        and run.record.manifest.night >= first
        and same_question(identity_in(run.record, case.id, target_name), identity)
        for sample in stored_samples(case, run.record, target_name, burst=False, digests_only=digests_only)
    ]


def _was_accepted(existing: Baseline, case_id: str) -> bool:
    """Say whether somebody accepted a run's behaviour for a case: what was before is its norm no more."""
    return any(is_accepted_verdict(one.verdict) and case_id in one.cases for one in existing.acceptances)
