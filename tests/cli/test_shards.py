"""One night asked by several machines: each takes a part of the cases, and the merged run is the one that one would make."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.cli.app import run
from harness.edges.stores.journal import read_journal
from tests.cli.conftest import CLOCK, TONIGHT, Done, Drift, runs_of
from tests.support.manifests import rewrite

NIGHT = ("--night", TONIGHT)
OF_THE_RUN = ("run", "shown", "run_end")
"""What a verdict holds of the run that it is of, and not of its answers."""


def verdict_of(folder: Path) -> dict[str, Any]:
    """Read a verdict, without what is of the run itself."""
    told = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
    return {name: value for name, value in told.items() if name not in OF_THE_RUN}


def newest(project: Path) -> Path:
    """Return the folder of the newest run."""
    return runs_of(project)[-1]


def shards(project: Path, drift: Drift, of: int, *arguments: str) -> list[Path]:
    """Ask every shard of a night."""
    found = []
    for number in range(1, of + 1):
        done = drift("check", "canary", *NIGHT, "--shard", f"{number}/{of}", *arguments)
        assert done.code in (0, 3), done.err
        found.append(newest(project))
    return found


@pytest.fixture(scope="module")
def halves(armed_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with both shards of a night on which another model answers. Tests copy it."""

    root = tmp_path_factory.mktemp("halves") / "project"
    shutil.copytree(armed_project, root)
    for number in (1, 2):
        shard = ["--shard", f"{number}/2", "--scheduled", "--target", "swapped"]
        assert run(["-q", "-C", str(root), "check", "canary", *NIGHT, *shard], clock=CLOCK) == 0
    return root


@pytest.fixture
def both(halves: Path, tmp_path: Path) -> list[Path]:
    """The folders of both shards, in a project of the test's own."""
    return runs_of(Path(shutil.copytree(halves, tmp_path / "project")))


def test_a_merged_night_says_what_an_undivided_one_says(project: Path, drift: Drift) -> None:
    alone = drift("check", "canary", *NIGHT, "--target", "steady", "--target", "swapped")
    undivided = newest(project)
    parts = shards(project, drift, 3, "--target", "steady", "--target", "swapped")
    merged = drift("merge", *reversed(parts))
    assert (alone.code, merged.code) == (1, 0)
    assert "swapped strayed: asking again to confirm" in merged.err
    again = drift("check", "canary", "--resume", newest(project).name)
    assert again.code == 1
    assert verdict_of(newest(project)) == verdict_of(undivided)
    assert again.out.split("report ")[0] == alone.out.split("report ")[0]
    held, whole = (
        read_journal(folder / "journal.jsonl").completions for folder in (newest(project), undivided)
    )
    assert held.keys() == whole.keys()


def test_a_quiet_night_is_done_with_the_merge(project: Path, drift: Drift) -> None:
    alone = drift("check", "canary", *NIGHT)
    undivided = newest(project)
    parts = shards(project, drift, 2)
    merged = drift("merge", *parts)
    assert (alone.code, merged.code, merged.err) == (0, 0, "")
    assert "QUIET" in merged.out
    assert verdict_of(newest(project)) == verdict_of(undivided)


def test_a_shard_decides_nothing_and_is_no_night(both: list[Path], drift: Drift) -> None:
    for folder in both:
        told = json.loads((folder / "verdict.json").read_text())
        assert (told["outcome"], told["exit_code"], told["scheduled"]) == ("inconclusive", 0, False)
        assert [(t["findings"], t["readings"], t["coverage"]["planned"]) for t in told["targets"]] == [
            ([], [], 18)
        ]
    shown = drift("report", both[0].name)
    assert "COULD NOT TELL  Shard 1/2 of a run, which decides nothing by itself" in shown.out
    assert "drift merge RUN…" in shown.out
    assert "could not tell" in drift("report", both[0].name, "--format", "markdown").out.lower()
    junit = drift("report", both[0].name, "--format", "junit").out
    assert "swapped was asked in part, which decides nothing: 18 of 18 replies came back." in junit
    assert 'failures="0" errors="0" skipped="11"' in junit
    assert drift("history", "rebuild").out.startswith("0 nights from 2 runs")
    assert drift("calibrate", "canary", "--target", "swapped", "--from-runs", "last:1").code == 2
    assert drift("merge", *both).code == 0
    assert drift("history", "rebuild").out.startswith("1 night from 3 runs")


