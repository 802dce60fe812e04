"""The evidence of one golden task: which rule broke, what was said, what it took, and what a judge made of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median

from harness.core.batch import CaseBaseline, Sample
from harness.core.canonical import canonical_json
from harness.core.conversation import opening
from harness.core.expect import Check, ExpectedRefusal
from harness.core.golden_records import TaskReading
from harness.core.graders import Grade, compile_graders
from harness.core.graders.grade import quote
from harness.core.judging.records import (
    Judged,
)
from harness.core.messages import Message, Role, Said, ToolCall, ToolResult
from harness.core.plan import Round
from harness.core.replies import Answer, Transcript
from harness.core.run import RunTarget
from harness.core.suite import Case
from harness.reporting.budget import PageBudget
from harness.reporting.counting import many
from harness.reporting.escape import one_line
from harness.reporting.evidence import detail_of
from harness.reporting.golden_opinions import judge_note, opinions_of
from harness.reporting.golden_words import failed_text, p_text
from harness.reporting.marks import CaseEvidence, gather
from harness.reporting.model import (
    Detail,
    Excerpt,
    Mark,
    Prose,
    RuleRow,
    RunsRow,
    SampleGrid,
)
from harness.reporting.model import Said as SaidLine
from harness.reporting.wording import chance, prose, strong

RULES_SHOWN = 20
TURNS_SHOWN = 40
_TURN_BYTES = 4_000
_NOTHING = SampleGrid(reference=(), candidate=())


def golden_evidence(
    case: Case, known: CaseBaseline | None, samples: Sequence[Sample], planned: int
) -> CaseEvidence:
    """Measure and mark both sides of a task by its rules; runs with the merge base's prompt are on neither."""
    own = [sample for sample in samples if sample.round is not Round.BASE_PROMPT]
    return replace(gather(case, "task", known, own, planned), now="now")


def golden_detail(
    evidence: CaseEvidence,
    reading: TaskReading,
    target: RunTarget,
    samples: Sequence[Sample],
    judged: Judged | None,
    budget: PageBudget,
) -> Detail:
    """Gather what a reader needs to decide on a task."""
    case = evidence.case
    own = [sample for sample in samples if sample.round is not Round.BASE_PROMPT]
    base = [sample.answer for sample in samples if sample.round is Round.BASE_PROMPT and sample.answer]
    found = detail_of(evidence, (), target, own, budget)
    shown = _shown(evidence, own)
    opinions = tuple(opinions_of(case, judged, shown, own, budget))
    return replace(
        found,
        sure=tuple(_how_sure(reading)),
        why_kept=one_line(case.purpose, 600),
        nights=_NOTHING,
        request=(),
        rules=tuple(rule_rows(evidence, base)),
        runs=tuple(_runs(evidence, reading, base)),
        opinions=opinions,
        judge_note=judge_note(case, judged, opinions),
        conversation=tuple(_conversation(case, shown, budget)),
    )


def _how_sure(reading: TaskReading) -> Iterator[Prose]:
    if reading.escalated:
        yield prose(
            f"It failed or went over a gate at first, so it was run {many(reading.runs, 'time')} before it was called."
        )
    p_value = reading.adjusted_p_value if reading.adjusted_p_value is not None else reading.p_value
    if p_value is not None and reading.failed and reading.reference_runs:
        yield prose(
            f"{reading.failed} of {reading.runs} runs failed, and {reading.reference_failed} of {reading.reference_runs} "
            "accepted ones. Had nothing changed, as many would fail ",
            strong(chance(p_value)),
            f" ({p_text(p_value)}, all tasks considered).",
        )
    if reading.base_runs:
        yield prose(
            f"With the merge base's prompt, asked in this very run, {reading.base_failed} of {reading.base_runs} failed."
        )
    if reading.visible is not None:
        yield prose(
            f"So many runs would have shown a rise of {100 * reading.visible:.0f} points eight times in ten."
        )


def rule_rows(evidence: CaseEvidence, base: Sequence[Answer]) -> Iterator[RuleRow]:
    """Count for every rule of a task how many runs of each side keep it; what broke more often comes first."""
    case = evidence.case
    grading = compile_graders(case)
    sides = [
        [grading(said.answer) for said in side if said.answer is not None]
        for side in (evidence.reference, evidence.candidate)
    ]
    tables = [_by_rule(graded) for graded in (*sides, [grading(answer) for answer in base])]
    names = dict.fromkeys(key for table in tables for key in table)
    titles = _titles(case)
    rows = []
    for key in names:
        before, after, between = (table.get(key, ()) for table in tables)
        broken = next((grade for grade in after if not grade.holds), None)
        worse = broken is not None and _share(after) < _share(before)
        grader, place = key
        title = titles.get(grader, ())
        rows.append(
            RuleRow(
                name=one_line(title[place] if place < len(title) else grader, 200),
                reference=_kept(before),
                candidate=_kept(after),
                base_prompt=_kept(between) if base else "",
                broken=worse,
                because=one_line(broken.because, 300) if broken is not None else "",
            )
        )
    rows.sort(key=lambda row: (not row.broken, not row.because))
    yield from rows[:RULES_SHOWN]


