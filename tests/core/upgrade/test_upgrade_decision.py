"""A whole comparison decided: exit codes, coverage, confounders, costs, the judge."""

import pytest

from harness.core.canonical import text_digest
from harness.core.decision import decide
from harness.core.findings import Outcome
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
from harness.core.policy import Gates, Policy
from harness.core.run import RunRecord
from harness.core.suite import Price
from harness.core.upgrade.ratios import median_interval
from harness.core.upgrade_records import UpgradeReading
from harness.core.verdict import Verdict
from tests.support.upgrades import GOOD, canary, held, reply, task, upgrade_record

SAME = {f"case-{n}": (held(8), held(8)) for n in range(10)}


def reading(record: RunRecord) -> tuple[Verdict, UpgradeReading]:
    verdict = decide(record)
    (target,) = verdict.targets
    assert target.upgrade is not None
    return verdict, target.upgrade


def test_the_same_model_is_a_pass() -> None:
    verdict, found = reading(upgrade_record(SAME))
    assert (verdict.exit_code, verdict.outcome) == (0, Outcome.STABLE)
    assert verdict.headline == "sonnet-next does what sonnet does, within noise, in all 10 cases."
    assert ("one case by itself", "8/8 → 3/8 or lower") in found.visible


def test_the_verdict_is_the_new_models_alone() -> None:
    verdict, found = reading(upgrade_record(SAME))
    assert [target.target for target in verdict.targets] == ["sonnet-next"]
    assert [side.target for side in found.sides] == ["sonnet", "sonnet-next"]


def test_one_broken_case_is_a_regression() -> None:
    verdict, found = reading(upgrade_record({**SAME, "broken": (held(8), held(1))}))
    assert (verdict.exit_code, verdict.outcome) == (1, Outcome.REGRESSED)
    assert [case.case for case in found.of(Outcome.REGRESSED)] == ["broken"]
    assert verdict.headline == "sonnet-next is worse in 1 of 11 cases."
    alone, _ = reading(upgrade_record({"broken": (held(8), held(1))}))
    assert "is worse in the one case that was asked" in alone.headline


def test_a_better_case_does_not_make_up_for_a_worse_one() -> None:
    sides = {**SAME, "mended": (held(0), held(8)), "broken": (held(8), held(0))}
    verdict, _ = reading(upgrade_record(sides))
    assert verdict.exit_code == 1
    assert verdict.headline == "sonnet-next is worse in 1 of 12 cases; 1 is better."


def test_only_better_is_a_pass() -> None:
    verdict, _ = reading(upgrade_record({**SAME, "mended": (held(1), held(8))}))
    assert (verdict.exit_code, verdict.outcome) == (0, Outcome.IMPROVED)


def test_a_small_loss_everywhere_is_seen_over_all_cases_alone() -> None:
    sides = {f"case-{n}": (held(8), held(6)) for n in range(20)}
    verdict, found = reading(upgrade_record(sides))
    assert verdict.exit_code == 1
    assert found.of(Outcome.REGRESSED) == ()
    (moved,) = [one for one in found.signals if one.outcome is Outcome.REGRESSED]
    assert moved.signal == "format"
    assert moved.difference == pytest.approx(-0.25)


def test_a_handful_of_tasks_that_all_fall_by_half_is_a_regression() -> None:
    """Each alone is within noise, and they are too few to flip signs of: their replies tell together."""
    tasks = [task(f"task-{n}") for n in range(4)]
    sides = {**SAME, **{case.id: (held(8), held(4)) for case in tasks}}
    verdict, found = reading(upgrade_record(sides, cases=tasks))
    golden = next(one for one in found.signals if one.signal == "golden")
    assert (verdict.exit_code, golden.outcome) == (1, Outcome.REGRESSED)
    assert golden.low is not None
    assert golden.high is not None
    assert golden.low < -0.5 < golden.high < 0
    assert found.of(Outcome.REGRESSED) == ()


def test_a_golden_task_that_only_warns_fails_nothing_and_is_said() -> None:
    warns = task("warns", severity="warn")
    verdict, found = reading(upgrade_record({**SAME, "warns": (held(8), held(0))}, cases=[warns]))
    assert verdict.exit_code == 0
    assert [case.case for case in found.of(Outcome.REGRESSED)] == ["warns"]


@pytest.mark.parametrize("side", [0, 1])
def test_an_outage_of_one_side_is_never_a_pass(side: int) -> None:
    lost, whole = held(0, lost=8), held(8)
    sides = {f"case-{n}": ((lost, whole) if side == 0 else (whole, lost)) for n in range(10)}
    verdict, _ = reading(upgrade_record(sides))
    assert (verdict.exit_code, verdict.outcome) == (3, Outcome.INCONCLUSIVE)
    assert ("sonnet", "sonnet-next")[side] in verdict.headline


@pytest.mark.parametrize("lost", range(1, 9))
def test_a_case_that_lacks_replies_is_never_the_same(lost: int) -> None:
    verdict, found = reading(upgrade_record({**SAME, "thin": (held(8), held(8, lost=lost))}))
    case = next(case for case in found.cases if case.case == "thin")
    assert (case.outcome is Outcome.STABLE) == (lost <= 2)
    assert verdict.exit_code == (0 if lost <= 2 else 3)


def test_half_an_outage_with_a_regression_is_a_regression() -> None:
    sides = {f"case-{n}": (held(8), held(0, lost=8)) for n in range(8)}
    verdict, _ = reading(upgrade_record({**sides, "broken": (held(8), held(0)), "fine": (held(8), held(8))}))
    assert verdict.exit_code == 1


def test_a_run_that_stopped_is_never_a_pass() -> None:
    verdict, _ = reading(upgrade_record(SAME, stopped="the time cap was reached"))
    assert verdict.exit_code == 3


