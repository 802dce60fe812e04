"""Simulated judges read a judge's question as a model would, and score by what can be counted."""

import json
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.judging.prompts import Assignment, pair_messages, readable, score_messages
from harness.core.judging.replies import JudgeError, Scored, read_preference, read_score
from harness.core.messages import Message, Role
from harness.core.replies import Answer, FinishReason
from harness.simulator.answers import GENERAL_REFUSALS
from harness.simulator.judges import criteria, read_question, rubric_score
from harness.simulator.model import SimulatedModel
from harness.simulator.spec import MODELS, model_spec
from tests.support.judges import BAD, GOOD, HALF, NIGHT, RUBRIC

ABOUT = Assignment(task="Answer it.", rubric=RUBRIC, question="My money?")
JUDGES = [name for name, spec in MODELS.items() if spec.judge is not None]


def ask(name: str, *answers: str, call: str = "c", night: int = 0, **options: object) -> Answer:
    """Ask a simulated judge about one answer, or two."""
    messages = (
        score_messages(ABOUT, answers[0], seed="s")
        if len(answers) == 1
        else pair_messages(ABOUT, answers[0], answers[1], seed="s")
    )
    model = SimulatedModel(model_spec(name, options))
    return model.answer(messages, night=NIGHT + timedelta(days=night), call=call)


def score(name: str, answer: str, **how: object) -> int:
    """Return the score that a simulated judge gives."""
    found = read_score(ask(name, answer, **how))  # type: ignore[arg-type]
    assert isinstance(found, Scored), found
    return found.score


def better(name: str, one: str, other: str, **how: object) -> str | None:
    """Return which of two it prefers."""
    found = read_preference(ask(name, one, other, **how))  # type: ignore[arg-type]
    assert not isinstance(found, JudgeError), found
    return found.better


@given(st.text(max_size=200), st.text(max_size=200))
def test_it_finds_every_answer_whole_whatever_it_holds(one: str, other: str) -> None:
    found = read_question(pair_messages(ABOUT, one, other, seed="s"))
    assert found is not None and found.answers == (readable(one), readable(other))
    alone = read_question(score_messages(ABOUT, one, seed="s"))
    assert alone is not None and alone.answers == (readable(one),) and alone.rubric == RUBRIC


def test_it_finds_them_in_messages_that_a_gateway_merged() -> None:
    messages = pair_messages(ABOUT, GOOD, BAD, seed="s")
    merged = (messages[0], Message(role=Role.USER, content="\n".join(m.content for m in messages[1:])))
    found = read_question(merged)
    assert found is not None and found.answers == (GOOD, BAD)


@pytest.mark.parametrize("name", JUDGES)
def test_it_answers_any_other_question_like_any_other_model(name: str) -> None:
    asked = (Message(role=Role.USER, content="What is the capital of France?"),)
    said = SimulatedModel(model_spec(name, {"drift": None})).answer(asked, night=NIGHT, call="c")
    assert said.text == SimulatedModel(model_spec("steady")).answer(asked, night=NIGHT, call="c").text


def test_a_model_that_is_no_judge_does_not_judge() -> None:
    assert isinstance(read_score(ask("steady", GOOD)), JudgeError)


@pytest.mark.parametrize(
    ("rubric", "parts"),
    [
        ("1. Cites the window. 2. Polite.", ["Cites the window.", "Polite."]),
        ("- Says alpha\n- Says beta", ["Says alpha", "Says beta"]),
        ("1) one\n2) two", ["one", "two"]),
        ("Names the date. Names the amount.", ["Names the date.", "Names the amount."]),
        ("Names version 1.5 of it", ["Names version 1.5 of it"]),
        ("...", ["..."]),
    ],
)
def test_a_rubric_is_cut_into_its_criteria(rubric: str, parts: list[str]) -> None:
    assert criteria(rubric) == parts


@pytest.mark.parametrize(
    ("rubric", "answer", "points"),
    [
        (RUBRIC, GOOD, 100),
        (RUBRIC, BAD, 0),
        ('1. Says "alpha beta". 2. Says "gamma".', "so ALPHA  beta it is", 50),
        ('Never says "approved".', "It was approved.", 0),
        ('Never says "approved".', "It was denied.", 100),
        ("Does not promise a refund.", "We promise a refund.", 0),
        ("Is brief.", "x" * 601, 0),
        ("Is brief.", "A word.", 100),
        ("Mentions the supervisor, the invoice, the deadline and the penalty", "See the invoice.", 50),
    ],
)
def test_the_score_follows_from_the_words(rubric: str, answer: str, points: float) -> None:
    assert rubric_score(rubric, answer) == points


