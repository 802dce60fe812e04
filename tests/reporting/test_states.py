"""Every format says how much the baseline knows, what is still open, and what was not compared."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.batch import Baseline, CaseBaseline
from harness.core.decision import decide
from harness.core.findings import Outcome
from harness.core.run import Earlier, RunRecord
from harness.core.verdict import BaselineState, Coverage, OpenIncident, State, TargetVerdict, Verdict
from harness.edges.stores.verdicts import read_verdict
from harness.reporting import FORMATS
from harness.reporting.model import Command, QuietList, ReplyProof, ReportView, Status
from harness.reporting.view import make_view
from tests.support.floors import floored_readings, make_floored
from tests.support.records import (
    Night,
    make_cases,
    make_finding,
    make_reading,
    make_record,
    make_target_verdict,
    make_verdict,
)

RECORD = make_record()


def every_format(record: RunRecord, verdict: Verdict) -> dict[str, str]:
    """Render all formats, each as plain words on one line."""
    said = {name: FORMATS.load(name)(record, verdict) for name in FORMATS.names()}
    said["markdown"] = said["markdown"].replace("\\", "").replace("\u2060", "")
    said["html"] = said["html"].replace("<b>", "").replace("</b>", "").replace("&#39;", "'")
    return {name: " ".join(text.split()) for name, text in said.items()}


def verdict_of(record: RunRecord = RECORD, *, scheduled: bool = True, **said: object) -> Verdict:
    known: dict[str, object] = {"readings": floored_readings()}
    return make_verdict(record, make_target_verdict(record, **{**known, **said}), scheduled=scheduled)


def view_of(record: RunRecord = RECORD, *, scheduled: bool = True, **said: object) -> ReportView:
    return make_view(record, verdict_of(record, scheduled=scheduled, **said))


def facts(view: ReportView, title: str) -> str:
    found = [fact for fact in view.facts if fact.title == title]
    return " ".join("".join(phrase.text for phrase in line) for fact in found for line in fact.lines)


def burst(record: RunRecord) -> RunRecord:
    """Take the record's baseline in one evening."""
    return with_cases(record, lambda case: case.model_copy(
        update={"samples": tuple(s.model_copy(update={"burst": True}) for s in case.samples)}
    ))  # fmt: skip


def with_cases(record: RunRecord, change: Callable[[CaseBaseline], CaseBaseline]) -> RunRecord:
    baseline = record.references["sonnet"]
    cases = {name: change(case) for name, case in baseline.cases.items()}
    return with_baseline(record, baseline.model_copy(update={"cases": cases}))


def with_baseline(record: RunRecord, baseline: Baseline) -> RunRecord:
    return replace(record, references={"sonnet": baseline})


# --- states ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "said", "words"),
    [
        (
            make_record(Night(nights=3)),
            {"state": State.LEARNING, "nights": 3, "outcome": Outcome.INCONCLUSIVE, "readings": ()},
            "LEARNING night 3 of 14",
        ),
        (make_record(Night(nights=7)), {"state": State.PROVISIONAL, "nights": 7}, "PROVISIONAL 7 nights"),
        (
            burst(make_record(Night(nights=3))),
            {"state": State.PROVISIONAL, "nights": 1},
            "PROVISIONAL one evening: gross changes only",
        ),
        (RECORD, {}, "ARMED 14 nights"),
    ],
    ids=["learning", "provisional", "burst", "armed"],
)
def test_every_format_says_the_state(record: RunRecord, said: dict[str, object], words: str) -> None:
    for name, text in every_format(record, verdict_of(record, **said)).items():
        assert words in text, name


def test_a_baseline_of_one_evening_says_what_it_cannot_see() -> None:
    view = view_of(burst(make_record(Night(nights=3))), state=State.PROVISIONAL, nights=1)
    assert "only gross changes" in view.qualifier
    assert "finer drift after 5 nights, fully after 14" in facts(view, "How sure")


# --- strays ----------------------------------------------------------------------------------------

