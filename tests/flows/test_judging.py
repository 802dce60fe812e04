"""Asking a judge: once, through the journal, within the budget, again only where the reply was no verdict."""

import random
from collections.abc import Mapping

import pytest

from harness.core.canonical import text_digest
from harness.core.judging.keys import is_judge_key
from harness.core.judging.planning import JudgeItem, JudgeOptions, plan_judging
from harness.core.judging.replies import JudgeErrorKind
from harness.core.plan import Request
from harness.core.policy import Limits
from harness.core.replies import FailureKind
from harness.core.suite import Price
from harness.flows.budget import Ledger
from harness.flows.calls import CallParts
from harness.flows.judging import JudgeResult, judge, judged_again, possible_judge_requests
from harness.simulator.model import SimulatedModel
from harness.simulator.spec import model_spec
from tests.support.fakes import (
    FREE,
    ManualClock,
    MemoryJournal,
    NotedProgress,
    Reply,
    Script,
    ScriptedProvider,
    answered,
    failed,
    run_virtually,
)
from tests.support.judges import BAD, GOOD, HALF, NIGHT, make_item, make_options

DEAR = Price(input_usd_per_million=0, output_usd_per_million=10_000)
"""A cent a token."""


def simulated(name: str = "judge-good") -> Script:
    """Reply as a simulated judge."""
    model = SimulatedModel(model_spec(name))

    def script(request: Request, _attempt: int) -> Reply:
        return model.answer(request.messages, night=NIGHT, call=request.key, run="r")

    return script


class Bench:
    """A judge to be asked, and what became of it."""

    def __init__(self, script: Script, *, price: Price = FREE, cap_usd: float = 1000.0) -> None:
        self.log: list[str] = []
        self.clock = ManualClock()
        self.journal = MemoryJournal(log=self.log)
        self.provider = ScriptedProvider(script=script, log=self.log)
        self.progress = NotedProgress()
        self.ledger = Ledger({"grader": price}, cap_usd)
        self.parts = CallParts(
            scrub=lambda completion: completion,
            providers={"grader": self.provider},
            journal=self.journal,
            ledger=self.ledger,
            limits=Limits(),
            clock=self.clock,
            jitter=random.Random(1),
            progress=self.progress,
            seen_response_ids=frozenset(),
        )

    def ask(
        self,
        *items: JudgeItem,
        options: JudgeOptions | None = None,
        known: Mapping[str, Reply] | None = None,
        minutes: float = 20,
    ) -> JudgeResult:
        """Ask about the items."""
        work = judge(
            items or (make_item(),),
            options or make_options(),
            self.parts,
            known=known or {},
            stop_at=self.clock.monotonic() + 60 * minutes,
        )
        return run_virtually(work, self.clock)


def test_every_call_is_on_disk_before_it_leaves_under_a_key_of_the_judge() -> None:
    bench = Bench(simulated())
    result = bench.ask()
    assert result.judged.void is None
    assert len(result.completions) == result.judged.calls.questions == 15
    assert all(map(is_judge_key, bench.journal.completions))
    for key in bench.journal.completions:
        assert (
            bench.log.index(f"intend {key}")
            < bench.log.index(f"ask {key}")
            < bench.log.index(f"record {key}")
        )


def test_a_resumed_run_asks_nothing_again_and_reads_the_same() -> None:
    first = Bench(simulated("judge-noisy"))
    whole = first.ask()
    again = Bench(simulated("judge-good"))
    resumed = again.ask(known=first.journal.completions)
    assert again.provider.asked == []
    assert resumed.judged == whole.judged
    assert judged_again((make_item(),), make_options(), whole.completions) == whole.judged


def test_a_killed_run_asks_what_is_left() -> None:
    first = Bench(simulated())
    whole = first.ask()
    kept = dict(list(first.journal.completions.items())[:7])
    again = Bench(simulated())
    resumed = again.ask(known=kept)
    assert len(again.provider.asked) == 8
    assert {asked.key for asked in again.provider.asked}.isdisjoint(kept)
    assert resumed.judged == whole.judged


