"""Nights in memory, as they lie in their run folders, and what was decided of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.core.batch import Baseline
from harness.core.findings import Outcome
from harness.core.replies import Answer, Failure
from harness.core.run import RunKind
from harness.core.suite import Case
from harness.flows.baseline_change import Decided, Signature
from tests.support.records import (
    Night,
    make_answer,
    make_cases,
    make_failure,
    make_finding,
    make_record,
    make_target_verdict,
    make_verdict,
)

CASES = make_cases(6)
SIGNED = Signature(by="Maintainer", at="2026-11-21T08:00:00+00:00", reason="Quiet nights, as they came.")
SHOWN = "5f1c2e90" * 8


def a_night(
    date: str,
    *,
    cases: Sequence[Case] = CASES,
    hour: int = 3,
    scheduled: bool = True,
    stopped: str | None = None,
    finished: bool = True,
    kind: RunKind = RunKind.CHECK,
    silent: Sequence[str] = (),
    confirm: Sequence[str] = (),
    reference: Baseline | None = None,
    **verdict: object,
) -> Decided:
    """Make a night as it lies in its run folder, and what was decided of it."""

    def answers(case: str, target: str, night: int, sample: int) -> Answer | Failure:
        if case in silent:
            return make_failure()
        return make_answer(f"{case} on {date}, sample {sample}, {'first' if night == -1 else 'again'}")

    record = make_record(
        Night(cases=cases, answers=answers, nights=0, stopped=stopped, finished=finished, confirm=confirm)
    )
    run = f"{date.replace('-', '')}T{hour:02d}0000Z-canary-0001"
    manifest = record.manifest.model_copy(
        update={"night": date, "run": run, "scheduled": scheduled, "kind": kind}
    )
    batches = {
        name: batch.model_copy(update={"night": date, "run": run}) for name, batch in record.batches.items()
    }
    references = {"sonnet": reference} if reference is not None else {}
    record = replace(record, manifest=manifest, batches=batches, references=references)
    known: dict[str, object] = {"accepted_at": reference.acceptances[-1].at if reference else None}
    target = make_target_verdict(record, "sonnet", **{**known, **verdict})
    return Decided(record=record, verdict=make_verdict(record, target, shown=SHOWN, run=run, night=date))


def drifted(*case_ids: str) -> Mapping[str, object]:
    """What is decided of a night that drifted: over the suite, and in the cases named."""
    findings = (make_finding(None), *(make_finding(case_id) for case_id in case_ids))
    return {"outcome": Outcome.REGRESSED, "findings": findings}


def dates(count: int, first: int = 1) -> list[str]:
    """Name so many dates, one after the other."""
    return [f"2026-11-{first + place:02d}" for place in range(count)]