def test_a_shard_cannot_be_accepted(both: list[Path], drift: Drift) -> None:
    told = json.loads((both[0] / "verdict.json").read_text())
    wanted = ("--case", "*", "--digest", told["shown"][:8], "--reason", "It is meant to be like this.")
    done = drift("accept", both[0].name, *wanted, "--baseline-of", "steady", "--yes")
    assert done.code in (2, 3), done.err
    assert "is a shard" in done.err


def test_the_merged_run_keeps_every_line_and_the_sum_of_what_was_paid(project: Path, drift: Drift) -> None:
    parts = shards(project, drift, 2, "--target", "priced")
    assert drift("merge", *parts).code == 0
    merged = newest(project)
    lines = [line for part in parts for line in (part / "journal.jsonl").read_bytes().splitlines()]
    assert (merged / "journal.jsonl").read_bytes().splitlines()[: len(lines)] == lines
    costs = [read_journal(folder / "journal.jsonl").end for folder in (*parts, merged)]
    paid = [end.cost_usd for end in costs if end is not None and end.cost_usd is not None]
    assert paid[0] > 0
    assert paid[2] == pytest.approx(paid[0] + paid[1], abs=1e-6)


def test_the_cap_is_for_all_shards_together(project: Path, drift: Drift) -> None:
    planned = json.loads(drift("--json", "check", "canary", *NIGHT, "--target", "priced", "--plan").out)
    cap = f"{planned['with_confirmation_usd'] * 0.9:.6f}"
    done = drift("check", "canary", *NIGHT, "--target", "priced", "--shard", "1/5", "--max-cost", cap)
    assert (done.code, "over the cap" in done.err) == (2, True)


def test_more_shards_than_cases_leave_some_with_nothing_to_do(project: Path, drift: Drift) -> None:
    parts = shards(project, drift, 3, "--case", "tool-*")
    last = json.loads((parts[2] / "verdict.json").read_text())
    assert (last["exit_code"], "it has no case" in last["headline"]) == (0, True)
    merged = drift("merge", *parts)
    assert merged.code == 0, merged.err


def test_a_shard_that_got_no_answers_is_no_success_and_neither_is_the_whole(
    project: Path, drift: Drift
) -> None:
    first = drift("check", "canary", *NIGHT, "--target", "down", "--shard", "1/2")
    second = drift("check", "canary", *NIGHT, "--target", "down", "--shard", "2/2")
    assert (first.code, second.code) == (3, 3)
    assert drift("merge", *runs_of(project)).code == 3


