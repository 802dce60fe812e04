"""A suite against itself: the accepted nights, or more of those that ran, held out one after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.core.baseline_state import knowledge
from harness.core.batch import Baseline, CaseBaseline
from harness.core.detection.self_test import FEWEST_TO_HOLD_OUT, About, self_test
from harness.core.measures import Comparison, MeasuredCase, Vectors, measure_stored, measurer
from harness.core.policy import Policy
from harness.core.run import RunTarget
from harness.core.self_test import SelfTest
from harness.core.signals import all_signals
from harness.core.suite import Case
from harness.core.verdict import BaselineState
from harness.errors import MeasurementError, MissingBaseline
from harness.flows.baseline_change import Decided, identity_in, same_question, stored_samples
from harness.ports import BaselineStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One target's gate: what it compares with, and what it asks."""

    suite: str
    target: RunTarget
    cases: Sequence[Case]
    policy: Policy
    baseline: Baseline

    @property
    def name(self) -> str:
        """Return suite and target."""
        return f"{self.suite}/{self.target.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnNights:
    """The nights of a gate that can be held against each other."""

    cases: Mapping[str, CaseBaseline]
    nights: int
    """Nights of the baseline that the gate compares with."""

    def texts(self) -> dict[str, str]:
        """Return every text by its digest; what is kept as a digest has none."""
        return {
            sample.text_digest: sample.answer.measured_text
            for case in self.cases.values()
            for sample in case.samples
            if sample.answer is not None
        }


def own_nights(gate: Gate, ran: Sequence[Decided] = ()) -> OwnNights:
    """Return the nights that the gate's baseline holds, and those of `ran` that it does not.

    Raises MissingBaseline where the baseline is one of other questions, and MeasurementError where its nights
    are too few, or were all taken in one evening.
    """
    known = knowledge(gate.cases, gate.target, gate.baseline, gate.policy)
    if known.baseline is not BaselineState.PRESENT:
        raise MissingBaseline(
            f"{gate.name}: the baseline is of other questions, so its gate cannot be tested; "
            f"calibrate anew: drift calibrate {gate.suite} --from-runs last:14"
        )
    judged = known.judged or known.comparable.cases
    cases = {case.id: _grown(case, judged[case.id], gate, ran) for case in gate.cases if case.id in judged}
    counts = sorted(len(case.nights()) for case in judged.values())
    found = sorted(len(case.nights()) for case in cases.values())
    if known.burst or found[len(found) // 2] < FEWEST_TO_HOLD_OUT:
        there = "all were taken in one evening" if known.burst else f"there are {found[len(found) // 2]}"
        raise MeasurementError(
            f"{gate.name}: a gate is tested on {FEWEST_TO_HOLD_OUT} nights or more, and {there}; "
            f"gather more: drift check {gate.suite} --scheduled, then drift calibrate {gate.suite} --from-runs last:14"
        )
    return OwnNights(cases=cases, nights=counts[len(counts) // 2])


def _grown(case: Case, known: CaseBaseline, gate: Gate, ran: Sequence[Decided]) -> CaseBaseline:
    """Add the nights that ran and that the baseline does not hold; a digest has no text to measure beside them."""
    if any(sample.answer is None for sample in known.samples):
        return known
    held = {sample.night for sample in known.samples}
    added = [
        sample
        for run in ran
        if run.record.manifest.night not in held
        and same_question(identity_in(run.record, case.id, gate.target.name), known.identity)
        for sample in stored_samples(case, run.record, gate.target.name, burst=False, digests_only=False)
    ]
    return known.model_copy(update={"samples": (*known.samples, *added)}) if added else known


def tested_against_itself(gate: Gate, nights: OwnNights, vectors: Vectors) -> SelfTest:
    """Hold the nights out against each other. Deterministic. Raises MeasurementError where nothing was measured."""
    asked = {case.id: case for case in gate.cases}
    comparison = Comparison(
        target=gate.target.name,
        cases=tuple(
            MeasuredCase(
                case=asked[case_id],
                reference=measure_stored(asked[case_id], case.samples, measurer(asked[case_id])),
                candidate=(),
            )
            for case_id, case in nights.cases.items()
        ),
        vectors=vectors,
    )
    samples = gate.baseline.samples_digest
    about = About(samples=samples, floor_nights=nights.nights, policy=gate.policy)
    found = self_test(all_signals(), comparison, about, np.random.default_rng(int(samples[:16], 16)))
    if found is None:
        raise MeasurementError(
            f"{gate.name}: the cases share too few nights to hold any out; "
            f"promote more: drift calibrate {gate.suite} --from-runs last:14"
        )
    return found


def keep_self_test(store: BaselineStore, gate: Gate, found: SelfTest) -> bool:
    """Write a self-test beside its baseline, unless that has changed since; say whether anything was written."""
    with store.locked():
        now = store.load(gate.baseline.suite, gate.baseline.target)
        if now is None or now.samples_digest != found.samples:
            return False
        return store.save(now.model_copy(update={"self_test": found}))
