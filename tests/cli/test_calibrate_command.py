"""`drift calibrate`: the ways to a baseline."""

import json
import shutil
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
    assert len(runs_of(new_project)) == 2, "nobody pays for a night that is held"


def test_a_night_that_has_its_run_is_not_asked_again(new_project: Path, drift: Drift) -> None:
    drift("check", "canary", "--scheduled", "--night", TONIGHT)
    done = drift("calibrate", "canary", "--night", TONIGHT)
    assert (done.code, "has its run already" in done.err, "--from-runs last:1" in done.err) == (2, True, True)
    assert len(runs_of(new_project)) == 1


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
        (("canary", "--case", "tool-wether"), "did you mean 'tool-weather'?"),
        (("canary", "--case", "tool-*", "--nights", "2"), "real nights"),
        (("canary", "--only-errors"), "name it with --resume"),
        (("canary", "--resume", "last"), "no calibration has run here"),
        (("canary", "--resume", "last", "--nights", "2"), "give it alone"),
    ):
        done = drift("calibrate", *arguments)
        assert (done.code, said in done.err) == (2, True), (arguments, done)
    assert files_of(project) == before


def test_an_evening_too_long_for_one_run_is_refused_before_any_call(new_project: Path, drift: Drift) -> None:
    before = files_of(new_project)
    more = ("--samples", "50", "--night", TONIGHT)
    done = drift("calibrate", "canary", "--nights", "28", *more)
    assert (done.code, done.out) == (2, "")
    assert "--nights 28 asks 'edge-near-empty' 1,400 times, and one run asks a case 1,000 times" in done.err
    assert "--nights 20" in done.err
    assert files_of(new_project) == before
    assert drift("calibrate", "canary", "--nights", "20", "--case", "edge-near-empty", *more).code == 0
    assert "edge-near-empty  20 batches of one evening, 1000 samples" in shown(drift)
    assert drift("check", "canary", "--case", "edge-near-empty", "--night", TONIGHT).code == 0


def shown(drift: Drift) -> str:
    return drift("baseline", "show", "canary", "steady").out


def test_json_says_what_became_of_the_baseline(new_project: Path, drift: Drift) -> None:
    done = drift("--json", "calibrate", "canary", "--night", TONIGHT)
    assert json.loads(done.out)["nights"] == 1
    assert json.loads(done.out)["written"] is True


# --- some cases ------------------------------------------------------------------------------------


def test_some_cases_are_gathered_and_no_other_is_touched(project: Path, drift: Drift) -> None:
    before = files_of(project / "baselines")
    done = drift("calibrate", "canary", "--case", "tool-*", "--night", TONIGHT)
    assert (done.code, "one night added to tool-move-meeting, tool-weather" in done.out) == (0, True), done
    after = files_of(project / "baselines")
    assert {Path(name).name for name in after if after[name] != before[name]} == {
        "tool-move-meeting.jsonl",
        "tool-weather.jsonl",
        "acceptances.jsonl",
        "identity.json",
    }
    assert (
        json.loads((runs_of(project)[0] / "manifest.json").read_text(encoding="utf-8"))["scheduled"] is False
    )
    again = drift("calibrate", "canary", "--case", "tool-*", "--night", TONIGHT)
    assert (again.code, "no new night" in again.out, len(runs_of(project))) == (0, True, 1)


def test_a_case_that_asks_something_else_is_replaced_by_what_is_gathered(project: Path, drift: Drift) -> None:
    edit(project / "canaries" / "reasoning-red-herring.yaml", "A bakery sold", "On three days a bakery sold")
    assert drift("calibrate", "canary", "--case", "reasoning-red-herring", "--night", TONIGHT).code == 0
    shown = drift("baseline", "show", "canary", "steady").out
    assert "reasoning-red-herring  1 night, 3 samples" in shown
    assert "tool-weather  14 nights" in shown


def test_some_cases_are_promoted_from_nights_that_ran(project: Path, drift: Drift) -> None:
    drift("check", "canary", "--scheduled", "--night", TONIGHT)
    assert drift("calibrate", "canary", "--from-runs", "last:3", "--case", "tool-weather").code == 0
    shown = drift("baseline", "show", "canary", "steady").out
    assert "tool-weather  15 nights" in shown
    assert shown.count("14 nights") == 9


