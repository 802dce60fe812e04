"""Runs of every kind with their verdicts: what every output for CI has to agree on, hostile ones included."""

from collections.abc import Mapping
from functools import cache

from harness.core.decision import decide
from harness.core.findings import Outcome, Severity
from harness.core.golden_records import AcceptedChange, BaseScore, Gated, GateProblem, PlainRule
from harness.core.policy import Gates, Policy
from harness.core.run import RunRecord
from harness.core.suite import Case, Prompt
from harness.core.verdict import OpenIncident, State, TargetVerdict, Verdict
from tests.support.golden import (
    GOOD,
    PULL,
    TARGET,
    PullRun,
    accepted_runs,
    baseline_of,
    golden_record,
    graded_task,
    said,
    task_answer,
)
from tests.support.hostile import HOSTILE, hostile_night
from tests.support.records import (
    Night,
    drift_record,
    drift_verdict,
    make_finding,
    make_record,
    make_target_verdict,
    make_verdict,
    outage_record,
    outage_verdict,
)

Told = tuple[RunRecord, Verdict]
BASE_TEXT = "You help {{ tier }} customers.\nBe kind.\nNever promise money.\nThe end."
HEAD_TEXT = "You help {{ tier }} customers.\nBe kind.\nThe end."
_IDS = ("refund-policy", "refund-late", "escalation", "greeting")


def prompted(id_: str, text: str) -> Case:
    """Make a task of a prompt file with that text."""
    return graded_task(id_, prompt=Prompt(path="prompts/support.md", text=text, rendered=text))


def golden_regression(answer: str = GOOD) -> Told:
    """A prompt lost a rule: two tasks fail, the merge base's prompt does not, and nobody accepted it."""
    cases = [prompted(id_, HEAD_TEXT) for id_ in _IDS]
    base = [prompted(id_, BASE_TEXT) for id_ in _IDS]
    accepted = baseline_of({case.id: accepted_runs(case, said(0, 12)) for case in base})
    broken, fine = _IDS[:2], _IDS[2:]
    record = golden_record(
        PullRun(
            cases=cases,
            base_cases=base,
            first={**{c: said(3, 3) for c in broken}, **{c: [task_answer(answer)] * 3 for c in fine}},
            further={c: said(5, 5) for c in broken},
            base_prompt={c: said(0, 8) for c in broken},
            reference=accepted,
            proposed=accepted,
            pull=PULL,
        )
    )
    return record, decide(record)


def golden_hostile(evil: str = "\n".join(HOSTILE)) -> Told:
    """Everything in a golden verdict that somebody else can write is hostile."""
    record, verdict = golden_regression(evil)
    (target,) = verdict.targets
    target = target.model_copy(
        update={
            "tasks": tuple(t.model_copy(update={"because": evil}) for t in target.tasks),
            "findings": tuple(f.model_copy(update={"because": evil}) for f in target.findings),
            "accepted": (
                AcceptedChange(case="greeting", by=evil, at=evil, reason=evil, would_be=Outcome.REGRESSED),
            ),
            "gated": (*target.gated, Gated(problem=GateProblem.CONFIG_CHANGED, because=evil, mend=evil)),
            "under_base": BaseScore(cases=(evil,), outcome=Outcome.REGRESSED, regressed=(evil,)),
            "plain": (PlainRule(rule=evil, fails=True, because=evil),),
            "served": (evil,),
            "confounders": (evil,) * 50,
        }
    )
    pull = PULL.model_copy(update={"ref": evil, "changed": (evil, *HOSTILE), "deleted": (evil,)})
    manifest = record.manifest.model_copy(update={"pull": pull, "started_at": evil})
    object.__setattr__(record, "manifest", manifest)
    return record, verdict.model_copy(
        update={"targets": (target,), "headline": evil, "run": evil, "suite": evil, "policy_digest": evil}
    )


def _quiet(**fields: object) -> Told:
    record = make_record()
    verdict = make_verdict(record, make_target_verdict(record, **fields))
    return record, verdict.model_copy(update={"scheduled": True})


def _by_hand() -> Told:
    record, verdict = _quiet()
    return record, verdict.model_copy(update={"scheduled": False})


def _warned() -> Told:
    record = make_record(Night(policy=Policy(gates=Gates(regression="warn"))))
    case = record.manifest.suite.cases[0].id
    target = make_target_verdict(
        record, outcome=Outcome.REGRESSED, confirmed=True, findings=(make_finding(case),)
    )
    return record, make_verdict(record, target, policy=record.manifest.policy)


def _mild() -> Told:
    record = make_record()
    case = record.manifest.suite.cases[0].id
    finding = make_finding(case, severity=Severity.WARN)
    return record, make_verdict(
        record, make_target_verdict(record, outcome=Outcome.REGRESSED, confirmed=True, findings=(finding,))
    )


def _open_incident() -> Told:
    incident = OpenIncident(
        id="canary-sonnet-20261101", opened="2026-11-01", signals=("refusal",), quiet_nights=2
    )
    return _quiet(incident=incident)


def _no_target() -> Told:
    record = make_record()
    return record, make_verdict(record).model_copy(update={"targets": ()})


def _unmeasured_pull() -> Told:
    case = graded_task("refund-policy")
    accepted = baseline_of({case.id: accepted_runs(case, said(0, 12))})
    record = golden_record(
        PullRun(cases=[case], base_cases=[case], first={}, reference=accepted, pull=PULL, stopped="no key")
    )
    return record, decide(record)


@cache
def every_kind() -> Mapping[str, Told]:
    """Build a run of every kind, once for all who tell of it."""
    drift, outage = drift_record(), outage_record()
    return {
        "drift": (drift, drift_verdict(drift)),
        "outage": (outage, outage_verdict(outage)),
        "quiet": _quiet(),
        "quiet, by hand": _by_hand(),
        "learning": _quiet(outcome=Outcome.INCONCLUSIVE, state=State.LEARNING, readings=()),
        "awaiting": _quiet(awaiting_confirmation=True, outcome=Outcome.REGRESSED),
        "cut short": _quiet(cut_short=True),
        "open incident": _open_incident(),
        "gates that warn": _warned(),
        "severity that warns": _mild(),
        "no target": _no_target(),
        "hostile night": hostile_night(),
        "golden regression": golden_regression(),
        "golden, not measured": _unmeasured_pull(),
        "golden, hostile": golden_hostile(),
    }


__all__ = [
    "BASE_TEXT",
    "HEAD_TEXT",
    "TARGET",
    "TargetVerdict",
    "Told",
    "every_kind",
    "golden_hostile",
    "golden_regression",
]