def test_nothing_asked_is_never_a_pass() -> None:
    verdict, _ = reading(upgrade_record({"case": ((), ())}))
    assert verdict.exit_code == 3


def test_a_parameter_that_the_new_model_is_not_sent_is_named() -> None:
    _, found = reading(upgrade_record(SAME, params=({"temperature": 0, "max_tokens": 9}, {"max_tokens": 9})))
    (said,) = [line for line in found.confounders if "temperature" in line]
    assert said.startswith("sonnet-next is not sent temperature, which sonnet is (temperature 0)")


def test_another_value_and_a_default_on_both_sides_are_named() -> None:
    _, found = reading(upgrade_record(SAME, params=({"max_tokens": 9}, {"max_tokens": 12})))
    assert any(
        line.startswith("max_tokens is 9 for sonnet and 12 for sonnet-next") for line in found.confounders
    )
    assert any(line.startswith("Neither side is sent temperature") for line in found.confounders)


def test_other_prices_are_named_and_costs_compared() -> None:
    cheap = Price(input_usd_per_million=1, output_usd_per_million=2)
    dear = Price(input_usd_per_million=3, output_usd_per_million=6)
    _, found = reading(upgrade_record(SAME, prices=(cheap, dear)))
    assert any(
        line.startswith("A million tokens cost $1 in and $2 out for sonnet") for line in found.confounders
    )
    cost = next(one for one in found.ratios if one.name == "cost")
    assert cost.median == pytest.approx(3.0)
    _, unknown = reading(upgrade_record(SAME, prices=(None, dear)))
    assert all(one.name != "cost" for one in unknown.ratios)
    assert any("price of sonnet is not known" in line for line in unknown.confounders)


def test_a_cheaper_and_faster_model_is_not_better_behaviour() -> None:
    quick = {
        name: (before, [reply(GOOD, tokens=4, latency_ms=90.0) for _ in range(8)])
        for name, (before, _) in SAME.items()
    }
    verdict, found = reading(upgrade_record(quick))
    assert verdict.outcome is Outcome.STABLE
    assert {one.name: one.median for one in found.ratios} == {"tokens": 0.1, "latency": 0.1}


def test_over_the_gate_fails_and_exactly_at_it_does_not() -> None:
    def slower(factor: float) -> RunRecord:
        return upgrade_record(
            {
                name: (before, [reply(GOOD, latency_ms=900.0 * factor) for _ in range(8)])
                for name, (before, _) in SAME.items()
            },
            policy=Policy(gates=Gates(latency_ratio=2.0)),
        )

    assert reading(slower(2.0))[0].exit_code == 0
    verdict, found = reading(slower(2.01))
    assert verdict.exit_code == 1
    assert next(one for one in found.ratios if one.name == "latency").beyond
    assert "slower than the gate allows" in verdict.headline


def test_the_interval_of_a_median_is_by_order_statistics() -> None:
    assert median_interval([1.0, 2.0, 3.0, 4.0, 5.0]) is None
    assert median_interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) == (1.0, 6.0)
    assert median_interval(list(range(1, 21))) == (6, 15)


def judged(outcome: PairOutcome | None, case: str, reference: str, candidate: str) -> Judged:
    pair = JudgedPair(
        outcome=outcome,
        orders=tuple(JudgedOrder(first=side, preferred=Side.CANDIDATE) for side in Side),
    )
    return Judged(
        ruler="r" * 64,
        target="judge",
        both_orders=True,
        cases=(
            JudgedCase(
                case=case,
                reference=JudgedText(digest=text_digest(reference), standing=Standing.JUDGED, score=60),
                candidates=(
                    JudgedText(digest=text_digest(candidate), standing=Standing.JUDGED, score=80, pair=pair),
                ),
            ),
        ),
        calls=JudgeCalls(questions=4, reused=0, asked_again=0, errors=0),
    )


def rubric_record(said: Judged | None) -> RunRecord:
    case = canary("rubric", rubric="Is polite, and cites the window.")
    replies = ([reply("An old answer.")] * 8, [reply("A new answer.")] * 8)
    return upgrade_record({**SAME, "rubric": replies}, cases=[case], judged=said)


def test_a_judge_that_prefers_every_new_answer_makes_its_case_better() -> None:
    said = judged(PairOutcome.BETTER, "rubric", "An old answer.", "A new answer.")
    verdict, found = reading(rubric_record(said))
    case = next(case for case in found.cases if case.case == "rubric")
    assert (verdict.exit_code, case.outcome) == (0, Outcome.IMPROVED)
    assert case.judge is not None
    assert (case.judge.candidate, case.judge.reference) == (8, 0)


def test_a_dead_judge_is_never_a_pass() -> None:
    void = judged(PairOutcome.BETTER, "rubric", "An old answer.", "A new answer.").model_copy(
        update={"void": "no verdict came back"}
    )
    verdict, found = reading(rubric_record(void))
    assert verdict.exit_code == 3
    assert found.judge_lost == "no verdict came back"
    silent = judged(None, "rubric", "An old answer.", "A new answer.")
    assert reading(rubric_record(silent))[0].exit_code == 3


def test_an_empty_answer_loses_without_a_judge() -> None:
    case = canary("rubric", rubric="Is polite, and cites the window.")
    replies = ([reply("An old answer.")] * 8, [reply("")] * 8)
    said = judged(PairOutcome.BETTER, "rubric", "x", "y")
    verdict, _ = reading(upgrade_record({**SAME, "rubric": replies}, cases=[case], judged=said))
    assert verdict.exit_code == 1


def test_deciding_twice_is_deciding_once() -> None:
    record = upgrade_record({**SAME, "broken": (held(8), held(1))})
    assert decide(record) == decide(record)