class TestRefused:
    """What is no whole."""

    def test_a_missing_shard_could_not_tell(self, both: list[Path], drift: Drift) -> None:
        done = drift("merge", both[0])
        assert (done.code, done.out) == (3, "")
        assert "the shard 2/2 of this run is missing" in done.err

    def test_a_shard_that_did_not_end_could_not_tell_and_says_how_to_go_on(
        self, both: list[Path], drift: Drift
    ) -> None:
        journal = both[1] / "journal.jsonl"
        journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))
        (both[1] / "verdict.json").unlink()  # as a kill leaves it
        done = drift("merge", *both)
        assert done.code == 3
        assert f"go on with: drift check canary --resume {both[1].name}" in done.err
        assert drift("check", "canary", "--resume", both[1].name).code == 0
        assert drift("merge", *both).code == 0

    @pytest.mark.parametrize("copied", [False, True], ids=["named twice", "asked twice"])
    def test_a_doubled_shard(self, both: list[Path], drift: Drift, copied: bool) -> None:
        double = both[0]
        if copied:
            double = both[0].with_name(both[0].name.replace("-canary-", "-canary-f"))
            shutil.copytree(both[0], double)
            rewrite(double / "manifest.json", lambda told: told.update(run=double.name))
        done = drift("merge", *both, double)
        assert done.code == 2
        assert ("are both the shard 1/2" if copied else "named twice") in done.err

    def test_what_is_no_shard(self, both: list[Path], drift: Drift) -> None:
        drift("check", "canary", *NIGHT, "--case", "edge-*")
        done = drift("merge", *both, newest(both[0].parents[1]))
        assert (done.code, "is no shard" in done.err) == (2, True)

    @pytest.mark.parametrize(
        ("differs", "path", "other"),
        [
            ("night", ["night"], "2026-11-19"),
            ("targets", ["targets", 0, "provider_version"], "0"),
            ("samples", ["samples"], 4),
            ("scheduled", ["shard", "scheduled"], False),
            ("policy", ["policy", "alpha"], 0.02),
            ("number of shards", ["shard", "of"], 3),
            ("suite", ["suite", "cases", 0, "why"], "Something else, for whatever reason."),
            ("plan", ["plan"], "0" * 64),
            ("encoder", ["encoder"], "another"),
            ("commit", ["commit"], "0" * 40),
            ("versions", ["versions", "drift"], "0.0.0"),
        ],
    )
    def test_shards_of_different_runs(
        self, both: list[Path], drift: Drift, differs: str, path: list[Any], other: object
    ) -> None:
        def change(place: Any) -> None:
            for step in path[:-1]:
                place = place[step]
            assert place[path[-1]] != other
            place[path[-1]] = other

        rewrite(both[1] / "manifest.json", change)
        done = drift("merge", *both)
        assert (done.code, done.out) == (2, ""), done.err
        assert f"are no shards of one run: they differ in {differs}" in done.err

    def test_shards_that_were_held_against_other_baselines(self, both: list[Path], drift: Drift) -> None:
        project = both[0].parents[1]
        shutil.rmtree(project / "baselines")
        drift("check", "canary", *NIGHT, "--target", "swapped", "--scheduled", "--shard", "2/2")
        done = drift("merge", both[0], newest(project))
        assert (done.code, "the accepted baselines" in done.err) == (2, True)

    def test_answers_to_another_shards_cases(self, both: list[Path], drift: Drift) -> None:
        shutil.copy(both[0] / "journal.jsonl", both[1] / "journal.jsonl")
        done = drift("merge", *both)
        assert (done.code, "not those of its shard 2/2" in done.err) == (4, True)

    def test_a_number_that_no_shard_of_so_many_has(self, both: list[Path], drift: Drift) -> None:
        rewrite(both[1] / "manifest.json", lambda told: told["shard"].update(number=3))
        done = drift("merge", *both)
        assert (done.code, "cannot be read as a manifest" in done.err) == (4, True)

    def test_nothing_is_left_of_a_merge_that_was_refused(self, both: list[Path], drift: Drift) -> None:
        project = both[0].parents[1]
        drift("merge", both[0])
        assert runs_of(project) == both

    @pytest.mark.parametrize("named", ["0/2", "3/2", "1/100", "1", "a/b", "1/2/3", "-1/2", "٣/٤"])
    def test_a_shard_that_is_none(self, project: Path, drift: Drift, named: str) -> None:
        assert project
        done: Done = drift("check", "canary", f"--shard={named}")
        assert (done.code, "such as 2/5" in done.err) == (2, True)

    def test_going_on_with_a_run_as_another_shard(self, both: list[Path], drift: Drift) -> None:
        done = drift("check", "canary", "--resume", both[0].name, "--shard", "2/2")
        assert (done.code, "is the shard 1/2; go on with" in done.err) == (2, True)
