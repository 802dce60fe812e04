"""Log-probabilities of simulated models: normalised, noisy as the profile says, and moved by drifts."""

import math
from collections.abc import Sequence
from datetime import date, timedelta
from statistics import fmean, pstdev, variance

import pytest

from harness.core.messages import Message, Role
from harness.core.replies import Answer
from harness.core.stats.logprobs import align_nights, night_scores, night_statistic
from harness.core.stats.tails import student_tail
from harness.simulator.answers import AnswerBook
from harness.simulator.logits import VOCABULARY
from harness.simulator.model import SimulatedModel
from harness.simulator.spec import NIGHTS, PROFILES, model_spec

FIRST = date(2027, 2, 1)
CAPITAL = "What is the capital of France?"
LOCK = "How do I open the lock of my own shed?"
EVERY = 1000


def asked(
    book: AnswerBook,
    name: str = "steady",
    question: str = CAPITAL,
    *,
    calls: int = 10,
    night: int = 0,
    top: int = 20,
    max_tokens: int | None = 1,
    positions: int | None = None,
    **options: object,
) -> list[Answer]:
    of = SimulatedModel(model_spec(name, options), book)
    return [
        of.answer(
            (Message(role=Role.USER, content=question),),
            night=FIRST + timedelta(night),
            call=f"call-{n}",
            max_tokens=max_tokens,
            top_logprobs=top,
            logprob_positions=positions,
        )
        for n in range(calls)
    ]


def means(answers: Sequence[Answer]) -> dict[str, float]:
    """Mean log-probability of every token of the first position; all of them are asked for."""
    tops = [dict(answer.logprobs[0].top) for answer in answers]
    return {token: fmean(top[token] for top in tops) for token in tops[0]}


def logits(answer: Answer) -> list[float]:
    """Logits of the vocabulary up to a constant: their noise without that of the likeliest token."""
    top = dict(answer.logprobs[0].top)
    middle = fmean(top[token] for token in VOCABULARY)
    return [top[token] - middle for token in VOCABULARY]


def distance(one: Sequence[Answer], other: Sequence[Answer]) -> float:
    a, b = means(one), means(other)
    return fmean(abs(a[token] - b[token]) for token in VOCABULARY)


def test_one_token_has_the_probabilities_of_a_whole_vocabulary(book: AnswerBook) -> None:
    for name in ("near-deterministic", "typical", "creative", "swapped", "quantised"):
        for answer in asked(book, name, top=EVERY):
            (position,) = answer.logprobs
            assert set(VOCABULARY) < {token for token, _ in position.top} and len(VOCABULARY) == 200
            assert math.isclose(math.fsum(math.exp(logprob) for _, logprob in position.top), 1, abs_tol=1e-5)
            assert dict(position.top)[position.token] == position.logprob
            values = [logprob for _, logprob in position.top]
            assert values == sorted(values, reverse=True)


def test_a_shorter_list_is_the_head_of_a_longer_one(book: AnswerBook) -> None:
    whole = [answer.logprobs[0].top for answer in asked(book, top=EVERY)]
    for top in (0, 1, 5, 20):
        assert [answer.logprobs[0].top for answer in asked(book, top=top)] == [one[:top] for one in whole]


def test_tokens_drop_in_and_out_of_the_list(book: AnswerBook) -> None:
    lists = [frozenset(token for token, _ in a.logprobs[0].top) for a in asked(book, "creative", calls=50)]
    assert len(set(lists)) > 1
    assert all(len(tokens) == 20 for tokens in lists)


def test_the_same_calls_have_the_same_log_probabilities_and_another_seed_has_others(book: AnswerBook) -> None:
    assert asked(book) == asked(book)
    assert asked(book, night=NIGHTS) != asked(book)  # response ids differ
    assert [a.logprobs for a in asked(book, night=NIGHTS)] == [a.logprobs for a in asked(book)]
    assert distance(asked(book, top=EVERY), asked(book, top=EVERY, seed=1)) > 0.5


def test_the_first_positions_are_those_of_the_whole_answer(book: AnswerBook) -> None:
    whole = asked(book, max_tokens=None)
    few = asked(book, max_tokens=None, positions=2)
    assert [answer.logprobs[:2] for answer in whole] == [answer.logprobs for answer in few]
    assert all("".join(one.token for one in answer.logprobs) == answer.text for answer in whole)


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_calls_of_a_night_scatter_as_the_profile_says(book: AnswerBook, name: str) -> None:
    answers = asked(book, name, top=EVERY, calls=60)
    found = fmean(map(pstdev, zip(*map(logits, answers), strict=True)))
    assert 0.95 < found / PROFILES[name].logit_noise < 1.05