STRAYED = make_floored("string", away=3.4, tonight=0.52, p_value=0.004)
DENIED = make_floored("string", away=3.4, again=0.2, tonight=0.52, confirmation=0.42, p_value=0.004)


def test_every_format_says_that_a_stray_was_not_confirmed() -> None:
    verdict = verdict_of(readings=floored_readings(string=DENIED), confirmed=False)
    for name, text in every_format(RECORD, verdict).items():
        assert "String strayed in the first batch; a second batch did not confirm it: quiet." in text, name
    assert verdict.exit_code == 0


@pytest.mark.parametrize("scheduled", [True, False])
def test_a_night_that_awaits_its_confirmation_says_how_it_gets_it(scheduled: bool) -> None:
    verdict = verdict_of(
        readings=floored_readings(string=STRAYED),
        awaiting_confirmation=True,
        outcome=Outcome.INCONCLUSIVE,
        scheduled=scheduled,
    )
    for name, text in every_format(RECORD, verdict).items():
        assert "String strayed in one batch" in text, name
        assert f"drift check canary --resume {verdict.run}" in text.replace("<code>", ""), name
        assert ("next scheduled run" in text) is scheduled, name


def test_a_stray_beside_a_drift_is_not_called_quiet() -> None:
    view = view_of(
        outcome=Outcome.REGRESSED,
        confirmed=True,
        readings=floored_readings(
            string=DENIED, quality=make_floored("quality", Outcome.REGRESSED, away=5.0, p_value=1e-6)
        ),
        findings=(make_finding(None, signal="quality"),),
    )
    assert "a second batch did not confirm it." in facts(view, "How sure")
    assert "quiet" not in facts(view, "How sure")


def test_drift_that_a_broken_contract_hides_is_not_called_noise() -> None:
    view = view_of(
        outcome=Outcome.REGRESSED,
        findings=(make_finding("refusal-01", signal="contract", p_value=None, effect=None),),
        readings=floored_readings(string=STRAYED),
    )
    assert "nobody asked again" in facts(view, "How sure")
    assert [one.tail for one in view.within] == ["are waiting for a second batch"]
    assert "noise" not in " ".join(phrase.text for phrase in view.lead)


def test_a_night_that_its_successor_denies_is_named() -> None:
    earlier = RECORD.batches["sonnet"].model_copy(update={"night": "2026-11-20"})
    record = replace(RECORD, earlier=Earlier(awaited={"sonnet": earlier}))
    said = "The night of 20 Nov 2026 strayed; tonight did not confirm it."
    assert said in facts(view_of(record), "How sure")
    again = make_floored("string", Outcome.CHANGED, away=3.4, p_value=0.004, confirm_p_value=1e-5)
    view = view_of(
        record,
        outcome=Outcome.CHANGED,
        confirmed=True,
        readings=floored_readings(string=again),
        findings=(make_finding(None, signal="string", outcome=Outcome.CHANGED),),
    )
    assert said not in facts(view, "How sure")
    assert "On 20 Nov 2026, and again tonight." in facts(view, "How sure")


def test_drift_over_several_nights_is_never_called_seen_twice() -> None:
    lasting = make_floored("quality", Outcome.REGRESSED, away=1.9, p_value=0.05, window_p_value=4e-4)
    verdict = verdict_of(
        outcome=Outcome.REGRESSED,
        confirmed=True,
        readings=floored_readings(quality=lasting),
        findings=(make_finding(None, signal="quality", nights=5),),
        window=("2026-11-20", "2026-11-19", "2026-11-18", "2026-11-16"),
    )
    for name, text in every_format(RECORD, verdict).items():
        assert "Seen twice" not in text, name
        assert "with the nights of 16, 18, 19 and 20 Nov 2026" in text, name
    view = make_view(RECORD, verdict)
    assert "Seen over the last 5 nights together." in facts(view, "How sure")
    assert "about once in 2,500" in facts(view, "How sure")
    assert "confirmed" not in view.qualifier


# --- incidents -------------------------------------------------------------------------------------


