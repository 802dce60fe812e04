"""How a change of behaviour becomes the norm: the nights since it began replace what was accepted before."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.core.batch import Baseline, CaseBaseline, StoredSample
from harness.core.findings import Outcome
from harness.core.plan import Round
from harness.core.shard_decision import is_part
from harness.core.verdict import BaselineState, State
from harness.errors import NotAcceptable, UnknownName
from harness.flows.baseline_change import (
    Change,
    Decided,
    Signature,
    Signed,
    identity_in,
    identity_of,
    is_answered,
    is_whole,
    keeps_digests,
    run_target,
    same_question,
    stored_samples,
    target_verdict,
    write_change,
)
from harness.ports import BaselineStore

DIGEST_LENGTH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants accepted, and what they saw of it."""

    run: Decided
    target: str
    case_ids: Sequence[str]
    digest: str
    """The start of the digest of what was shown."""
    earlier: Iterable[Decided] = ()
    """The first scheduled run of every night before the run's, newest first; read only as far as needed."""
    since: str | None = None
    """Take every whole night from this one on, instead of those that show the change."""
    baseline_of: str | None = None
    """Whose baseline may change, where the target is compared with another one's."""
    digests_only: bool = False


def accept_run(wish: Wish, store: BaselineStore, signature: Signature) -> Change:
    """Make a run's behaviour the baseline of the cases named, with the nights on which the change was seen before.

    Refuses a run that is partial or failed, a digest that is not the one shown, and a change of another
    target's baseline that was not asked for by name. Over a third of the suite starts the suite's baseline
    anew. Raises UsageError.
    """
    _check(wish)
    record = wish.run.record
    cases, owner = record.cases, run_target(record, wish.target).baseline_of
    with store.locked():
        existing = store.load(wish.run.verdict.suite, owner)
        # A scheduled run asked the whole suite; one by hand may have asked a part, and says nothing of the rest.
        held = dict(existing.cases) if existing is not None else {}
        suite = set(cases) if record.manifest.scheduled else {*cases, *held}
        anew = 3 * len(set(wish.case_ids)) > len(suite)
        chosen = sorted(cases) if anew else sorted(set(wish.case_ids))
        nights = _nights_since(wish, chosen, trim=not anew)
        fresh = {case_id: _fresh(wish, case_id, nights[case_id]) for case_id in chosen}
        fresh = {case_id: case for case_id, case in fresh.items() if case.samples}
        # Anew means that nothing else stays, except what the run cannot speak of.
        dropped = set(held if record.manifest.scheduled else cases) if anew else set()
        kept = {case_id: case for case_id, case in held.items() if case_id not in {*fresh, *dropped}}
        _check_encoder(wish, existing, kept)
        if existing is not None and all(held.get(case_id) == case for case_id, case in fresh.items()):
            return Change(target=owner, written=False, nights=existing.night_count(), cases=())
        taken = {night.record.manifest.run: night for found in nights.values() for night in found}
        verdict = target_verdict(wish.run, wish.target)
        signed = Signed(
            signature=signature,
            verdict=verdict.outcome.value if verdict else "",
            cases=tuple(sorted(fresh)),
        )
        runs = [*(taken[name] for name in sorted(taken)), wish.run]
        return write_change(store, existing, runs, owner, {**kept, **fresh}, signed)


def _check(wish: Wish) -> None:
    """Refuse what cannot be accepted. Raises UsageError."""
    record, verdict = wish.run.record, wish.run.verdict
    check_digest(wish.run, wish.digest)
    if target_verdict(wish.run, wish.target) is None:
        raise UnknownName(f"run {verdict.run} has no target '{wish.target}'")
    if not is_whole(wish.run, wish.target):
        raise NotAcceptable(
            f"run {verdict.run} is partial or failed for '{wish.target}'; only a whole run can be accepted"
        )
    check_owner(wish.run, wish.target, wish.baseline_of)
    unknown = [case_id for case_id in wish.case_ids if case_id not in record.cases]
    if unknown:
        raise UnknownName(f"no such case in run {verdict.run}: {', '.join(unknown)}")
    batch = record.batches[wish.target]
    silent = [case_id for case_id in wish.case_ids if not is_answered(batch, case_id)]
    if silent:
        raise NotAcceptable(
            f"run {verdict.run} has no answer to {', '.join(silent)}; there is nothing to accept there"
        )
    if wish.since is not None and wish.since > record.manifest.night:
        raise NotAcceptable(f"--since {wish.since} is after the night of run {verdict.run}")


def check_digest(run: Decided, digest: str) -> None:
    """Refuse a digest that is not the one of what was shown, and a part of a run. Raises UsageError."""
    if is_part(run.record):
        raise NotAcceptable(
            f"run {run.verdict.run} is a shard, or shards that were not asked to their end, and decides nothing: "
            "`drift merge` makes the run that can be accepted"
        )
    if not run.verdict.shown.startswith(digest) or len(digest) < DIGEST_LENGTH:
        raise NotAcceptable(
            f"--digest {digest} is not the digest of what this run shows; look at it with `drift review {run.verdict.run}`"
        )