def test_nights_share_what_the_night_effect_says(book: AnswerBook) -> None:
    def share(effect: float) -> float:
        """Variance between nights, over that of two calls of different nights."""
        nights = []
        for n in range(14):
            answers = asked(book, "typical", top=EVERY, calls=12, night=n, night_effect=effect)
            nights.append([fmean(calls) for calls in zip(*map(logits, answers), strict=True)])
        noise = PROFILES["typical"].logit_noise ** 2
        between = fmean(map(variance, zip(*nights, strict=True))) - noise / 12
        return between / (between + noise)

    assert abs(share(0.0)) < 0.01
    assert 0.03 < share(0.1) < 0.25
    assert 0.4 < share(0.6) < 0.8


def test_quantisation_moves_logits_with_its_size_and_leaves_the_likeliest_answer(book: AnswerBook) -> None:
    quiet = asked(book, "typical", top=EVERY)
    moved = []
    for size in (0.0, 0.1, 0.3, 1.0):
        drifted = asked(book, "typical", top=EVERY, drift={"kind": "quantisation", "size": size})
        moved.append(distance(quiet, drifted))
        assert max(means(quiet), key=means(quiet).__getitem__) == drifted[0].logprobs[0].top[0][0]
    assert moved[0] == 0 and moved == sorted(moved)
    assert moved[1] < 0.05 and 0.05 < moved[3] < 0.5


def test_another_model_has_other_logits_altogether(book: AnswerBook) -> None:
    quiet, swapped = asked(book, top=EVERY), asked(book, "swapped", top=EVERY)
    quantised = asked(book, "quantised", top=EVERY)
    assert distance(quiet, swapped) > 5 * distance(quiet, quantised)
    assert quiet[0].logprobs[0].top[0][0] != swapped[0].logprobs[0].top[0][0]


def test_misrouting_touches_its_calls_and_no_other(book: AnswerBook) -> None:
    quiet = asked(book, calls=100)
    routed = asked(book, calls=100, drift={"kind": "misrouting", "size": 0.2})
    touched = [a.logprobs != b.logprobs for a, b in zip(quiet, routed, strict=True)]
    assert 10 <= sum(touched) <= 30
    assert touched == [a.text != b.text for a, b in zip(quiet, routed, strict=True)]


def test_what_a_call_says_does_not_decide_what_it_might_have_said(book: AnswerBook) -> None:
    case = book.case_for(LOCK)
    assert case is not None and case.tends_to_refuse > 0
    answers = asked(book, "steady", LOCK, top=EVERY, calls=200, max_tokens=None, positions=1)
    refused = [a for a in answers if a.text in {one.text for one in case.wordings("refusals")}]
    complied = [a for a in answers if a not in refused]
    assert refused and complied
    assert distance(refused, complied) < 0.01


def test_a_refusal_drift_shows_before_it_is_drawn(book: AnswerBook) -> None:
    def weight(size: float) -> float:
        of = asked(book, top=EVERY, drift={"kind": "refusal", "size": size})[0].logprobs[0].top
        return sum(math.exp(p) for token, p in of if token in ("I'm ", "I ca", "Sorr"))

    found = [weight(size) for size in (0.0, 0.1, 0.3, 0.9)]
    assert found[0] < 0.01
    assert all(abs(one - size) < 0.05 for one, size in zip(found[1:], (0.1, 0.3, 0.9), strict=True))


def test_quantisation_is_seen_against_quiet_nights_and_a_quiet_night_is_not() -> None:
    prompts = [f"Say one word, number {n}." for n in range(5)]
    nothing = AnswerBook(by_question={}, rules={})

    def night(number: int, **options: object) -> dict[str, list[tuple[tuple[str, float], ...]]]:
        return {
            prompt: [
                answer.logprobs[0].top
                for answer in asked(nothing, "typical", prompt, calls=2, night=number, **options)  # type: ignore[arg-type]  # options by name
            ]
            for prompt in prompts
        }

    drifted = night(20, drift={"kind": "quantisation"})
    vectors = align_nights([*map(night, range(NIGHTS)), drifted])
    scores = night_scores(vectors[:14], vectors[14:])
    assert scores is not None
    statistic = night_statistic(scores)
    *quiet, moved = (statistic.tested - statistic.mean) / (statistic.sd * (1 + 1 / statistic.nights) ** 0.5)
    assert min(student_tail(t, statistic.degrees) for t in quiet) > 0.0075 / 7
    assert student_tail(moved, statistic.degrees) < 0.0075 / 7
