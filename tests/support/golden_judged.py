"""A golden run in which everything that a stranger can write is hostile, and a judge's words."""

from dataclasses import replace

from harness.core.canonical import text_digest
from harness.core.decision import decide
from harness.core.judging.records import (
    JudgeCalls,
    Judged,
    JudgedCase,
    JudgedOrder,
    JudgedPair,
    JudgedText,
    PairOutcome,
    Side,
    Standing,
)
from harness.core.messages import ToolCall
from harness.core.run import PullRequest, RunRecord
from harness.core.suite import Prompt
from harness.core.verdict import Verdict
from tests.support.golden import (
    GOOD,
    PullRun,
    acceptance,
    accepted_runs,
    baseline_of,
    golden_record,
    graded_task,
    said,
    task_answer,
)
from tests.support.hostile import HOSTILE

_TASKS = tuple(graded_task(f"task-{n}") for n in range(6))


def judged(case: str, answer: str) -> Judged:
    """Judge one answer worse than the reference, in both orders."""
    pair = JudgedPair(
        outcome=PairOutcome.WORSE,
        orders=tuple(
            JudgedOrder(first=side, preferred=Side.REFERENCE, rationale=f"It promises money ({side}).")
            for side in (Side.CANDIDATE, Side.REFERENCE)
        ),
    )
    text_ = JudgedText(
        digest=text_digest(answer), standing=Standing.JUDGED, score=30, rationale="No window.", pair=pair
    )
    reference = JudgedText(digest=text_digest(GOOD), standing=Standing.JUDGED, score=90, rationale="Right.")
    return Judged(
        ruler="r" * 64,
        target="judge",
        both_orders=True,
        cases=(JudgedCase(case=case, reference=reference, candidates=(text_,)),),
        calls=JudgeCalls(questions=4, reused=0, asked_again=0, errors=0),
    )


def hostile_run() -> tuple[RunRecord, Verdict]:
    """Let everything that a stranger can write be hostile."""
    evil = "\n".join(HOSTILE).encode("utf-8", "replace").decode()  # half a character is no text in a file
    old = {case.id: accepted_runs(case, said(0, 12)) for case in _TASKS}
    prompt = Prompt(path="prompts/<b>.md", text=evil, rendered=evil)
    cases = tuple(
        case.model_copy(
            update={"prompt": prompt, "owner": HOSTILE[2] + HOSTILE[11], "rubric": f"{evil} and be polite."}
        )
        for case in _TASKS
    )
    base = tuple(
        case.model_copy(update={"prompt": prompt.model_copy(update={"text": "x\n" + evil + "\ny"})})
        for case in cases
    )
    bad = task_answer(f"{evil} approved").model_copy(
        update={
            "tool_calls": (ToolCall(name="<b>x</b>", arguments={"<k>": evil}),),
            "model_served": HOSTILE[2],
        }
    )
    new = {case.id: accepted_runs(case, said(0, 12), run="new") for case in cases}
    signed = acceptance(*new, reason=evil).model_copy(update={"by": HOSTILE[0] + HOSTILE[11]})
    run = PullRun(
        cases=cases,
        first={**{case.id: said(0, 3) for case in _TASKS}, "task-2": [bad] * 3},
        further={"task-2": [bad] * 5},
        base_prompt={"task-2": said(0, 8)},
        reference=baseline_of(old),
        proposed=baseline_of(new, acceptance(*old), signed),
        base_cases=base,
        pull=PullRequest(
            ref=HOSTILE[4],
            base="0" * 40,
            changed=(HOSTILE[0], HOSTILE[11]),
            config_changed=(HOSTILE[2],),
            deleted=("gone",),
        ),
        stopped=evil,
    )
    record = golden_record(run)
    said_ = judged("task-2", bad.measured_text)
    evil_text = said_.cases[0].candidates[0].model_copy(update={"rationale": evil})
    evil_case = said_.cases[0].model_copy(update={"candidates": (evil_text,)})
    record = replace(
        record, judged={"steady": said_.model_copy(update={"cases": (evil_case,), "void": evil})}
    )
    return record, decide(record)