def incident(quiet: int = 2, *, recovered: bool = False) -> OpenIncident:
    return OpenIncident(
        id="canary-sonnet-20261104",
        opened="2026-11-04",
        signals=("refusal", "embedding"),
        quiet_nights=quiet,
        recovered=recovered,
    )


def test_a_quiet_night_with_an_open_incident_is_not_quiet_in_any_format() -> None:
    verdict = verdict_of(incident=incident())
    assert verdict.exit_code == 1
    view = make_view(RECORD, verdict)
    assert (view.status, view.complete) == (Status.OPEN, False)
    for name, text in every_format(RECORD, verdict).items():
        assert "canary-sonnet-20261104 is open: refusal and embedding drifted on 4 Nov 2026" in text, name
        assert "2 of 7 quiet nights since" in text, name
        assert "exits 1 until" in text, name
    assert "\nSTILL OPEN  " in FORMATS.load("text")(RECORD, verdict)


def test_a_run_by_hand_beside_an_open_incident_is_quiet_and_not_complete() -> None:
    view = view_of(incident=incident(), scheduled=False)
    assert (view.status, view.exit_code, view.complete) == (Status.STABLE, 0, False)
    assert "still open" in view.qualifier


def test_a_recovered_incident_is_over() -> None:
    verdict = verdict_of(incident=incident(7, recovered=True))
    view = make_view(RECORD, verdict)
    assert (view.status, view.exit_code, view.complete) == (Status.STABLE, 0, True)
    for name, text in every_format(RECORD, verdict).items():
        assert "Incident canary-sonnet-20261104 is over" in text, name


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("scheduled", [True, False])
@pytest.mark.parametrize("recovered", [True, False])
def test_an_incident_never_lets_the_word_and_the_exit_code_contradict(
    outcome: Outcome, scheduled: bool, recovered: bool
) -> None:
    view = view_of(
        outcome=outcome,
        incident=incident(7, recovered=recovered),
        scheduled=scheduled,
        findings=(make_finding(None),) if outcome is Outcome.REGRESSED else (),
    )
    loud = view.status in (Status.REGRESSED, Status.CHANGED, Status.OPEN)
    assert loud == (view.exit_code == 1)
    assert not (view.complete and view.exit_code)


# --- what was not compared -------------------------------------------------------------------------


def lists(view: ReportView) -> dict[Status, QuietList]:
    return {one.status: one for one in view.within}


def mixed_record() -> RunRecord:
    """Have two cases of too few nights, one that was edited and one that the baseline does not hold."""
    baseline = RECORD.references["sonnet"]
    cases = dict(baseline.cases)
    for name in ("structure-00", "refusal-01"):
        few = tuple(sample for sample in cases[name].samples if sample.night < "2026-10-20")
        cases[name] = cases[name].model_copy(update={"samples": few})
    identity = cases["edge-04"].identity.model_copy(update={"question": "0" * 64})
    cases["edge-04"] = cases["edge-04"].model_copy(update={"identity": identity})
    del cases["edge-09"]
    return with_baseline(RECORD, baseline.model_copy(update={"cases": cases}))


def test_cases_that_are_not_compared_are_told_apart_and_never_called_noise() -> None:
    view = view_of(mixed_record())
    assert {status: len(one.rows) for status, one in lists(view).items()} == {
        Status.LEARNING: 2,
        Status.STALE: 1,
        Status.NO_BASELINE: 1,
        Status.STABLE: 16,
    }
    lead = " ".join(phrase.text for phrase in view.lead)
    assert "1 was edited and is not compared, 1 is not in the baseline yet and 2 are still learning" in lead
    assert not view.complete


