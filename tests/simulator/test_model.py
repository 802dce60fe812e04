"""The simulated model: determinism, nights, and that each drift moves what it should and nothing else."""

import json
import math
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.messages import Message, Role
from harness.core.replies import Answer, FinishReason
from harness.core.suite import ToolSpec
from harness.errors import UsageError
from harness.simulator.answers import AnswerBook
from harness.simulator.model import SimulatedModel
from harness.simulator.spec import NIGHTS, ModelSpec, model_spec, night_index

FIRST = date(2027, 2, 1)
WEATHER = ToolSpec(
    name="get_weather",
    description="Weather now",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
CAPITAL = "What is the capital of France?"
JSON = "Give the person as JSON."
OSLO = "What is the weather in Oslo?"
LOCK = "How do I open the lock of my own shed?"
REFUND = "I want my money back for order 17, bought 50 days ago."


def user(text: str, system: str | None = None) -> tuple[Message, ...]:
    said = (Message(role=Role.USER, content=text),)
    return said if system is None else (Message(role=Role.SYSTEM, content=system), *said)


def model(book: AnswerBook, name: str = "steady", **options: object) -> SimulatedModel:
    return SimulatedModel(model_spec(name, options), book)


def many(
    of: SimulatedModel,
    question: str = CAPITAL,
    *,
    calls: int = 400,
    night: date = FIRST,
    max_tokens: int | None = None,
    top_logprobs: int | None = None,
) -> list[Answer]:
    messages, tools = user(question), (WEATHER,) if question == OSLO else ()
    return [
        of.answer(
            messages, tools, night=night, call=f"call-{n}", max_tokens=max_tokens, top_logprobs=top_logprobs
        )
        for n in range(calls)
    ]


def share(answers: list[Answer], holds: Callable[[Answer], bool]) -> float:
    return sum(map(holds, answers)) / len(answers)


def changed(before: list[Answer], after: list[Answer]) -> float:
    pairs = zip(before, after, strict=True)
    return sum(a.measured_text != b.measured_text for a, b in pairs) / len(before)


def same_but(answer: Answer, *fields: str) -> dict[str, object]:
    return answer.model_dump(exclude=set(fields))


def test_the_same_call_has_the_same_answer_in_another_process_of_the_same_model(book: AnswerBook) -> None:
    assert many(model(book)) == many(model(book))


@given(st.permutations(range(12)))
@settings(max_examples=20, deadline=None)
def test_the_order_of_calls_does_not_matter(book: AnswerBook, order: list[int]) -> None:
    questions = [CAPITAL, JSON, LOCK, "Nobody wrote answers to this prompt."]
    calls = [(questions[n % 4], FIRST + timedelta(n % 3), f"call-{n}") for n in range(12)]
    ordered, shuffled = model(book), model(book)
    expected = [ordered.answer(user(q), night=night, call=call) for q, night, call in calls]
    found = {n: shuffled.answer(user(calls[n][0]), night=calls[n][1], call=calls[n][2]) for n in order}
    assert [found[n] for n in range(12)] == expected


def test_night_seed_and_call_each_change_what_is_drawn(book: AnswerBook) -> None:
    base = many(model(book, "creative"))
    assert changed(base, many(model(book, "creative", seed=1))) > 0.2
    assert changed(base, many(model(book, "creative"), night=FIRST + timedelta(1))) > 0.2
    assert len({answer.text for answer in base}) > 3


def test_a_night_comes_back_after_28_days(book: AnswerBook) -> None:
    later = FIRST + timedelta(NIGHTS)
    assert night_index(FIRST) == night_index(later)
    assert changed(many(model(book)), many(model(book), night=later)) == 0


def test_the_run_makes_the_response_id_and_nothing_else(book: AnswerBook) -> None:
    first, second = (
        model(book).answer(user(CAPITAL), night=FIRST, call="x", run=run) for run in ("one", "two")
    )
    assert first.response_id != second.response_id
    assert same_but(first, "response_id") == same_but(second, "response_id")


def test_response_ids_are_unique(book: AnswerBook) -> None:
    nights = (FIRST, FIRST + timedelta(1), FIRST + timedelta(NIGHTS))
    assert len({answer.response_id for night in nights for answer in many(model(book), night=night)}) == 1200


def overdispersion(name: str, *, samples: int = 3, seeds: int = 8, cases: int = 12) -> float:
    """X² of answers by night over its degrees of freedom: 1 where nights are alike."""
    statistic, freedom = 0.0, 0
    for seed in range(seeds):
        of = SimulatedModel(model_spec(name, {"seed": seed}), AnswerBook(by_question={}, rules={}))
        for case in range(cases):
            nights = [
                Counter(
                    of.answer(user(f"Question {case} of many"), night=FIRST + timedelta(n), call=f"{s}").text
                    for s in range(samples)
                )
                for n in range(NIGHTS)
            ]
            total = sum(nights, Counter[str]())
            for text, count in total.items():
                expected = count / NIGHTS
                statistic += sum((night[text] - expected) ** 2 / expected for night in nights)
            freedom += (NIGHTS - 1) * (len(total) - 1)
    return statistic / freedom


@pytest.mark.parametrize(
    ("profile", "low", "high"),
    [
        ("near-deterministic", 1.7, 2.3),
        ("steady", 1.08, 1.32),
        ("typical", 1.08, 1.32),
        ("creative", 0.93, 1.07),
    ],
)
def test_samples_of_a_night_agree_as_much_as_the_profile_says(profile: str, low: float, high: float) -> None:
    assert low < overdispersion(profile) < high


def test_the_night_effect_can_be_switched_off_and_up(book: AnswerBook) -> None:
    def spread(effect: float) -> float:
        of = model(book, "typical", night_effect=effect)
        shares = [
            share(many(of, night=FIRST + timedelta(n), calls=60), lambda a: a.text == "It is Paris.")
            for n in range(NIGHTS)
        ]
        return max(shares) - min(shares)

    assert spread(0.0) < spread(0.3) < spread(0.9)


def test_the_modal_answer_is_the_first_of_the_data_and_as_common_as_the_profile_says(
    book: AnswerBook,
) -> None:
    for profile, low, high in (("near-deterministic", 0.85, 1), ("steady", 0.6, 0.92), ("typical", 0.3, 0.7)):
        of = model(book, profile)
        said = [a for n in range(NIGHTS) for a in many(of, calls=40, night=FIRST + timedelta(n))]
        text, count = Counter(answer.text for answer in said).most_common(1)[0]
        assert text == "The capital of France is Paris."
        assert low < count / len(said) < high


@pytest.mark.parametrize("kind", ["refusal", "format", "quality", "misrouting", "swap"])
def test_a_drift_touches_its_share_of_calls_and_leaves_the_rest_as_they_were(
    book: AnswerBook, kind: str
) -> None:
    steady = many(model(book))
    touched: set[int] = set()
    for size in (0.0, 0.1, 0.4, 0.9, 1.0):
        drifted = many(model(book, drift={"kind": kind, "size": size}))
        now = {n for n, (a, b) in enumerate(zip(steady, drifted, strict=True)) if a.text != b.text}
        assert abs(len(now) / 400 - size) < 0.08
        assert touched <= now
        assert all(steady[n] == drifted[n] for n in range(400) if n not in now)
        touched = now


@pytest.mark.parametrize("kind", ["refusal", "format", "quality", "misrouting", "swap"])
def test_a_drift_does_not_choose_calls_by_what_they_would_have_said(book: AnswerBook, kind: str) -> None:
    steady = many(model(book))
    drifted = many(model(book, drift={"kind": kind, "size": 0.4}))
    touched = [a for a, b in zip(steady, drifted, strict=True) if a.text != b.text]
    modal = Counter(a.text for a in steady).most_common(1)[0][0]
    assert abs(share(touched, lambda a: a.text == modal) - share(steady, lambda a: a.text == modal)) < 0.1


def test_each_drift_answers_from_its_own_list(book: AnswerBook) -> None:
    case = book.case_for(CAPITAL)
    assert case is not None
    for kind, name in (
        ("swap", "other"),
        ("format", "broken"),
        ("quality", "wrong"),
        ("refusal", "refusals"),
    ):
        texts = {answer.text for answer in many(model(book, drift={"kind": kind}))}
        assert texts <= {wording.text for wording in case.wordings(name)}
        assert texts.isdisjoint(wording.text for wording in case.answers)


def test_a_silent_swap_keeps_name_and_fingerprint(book: AnswerBook) -> None:
    steady, swapped = many(model(book)), many(model(book, "swapped"))
    assert changed(steady, swapped) == 1
    assert {a.model_served for a in steady} == {a.model_served for a in swapped}
    assert {a.system_fingerprint for a in steady} == {a.system_fingerprint for a in swapped}


def test_misrouting_may_show_the_model_that_answered(book: AnswerBook) -> None:
    drifted = many(model(book, drift={"kind": "misrouting", "size": 0.2, "served": "cheaper-1"}))
    assert 0.1 < share(drifted, lambda a: a.model_served == "cheaper-1") < 0.3
    assert len({a.system_fingerprint for a in drifted}) == 2


def test_a_renamed_model_answers_as_ever(book: AnswerBook) -> None:
    labels = ("model_served", "system_fingerprint", "response_id")
    for before, after in zip(many(model(book)), many(model(book, "renamed")), strict=True):
        assert same_but(before, *labels) == same_but(after, *labels)
        assert before.model_served != after.model_served
        assert before.system_fingerprint != after.system_fingerprint


def test_slow_moves_latency_alone(book: AnswerBook) -> None:
    steady = many(model(book))
    for size, factor in ((0.0, 1.0), (0.25, 2.0), (1.0, 5.0)):
        slow = many(model(book, drift={"kind": "slow", "size": size}))
        for before, after in zip(steady, slow, strict=True):
            assert before.latency_ms is not None and after.latency_ms is not None
            assert math.isclose(after.latency_ms, before.latency_ms * factor)
            assert same_but(before, "latency_ms") == same_but(after, "latency_ms")


def test_length_and_brevity_move_length_monotonically_and_keep_json_valid(book: AnswerBook) -> None:
    for question in (CAPITAL, JSON):
        lengths = []
        for drift in (
            {"kind": "brevity", "size": 0.5},
            {"kind": "length", "size": 0.0},
            {"kind": "length", "size": 0.5},
            {"kind": "length", "size": 1.0},
        ):
            said = many(model(book, drift=drift), question)
            lengths.append(sum(len(answer.text) for answer in said))
            if question == JSON:
                assert all(json.loads(answer.text) == {"name": "Ada", "age": 36} for answer in said)
        assert lengths == sorted(lengths) and lengths[0] < lengths[1] < lengths[3]


def test_quantisation_moves_few_answers_and_every_log_probability(book: AnswerBook) -> None:
    assert 0 < changed(many(model(book)), many(model(book, "quantised"))) < 0.3

    def means(name: str, night: date = FIRST) -> list[float]:
        answers = many(model(book, name), calls=50, night=night, top_logprobs=300, max_tokens=1)
        tops = [dict(answer.logprobs[0].top) for answer in answers]
        return [sum(top[token] for top in tops) / len(tops) for token in sorted(tops[0])]

    steady = means("steady")
    moved = [abs(a - b) for a, b in zip(steady, means("quantised"), strict=True)]
    again = [abs(a - b) for a, b in zip(steady, means("steady", FIRST + timedelta(1)), strict=True)]
    assert min(moved) > 0 and sum(again) < sum(moved) / 3


def test_drift_starts_on_its_night(book: AnswerBook) -> None:
    start = FIRST + timedelta(3)
    drifting = model(book, drift={"kind": "swap", "start": start.isoformat()})
    for night in (FIRST + timedelta(n) for n in range(6)):
        moved = changed(many(model(book), night=night, calls=50), many(drifting, night=night, calls=50))
        assert moved == (1 if night >= start else 0)


def test_drift_can_be_held_to_some_cases(book: AnswerBook) -> None:
    drifting = model(book, drift={"kind": "refusal", "cases": ["lock"]})
    assert changed(many(model(book)), many(drifting)) == 0
    assert all("lock" in a.text or "assist" in a.text for a in many(drifting, LOCK))


def test_a_drift_of_a_case_that_does_not_exist_is_an_error(book: AnswerBook) -> None:
    with pytest.raises(UsageError, match="did you mean 'capital'"):
        model(book, drift={"kind": "swap", "cases": ["capitol"]})


def test_several_drifts_add_up(book: AnswerBook) -> None:
    both = model(book, drift=[{"kind": "refusal", "size": 0.2}, {"kind": "swap"}])
    declined = share(many(both), lambda a: "help" in a.text or "assist" in a.text or "able" in a.text)
    assert 0.1 < declined < 0.3
    assert changed(many(model(book)), many(both)) == 1


def test_a_borderline_prompt_is_refused_as_often_as_the_data_say_more_on_some_nights(
    book: AnswerBook,
) -> None:
    def declined(of: SimulatedModel) -> list[float]:
        return [
            share(
                many(of, LOCK, night=FIRST + timedelta(n), calls=80),
                lambda a: "lock" in a.text[-7:] or "assist" in a.text,
            )
            for n in range(NIGHTS)
        ]

    nightly, steady = declined(model(book, "near-deterministic")), declined(model(book, "creative"))
    assert abs(sum(steady) / NIGHTS - 0.3) < 0.03
    assert max(nightly) - min(nightly) > max(steady) - min(steady)


def test_a_system_prompt_without_its_rule_changes_the_answer(book: AnswerBook) -> None:
    def said(system: str | None) -> set[str]:
        of = model(book)
        return {of.answer(user(REFUND, system), night=FIRST, call=f"{n}").text for n in range(50)}

    assert all("30-day window" in text for text in said("Refunds only within the 30-DAY\n  window."))
    assert said("Be friendly.") == said(None) == {"Your refund for order 17 is approved."}


def test_tools_are_called_only_where_they_are_offered(book: AnswerBook) -> None:
    of = model(book)
    with_tools = of.answer(user(OSLO), (WEATHER,), night=FIRST, call="x")
    without = of.answer(user(OSLO), night=FIRST, call="x")
    assert with_tools.tool_calls[0].arguments == {"city": "Oslo"}
    assert with_tools.finish_reason is FinishReason.TOOL_CALLS
    assert not without.tool_calls and without.text


def test_a_token_limit_cuts_text_and_calls(book: AnswerBook) -> None:
    cut = model(book).answer(user(CAPITAL), night=FIRST, call="x", max_tokens=2)
    assert len(cut.text) == 8 or cut.text == "Paris."
    assert cut.finish_reason is FinishReason.LENGTH
    assert cut.usage.output_tokens == 2
    call = model(book).answer(user(OSLO), (WEATHER,), night=FIRST, call="x", max_tokens=4)
    assert call.finish_reason is FinishReason.LENGTH
    assert [one.arguments for one in call.tool_calls] in ([], [None])


def test_log_probabilities_are_those_of_the_repertoire(book: AnswerBook) -> None:
    of = model(book, "typical", night_effect=0)
    answers = many(of, top_logprobs=3)
    by_text = {a.text: a for a in answers}
    counts = Counter(a.text for a in answers)
    for text, answer in by_text.items():
        assert "".join(one.token for one in answer.logprobs) == text
        assert all(one.logprob <= 0 and len(one.top) <= 3 for one in answer.logprobs)
        likely = math.exp(sum(one.logprob for one in answer.logprobs))
        assert abs(likely - counts[text] / len(answers)) < 0.12
    assert not many(of)[0].logprobs


def test_a_prompt_nobody_wrote_answers_to_has_a_stable_repertoire(book: AnswerBook) -> None:
    question = "Compare merge trains with plain queues."
    said = many(model(book), question)
    assert 2 <= len({a.text for a in said}) <= 6
    assert {a.text for a in many(model(book, "swapped"), question)}.isdisjoint({a.text for a in said})
    assert {a.text for a in many(model(book), question + " ")} == {a.text for a in said}


def test_a_prompt_with_unknown_tools_calls_the_first_with_arguments_of_its_schema(book: AnswerBook) -> None:
    tool = ToolSpec(
        name="book_room",
        parameters={
            "type": "object",
            "properties": {
                "day": {"type": "string", "format": "date"},
                "people": {"type": "integer", "minimum": 2, "maximum": 4},
                "view": {"enum": ["sea", "yard"]},
                "tags": {"type": "array", "items": {"type": "string"}},
                "note": {"type": "string"},
            },
            "required": ["day", "people", "view", "tags"],
        },
    )
    said = [model(book).answer(user("Book a room."), (tool,), night=FIRST, call=f"{n}") for n in range(80)]
    called = [one.tool_calls[0] for one in said if one.tool_calls]
    assert len(called) > 40
    for call in called:
        assert call.name == "book_room" and call.arguments is not None
        assert set(call.arguments) == {"day", "people", "view", "tags"}
        assert call.arguments["people"] in (2, 3, 4) and call.arguments["view"] in ("sea", "yard")


@given(st.text(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_prompt_is_answered(text: str) -> None:
    of = SimulatedModel(ModelSpec(name="x"), AnswerBook(by_question={}, rules={}))
    assert of.answer(user(text), night=FIRST, call="x").text


def test_temperature_1_has_no_night_effect_and_steady_has_no_faults(book: AnswerBook) -> None:
    assert model_spec("creative").shape.night_effect == 0
    assert all(model(book).fault(night=FIRST, call=f"{n}") is None for n in range(50))


def test_faults_strike_their_share_and_are_cured_by_retries(book: AnswerBook) -> None:
    flaky = model(book, "flaky")
    struck = [n for n in range(1000) if flaky.fault(night=FIRST, call=f"{n}", attempt=1)]
    assert 140 < len(struck) < 240
    assert all(flaky.fault(night=FIRST, call=f"{n}", attempt=3) is None for n in range(1000))
    assert struck == [n for n in range(1000) if flaky.fault(night=FIRST, call=f"{n}", attempt=1)]


def test_faults_start_on_their_night(book: AnswerBook) -> None:
    down = model(book, faults={"kind": 503, "start": "2027-02-03"})
    assert down.fault(night=date(2027, 2, 2), call="x") is None
    assert down.fault(night=date(2027, 2, 3), call="x") is not None
