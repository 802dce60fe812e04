"""The built-in golden tasks hold for what the simulated model says, and fail without any one rule of their prompts."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from harness.core.conversation import EndedEarly, following, opening, turn_count
from harness.core.expect import CallMode, ExpectedRefusal
from harness.core.graders import compile_graders
from harness.core.graders.refusal import Refusal, classify_refusal
from harness.core.messages import Said
from harness.core.plan import make_plan, next_request
from harness.core.replies import Answer, Transcript, Turn
from harness.core.suite import Case, Prompt, Target, TaskSeverity, ToolTurn
from harness.edges.files.suites import load_suite
from harness.edges.templates import render_prompt
from harness.simulator.answers import AnswerCase, Rule, Wording, builtin_answers, read_answers
from harness.simulator.judges import rubric_score
from harness.simulator.model import SimulatedModel
from harness.simulator.spec import model_spec
from tests.test_canaries import SECRETS

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "golden"
DATA = ROOT / "harness/simulator/data/golden.json"
PROMPTS = ("prompts/reviewer.md", "prompts/support.md")
NIGHT = date(2026, 11, 21)
SAMPLES = 5

TASKS = {case.id: case for case in load_suite("golden", FOLDER, root=ROOT).cases}
BOOK = builtin_answers()
FILE = read_answers(DATA.read_text("utf-8"), DATA.name)
STEADY = SimulatedModel(model_spec("steady"))

Speaker = Callable[[int, tuple[Said, ...]], Answer]
"""Answers a turn, by its number and all that was said."""


def said_by(model: SimulatedModel, case: Case, sample: int = 0) -> Speaker:
    return lambda turn, said: model.answer(said, case.tools, night=NIGHT, call=f"{case.id}:{sample}:{turn}")


def hold(case: Case, speak: Speaker) -> Transcript:
    said, turns = opening(case), []
    for turn in range(turn_count(case)):
        answer = speak(turn, said)
        turns.append(Turn(said=said, answer=answer))
        if turn + 1 == turn_count(case):
            break
        follows = following(case, said, answer, turn)
        if isinstance(follows, EndedEarly):
            return Transcript(turns=tuple(turns), not_called=follows.tool)
        said = follows
    return Transcript(turns=tuple(turns))


def failures(case: Case, held: Transcript) -> list[str]:
    return [grade.because for grade in compile_graders(case)(held.answer) if not grade.holds]


def usual(case: Case) -> list[AnswerCase]:
    """Return what the simulator knows to say, turn after turn."""
    found: list[AnswerCase] = []

    def speak(turn: int, said: tuple[Said, ...]) -> Answer:
        known = BOOK.case_for(said[-1].content)
        assert known is not None, f"{case.id}, turn {turn + 1}: nobody wrote answers to {said[-1].content!r}"
        found.append(known)
        return said_by(STEADY, case)(turn, said)

    hold(case, speak)
    assert len(found) == turn_count(case)
    return found


def failures_with(case: Case, turn: int, wording: Wording) -> list[str]:
    """Return what fails where one turn is worded so, and the others as usual."""
    given = Answer(text=wording.text, tool_calls=wording.tool_calls)
    model = said_by(STEADY, case)
    return failures(case, hold(case, lambda at, said: given if at == turn else model(at, said)))


def ends_ungraded(case: Case, turn: int) -> bool:
    """Say whether a turn is followed by what the user says: of its answer only the calls are graded."""
    return turn + 1 < turn_count(case) and not isinstance(_turns(case)[turn + 1], ToolTurn)


def _turns(case: Case) -> Sequence[object]:
    assert case.input is not None
    return case.input.turns


def text_of(prompt: str) -> str:
    return (ROOT / prompt).read_text("utf-8")


def rule_lines(prompt: str) -> list[str]:
    return [line for line in text_of(prompt).splitlines() if re.match(r"\d+\. ", line)]


def with_prompt(case: Case, text: str) -> Case:
    """Return a task with another text in its prompt file."""
    assert case.prompt is not None
    assert case.input is not None
    rendered = render_prompt(text, case.input.vars, file=case.prompt.path)
    prompt = Prompt(path=case.prompt.path, text=text, rendered=rendered)
    return case.model_copy(update={"prompt": prompt})


def tasks_of(prompt: str) -> Iterator[Case]:
    return (case for case in TASKS.values() if case.prompt is not None and case.prompt.path == prompt)


def failed_of(case: Case, model: SimulatedModel = STEADY) -> int:
    """Return how many of `SAMPLES` conversations fail a check."""
    return sum(bool(failures(case, hold(case, said_by(model, case, n)))) for n in range(SAMPLES))


def task_of(rule: Rule) -> str:
    return rule.case.partition(".")[0]


EACH_TURN = [
    pytest.param(case, turn, known, id=known.id)
    for case in TASKS.values()
    for turn, known in enumerate(usual(case))
]
EACH_RULE_LINE = [
    pytest.param(prompt, line, id=f"{Path(prompt).stem} {line.partition('.')[0]}")
    for prompt in PROMPTS
    for line in rule_lines(prompt)
]
each_task = pytest.mark.parametrize("case", TASKS.values(), ids=TASKS.keys())
each_turn = pytest.mark.parametrize(("case", "turn", "known"), EACH_TURN)
each_rule_line = pytest.mark.parametrize(("prompt", "line"), EACH_RULE_LINE)


# --- the tasks ------------------------------------------------------------------------------------


def test_there_are_ten_tasks_for_each_prompt() -> None:
    assert Counter(case.prompt.path for case in TASKS.values() if case.prompt) == dict.fromkeys(PROMPTS, 10)


def test_the_suite_shows_what_a_task_can_be() -> None:
    cases = list(TASKS.values())
    assert {case.expect.calls.mode for case in cases if case.expect.calls} == set(CallMode)
    assert {case.expect.refusal for case in cases} == set(ExpectedRefusal)
    assert {case.severity for case in cases} == set(TaskSeverity)
    assert sum(turn_count(case) > 1 for case in cases) >= 6
    assert any(turn_count(case) > 3 for case in cases)
    assert sum(case.rubric is not None for case in cases) >= 3
    assert 3 <= sum(case.always for case in cases) <= 6
    assert sum(case.expect.json_schema is not None for case in cases) >= 3
    assert sum(case.expect.length is not None for case in cases) >= 3


@each_task
def test_a_task_says_whose_it_is_and_why_it_is_there(case: Case) -> None:
    assert case.owner in ("@your-org/support-ai", "@your-org/review-bot")
    assert case.review_by == "2027-02-21"
    assert (FOLDER / f"{case.id}.yaml").read_text("utf-8").startswith("# ")


@each_task
def test_every_task_has_rules_that_can_break(case: Case) -> None:
    empty = Transcript(turns=(Turn(answer=Answer(text="")),))
    assert failures(case, empty)


def test_every_tool_and_schema_file_is_used() -> None:
    texts = [path.read_text("utf-8") for path in FOLDER.glob("*.yaml")]
    named = {name for text in texts for name in re.findall(r"(?:tools|schemas)/\w+\.json", text)}
    assert named == {path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("*/*.json")}


def test_nothing_looks_like_a_secret() -> None:
    files = [*(path for path in FOLDER.rglob("*.*")), *(ROOT / prompt for prompt in PROMPTS), DATA]
    found = [(f.name, hit[0]) for f in files for p in SECRETS for hit in re.finditer(p, f.read_text("utf-8"))]
    assert found == []


# --- what the simulated model says ----------------------------------------------------------------


def test_the_simulator_knows_every_turn_and_no_other() -> None:
    asked = {known.id for case in TASKS.values() for known in usual(case)}
    assert asked == {case.id for case in FILE.cases}
    for case in TASKS.values():
        expected = (
            [case.id] if turn_count(case) == 1 else [f"{case.id}.{n + 1}" for n in range(turn_count(case))]
        )
        assert [known.id for known in usual(case)] == expected


@each_turn
def test_the_repertoire_is_complete(case: Case, turn: int, known: AnswerCase) -> None:
    last = turn + 1 == turn_count(case)
    assert 3 <= len(known.answers) <= 6
    assert len(known.other) >= 2
    assert len(known.refusals) == 2
    assert len(known.wrong) >= 2
    assert len(known.broken) >= (0 if ends_ungraded(case, turn) else 2)
    assert not last or (len(known.answers) >= 4 and len(known.other) >= 3)
    for name in ("answers", "other", "broken", "wrong", *known.variants):
        wordings = known.wordings(name)
        weights = [wording.weight for wording in wordings]
        assert weights == sorted(weights, reverse=True)
        assert not wordings or sum(weights) == pytest.approx(1)
        texts = {Answer(text=one.text, tool_calls=one.tool_calls).measured_text for one in wordings}
        assert len(texts) == len(wordings)


@each_turn
def test_every_usual_answer_passes(case: Case, turn: int, known: AnswerCase) -> None:
    failed = {wording.text: failures_with(case, turn, wording) for wording in known.answers}
    assert {text: because for text, because in failed.items() if because} == {}


@each_turn
def test_usual_calls_fit_the_tools(case: Case, turn: int, known: AnswerCase) -> None:
    schemas = {tool.name: Draft202012Validator(dict(tool.parameters)) for tool in case.tools}
    for wording in known.answers:
        for call in wording.tool_calls:
            assert [error.message for error in schemas[call.name].iter_errors(call.arguments)] == []


@each_turn
def test_every_answer_of_a_drift_or_without_a_rule_fails(case: Case, turn: int, known: AnswerCase) -> None:
    for name in ("broken", "wrong", *known.variants):
        passing = [one.text for one in known.wordings(name) if not failures_with(case, turn, one)]
        assert passing == [], name


@each_turn
def test_every_refusal_reads_as_one_and_fails_where_it_is_graded(
    case: Case, turn: int, known: AnswerCase
) -> None:
    for wording in known.wordings("refusals"):
        assert classify_refusal(wording.text) is Refusal.REFUSED, wording.text
        assert ends_ungraded(case, turn) or failures_with(case, turn, wording), wording.text


@each_task
def test_every_conversation_of_the_usual_model_passes(case: Case) -> None:
    for sample in range(4 * SAMPLES):
        assert failures(case, hold(case, said_by(STEADY, case, sample))) == []


def test_a_conversation_is_held_as_the_plan_holds_it() -> None:
    case = TASKS["support-refund-agreed"]
    target = Target(model="simulated/steady")
    request = make_plan([case], {"steady": target}, samples=1).requests[0]
    held = hold(case, said_by(STEADY, case))
    for turn in held.turns:
        assert request is not None
        assert request.messages == turn.said
        request = next_request(request, turn.answer)
    assert request is None


@pytest.mark.parametrize("kind", ["refusal", "format", "quality"])
@each_task
def test_every_drift_bites_in_every_task(case: Case, kind: str) -> None:
    assert failed_of(case, SimulatedModel(model_spec("steady", {"drift": {"kind": kind}}))) == SAMPLES


def test_another_model_fails_some_tasks_and_not_the_rest() -> None:
    swapped = SimulatedModel(model_spec("swapped"))
    worse = [case.id for case in TASKS.values() if failed_of(case, swapped) > SAMPLES / 2]
    assert 3 <= len(worse) <= 8, worse


@each_task
def test_a_judge_finds_usual_answers_good_and_alike(case: Case) -> None:
    if case.rubric is None:
        return
    scores = [rubric_score(case.rubric, wording.text) for wording in usual(case)[-1].answers]
    assert min(scores) >= 85
    assert all(rubric_score(case.rubric, wording.text) <= max(scores) for wording in usual(case)[-1].wrong)


# --- the rules of the prompts ---------------------------------------------------------------------


@pytest.mark.parametrize("prompt", PROMPTS)
def test_rules_are_numbered_and_take_a_line_each(prompt: str) -> None:
    numbers = [int(line.partition(".")[0]) for line in rule_lines(prompt)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert 10 <= len(numbers) <= 14


def test_what_the_simulator_requires_stands_in_one_rule_each() -> None:
    lines = [line for prompt in PROMPTS for line in rule_lines(prompt)]
    for rule in FILE.rules:
        assert sum(rule.requires in line for line in lines) == 1, rule.requires
        for prompt in PROMPTS:
            elsewhere = text_of(prompt).count(rule.requires) - any(
                rule.requires in line for line in rule_lines(prompt)
            )
            assert elsewhere == 0, rule.requires


def test_every_task_depends_on_a_rule() -> None:
    assert {task_of(rule) for rule in FILE.rules} == TASKS.keys()


@each_rule_line
def test_without_a_rule_one_to_three_tasks_fail_and_the_others_do_not(prompt: str, line: str) -> None:
    shortened = text_of(prompt).replace(f"{line}\n", "")
    assert shortened != text_of(prompt)
    expected = {task_of(rule) for rule in FILE.rules if rule.requires in line}
    assert 1 <= len(expected) <= 3
    failed = {case.id: failed_of(with_prompt(case, shortened)) for case in tasks_of(prompt)}
    assert failed == {id_: SAMPLES if id_ in expected else 0 for id_ in failed}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("## Rules\n", "## Rules\n\nRead all of them before you begin.\n\n"),
        ("\n1. ", "\n\n\n1. "),
        (". ", ".  "),
        ("\n13. ", "\n12. Take your time.\n14. "),
    ],
    ids=["a sentence more", "a blank line", "wider spaces", "numbers and a rule more"],
)
@pytest.mark.parametrize("prompt", PROMPTS)
def test_what_changes_no_rule_changes_nothing(prompt: str, old: str, new: str) -> None:
    edited = text_of(prompt).replace(old, new)
    assert edited != text_of(prompt)
    for case in tasks_of(prompt):
        other = with_prompt(case, edited)
        assert other.prompt is not None
        assert case.prompt is not None
        assert other.prompt.rendered != case.prompt.rendered
        for sample in range(SAMPLES):
            before, after = (hold(one, said_by(STEADY, one, sample)) for one in (case, other))
            assert [t.answer.measured_text for t in before.turns] == [
                t.answer.measured_text for t in after.turns
            ]


def test_the_data_are_written_in_one_way() -> None:
    text = DATA.read_text("utf-8")
    assert text == json.dumps(json.loads(text), ensure_ascii=False, indent=1) + "\n"