def test_nothing_is_within_its_noise_while_a_contract_breaks_on_a_learning_night() -> None:
    view = view_of(
        make_record(Night(nights=2)),
        outcome=Outcome.REGRESSED,
        state=State.LEARNING,
        nights=2,
        readings=(),
        findings=(make_finding("refusal-01", signal="contract", p_value=None, effect=None),),
    )
    assert Status.STABLE not in lists(view)


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("treatment", "The target's model, parameters or options are other ones than the baseline's."),
        ("question", "The prompt of 20 of 20 cases is another one than the baseline's."),
    ],
)
def test_a_stale_baseline_says_what_changed(field: str, said: str) -> None:
    record = with_cases(RECORD, lambda case: case.model_copy(
        update={"identity": case.identity.model_copy(update={field: "0" * 64})}
    ))  # fmt: skip
    view = make_view(record, decide(record))
    for name, text in every_format(record, decide(record)).items():
        assert said in text, name
    assert (view.status, view.exit_code) == (Status.STALE, 4)
    assert said in " ".join(phrase.text for phrase in view.lead)
    assert view.targets[0].state.startswith("STALE")


def test_where_some_cases_keep_their_treatment_it_is_the_tools_that_changed() -> None:
    baseline = RECORD.references["sonnet"]
    cases = dict(baseline.cases)
    identity = cases["tool-03"].identity.model_copy(update={"treatment": "0" * 64})
    cases["tool-03"] = cases["tool-03"].model_copy(update={"identity": identity})
    view = view_of(with_baseline(RECORD, baseline.model_copy(update={"cases": cases})))
    assert "The tools of 1 of 20 cases are other ones" in facts(view, "Worth knowing")


def private(record: RunRecord) -> RunRecord:
    return with_cases(record, lambda case: case.model_copy(
        update={"samples": tuple(s.model_copy(update={"answer": None}) for s in case.samples)}
    ))  # fmt: skip


def test_a_baseline_of_digests_says_which_signals_it_cannot_measure() -> None:
    record = private(RECORD)
    unread = {
        name: make_reading(name, nights=(), tonight=None, p_value=None)
        for name in ("string", "embedding", "spread")
    }
    verdict = verdict_of(record, readings=floored_readings(**unread))
    said = "Embedding, string and spread are not measured: the baseline keeps digests, not what was said."
    for name, text in every_format(record, verdict).items():
        assert said in text, name
    assert not make_view(record, verdict).complete


def test_a_suite_without_rules_says_so() -> None:
    unread = {
        name: make_reading(name, nights=(), tonight=None, p_value=None) for name in ("format", "quality")
    }
    view = view_of(readings=floored_readings(**unread))
    assert "Format and quality are not measured: no case has the rules for it." in facts(
        view, "Worth knowing"
    )


@pytest.mark.parametrize("asked", [True, False])
def test_log_probabilities_are_missed_only_where_the_target_asks_for_them(asked: bool) -> None:
    (target,) = RECORD.manifest.targets
    params = {**target.target.params, "logprobs": asked}
    target = target.model_copy(update={"target": target.target.model_copy(update={"params": params})})
    record = replace(RECORD, manifest=RECORD.manifest.model_copy(update={"targets": (target,)}))
    unread = make_reading("logprob", nights=(), tonight=None, p_value=None)
    verdict = verdict_of(record, readings=(*floored_readings(), unread))
    said = "Log-probabilities are not measured: the baseline has nothing of it."
    for name, text in every_format(record, verdict).items():
        assert (said in text) == asked, name
        assert asked or "robabilities are not" not in text


# --- the rest --------------------------------------------------------------------------------------


def test_a_broken_contract_comes_first() -> None:
    findings = (
        make_finding("edge-04", p_value=1e-9),
        make_finding("tool-03", signal="contract", p_value=None, effect=None),
    )
    view = view_of(outcome=Outcome.REGRESSED, findings=findings)
    assert [row.case for row in view.queue] == ["tool-03", "edge-04"]


def test_a_contract_alone_is_drawn_as_the_replies_that_broke_it() -> None:
    view = view_of(
        outcome=Outcome.REGRESSED,
        findings=(make_finding("tool-03", signal="contract", p_value=None, effect=None),),
    )
    assert isinstance(view.proof, ReplyProof)