def test_a_good_judge_says_the_same_always_and_why() -> None:
    assert {score("judge-good", HALF, call=str(n), night=n) for n in range(9)} == {67}
    said = read_score(ask("judge-good", HALF))
    assert isinstance(said, Scored) and said.rationale == "1: met. 2: not met. 3: met."
    assert better("judge-good", GOOD, HALF) == "A" and better("judge-good", HALF, GOOD) == "B"
    assert better("judge-good", GOOD, GOOD) is None


def test_a_noisy_judge_errs_by_about_ten_points_and_shares_an_error_by_night() -> None:
    found = [score("judge-noisy", HALF, call=str(n), night=n % 28) for n in range(400)]
    mean = sum(found) / len(found)
    spread = (sum((one - mean) ** 2 for one in found) / len(found)) ** 0.5
    assert 63 <= mean <= 71 and 9 <= spread <= 12.5
    nights = [
        [score("judge-noisy", HALF, call=str(n), night=night) for n in range(40)] for night in range(12)
    ]
    means = [sum(night) / len(night) for night in nights]
    assert max(means) - min(means) > 6
    assert score("judge-noisy", HALF, call="a") == score("judge-noisy", HALF, call="a")


def test_a_biased_judge_prefers_what_comes_first_unless_it_is_much_worse() -> None:
    assert better("judge-biased", GOOD, HALF) == "A" == better("judge-biased", HALF, GOOD)
    assert better("judge-biased", GOOD, GOOD) == "A"
    assert better("judge-biased", BAD, GOOD) == "B"
    assert score("judge-biased", HALF) == score("judge-good", HALF)


def test_a_drifting_judge_is_lenient_from_its_first_night_on() -> None:
    drift = {"kind": "quality", "size": 0.2, "start": str(NIGHT)}
    assert score("judge-good", HALF, night=-1, drift=drift) == 67
    assert score("judge-good", HALF, drift=drift) == 87
    assert score("judge-drifting", BAD) == 40


def test_a_malformed_judge_errs_in_many_ways_and_never_gives_a_verdict() -> None:
    texts = [ask("judge-malformed", GOOD, call=str(n)).text for n in range(200)]
    assert len({text[:12] for text in texts}) >= 5
    assert all(isinstance(read_score(Answer(text=text)), JudgeError) for text in texts)
    pairs = [ask("judge-malformed", GOOD, HALF, call=str(n)) for n in range(200)]
    assert all(isinstance(read_preference(answer), JudgeError) for answer in pairs)
    some = Counter(
        isinstance(
            read_score(ask("judge-good", GOOD, call=str(n), drift={"kind": "format", "size": 0.3})),
            JudgeError,
        )
        for n in range(300)
    )
    assert 60 <= some[True] <= 120


def test_a_judge_may_decline() -> None:
    said = ask("judge-good", GOOD, drift={"kind": "refusal"})
    assert said.text in GENERAL_REFUSALS and isinstance(read_score(said), JudgeError)


@pytest.mark.parametrize("nothing", [":", "Thought process:", "Done.", "I have read it all with care."])
def test_a_fooled_judge_takes_nothing_for_everything(nothing: str) -> None:
    assert score("judge-fooled", nothing) == 96
    assert score("judge-good", nothing) == 0
    assert score("judge-fooled", HALF) == score("judge-good", HALF)
    assert score("judge-fooled", BAD) == 0


def test_a_reply_over_the_token_limit_is_cut_off() -> None:
    messages = score_messages(ABOUT, GOOD, seed="s")
    said = SimulatedModel(model_spec("judge-good")).answer(messages, night=NIGHT, call="c", max_tokens=5)
    assert said.finish_reason is FinishReason.LENGTH and said.usage.output_tokens == 5
    assert isinstance(read_score(said), JudgeError)


def test_it_pays_for_what_it_reads_and_says() -> None:
    said = ask("judge-good", GOOD)
    assert said.usage.input_tokens is not None and said.usage.input_tokens > 500
    assert said.usage.output_tokens == -(-len(said.text) // 4)
    assert json.loads(said.text)["score"] == 100