def test_with_nothing_to_judge_nothing_is_asked_or_prepared() -> None:
    bench = Bench(simulated())
    result = bench.ask(make_item(candidates=(GOOD, ":")))
    assert bench.provider.asked == [] and bench.provider.prepared == 0 and bench.progress.rounds == []
    assert result.judged.void is None and result.judged.cases[0].candidates[1].score == 0


def test_a_reply_that_is_no_verdict_is_asked_for_once_more() -> None:
    good, bad = simulated("judge-good"), simulated("judge-malformed")
    bench = Bench(lambda request, n: (bad if request.key.endswith(":0") else good)(request, n))
    result = bench.ask()
    assert result.judged.void is None
    assert result.judged.calls.asked_again == result.judged.calls.questions
    assert len(bench.provider.asked) == 30


def test_a_judge_that_never_gives_a_verdict_is_not_asked_for_ever() -> None:
    bench = Bench(simulated("judge-malformed"))
    result = bench.ask()
    assert len(bench.provider.asked) == 30
    assert result.judged.void is not None
    assert result.judged.cases[0].candidates[0].error is JudgeErrorKind.MALFORMED


def test_both_asks_of_an_earlier_attempt_are_counted() -> None:
    plan = plan_judging([make_item()], make_options())
    bench = Bench(simulated("judge-malformed"))
    bench.ask()
    known = bench.journal.completions
    assert {request.key for request in possible_judge_requests(plan, known)} == set(known)
    assert len(possible_judge_requests(plan, {})) == 15


def test_calls_that_fail_are_retried_like_all_others() -> None:
    good = simulated()

    def script(request: Request, attempt: int) -> Reply:
        return failed(FailureKind.SERVER_ERROR) if attempt < 3 else good(request, attempt)  # type: ignore[return-value]

    bench = Bench(script)
    assert bench.ask().judged.void is None
    assert set(bench.provider.attempts().values()) == {3}


@pytest.mark.parametrize("kind", [FailureKind.SERVER_ERROR, FailureKind.AUTHENTICATION, FailureKind.TIMEOUT])
def test_a_judge_that_is_down_raises_nothing_and_is_void(kind: FailureKind) -> None:
    result = Bench(lambda _request, _attempt: failed(kind, detail="it is down")).ask()
    assert result.judged.void is not None and f"{kind}: it is down" in result.judged.void
    assert result.judged.cases[0].drop(text_digest(HALF)) is None


def test_a_rejected_key_is_not_tried_on_every_question() -> None:
    bench = Bench(lambda _request, _attempt: failed(FailureKind.AUTHENTICATION))
    bench.ask()
    assert len(bench.provider.asked) <= 4


def test_the_cap_holds_and_what_is_left_is_said() -> None:
    bench = Bench(lambda r, n: answered('{"rationale": "x", "score": 50}'), price=DEAR, cap_usd=41.5)
    result = bench.ask()
    assert bench.ledger.spent_usd <= 41.5
    assert len(bench.provider.asked) < 15
    assert result.judged.stopped is not None and "cost cap" in result.judged.stopped
    assert result.judged.void is not None and "cost cap" in result.judged.void


def test_no_call_starts_after_the_time_is_over() -> None:
    bench = Bench(simulated())
    result = bench.ask(minutes=0)
    assert bench.provider.asked == []
    assert result.judged.void is not None and "time cap" in result.judged.void


def test_equal_questions_of_several_cases_are_asked_once_within_a_run() -> None:
    bench = Bench(simulated())
    result = bench.ask(make_item("a"), make_item("b"), make_item("c", candidates=(HALF, BAD)))
    assert len(bench.provider.asked) == 15 + 3
    assert result.judged.calls.reused == 9
    assert result.judged.cases[0].candidates == result.judged.cases[1].candidates


def test_progress_says_that_the_judge_is_asked_and_what_was_recorded() -> None:
    first = Bench(simulated())
    first.ask()
    assert first.progress.rounds == [(15, "to the judge")]
    again = Bench(simulated())
    again.ask(known=first.journal.completions)
    assert again.progress.rounds == [(15, "to the judge, 15 recorded before")]
