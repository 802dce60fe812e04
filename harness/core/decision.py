"""From all that a run gathered to its one verdict. Pure, so that any run can be decided again."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.core.batch import Baseline, Batch, CaseBaseline, Sample
from harness.core.canonical import digest
from harness.core.detection.canary import NightDecision, decide_night
from harness.core.findings import Finding, Outcome
from harness.core.measures import compare_with_baseline, measure_stored, measurer
from harness.core.plan import Round
from harness.core.policy import Policy
from harness.core.run import RunRecord, RunTarget
from harness.core.signals import SIGNALS, all_signals
from harness.core.suite import Case
from harness.core.verdict import (
    BaselineState,
    Coverage,
    SignalReading,
    State,
    TargetVerdict,
    Verdict,
    enough_measured,
)
from harness.core.wording import headline


def decide(record: RunRecord, policy: Policy | None = None) -> Verdict:
    """Decide a run, under its own policy or another."""
    policy = policy or record.manifest.policy
    targets = tuple(_decide_target(record, target, policy) for target in record.manifest.targets)
    manifest = record.manifest
    shown = digest(
        {
            "run": manifest.run,
            "policy": policy.digest,
            "targets": [t.model_dump(mode="json") for t in targets],
            "replies": {name: _reply_digests(batch) for name, batch in sorted(record.batches.items())},
        }
    )
    return Verdict(
        run=manifest.run,
        suite=manifest.suite.name,
        night=manifest.night,
        policy=policy,
        policy_digest=policy.digest,
        targets=targets,
        headline=headline(targets),
        shown=shown,
    )


def state_of(nights: int, policy: Policy) -> State:
    """Say how much a baseline of so many nights knows."""
    if nights < policy.learning_below:
        return State.LEARNING
    return State.ARMED if nights >= policy.armed_from else State.PROVISIONAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparable:
    """The part of a baseline that today's cases can be compared with."""

    cases: Mapping[str, CaseBaseline]
    changed: tuple[str, ...]
    """Cases whose question or treatment is another than the baseline's."""
    unknown: tuple[str, ...]
    """Cases that the baseline does not hold."""
    few_nights: tuple[str, ...]
    """Cases still learning."""


def comparable(
    cases: Sequence[Case], target: RunTarget, baseline: Baseline | None, policy: Policy
) -> Comparable:
    """Sort today's cases by what the baseline knows of them.

    The treatment must be equal too, unless the target is compared with another one's baseline: then the
    model is what is meant to differ.
    """
    if baseline is None:
        return Comparable(cases={}, changed=(), unknown=tuple(case.id for case in cases), few_nights=())
    kept, changed, unknown, few = {}, [], [], []
    own = target.name == target.baseline_of
    for case in cases:
        known = baseline.cases.get(case.id)
        if known is None or not known.samples:
            unknown.append(case.id)
        elif (
            known.identity.question != case.question
            or (own and known.identity.treatment != target.target.treatment(case))
            or (_kept_as_digest(known) and known.identity.ruler != case.ruler)
        ):
            changed.append(case.id)
        else:
            kept[case.id] = known
            if len({sample.night for sample in known.samples}) < policy.learning_below and not any(
                sample.burst for sample in known.samples
            ):
                few.append(case.id)
    return Comparable(cases=kept, changed=tuple(changed), unknown=tuple(unknown), few_nights=tuple(few))


def _kept_as_digest(known: CaseBaseline) -> bool:
    return any(sample.answer is None for sample in known.samples)


