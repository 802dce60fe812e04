"""Judges of the simulator, asked in memory: items in, what they said out."""

from collections.abc import Mapping
from datetime import date

from harness.core.judging.planning import JudgeItem, JudgeOptions, JudgePlan, judge_requests, plan_judging
from harness.core.judging.reading import judged, to_ask_again
from harness.core.judging.records import Judged
from harness.core.replies import Answer, Failure
from harness.core.suite import Target
from harness.simulator.model import SimulatedModel
from harness.simulator.spec import ModelSpec, model_spec

RUBRIC = "1. Cites the 30-day window. 2. Offers the escalation path. 3. Polite."
GOOD = "Thank you for writing. Our window is 30 days; I can escalate this to a supervisor."
HALF = "Thank you for writing. Our window is 30 days."
BAD = "That is how it is, and there is nothing else to be said about the matter, now or at any later time."
NIGHT = date(2026, 11, 21)


def make_item(case: str = "refund", **fields: object) -> JudgeItem:
    """Make an item about a refund: a good reference, and a half-good candidate."""
    known: dict[str, object] = {
        "task": "Answer a refund question inside the policy.",
        "rubric": RUBRIC,
        "question": "I want my money back.",
        "reference": GOOD,
        "candidates": (HALF,),
    }
    return JudgeItem(case=case, **{**known, **fields})  # type: ignore[arg-type]


def make_options(model: str = "judge-good", **fields: object) -> JudgeOptions:
    """Make the options of a run that a simulated model judges."""
    known: dict[str, object] = {
        "run": "20261121T031700Z-golden-9be2",
        "target_name": "grader",
        "target": Target(model=f"simulated/{model}"),
    }
    return JudgeOptions(**{**known, **fields})  # type: ignore[arg-type]


def replies(
    plan: JudgePlan, spec: ModelSpec, *, night: date = NIGHT, ask: int = 0
) -> dict[str, Answer | Failure]:
    """Ask a simulated model every question of a plan."""
    model = SimulatedModel(spec)
    questions = plan.questions if ask == 0 else to_ask_again(plan, replies(plan, spec, night=night))
    return {
        request.key: model.answer(request.messages, night=night, call=request.key, run=plan.options.run)
        for request in judge_requests(plan, questions, ask=ask)
    }


def judged_by(
    model: str | ModelSpec,
    *items: JudgeItem,
    night: date = NIGHT,
    kept: Mapping[str, float] | None = None,
    **fields: object,
) -> Judged:
    """Return what a simulated judge says."""
    spec = model_spec(model) if isinstance(model, str) else model
    options = make_options(spec.name, kept_anchors=kept or {}, **fields)
    plan = plan_judging(items or (make_item(),), options)
    return judged(plan, replies(plan, spec, night=night))
