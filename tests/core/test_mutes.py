"""A mute covers what was known when it was written, until its date, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.core.findings import Finding, Outcome
from harness.core.incidents import follow
from harness.core.mutes import Mute, covered_of, covers_tonight, holds_for, mute_in_force
from harness.core.verdict import Covered
from tests.support.history import make_entries, make_entry

AT = "2026-11-03T09:00:00+00:00"
COVERS = Covered(signals=("refusal", "contract"), cases=("a", "b"), severity="P1")


def make_mute(**fields: object) -> Mute:
    known = {
        "incident": "canary-sonnet-20261102",
        "suite": "canary",
        "target": "sonnet",
        "at": AT,
        "by": "Maintainer",
        "until": "2026-12-01",
        "reason": "The provider is at it.",
        "covers": COVERS,
    }
    return Mute.model_validate({**known, **fields})


def finding(signal: str, case: str | None = None, outcome: Outcome = Outcome.REGRESSED) -> Finding:
    return Finding(
        signal=signal, target="sonnet", case=case, outcome=outcome, n_reference=9, n_candidate=3, because="."
    )


def test_it_holds_to_the_end_of_its_last_night() -> None:
    mutes = [make_mute()]
    assert mute_in_force(mutes, "canary-sonnet-20261102", "2026-12-01") == mutes[0]
    assert mute_in_force(mutes, "canary-sonnet-20261102", "2026-12-02") is None
    assert mute_in_force(mutes, "canary-gpt-20261102", "2026-11-05") is None


def test_one_that_is_dated_ahead_holds_no_night_before_it() -> None:
    ahead = make_mute(at="2031-01-01T00:00:00+00:00", until="2031-03-01")
    assert mute_in_force([ahead], ahead.incident, "2026-11-05") is None
    assert mute_in_force([ahead], ahead.incident, "2030-10-03") == ahead
    assert mute_in_force([make_mute()], make_mute().incident, "2026-11-02") == make_mute()


def test_the_last_line_counts_whatever_the_clock_said() -> None:
    undone = make_mute(until=None, covers=None, reason="", at="2026-11-01T00:00:00+00:00")
    assert mute_in_force([make_mute(), undone], undone.incident, "2026-11-05") is None
    again = make_mute(until="2026-11-20")
    assert mute_in_force([make_mute(), undone, again], undone.incident, "2026-11-05") == again


@pytest.mark.parametrize(
    "fields",
    [
        {"until": "2027-02-02"},
        {"until": "2026-11-02"},
        {"reason": "too short"},
        {"reason": "   spaces    "},
        {"covers": None},
    ],
)
def test_none_is_longer_than_ninety_days_or_without_a_reason_and_what_it_covers(fields) -> None:
    with pytest.raises(ValidationError):
        make_mute(**fields)


def test_ninety_days_are_allowed() -> None:
    assert make_mute(until="2027-02-01").until == "2027-02-01"


@pytest.mark.parametrize(
    ("findings", "severity", "covered"),
    [
        ([finding("refusal"), finding("refusal", "a")], "P1", True),
        ([finding("refusal")], "P2", True),
        ([finding("refusal")], "P0", False),
        ([finding("refusal"), finding("length")], "P1", False),
        ([finding("refusal"), finding("refusal", "c")], "P1", False),
        ([finding("contract", "b")], "P1", True),
        ([finding("contract", "c")], "P1", False),
        ([finding("length", "a", Outcome.STABLE)], None, True),
    ],
)
def test_what_is_new_or_worse_is_not_covered(findings, severity, covered: bool) -> None:
    assert covers_tonight(COVERS, findings, severity, suite_cases=20) is covered


def test_where_the_suite_drifted_another_case_is_no_news_and_a_contract_is() -> None:
    everywhere = COVERS.model_copy(update={"cases": tuple("abcdefgh")})
    assert covers_tonight(everywhere, [finding("refusal"), finding("refusal", "z")], "P1", suite_cases=20)
    assert not covers_tonight(everywhere, [finding("contract", "z")], "P1", suite_cases=20)


@given(st.lists(st.sampled_from(["refusal", "length", "format"]), min_size=1, max_size=3, unique=True))
def test_what_an_incident_was_when_it_was_muted_is_always_covered(signals: list[str]) -> None:
    entry = make_entry(1, "D", signals=tuple(signals), cases=("a",), urgency="P1")
    (incident,) = follow([make_entry(0), entry])
    covers = covered_of(incident)
    found = [finding(signal) for signal in signals] + [finding(signals[0], "a")]
    assert covers_tonight(covers, found, "P1", suite_cases=20)
    assert holds_for(make_mute(covers=covers), incident)


def test_a_signal_that_drifted_since_ends_the_mute_of_a_promotion() -> None:
    known = follow(make_entries("QD"))[0]
    since = follow([*make_entries("QD"), make_entry(2, "D", signals=("length",))])[0]
    worse = follow([*make_entries("QD"), make_entry(2, "D", urgency="P0")])[0]
    mute = make_mute(covers=covered_of(known))
    assert holds_for(mute, known)
    assert not holds_for(mute, since)
    assert not holds_for(mute, worse)


@pytest.mark.parametrize("at", ["", "yesterday", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"])
def test_a_time_that_is_none_makes_no_mute(at: str) -> None:
    with pytest.raises(ValidationError, match="its time is none in ISO 8601"):
        make_mute(at=at)