def _decide_target(record: RunRecord, target: RunTarget, policy: Policy) -> TargetVerdict:
    manifest, batch = record.manifest, record.batches.get(target.name)
    cases = manifest.suite.cases
    baseline = record.references.get(target.name)
    known = comparable(cases, target, baseline, policy)
    judged = _judged(known, cases)
    nights = _nights(judged or known.cases)
    burst = any(sample.burst for case in judged.values() for sample in case.samples)
    state = State.LEARNING if not judged else State.PROVISIONAL if burst else state_of(nights, policy)
    first = batch.of_round(Round.FIRST) if batch else None
    coverage = _coverage(record, first, judged)
    stale = record.stale.get(target.name)
    baseline_state = BaselineState.PRESENT if known.cases else BaselineState.MISSING
    most_changed = (1 - policy.limits.min_cases) * len(cases) + 1e-9
    learnt = any(
        len({sample.night for sample in case.samples}) >= policy.learning_below
        for case in known.cases.values()
    )
    # A suite that has learnt and can no longer be judged is stale: learning is for what nobody accepted.
    outgrown = learnt and not judged
    if stale or outgrown or (baseline is not None and len(known.changed) > most_changed):
        baseline_state = BaselineState.STALE
    decision = _no_decision()
    enough = enough_measured(coverage, policy) and record.end is not None and not record.end.stopped
    if (
        batch is not None
        and enough
        and state is not State.LEARNING
        and baseline_state is BaselineState.PRESENT
    ):
        decision = _compare(record, target, batch, judged, policy)
    broken = _broken_contracts(target.name, record, batch, known.cases) if batch is not None else ()
    findings = (*broken, *decision.findings)
    outcome = _outcome(findings, decision, enough=enough, state=state, baseline=baseline_state)
    samples = [sample for found in batch.samples.values() for sample in found] if batch else []
    return TargetVerdict(
        target=target.name,
        outcome=outcome,
        state=state,
        nights=nights,
        baseline=baseline_state,
        accepted_at=baseline.acceptances[-1].at if baseline and baseline.acceptances else None,
        coverage=coverage,
        confirmed=decision.confirmed,
        awaiting_confirmation=decision.wants_confirmation
        and not _was_asked_again(record, batch)
        and (manifest.confirm or not broken),
        cut_short=record.end is None or bool(record.end.stopped),
        findings=findings,
        readings=decision.readings,
        failures=tuple(sorted(Counter(s.failure.kind.value for s in samples if s.failure).items())),
        served=_distinct(s.answer.model_served for s in samples if s.answer),
        fingerprints=_distinct(s.answer.system_fingerprint for s in samples if s.answer),
        confounders=_confounders(record, target, baseline, known, samples, stale),
    )


def _no_decision() -> NightDecision:
    return NightDecision(readings=(), findings=(), wants_confirmation=False, confirmed=None)


def _judged(known: Comparable, cases: Sequence[Case]) -> Mapping[str, CaseBaseline]:
    """Return what is compared: a case still learning is shown only, and with over a third of them so is the suite."""
    if 3 * len({*known.few_nights, *known.unknown}) > len(cases):
        return {}
    return {case_id: case for case_id, case in known.cases.items() if case_id not in known.few_nights}


def _nights(cases: Mapping[str, CaseBaseline]) -> int:
    return min((len({sample.night for sample in case.samples}) for case in cases.values()), default=0)


def _compare(
    record: RunRecord,
    target: RunTarget,
    batch: Batch,
    judged: Mapping[str, CaseBaseline],
    policy: Policy,
) -> NightDecision:
    cases = [case for case in record.manifest.suite.cases if case.id in judged]
    sides = [
        compare_with_baseline(target.name, cases, judged, batch, (round_,), record.vectors)
        for round_ in (Round.FIRST, Round.CONFIRM)
    ]
    confirm = sides[1] if _confirmation_suffices(record, batch, policy) else None
    seed = int(
        digest([record.manifest.suite.name, target.name, record.manifest.night, _reply_digests(batch)])[:12],
        16,
    )
    return decide_night(all_signals(), sides[0], confirm, policy, seed)


def _confirmation_suffices(record: RunRecord, batch: Batch, policy: Policy) -> bool:
    return enough_measured(_coverage(record, batch.of_round(Round.CONFIRM), {}), policy)


def _was_asked_again(record: RunRecord, batch: Batch | None) -> bool:
    """Say whether every call of the confirmation was made; one that was cut off can still be resumed."""
    asked = batch.of_round(Round.CONFIRM).samples.values() if batch else ()
    return sum(map(len, asked)) >= _planned_calls(record)


def _planned_calls(record: RunRecord) -> int:
    return sum(case.samples or record.manifest.samples for case in record.manifest.suite.cases)


def _coverage(record: RunRecord, batch: Batch | None, judged: Mapping[str, CaseBaseline]) -> Coverage:
    cases = record.manifest.suite.cases
    samples = batch.samples if batch else {}
    answered = {case.id: sum(s.answer is not None for s in samples.get(case.id, ())) for case in cases}
    return Coverage(
        planned=_planned_calls(record),
        answered=sum(answered.values()),
        measured=sum(answered.values()),
        compared=sum(count for case, count in answered.items() if case in judged),
        cases_planned=len(cases),
        cases_answered=sum(1 for count in answered.values() if count),
        cases_compared=sum(1 for case, count in answered.items() if count and case in judged),
    )


def _outcome(
    findings: Sequence[Finding],
    decision: NightDecision,
    *,
    enough: bool,
    state: State,
    baseline: BaselineState,
) -> Outcome:
    suite_wide = [
        finding.outcome for finding in findings if finding.case is None or finding.signal == "contract"
    ]
    worst = max(suite_wide, key=lambda outcome: outcome.weight, default=Outcome.STABLE)
    if worst in (Outcome.REGRESSED, Outcome.CHANGED):
        return worst
    if (
        not enough
        or baseline is BaselineState.STALE
        or state is State.LEARNING
        or decision.wants_confirmation
    ):
        return Outcome.INCONCLUSIVE
    if any(reading.outcome is Outcome.INCONCLUSIVE for reading in decision.readings):
        return Outcome.INCONCLUSIVE
    if decision.readings and not any(_decided(reading) for reading in decision.readings):
        return Outcome.INCONCLUSIVE
    return worst