def test_a_burst_of_some_cases_leaves_the_other_bursts(new_project: Path, drift: Drift) -> None:
    drift("calibrate", "canary", "--nights", "2", "--samples", "1", "--night", TONIGHT)
    more = ("--case", "tool-*", "--nights", "4", "--samples", "1", "--night", TONIGHT)
    assert drift("calibrate", "canary", *more).code == 0
    shown = drift("baseline", "show", "canary", "steady").out
    assert shown.count("4 batches of one evening") == 2
    assert shown.count("2 batches of one evening") == 8


# --- going on --------------------------------------------------------------------------------------


def interrupt(run: Path, *, lines: int) -> None:
    """Leave a run as a kill does: its journal cut off."""
    journal = run / "journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:lines]))
    (run / "verdict.json").unlink(missing_ok=True)


def test_an_evening_that_was_interrupted_goes_on_and_becomes_a_baseline(
    new_project: Path, drift: Drift
) -> None:
    evening = ("calibrate", "canary", "--nights", "3", "--samples", "2", "--night", TONIGHT)
    drift(*evening)
    whole = files_of(new_project / "baselines")
    (run,) = runs_of(new_project)
    shutil.rmtree(new_project / "baselines")
    interrupt(run, lines=41)
    done = drift("calibrate", "--resume", "last")
    assert (done.code, "3 batches of one evening" in done.out) == (0, True), done
    assert len(runs_of(new_project)) == 1
    held = files_of(new_project / "baselines")
    assert held.keys() == whole.keys()
    assert all(held[name] == whole[name] for name in held if name.startswith("canary/steady/edge"))


def test_one_night_that_was_interrupted_goes_on_and_so_do_some_cases(new_project: Path, drift: Drift) -> None:
    for more, said in (
        ((), "one night added"),
        (("--case", "tool-*"), "one night added to tool-move-meeting"),
    ):
        drift("calibrate", "canary", "--night", TONIGHT, *more)
        run = runs_of(new_project)[-1]
        shutil.rmtree(new_project / "baselines", ignore_errors=True)
        interrupt(run, lines=9)
        done = drift("calibrate", "canary", "--resume", run.name)
        assert (done.code, said in done.out) == (0, True), done
        shutil.rmtree(new_project / "baselines")


def test_a_check_is_not_resumed_as_a_calibration(new_project: Path, drift: Drift) -> None:
    drift("check", "canary", "--scheduled", "--night", TONIGHT)
    run = runs_of(new_project)[0].name
    done = drift("calibrate", "canary", "--resume", run)
    assert (done.code, f"drift check canary --resume {run}" in done.err) == (2, True), done


# --- nights that do not count ----------------------------------------------------------------------


def test_a_run_that_will_not_count_as_its_night_says_so_before_it_asks(
    new_project: Path, drift: Drift
) -> None:
    first = drift("check", "canary", "--scheduled", "--night", TONIGHT)
    assert "enters no window" not in first.err
    second = drift("check", "canary", "--scheduled", "--night", TONIGHT)
    assert second.code == 0
    said, planned = second.err.index("has its run already"), second.err.index("plan ")
    assert said < planned
    few = drift("check", "canary", "--scheduled", "--samples", "1", "--night", "2026-11-21")
    assert (few.code, "--samples 1 is less than the 3 of every night" in few.err) == (0, True), few
    again = drift("check", "canary", "--scheduled", "--night", "2026-11-21")
    assert "has its run already" not in again.err, "the night was still free"


# --- private outputs -------------------------------------------------------------------------------


def test_with_private_outputs_only_digests_and_measures_are_kept(new_project: Path, drift: Drift) -> None:
    with (new_project / "drift.yaml").open("a", encoding="utf-8") as file:
        file.write("store: {text: digest}\n")
    for night in ("2026-11-01", "2026-11-02"):
        drift("check", "canary", "--scheduled", "--night", night)
    assert drift("calibrate", "canary", "--from-runs", "last:2").code == 0
    assert drift("calibrate", "canary", "--case", "tool-*", "--night", TONIGHT).code == 0
    drift("check", "canary", "--scheduled", "--night", "2026-11-21")
    shown = json.loads(drift("--json", "report", "last").out)["shown"]
    more = ("--digest", shown, "--reason", "It was looked at.", "--case", "edge-*")
    assert drift("accept", "last", *more).code == 0
    files = files_of(new_project / "baselines")
    lines = [
        json.loads(line)
        for name, content in files.items()
        if name.endswith(".jsonl") and not name.endswith("acceptances.jsonl")
        for line in content.splitlines()
    ]
    assert {tuple(sorted(line)) for line in lines} == {
        ("made_by", "measures", "night", "run", "sample", "text_digest")
    }
    assert drift("baseline", "verify").code == 0
