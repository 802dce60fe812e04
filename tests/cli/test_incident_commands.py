"""From a drift to what is done about it, on the real command line."""

import json
import shutil
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import yaml

from harness.cli.app import run
from tests.cli.conftest import CLOCK, Done, Drift, edit, runs_of
from tests.cli.test_nights_together import LONGER, moody, night

ID = "canary-moody-20261115"
REASON = "The provider knows of it, and we wait."
UNTIL = "2027-02-01"
OF_MOODY = ("--target", "moody", "--max-age", "300d")


@pytest.fixture(scope="module")
def drifted_once(armed_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An armed project whose target `moody` drifted on one night, in length only. Tests copy it."""
    root = tmp_path_factory.mktemp("open") / "project"
    shutil.copytree(armed_project, root)
    moody(root, LONGER)
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        arguments = ["check", "canary", "--scheduled", "--night", "2026-11-15", "--target", "moody"]
        assert run(["-C", str(root), *arguments], clock=CLOCK) == 1
    return root


@pytest.fixture
def incident(drifted_once: Path, tmp_path: Path) -> Path:
    """A project with an open incident, to do with as one likes."""
    return Path(shutil.copytree(drifted_once, tmp_path / "project"))


def mute(drift: Drift, *more: str) -> Done:
    return drift("mute", ID, "--until", UNTIL, "--reason", REASON, *more)


def calm(project: Path) -> None:
    edit(project / "drift.yaml", f", options: {{drift: {LONGER}}}", "")


def test_a_muted_incident_fails_neither_a_quiet_night_nor_the_same_drift(
    incident: Path, drift: Drift
) -> None:
    assert mute(drift).code == 0
    same = night(drift, "2026-11-16", "--target", "moody")
    assert same.code == 0, same.out
    told = " ".join(same.out.split())
    assert told.startswith("moody") and "CHANGED" in same.out
    assert f"because: {REASON.rstrip('.')}" in told and "muted until 1 February" in told
    calm(incident)
    quiet = night(drift, "2026-11-17", "--target", "moody")
    assert (quiet.code, "STILL OPEN" in quiet.out, "muted until" in quiet.out) == (0, True, True)
    page = (runs_of(incident)[-1] / "report.html").read_text(encoding="utf-8")
    assert "muted until" in page
    for name in ("text", "markdown", "comment", "junit", "sarif", "json", "github"):
        said = drift("report", str(runs_of(incident)[-1]), "--format", name)
        assert (said.code, "muted until" in said.out) == (0, True), name
    assert drift("report", str(runs_of(incident)[-1])).code == 0, "the folder alone says that it is muted"
    (incident / "baselines" / "mutes.jsonl").unlink()
    assert drift("report", str(runs_of(incident)[-1])).code == 0


def test_what_a_mute_does_not_cover_fails_at_once(incident: Path, drift: Drift) -> None:
    assert mute(drift).code == 0
    edit(incident / "drift.yaml", LONGER, "{kind: swap}")
    done = night(drift, "2026-11-16", "--target", "moody")
    assert (done.code, "that does not cover this" in " ".join(done.out.split())) == (1, True)
    assert drift("gate", *OF_MOODY).code == 1, "a promotion pauses for what came since"


def test_a_mute_that_is_over_or_taken_back_holds_nothing(incident: Path, drift: Drift) -> None:
    calm(incident)
    assert mute(drift).code == 0
    assert night(drift, "2026-11-16", "--target", "moody").code == 0
    assert drift("mute", ID, "--undo").code == 0
    assert drift("mute", ID, "--undo").code == 2
    assert night(drift, "2026-11-17", "--target", "moody").code == 1
    lines = (incident / "baselines" / "mutes.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2, "nothing is taken out of the record"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--until", "2027-05-01", "--reason", REASON), "90 days"),
        (("--until", "2027-01-03", "--reason", REASON), "is not a date from"),
        (("--until", "soon", "--reason", REASON), "is not a date"),
        (("--until", UNTIL, "--reason", "short"), "10 characters"),
        (("--reason", REASON), "say until when"),
        (("--undo",), "is not muted"),
        (("--undo", "--until", UNTIL), "without --until"),
    ],
)
def test_a_mute_is_short_and_has_a_reason(incident: Path, drift: Drift, arguments, said: str) -> None:
    done = drift("mute", ID, *arguments)
    assert (done.code, said in done.err) == (2, True), done.err
    assert not (incident / "baselines" / "mutes.jsonl").exists()


def test_an_incident_that_is_not_there_is_named(incident: Path, drift: Drift) -> None:
    for command in (
        ["mute", "canary-moodi-20261115", "--until", UNTIL, "--reason", REASON],
        ["respond", "x"],
    ):
        done = drift(*command)
        assert (done.code, "[unknown-name]" in done.err) == (2, True)


def test_a_damaged_list_of_mutes_is_found_before_the_first_call(incident: Path, drift: Drift) -> None:
    assert mute(drift).code == 0
    assert drift("baseline", "verify").code == 0
    edit(incident / "baselines" / "mutes.jsonl", "2027-02-01", "2027-03-01")
    assert drift("baseline", "verify").code == 4
    before = runs_of(incident)
    done = night(drift, "2026-11-16", "--target", "moody")
    assert (done.code, "edited by hand" in done.err) == (4, True)
    assert runs_of(incident) == before
    assert drift("gate", *OF_MOODY).code == 3, "nobody can tell"


def test_a_run_by_hand_is_not_muted(incident: Path, drift: Drift) -> None:
    assert mute(drift).code == 0
    assert drift("check", "canary", "--target", "moody").code == 1


def test_the_gate_holds_by_severity_and_opens_for_what_is_muted(incident: Path, drift: Drift) -> None:
    assert drift("gate", *OF_MOODY).code == 0, "an undirected drift is P2"
    held = drift("gate", "--severity", "P2", *OF_MOODY)
    assert (held.code, f"HOLD P2 {ID}" in held.out) == (1, True)
    said = json.loads(drift("--json", "gate", "--severity", "P2", *OF_MOODY).out)
    assert (said["exit_code"], said["held_by"][0]["id"]) == (1, ID)
    assert mute(drift).code == 0
    assert drift("gate", "--severity", "P3", *OF_MOODY).code == 0
    assert json.loads(drift("--json", "gate", *OF_MOODY).out)["tracks"][0]["open"][0]["muted_until"] == UNTIL


def test_the_gate_cannot_tell_without_a_recent_night_or_a_history(incident: Path, drift: Drift) -> None:
    assert drift("gate", "--target", "steady").code == 3, "no scheduled run of it in this folder"
    (incident / "reports" / "history.sqlite").write_bytes(b"no database")
    done = drift("gate", *OF_MOODY)
    assert (done.code, "not known" in done.err) == (3, True)
    assert drift("status").code == 3
    assert drift("gate", "--severity", "P9").code == 2
    assert drift("gate", "--max-age", "soon").code == 2
    assert drift("gate", "--suite", "canry").code == 2


def test_an_outage_of_last_night_is_no_pass_for_the_gate(incident: Path, drift: Drift) -> None:
    calm(incident)
    edit(
        incident / "drift.yaml",
        "moody: {model: simulated/steady, params: {temperature: 0, max_tokens: 512}, baseline_of: steady",
        'moody: {model: simulated/down, options: {faults: [{kind: "503", retry_after_s: 0.01}]}, baseline_of: steady',
    )
    (incident / "reports" / "history.sqlite").unlink()
    assert night(drift, "2026-11-16", "--target", "moody").code == 3
    assert drift("gate", *OF_MOODY).code == 3
    assert drift("status", *OF_MOODY).code == 0, "it did run"


def test_the_status_shows_ages_trends_and_what_is_open_and_never_exits_one(
    incident: Path, drift: Drift
) -> None:
    done = drift("status", *OF_MOODY)
    assert done.code == 0
    assert "last 1 night  D" in done.out
    assert f"P2 {ID} since 2026-11-15: " in done.out
    late = drift("status")
    assert (late.code, "canary/steady  LATE: no scheduled run yet" in late.out) == (3, True)
    said = json.loads(drift("--json", "status", *OF_MOODY).out)
    assert (said["exit_code"], said["tracks"][0]["late"], said["tracks"][0]["trend"]) == (0, False, "D")
    assert all(len(line) <= 80 for line in (done.out + late.out).splitlines())


def test_a_response_asks_again_recommends_and_writes_only_where_it_is_told_to(
    incident: Path, drift: Drift, tmp_path: Path
) -> None:
    before = {path.name for path in incident.iterdir()}
    planned = drift("respond", ID, "--plan")
    assert (planned.code, "10 cases x 1 target" in planned.err) == (0, True)
    done = drift("respond", ID, "--fallback", "fresh", "--samples", "3")
    assert done.code == 1
    assert "RECOMMENDED fail over to fresh" in done.out
    assert "[rule quiet-elsewhere]" in " ".join(done.out.split())
    assert {path.name for path in incident.iterdir()} == before
    out = tmp_path / "out"
    said = json.loads(drift("--json", "-q", "respond", ID, "--write", str(out)).out)
    assert [one["action"] for one in said["advice"]][-1] == "adjust prompts"
    config = yaml.safe_load((out / "litellm.yaml").read_text(encoding="utf-8"))
    assert config == yaml.safe_load(said["litellm"])
    assert config["router_settings"]["model_group_alias"] == {"moody": "moody-as-is"}


def test_a_response_to_a_drift_that_went_away_says_to_wait(incident: Path, drift: Drift) -> None:
    calm(incident)
    done = drift("respond", ID)
    assert (done.code, "RECOMMENDED wait" in done.out, "[rule quiet-now]" in " ".join(done.out.split())) == (
        0,
        True,
        True,
    )


def test_a_response_during_an_outage_recommends_nothing_on_no_evidence(incident: Path, drift: Drift) -> None:
    edit(
        incident / "drift.yaml",
        f"options: {{drift: {LONGER}}}",
        'options: {faults: [{kind: "503", retry_after_s: 0.01}]}',
    )
    done = drift("respond", ID)
    assert (done.code, "RECOMMENDED ask again" in done.out) == (3, True)


def test_a_response_over_the_cap_asks_nothing(incident: Path, drift: Drift) -> None:
    before = runs_of(incident)
    assert drift("respond", ID, "--fallback", "priced", "--max-cost", "0.000001").code == 2
    assert runs_of(incident) == before
    assert drift("respond", ID, "--fallback", "moody").code == 2
    assert drift("respond", ID, "--fallback", "nobody").code == 2


def test_a_post_mortem_holds_what_is_known_and_marks_what_people_know(incident: Path, drift: Drift) -> None:
    assert mute(drift).code == 0
    calm(incident)
    assert night(drift, "2026-11-16", "--target", "moody").code == 0
    before = runs_of(incident)
    done = drift("respond", ID, "--postmortem")
    assert done.code == 0
    assert runs_of(incident) == before, "nothing is asked"
    for said in (
        "P2",
        "First night: 2026-11-15",
        "`length`",
        "muted until 2027-02-01",
        "simulated-steady",
        "$0.00",
    ):
        assert said in done.out, said
    assert done.out.count("**TO FILL IN**") > 10
    shutil.rmtree(before[0])
    assert "its folder cannot be read any more" in drift("respond", ID, "--postmortem").out
    assert drift("respond", ID, "--postmortem", "--fallback", "fresh").code == 2


class TestAgree:
    """Two targets, case by case."""

    def test_the_same_model_twice_is_never_said_to_disagree(self, project: Path, drift: Drift) -> None:
        done = drift("-q", "agree", "tool-*", "structure-invoice-json", "--targets", "steady", "priced")
        assert (done.code, "3 agree" in done.out) == (0, True), done.out
        assert "fields are the same" in done.out

    def test_another_model_disagrees_and_says_where(self, project: Path, drift: Drift) -> None:
        done = drift("--json", "-q", "agree", "structure-*", "edge-*", "--targets", "steady", "swapped")
        said = json.loads(done.out)
        assert (done.code, said["exit_code"]) == (1, 1)
        invoice = next(case for case in said["cases"] if case["case"] == "structure-invoice-json")
        assert invoice["says"] == "disagree"
        assert {aspect["what"] for aspect in invoice["aspects"]} == {"rules", "structure"}

    def test_a_target_that_is_down_leaves_it_untold_and_the_run_is_gone_on_with(
        self, project: Path, drift: Drift
    ) -> None:
        done = drift("-q", "agree", "tool-*", "--targets", "steady", "down")
        assert (done.code, "2 could not tell" in done.out) == (3, True)
        (run_folder,) = runs_of(project)
        asked = (run_folder / "journal.jsonl").stat().st_size
        again = drift("-q", "agree", "--resume", run_folder.name)
        assert (again.code, "2 could not tell" in again.out) == (3, True)
        assert (run_folder / "journal.jsonl").stat().st_size >= asked
        assert drift("check", "canary", "--scheduled", "--night", "2026-11-16").code == 0
        assert drift("-q", "agree", "--resume", runs_of(project)[-1].name).code == 2

    @pytest.mark.parametrize(
        "arguments",
        [
            (),
            ("tool-*",),
            ("tool-*", "--targets", "steady", "steady"),
            ("nothing-*", "--targets", "steady", "swapped"),
            ("tool-*", "--targets", "steady", "nobody"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, project: Path, drift: Drift, arguments) -> None:
        assert drift("agree", *arguments).code == 2
        assert not runs_of(project)