def _decided(reading: SignalReading) -> bool:
    return reading.p_value is not None and SIGNALS.load(reading.signal).decides


def _broken_contracts(
    target: str, record: RunRecord, batch: Batch, known: Mapping[str, CaseBaseline]
) -> tuple[Finding, ...]:
    """Find the `always` cases that most replies break, and that the confirmation breaks too where there is one.

    Most of the replies planned: one that came back alone out of an outage breaks nothing. A contract that
    most of the accepted baseline breaks too has been accepted as broken.
    """
    found = []
    for case in record.manifest.suite.cases:
        if not case.always:
            continue
        measure = measurer(case)
        accepted = measure_stored(case, known[case.id].samples, measure) if case.id in known else ()
        if 2 * sum(bool(sample.measures.invalid) for sample in accepted) > len(accepted):
            continue
        rounds: dict[Round, list[float]] = {}
        for sample in batch.samples.get(case.id, ()):
            if sample.answer is not None:
                rounds.setdefault(sample.round, []).append(measure(sample.answer).invalid or 0.0)
        first = rounds.get(Round.FIRST, [])
        planned = case.samples or record.manifest.samples
        again = all(2 * sum(values) > len(values) for values in rounds.values())
        if not (2 * sum(first) > planned and again):
            continue
        pooled = [value for values in rounds.values() for value in values]
        found.append(
            Finding(
                signal="contract",
                target=target,
                case=case.id,
                outcome=Outcome.REGRESSED,
                n_reference=0,
                n_candidate=len(pooled),
                because=f"A contract is broken in {sum(pooled):.0f} of {len(pooled)} replies.",
            )
        )
    return tuple(found)


def _distinct(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(sorted({value for value in values if value}))


def _confounders(
    record: RunRecord,
    target: RunTarget,
    baseline: Baseline | None,
    known: Comparable,
    samples: Sequence[Sample],
    stale: str | None,
) -> tuple[str, ...]:
    said = [stale] if stale else []
    if record.end and record.end.stopped:
        said.append(f"The run stopped early: {record.end.stopped}.")
    if baseline is not None:
        said.extend(_identity_changes(record, baseline))
        said.extend(_provider_changes(known, samples))
    if known.changed:
        said.append(
            f"{_cases(known.changed)} changed since the baseline was accepted, so no comparison was made there."
        )
    gone = sorted(set(baseline.cases) - {case.id for case in record.manifest.suite.cases}) if baseline else []
    if gone:
        said.append(
            f"In the baseline and not in this run: {', '.join(gone[:3])}{' and more' if len(gone) > 3 else ''}."
        )
    if baseline is not None and known.unknown:
        said.append(f"{_cases(known.unknown)} {_are(known.unknown)} not in the baseline yet.")
    if known.few_nights:
        said.append(
            f"{_cases(known.few_nights)} {_are(known.few_nights)} still learning: too few accepted nights to be compared."
        )
    if not target.latency_at_transport:
        said.append("Latency includes waiting inside the client library.")
    return tuple(said)


def _identity_changes(record: RunRecord, baseline: Baseline) -> list[str]:
    if baseline.encoder == record.manifest.encoder:
        return []
    return [
        f"The encoder changed from {baseline.encoder} to {record.manifest.encoder}; the baseline's replies were encoded again."
    ]


def _provider_changes(known: Comparable, samples: Sequence[Sample]) -> list[str]:
    stored = [s.answer for case in known.cases.values() for s in case.samples if s.answer is not None]
    tonight = [sample.answer for sample in samples if sample.answer is not None]
    said = []
    for name, before, after in (
        ("model served", {a.model_served for a in stored}, {a.model_served for a in tonight}),
        (
            "provider's fingerprint",
            {a.system_fingerprint for a in stored},
            {a.system_fingerprint for a in tonight},
        ),
    ):
        new = sorted(value for value in after - before if value)
        if new and before - {None}:
            said.append(
                f"The {name} is new: {', '.join(new)} (baseline: {', '.join(sorted(v for v in before if v))})."
            )
    return said


def _cases(ids: Sequence[str]) -> str:
    return ", ".join(ids[:3]) + (f" and {len(ids) - 3} more" if len(ids) > 3 else "")


def _are(ids: Sequence[str]) -> str:
    return "is" if len(ids) == 1 else "are"


def _reply_digests(batch: Batch) -> list[list[str]]:
    return [
        [
            case,
            str(sample.number),
            sample.round.value,
            sample.answer.measured_text if sample.answer else "failed",
        ]
        for case, samples in sorted(batch.samples.items())
        for sample in samples
    ]
