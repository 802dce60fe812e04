"""The rules that lead to what is recommended about a drift."""

from collections.abc import Mapping, Sequence

import pytest

from harness.core.findings import Outcome
from harness.core.history import NightEntry
from harness.core.incidents import follow
from harness.core.response import Action, options_of, respond, served_before
from harness.core.verdict import BaselineState, Coverage, State
from tests.support.history import make_entries, make_entry
from tests.support.records import (
    Night,
    make_cases,
    make_finding,
    make_record,
    make_target_verdict,
    make_verdict,
)

RECORD = make_record(Night(cases=make_cases(10)))
CASES = RECORD.manifest.suite.cases
(INCIDENT,) = follow(
    [make_entry(0, served=("old-1",)), make_entry(1, "D", kinds=("refusal",), served=("new-2",))]
)
NOTHING = Coverage(
    planned=60, answered=2, measured=2, compared=2, cases_planned=10, cases_answered=1, cases_compared=1
)


def drifting(*cases: str, **fields: object):
    found = (make_finding(None), *(make_finding(case) for case in cases))
    known = {"outcome": Outcome.REGRESSED, "findings": found, "served": ("new-2",)}
    return make_target_verdict(RECORD, "sonnet", **{**known, **fields})


def advice(
    target,
    before: Sequence[str] = (),
    nights: Mapping[str, Sequence[NightEntry]] = {},
    asked=(),
    incidents=(),
):
    verdict = make_verdict(RECORD, target, *asked)
    options = options_of([*nights, *(one.target for one in asked)], incidents, nights, verdict)
    found = respond(
        incident=INCIDENT, target=target, verdict=verdict, cases=CASES, before=before, options=options
    )
    return [(one.action, one.rule) for one in found.advice], found


def test_an_outage_recommends_to_ask_again_and_names_who_is_quiet() -> None:
    down = make_target_verdict(RECORD, "sonnet", outcome=Outcome.INCONCLUSIVE, coverage=NOTHING)
    assert advice(down)[0] == [(Action.ASK_AGAIN, "could-not-tell")]
    said, _ = advice(down, nights={"gpt": make_entries("Q", target="gpt")})
    assert said[1:] == [(Action.FAIL_OVER, "quiet-elsewhere")]


def test_what_is_not_confirmed_is_no_drift_to_act_on() -> None:
    assert advice(drifting(awaiting_confirmation=True))[0][0] == (Action.ASK_AGAIN, "could-not-tell")


def test_a_drift_that_is_gone_is_waited_for() -> None:
    quiet = make_target_verdict(RECORD, "sonnet")
    assert advice(quiet, before=("old-1",))[0] == [(Action.WAIT, "quiet-now")]


def test_another_model_behind_the_name_is_rolled_back_first() -> None:
    said, found = advice(drifting(*(case.id for case in CASES)), before=("old-1",))
    assert said == [(Action.ROLL_BACK, "pinned-earlier"), (Action.ADJUST_PROMPTS, "everywhere")]
    assert found.advice[0].model == "old-1"
    assert advice(drifting(), before=("new-2",))[0] == [(Action.ADJUST_PROMPTS, "everywhere")]
    assert advice(drifting(served=()), before=("old-1",))[0][0][0] is Action.ADJUST_PROMPTS


def test_a_drift_in_one_place_is_a_matter_of_its_prompts() -> None:
    said, found = advice(drifting(CASES[0].id))
    assert said == [(Action.ADJUST_PROMPTS, "one-place")]
    assert sum(len(kind.moved) for kind in found.kinds) == 1
    assert found.kinds[0].kind == "refusal"
    assert found.kinds[0].affected


@pytest.mark.parametrize(
    ("fields", "quiet"),
    [
        ({}, True),
        ({"state": State.LEARNING, "baseline": BaselineState.MISSING, "outcome": Outcome.INCONCLUSIVE}, True),
        ({"outcome": Outcome.CHANGED}, False),
        ({"outcome": Outcome.INCONCLUSIVE}, False),
        ({"awaiting_confirmation": True}, False),
        ({"coverage": NOTHING}, False),
        ({"cut_short": True}, False),
    ],
)
def test_who_was_asked_just_now_takes_over_only_where_it_held_up(fields, quiet: bool) -> None:
    other = make_target_verdict(RECORD, "sonnet", **fields).model_copy(update={"target": "gpt"})
    said, found = advice(drifting(), asked=(other,))
    assert ((Action.FAIL_OVER, "quiet-elsewhere") in said) is quiet
    assert found.options[0].quiet is quiet


def test_an_open_incident_or_no_measured_night_rules_a_target_out() -> None:
    nights = {"gpt": make_entries("QD", target="gpt"), "new": make_entries("?L", target="new")}
    _, found = advice(drifting(), nights=nights, incidents=follow(nights["gpt"]))
    assert [one.quiet for one in found.options] == [False, False]


def test_what_was_served_before_is_of_the_last_night_without_drift() -> None:
    nights = [
        make_entry(0, served=("older",)),
        make_entry(1, "D", served=("new",)),
        make_entry(2, served=("x",)),
    ]
    (incident,) = follow(nights)
    assert served_before(nights, incident) == ("older",)
    assert served_before(nights[1:], incident) == ()