def check_owner(run: Decided, target: str, baseline_of: str | None) -> None:
    """Refuse to change another target's baseline, unless it was named. Raises UsageError."""
    if target_verdict(run, target) is None:
        raise UnknownName(f"run {run.verdict.run} has no target '{target}'")
    owner = run_target(run.record, target).baseline_of
    if baseline_of not in (None, owner):
        raise NotAcceptable(
            f"--baseline-of {baseline_of}: '{target}' is compared with the baseline of '{owner}'"
        )
    if owner not in (target, baseline_of):
        raise NotAcceptable(
            f"'{target}' is compared with the baseline of '{owner}': accepting replaces what is the norm for "
            f"'{owner}' by what '{target}' does. Where that is meant, add --baseline-of {owner}"
        )


def _check_encoder(wish: Wish, existing: Baseline | None, kept: Mapping[str, CaseBaseline]) -> None:
    encoder = wish.run.record.manifest.encoder
    if existing is None or existing.encoder == encoder or not any(map(keeps_digests, kept.values())):
        return
    raise NotAcceptable(
        f"the baseline keeps digests only and was measured with {existing.encoder}, the run with {encoder}: "
        "some cases alone cannot change; accept the whole suite, or go back to that encoder"
    )


def _fresh(wish: Wish, case_id: str, nights: Sequence[Decided]) -> CaseBaseline:
    """Make a case's new baseline of the run and the nights before it, both rounds: all that was shown of them."""
    record = wish.run.record
    case = record.cases[case_id]
    samples = [
        sample
        for night in (*nights, wish.run)
        for sample in stored_samples(
            case, night.record, wish.target, burst=False, digests_only=wish.digests_only, rounds=tuple(Round)
        )
    ]
    samples.sort(key=_place)
    return CaseBaseline(identity=identity_of(case, run_target(record, wish.target)), samples=tuple(samples))


def _place(sample: StoredSample) -> tuple[str, str, str, int]:
    return sample.night, sample.run, sample.round.value, sample.sample


def _nights_since(wish: Wish, chosen: Sequence[str], *, trim: bool) -> Mapping[str, Sequence[Decided]]:
    """Return the nights before the run that show each case's change, newest first.

    Going back from the run, a night that drifted or that asked what the baseline does not know shows it, one
    that could not tell is passed over, and the first quiet one ends it. With `trim` a case begins with the
    first of these nights that has a finding of its own, where any has.
    """
    taken: dict[str, list[Decided]] = {case_id: [] for case_id in chosen}
    going = set(chosen)
    for night in wish.earlier:
        manifest = night.record.manifest
        if wish.since is not None and manifest.night < wish.since:
            break
        if manifest.night >= wish.run.record.manifest.night or not is_whole(night, wish.target):
            continue
        for case_id in sorted(going):
            if not _asks_the_same(wish, night, case_id):
                going.discard(case_id)
            elif wish.since is not None:
                taken[case_id].append(night)
            else:
                match _shows_change(wish, night, case_id):
                    case True:
                        taken[case_id].append(night)
                    case False:
                        going.discard(case_id)
        if not going:
            break
    if wish.since is None and trim:
        taken = {case_id: _from_own_finding(wish, case_id, found) for case_id, found in taken.items()}
    return taken


def _asks_the_same(wish: Wish, night: Decided, case_id: str) -> bool:
    record = wish.run.record
    identity = identity_of(record.cases[case_id], run_target(record, wish.target))
    return same_question(identity_in(night.record, case_id, wish.target), identity)


def _shows_change(wish: Wish, night: Decided, case_id: str) -> bool | None:
    """Say whether a night shows the change that the run shows; None where it could not tell."""
    known, tonight = _known(night, wish.target, case_id), _known(wish.run, wish.target, case_id)
    before, now = (set(case.nights()) if case is not None else set() for case in (known, tonight))
    # A night of the baseline is from before the change; and one that was compared with something else, which
    # an acceptance has replaced since, belongs to an earlier change.
    if night.record.manifest.night in now or not before <= now or (now and not before):
        return False
    verdict = target_verdict(night, wish.target)
    if verdict is None or verdict.baseline is BaselineState.MISSING:
        return False
    if _is_new_to_baseline(night, wish.target, case_id):
        return True
    if verdict.outcome in (Outcome.REGRESSED, Outcome.CHANGED, Outcome.IMPROVED):
        return True
    could_tell = verdict.baseline is BaselineState.PRESENT and verdict.state is not State.LEARNING
    return None if could_tell and verdict.outcome is Outcome.INCONCLUSIVE else False


def _from_own_finding(wish: Wish, case_id: str, nights: Sequence[Decided]) -> list[Decided]:
    own = [
        place
        for place, night in enumerate((wish.run, *nights))
        if _is_new_to_baseline(night, wish.target, case_id) or _has_finding(night, wish.target, case_id)
    ]
    return list(nights[: max(own)] if own else nights)


def _has_finding(night: Decided, target_name: str, case_id: str) -> bool:
    verdict = target_verdict(night, target_name)
    return verdict is not None and any(finding.case == case_id for finding in verdict.findings)


def _is_new_to_baseline(night: Decided, target_name: str, case_id: str) -> bool:
    """Say whether a night asked a case in a way that its baseline does not know."""
    known, case = _known(night, target_name, case_id), night.record.cases[case_id]
    if known is None:
        return target_name in night.record.references
    target = run_target(night.record, target_name)
    if target.baseline_of == target_name:
        return not same_question(known.identity, identity_of(case, target))
    return known.identity.question != case.question


def _known(night: Decided, target_name: str, case_id: str) -> CaseBaseline | None:
    reference = night.record.references.get(target_name)
    return reference.cases.get(case_id) if reference is not None else None
