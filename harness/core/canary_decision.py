"""The verdict of a night: what strayed from the baseline, and whether it was confirmed. Pure."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from harness.core.baseline_state import Knowledge, knowledge
from harness.core.batch import Batch, CaseBaseline
from harness.core.canary_standing import incident_tonight, is_muted, nights_run
from harness.core.confounders import confounders, void_judge
from harness.core.detection import DETECTORS
from harness.core.detection.occasions import Asked, Occasion
from harness.core.detection.question import NightDecision, Question, evening_widening
from harness.core.findings import Finding, Outcome
from harness.core.measures import batch_name, compare_with_baseline, measure_stored, measurer
from harness.core.plain_rules import plain_canary_rules
from harness.core.plan import Round, planned_requests
from harness.core.policy import Policy
from harness.core.provenance import failure_counts, fingerprints, samples_of, served_names
from harness.core.rounds import NextRound
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


def decide_canary(record: RunRecord, target: RunTarget, policy: Policy) -> TargetVerdict:
    """Decide one target of a night."""
    manifest, batch = record.manifest, record.batches.get(target.name)
    cases = manifest.suite.cases
    baseline = record.references.get(target.name)
    stale = record.stale.get(target.name)
    knows = knowledge(cases, target, baseline, policy)
    known, judged = knows.comparable, knows.judged
    baseline_state = BaselineState.STALE if stale else knows.baseline
    first = batch.of_round(Round.FIRST) if batch else None
    coverage = _coverage(record, first, judged)
    decision = _no_decision()
    enough = enough_measured(coverage, policy) and record.end is not None and not record.end.stopped
    if (
        batch is not None
        and enough
        and knows.state is not State.LEARNING
        and baseline_state is BaselineState.PRESENT
    ):
        decision = _compare(record, target, batch, knows, policy)
    shown_only = known.beside - judged.keys()
    deciding = [case for case in cases if case.id not in shown_only]
    broken = _broken_contracts(target.name, record, batch, known.cases, deciding) if batch is not None else ()
    findings = (*broken, *decision.findings)
    measured = enough and void_judge(record, target.name) is None
    outcome = _outcome(findings, decision, enough=measured, state=knows.state, baseline=baseline_state)
    samples = samples_of(batch)
    return TargetVerdict(
        target=target.name,
        outcome=outcome,
        state=knows.state,
        nights=knows.nights,
        nights_run=0 if baseline is not None else nights_run(record, target.name, whole=enough),
        baseline=baseline_state,
        accepted_at=baseline.acceptances[-1].at if baseline and baseline.acceptances else None,
        coverage=coverage,
        confirmed=decision.confirmed,
        awaiting_confirmation=_awaits(
            record, batch, decision, policy, broken=bool(broken), state=knows.state
        ),
        cut_short=record.end is None or bool(record.end.stopped),
        findings=findings,
        readings=decision.readings,
        failures=failure_counts(samples),
        served=served_names(samples),
        fingerprints=fingerprints(samples),
        confounders=confounders(record, target, baseline, known, samples, stale),
        incident=incident_tonight(record, target, outcome),
        muted=is_muted(record, target, findings, outcome, policy),
        plain=plain_canary_rules(deciding, baseline, batch),
        window=tuple(night.night for nights in _earlier(record, target, policy).values() for night in nights),
    )


def next_canary_round(
    record: RunRecord, verdict: Verdict, targets: Sequence[RunTarget], asked: AbstractSet[Round]
) -> NextRound | None:
    """Return the confirmation of what strayed, or None where there is nothing to confirm, or it was asked already."""
    awaiting = {target.target for target in verdict.targets if target.awaiting_confirmation}
    strayed = [target for target in targets if target.name in awaiting]
    if not strayed or not record.manifest.confirm or Round.CONFIRM in asked:
        return None
    manifest = record.manifest
    requests = planned_requests(
        manifest.suite.cases,
        {target.name: target.target for target in strayed},
        samples=manifest.samples,
        round_=Round.CONFIRM,
    )
    names = ", ".join(sorted(target.name for target in strayed))
    return NextRound(
        round=Round.CONFIRM, requests=tuple(requests), why=f"{names} strayed: asking again to confirm"
    )


def _awaits(
    record: RunRecord,
    batch: Batch | None,
    decision: NightDecision,
    policy: Policy,
    *,
    broken: bool,
    state: State,
) -> bool:
    """Say whether a second batch has yet to be asked for, and is going to be.

    A contract asks for one only where it comes at once: no night to come would know what it has to confirm.
    While learning there is nothing else to go by, and nothing to wait for.
    """
    if _was_asked_again(record, batch):
        return False
    if not broken:
        return decision.wants_confirmation
    ran = record.manifest
    # When it was asked, not when another policy would have: deciding again must not make a break wait for ever.
    at_once = ran.confirm and policy.confirm and ran.policy.confirm_after == "now"
    return at_once and state is not State.LEARNING and not decision.confirmed


def _no_decision() -> NightDecision:
    return NightDecision(readings=(), findings=(), wants_confirmation=False, confirmed=None)


def _compare(
    record: RunRecord, target: RunTarget, batch: Batch, knows: Knowledge, policy: Policy
) -> NightDecision:
    cases = [case for case in record.manifest.suite.cases if case.id in knows.judged]
    batches = [batch.of_round(Round.FIRST)]
    if _confirmation_suffices(record, batch, policy):
        batches.append(batch.of_round(Round.CONFIRM))
    occasions = [Occasion.TONIGHT, Occasion.CONFIRM][: len(batches)]
    earlier = _earlier(record, target, policy)
    for occasion, nights in earlier.items():
        batches.extend(night.of_round(Round.FIRST) for night in nights)
        occasions.extend([occasion] * len(nights))
    comparison = compare_with_baseline(target.name, cases, knows.judged, batches, record.vectors)
    question = Question(
        asked=tuple(
            Asked(batch=batch_name(tested), occasion=occasion, samples=_asked_samples(record, tested))
            for tested, occasion in zip(batches, occasions, strict=True)
        ),
        widened=evening_widening(record.manifest.samples) if knows.burst else 1.0,
    )
    return DETECTORS.load("canary")(all_signals(), comparison, question, policy)


def _earlier(record: RunRecord, target: RunTarget, policy: Policy) -> Mapping[Occasion, Sequence[Batch]]:
    """Return the nights before tonight that decide with it."""
    awaited = record.earlier.awaited.get(target.name)
    window = record.earlier.windows.get(target.name, ())[: policy.window_nights - 1]
    return {Occasion.AWAITED: [awaited] if awaited is not None else [], Occasion.EARLIER: window}


def _asked_samples(record: RunRecord, batch: Batch) -> dict[str, int]:
    return {case.id: len(batch.samples.get(case.id, ())) for case in record.manifest.suite.cases}


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
    target: str,
    record: RunRecord,
    batch: Batch,
    known: Mapping[str, CaseBaseline],
    cases: Sequence[Case],
) -> tuple[Finding, ...]:
    """Find the `always` cases that most replies break, and that the confirmation breaks too where there is one.

    Most of the replies planned: one that came back alone out of an outage breaks nothing. What broke in any
    accepted reply is no contract that held; how often it breaks is for the format signal to say.
    """
    found = []
    for case in cases:
        if not case.always:
            continue
        measure = measurer(case)
        accepted = measure_stored(case, known[case.id].samples, measure) if case.id in known else ()
        if any(sample.measures.invalid for sample in accepted):
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