def _by_rule(graded: Sequence[tuple[Grade, ...]]) -> Mapping[tuple[str, int], Sequence[Grade]]:
    """Sort grades by rule: a grader says one of each of its rules, in their order."""
    table: dict[tuple[str, int], list[Grade]] = {}
    for grades in graded:
        counted: dict[str, int] = {}
        for grade in grades:
            place = counted.get(grade.grader, 0)
            counted[grade.grader] = place + 1
            table.setdefault((grade.grader, place), []).append(grade)
    return table


def _share(grades: Sequence[Grade]) -> float:
    return sum(grade.holds for grade in grades) / len(grades) if grades else 1.0


def _kept(grades: Sequence[Grade]) -> str:
    return f"{sum(grade.holds for grade in grades)}/{len(grades)}" if grades else "none"


def _titles(case: Case) -> Mapping[str, Sequence[str]]:
    """Name the rules of a task as it states them, by grader and in the grader's order."""
    expect = case.expect
    calls = expect.calls
    listed = ", ".join(item.name for item in calls.items) if calls is not None else ""
    length = expect.length
    return {
        "conversation": ["the conversation goes on to its last turn"],
        "text": [said for check in expect.checks if check.path is None for said in _said_of(check)],
        "json_path": [
            f"{check.path} {' and '.join(_said_of(check))}"
            for check in expect.checks
            if check.path is not None
        ],
        "json_schema": ["follows its JSON schema"],
        "tool_calls": [f"calls, {calls.mode.value}: {listed or 'none'}" if calls is not None else "calls"],
        "length": [
            f"{length.min} to {length.max or 'any number of'} characters" if length is not None else "length"
        ],
        "refusal": [
            "declines" if expect.refusal is ExpectedRefusal.REFUSE else "answers, and does not decline"
        ],
    }


def _said_of(check: Check) -> list[str]:
    """Write the rules of a check in the order in which a grader applies them."""
    order = ("equals", "contains", "matches", "not_equals", "not_contains", "not_matches", "min", "max")
    given = [name for name in order if name in check.model_fields_set]
    return [
        f"{name.replace('_', ' ')} {quote(value) if isinstance(value := getattr(check, name), str) else canonical_json(value)}"
        for name in given
    ]


def _runs(evidence: CaseEvidence, reading: TaskReading, base: Sequence[Answer]) -> Iterator[RunsRow]:
    judge = reading.judge
    sides = (
        (
            "Accepted runs",
            reading.reference_failed,
            reading.reference_runs,
            [s.answer for s in evidence.reference],
        ),
        ("With the merge base's prompt", reading.base_failed, reading.base_runs, list(base)),
        ("Now", reading.failed, reading.runs, [s.answer for s in evidence.candidate]),
    )
    for name, failed, runs, answers in sides:
        if runs or name == "Now":
            known = [answer for answer in answers if answer is not None]
            points = "" if judge is None else f"{judge.candidate if name == 'Now' else judge.reference:.0f}"
            yield RunsRow(
                name=name,
                failed=failed_text(failed, runs),
                latency=_median([answer.latency_ms for answer in known], "ms"),
                tokens=_median([answer.usage.output_tokens for answer in known], ""),
                judge="" if name.startswith("With") else points,
            )


def _median(values: Sequence[float | None], unit: str) -> str:
    known = [value for value in values if value is not None]
    return f"{median(known):,.0f} {unit}".strip() if known else ""


def _shown(evidence: CaseEvidence, samples: Sequence[Sample]) -> Sample | None:
    """Choose the run to be shown: the first that fails, else the first that answered."""
    answered = [sample for sample in samples if sample.answer is not None]
    failing = (
        sample for sample, said in zip(answered, evidence.candidate, strict=True) if said.mark is Mark.FAILED
    )
    return next(failing, answered[0] if answered else None)


def _conversation(case: Case, sample: Sample | None, budget: PageBudget) -> Iterator[SaidLine]:
    """Tell one run from its prompt to its last answer, with every call and what it gave."""
    turns = sample.reply.turns if sample is not None and isinstance(sample.reply, Transcript) else ()
    first = turns[0].said if turns and turns[0].said else opening(case)
    lines = [*_heard(first)]
    for place, turn in enumerate(turns):
        if place:
            lines += _heard(turn.said)
        if turn.answer.text or not turn.answer.tool_calls:
            lines.append(("answers", turn.answer.text or "(nothing)"))
        lines += [("calls", _call(call)) for call in turn.answer.tool_calls]
    for role, text in lines[:TURNS_SHOWN]:
        yield SaidLine(role=role, text=budget.excerpt(text, most=_TURN_BYTES))
    left = len(lines) - TURNS_SHOWN
    if left > 0:
        yield SaidLine(role="…", text=Excerpt(text=f"{many(left, 'more line')} not shown"))
    not_called = sample.answer.not_called if sample is not None and sample.answer is not None else None
    if not_called is not None:
        said = f"{one_line(not_called, 80)} was not called, so the conversation ended here."
        yield SaidLine(role="ended", text=Excerpt(text=said))


def _heard(said: Sequence[Said]) -> Iterator[tuple[str, str]]:
    """Read what was sent; what the model is reminded of has been shown as its answer."""
    for one in said:
        if isinstance(one, Message) and one.role is not Role.ASSISTANT:
            yield ("prompt" if one.role is Role.SYSTEM else one.role.value), one.content
        elif isinstance(one, ToolResult):
            yield "result", f"{one.name} → {one.content}"


def _call(call: ToolCall) -> str:
    arguments = call.raw if call.arguments is None else canonical_json(call.arguments)
    return f"{call.name}({arguments})"