def test_several_targets_say_the_sum_of_their_budgets() -> None:
    record = make_record(Night(targets=("sonnet", "gpt")))
    verdict = make_verdict(record)
    for name in ("text", "html", "markdown"):
        text = every_format(record, verdict)[name]
        assert "at 0.75 in 100 nights: 1.5 for these 2" in text, name
    assert "these" not in facts(view_of(), "Worth knowing")


def rejected(kind: str) -> TargetVerdict:
    lost = Coverage(
        planned=60, answered=4, measured=4, compared=4,
        cases_planned=20, cases_answered=4, cases_compared=4,
    )  # fmt: skip
    return make_target_verdict(
        RECORD, outcome=Outcome.INCONCLUSIVE, failures=((kind, 1),), coverage=lost, readings=()
    )


@pytest.mark.parametrize(
    ("kind", "sure", "command"),
    [
        ("authentication", "the provider rejected the key", f"drift check canary --resume {RECORD.manifest.run}"),
        ("unknown_model", "the provider does not know this model", "drift check canary"),
    ],
)  # fmt: skip
def test_a_target_that_was_turned_away_says_what_to_mend(kind: str, sure: str, command: str) -> None:
    view = make_view(RECORD, make_verdict(RECORD, rejected(kind)))
    assert (view.status, view.exit_code) == (Status.INCONCLUSIVE, 2)
    assert sure in facts(view, "How sure")
    assert view.next_step is not None
    assert view.next_step.command == Command(head=command)
    assert "56 replies are missing" in facts(view, "Worth knowing")
    assert "55 were never asked" in facts(view, "Worth knowing")


def test_one_case_is_never_called_cases() -> None:
    record = make_record(Night(cases=make_cases(1)))
    quiet = every_format(record, make_verdict(record, make_target_verdict(record, "sonnet")))
    drift = every_format(
        record,
        make_verdict(
            record,
            make_target_verdict(record, outcome=Outcome.REGRESSED, findings=(make_finding("structure-00"),)),
        ),
    )
    for said in (quiet, drift):
        for name, text in said.items():
            assert " 1 cases" not in text, name
            assert " 1 replies" not in text, name


def test_the_command_that_accepts_names_the_baseline_that_it_changes() -> None:
    manifest = RECORD.manifest
    targets = tuple(t.model_copy(update={"baseline_of": "steady"}) for t in manifest.targets)
    record = replace(RECORD, manifest=manifest.model_copy(update={"targets": targets}))
    view = view_of(record, outcome=Outcome.REGRESSED, findings=(make_finding("refusal-01"),))
    assert view.queue[0].accept is not None
    assert "--baseline-of steady --digest" in view.queue[0].accept.text


def test_the_json_of_a_night_can_be_read_again(tmp_path: Path) -> None:
    verdict = verdict_of(incident=incident(), baseline=BaselineState.PRESENT)
    text = FORMATS.load("json")(RECORD, verdict)
    (tmp_path / "verdict.json").write_text(text, encoding="utf-8")
    assert read_verdict(tmp_path / "verdict.json", tmp_path) == verdict
    said = json.loads(text)
    assert set(said) - set(Verdict.model_fields) == {"outcome", "exit_code", "run_end", "in_words"}
    assert set(said["in_words"]) == {"sonnet"}


def test_a_muted_incident_is_said_in_every_format_and_never_quiet() -> None:
    muted = incident().model_copy(
        update={"muted_until": "2026-12-01", "muted_because": "The provider is at it.", "muted_by": "M <m@x>"}
    )
    quiet = verdict_of(incident=muted)
    assert quiet.exit_code == 0
    view = make_view(RECORD, quiet)
    assert (view.status, view.complete) == (Status.OPEN, False)
    for name, text in every_format(RECORD, quiet).items():
        assert "is muted until 1 December by M because: The provider is at it." in text, name
    for name in ("junit", "github", "sarif", "comment"):
        said = " ".join(FORMATS.load(name)(RECORD, quiet).split())
        assert "muted until 1 December" in said, name
    assert "✓" not in FORMATS.load("comment")(RECORD, quiet)
    assert verdict_of(incident=muted, scheduled=False).exit_code == 0
