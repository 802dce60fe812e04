"""What is printed about incidents stays text, whatever a model, a provider or a colleague wrote into it."""

import json
from datetime import UTC, datetime

import pytest

from harness.core.alike import AgreementResult, Alike, Aspect, CaseAlike
from harness.core.batch import Acceptance
from harness.core.findings import Outcome
from harness.core.incidents import Incident, follow
from harness.core.mutes import Mute, covered_of
from harness.core.response import Action, Advice, KindNow, Option, Response
from harness.core.standing import tracks_of
from harness.core.verdict import TargetVerdict
from harness.reporting.alike import alike_text
from harness.reporting.postmortem import BLANK, IncidentFacts, postmortem
from harness.reporting.response import response_facts, response_text
from harness.reporting.standing import gate_lines, status_lines
from tests.reporting.test_hostile_output import for_a_terminal, for_markdown
from tests.support.history import make_entry
from tests.support.hostile import HOSTILE
from tests.support.records import make_finding, make_record, make_target_verdict

TEXTS = [text for text in HOSTILE if "\udc80" not in text]
NOW = datetime(2026, 11, 4, tzinfo=UTC)


def incident_of(evil: str) -> Incident:
    entries = [make_entry(0), make_entry(1, "D", signals=("refusal", evil), served=(evil,), worst=("a",))]
    return follow(entries)[0]


def facts_of(evil: str) -> IncidentFacts:
    incident = incident_of(evil)
    nights = [make_entry(0, served=("before",)), make_entry(1, "D", served=(evil,), fingerprints=(evil,))]
    target: TargetVerdict = make_target_verdict(
        make_record(),
        outcome=Outcome.REGRESSED,
        findings=(make_finding(None), make_finding("refusal-1", because=evil, signal=evil)),
    )
    mute = Mute(
        incident=incident.id,
        suite="canary",
        target="sonnet",
        at="2026-11-03T09:00:00+00:00",
        by=evil,
        until="2026-12-01",
        reason=f"{evil} and so on and on"[-900:],
        covers=covered_of(incident),
    )
    accepted = Acceptance.model_construct(
        by=evil, at="2026-11-04T09:00:00+00:00", reason=evil, cases=("a",), runs=(), verdict="regressed"
    )
    return IncidentFacts(
        incident=incident,
        nights=nights,
        verdicts={incident.runs[0]: target},
        costs_usd={incident.runs[0]: None},
        mutes=[mute],
        acceptances=[accepted],
    )


@pytest.mark.parametrize("evil", TEXTS)
def test_a_post_mortem_stays_text(evil: str) -> None:
    text = postmortem(facts_of(evil))
    for_markdown(text.replace(BLANK, ""), "")
    usual = postmortem(facts_of("Some words."))
    heads = [line for line in text.splitlines() if line.startswith("#")]
    assert heads == [line for line in usual.splitlines() if line.startswith("#")]
    assert text.count(BLANK) == usual.count(BLANK)


def test_a_post_mortem_says_how_long_it_went_unseen_and_what_was_served() -> None:
    text = postmortem(facts_of("after"))
    assert "the last quiet night is 2026-11-01, so it went unseen for 1 day at most" in text
    assert "- 2026-11-01: served `before`\n- 2026-11-02: then `after`, fingerprint `after`" in text
    assert "0 %, n 42 | 83 %, n 6" in text
    assert "what 1 more run cost is not known" in text


@pytest.mark.parametrize("evil", TEXTS)
def test_what_is_recommended_stays_text(evil: str) -> None:
    response = Response(
        kinds=(KindNow(kind="tool", affected=True, cases=3, moved=("a",)),),
        options=(Option(target="gpt", quiet=False, why=evil),),
        served_before=(evil,),
        served_now=(evil, "x"),
        advice=(Advice(action=Action.ROLL_BACK, rule="pinned-earlier", because=evil, model=evil),),
    )
    text = response_text(incident_of(evil), response)
    for_a_terminal(text, "")
    if "##" not in evil:  # which takes three columns each time that it is broken up
        assert all(len(line) <= 80 for line in text.splitlines() if line.isascii())
    assert json.loads(json.dumps(response_facts(response)))["advice"][0]["model"] == evil


@pytest.mark.parametrize("evil", TEXTS)
def test_agreement_and_standing_stay_text(evil: str) -> None:
    aspect = Aspect(what="text", says=Alike.DISAGREE, because=evil, p_value=0.01)
    result = AgreementResult(
        reference="a",
        candidate="b",
        cases=(CaseAlike(case="x", says=Alike.DISAGREE, n_reference=5, n_candidate=5, aspects=(aspect,)),),
    )
    for_a_terminal(alike_text(result), "")
    facts = facts_of(evil)
    tracks = tracks_of([("canary", "sonnet")], facts.nights, [facts.incident], facts.mutes, NOW)
    assert tracks[0].open[0].mute is not None
    for lines in (status_lines(tracks, 36, 30), gate_lines(tracks, "P3", 36)):
        for_a_terminal("\n".join(lines), "")
