"""`drift calibrate`: the ways to a baseline."""

import json
from pathlib import Path

from harness.edges.stores.baselines import FileBaselineStore
from tests.cli.conftest import TONIGHT, Drift, edit, files_of, runs_of


def nights_of(project: Path, target: str) -> tuple[str, ...]:
    store = FileBaselineStore(project / "baselines", lock=project / "lock", redact=str)
    baseline = store.load("canary", target)
    assert baseline is not None
    return tuple(sorted({s.night for case in baseline.cases.values() for s in case.samples}))


def test_only_quiet_scheduled_nights_are_promoted(new_project: Path, drift: Drift) -> None:
    for night in ("2026-11-01", "2026-11-02", "2026-11-03"):
        assert drift("check", "canary", "--scheduled", "--night", night).code == 0
    assert drift("check", "canary", "--scheduled", "--night", "2026-11-03").code == 0  # the first one counts
    assert drift("check", "canary", "--night", "2026-11-04").code == 0  # by hand
    edit(
        new_project / "drift.yaml",
        "steady: {model: simulated/steady,",
        'steady: {model: simulated/down, options: {faults: [{kind: "503", retry_after_s: 0}]},',
    )
    assert drift("check", "canary", "--scheduled", "--night", "2026-11-05").code == 3
    done = drift("calibrate", "canary", "--from-runs", "last:14", "--reason", "Three quiet nights of a test.")
    assert done.code == 0
    assert "3 nights" in done.out
    assert nights_of(new_project, "steady") == ("2026-11-01", "2026-11-02", "2026-11-03")
    assert "Three quiet nights of a test." in drift("baseline", "log", "canary", "steady").out


def test_promoting_again_adds_the_new_nights_only(project: Path, drift: Drift) -> None:
    drift("check", "canary", "--scheduled", "--night", TONIGHT)
    before = nights_of(project, "steady")
    done = drift("calibrate", "canary", "--from-runs", "last:14")
    assert done.code == 0
    assert nights_of(project, "steady") == (*before, TONIGHT)
    held = files_of(project / "baselines")
    again = drift("calibrate", "canary", "--from-runs", "last:14")
    assert "no new night" in again.out
    assert files_of(project / "baselines") == held


def test_a_drifted_night_is_never_promoted(project: Path, drift: Drift) -> None:
    edit(project / "drift.yaml", "steady: {model: simulated/steady,", "steady: {model: simulated/swapped,")
    edit(project / "drift.yaml", "swapped: {model: simulated/swapped,", "swapped: {model: simulated/steady,")
    held = files_of(project / "baselines")
    drift("check", "canary", "--scheduled", "--night", TONIGHT)
    done = drift("calibrate", "canary", "--from-runs", "last:14")
    assert (done.code, files_of(project / "baselines")) == (2, held)


def test_a_burst_is_provisional_whatever_its_number(new_project: Path, drift: Drift) -> None:
    done = drift("calibrate", "canary", "--target", "fresh", "--nights", "14", "--night", TONIGHT)
    assert done.code == 0
    assert "gross changes only" in done.out
    listed = drift("baseline", "list").out
    assert "canary/fresh" in listed
    assert "PROVISIONAL" in listed
    assert "14 batches of one evening" in drift("baseline", "show", "canary", "fresh").out
    quiet = drift("check", "canary", "--target", "fresh", "--night", "2026-11-21")
    assert (quiet.code, "PROVISIONAL" in quiet.out or "provisional" in quiet.out) == (0, True)


def test_a_burst_never_replaces_real_nights(project: Path, drift: Drift) -> None:
    held = files_of(project / "baselines")
    done = drift("calibrate", "canary", "--nights", "2")
    assert done.code == 2
    assert "real nights" in done.err
    assert files_of(project / "baselines") == held
    assert not runs_of(project), "it was asked first and refused then"


def test_one_night_is_not_asked_for_where_a_burst_would_not_take_it(new_project: Path, drift: Drift) -> None:
    drift("calibrate", "canary", "--nights", "2", "--night", TONIGHT)
    runs = runs_of(new_project)
    done = drift("calibrate", "canary", "--night", "2026-11-21")
    assert (done.code, "--from-runs" in done.err) == (2, True), done
    assert runs_of(new_project) == runs


def test_plain_adds_one_night_now(new_project: Path, drift: Drift) -> None:
    for night in ("2026-11-01", "2026-11-02"):
        assert drift("calibrate", "canary", "--night", night).code == 0
    assert nights_of(new_project, "steady") == ("2026-11-01", "2026-11-02")
    twice = drift("calibrate", "canary", "--night", "2026-11-02")
    assert twice.code == 0
    assert "no new night" in twice.out


def test_what_was_asked_and_cannot_be_used_is_not_a_mistake_of_the_command_line(
    new_project: Path, drift: Drift
) -> None:
    edit(
        new_project / "drift.yaml",
        "retry_after_s: 0.01}]}\n    baseline_of: steady\n  fresh",
        "retry_after_s: 0.01}]}\n  fresh",
    )
    done = drift("calibrate", "canary", "--target", "down", "--samples", "1")
    assert done.code == 3
    assert "so nothing was accepted" in done.err
    assert not (new_project / "baselines").exists()
    assert len(runs_of(new_project)) == 1
    burst = drift("calibrate", "canary", "--target", "down", "--nights", "2", "--samples", "1")
    assert burst.code == 3
    assert not (new_project / "baselines").exists()


def test_a_mistaken_command_line_is_refused_before_any_call(project: Path, drift: Drift) -> None:
    before = files_of(project)
    for arguments, said in (
        (("canary", "--from-runs", "14"), "last:N"),
        (("canary", "--from-runs", "last:0"), "last:N"),
        (("canary", "--from-runs", "last:3", "--nights", "3"), "give one of them"),
        (("canray",), "did you mean 'canary'?"),
        (("canary", "--from-runs", "last:14", "--reason", "short"), "10 characters"),
        (("canary", "--reason", "short"), "10 characters"),
        (("canary", "--from-runs", "last:14", "--target", "stedy"), "did you mean 'steady'?"),
        (("canary", "--target", "swapped"), "compared with the baseline of 'steady'"),
    ):
        done = drift("calibrate", *arguments)
        assert (done.code, said in done.err) == (2, True), (arguments, done)
    assert files_of(project) == before


def test_json_says_what_became_of_the_baseline(new_project: Path, drift: Drift) -> None:
    done = drift("--json", "calibrate", "canary", "--night", TONIGHT)
    assert json.loads(done.out)["nights"] == 1
    assert json.loads(done.out)["written"] is True
