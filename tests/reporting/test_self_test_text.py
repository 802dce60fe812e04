"""A self-test as text."""

from harness.core.self_test import SelfTest, SignalSelfTest
from harness.reporting.self_test import self_test_text
from tests.support.records import make_record
from tests.support.self_tests import make_self_test

(BASELINE,) = make_record().references.values()


def said(found: SelfTest) -> str:
    return " ".join(self_test_text("canary/sonnet", "canary", found).split())


def test_a_gate_over_its_budget_is_told_what_causes_it_and_what_to_do() -> None:
    text = said(make_self_test(BASELINE))
    assert "9.4 nights a year and target (95 %: 3.2 to 21), over its budget of 2.7." in text
    assert "Most of it comes from string." in text
    assert "drift calibrate canary --from-runs last:28" in text
    assert "edge-00" in text
    assert "leave string out of `signals:`" in text


def test_one_that_strays_alone_is_told_to_ask_more() -> None:
    found = make_self_test(BASELINE)
    calm = found.signals[0].model_copy(update={"lasting": found.signals[0].dispersion, "unsteady": ()})
    text = said(found.model_copy(update={"signals": (calm,)}))
    assert "More samples a night" in text
    assert "unsteady" not in text


def test_nights_that_cannot_tell_say_so_and_those_that_can_are_left_alone() -> None:
    unsure = said(make_self_test(BASELINE, over_budget=0.4))
    assert "14 nights cannot tell whether that is within its budget" in unsure
    assert "--aa --from-runs last:28" in unsure
    assert "Most of it" not in unsure
    sure = said(make_self_test(BASELINE, over_budget=0.05))
    assert "within its budget of 2.7." in sure
    assert "last:28" not in sure


def test_what_could_be_seen_is_in_the_readers_unit_and_never_more_than_there_is() -> None:
    def seen(signal: str, unit: str, visible: float | None) -> str:
        known = make_self_test(BASELINE).signals[0].model_dump()
        one = SignalSelfTest.model_validate({**known, "signal": signal, "unit": unit, "visible": visible})
        return said(make_self_test(BASELINE, signals=(one,)))

    assert "+13 points" in seen("refusal", "rate", 0.121)
    assert "nothing" in seen("refusal", "rate", 1.2)
    assert "−1 point" in seen("quality", "score", 0.01)
    assert "±17 %" in seen("length", "log-characters", 0.15)
    assert "2.5 times as surprising" in seen("string", "times", 2.41)
    assert "3 times as varied" in seen("spread", "times", 3.0)
    assert "new behaviour only" in seen("string", "times", None)
