"""`drift compare`: any two sides, offline."""

import json
import shutil
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from harness.cli.app import run
from tests.cli.conftest import CLOCK, TONIGHT, Drift, edit, files_of, runs_of


@pytest.fixture(scope="module")
def compared_project(armed_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An armed project with two runs: one of two targets, and a quiet one. Tests copy it."""
    root = tmp_path_factory.mktemp("compared") / "project"
    shutil.copytree(armed_project, root)
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        run(
            ["-C", str(root), "check", "--target", "steady", "--target", "swapped", "--night", TONIGHT],
            clock=CLOCK,
        )
        run(["-C", str(root), "check", "--night", "2026-11-21"], clock=CLOCK)
    return root


@pytest.fixture
def project(compared_project: Path, tmp_path: Path) -> Path:
    """The same, to do with as one likes."""
    return Path(shutil.copytree(compared_project, tmp_path / "project"))


@pytest.fixture
def runs(project: Path) -> tuple[str, str]:
    """The run of two targets, and the quiet one."""
    both, quiet = (folder.name for folder in runs_of(project))
    return both, quiet


def write_answers(path: Path, answers: dict[str, list[str]], **fields: str) -> None:
    """Append a recording: case to texts."""
    lines = [
        json.dumps({"case": case, "text": text, **fields})
        for case, texts in answers.items()
        for text in texts
    ]
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write("".join(f"{line}\n" for line in lines))


def test_two_quiet_runs_do_not_differ(project: Path, drift: Drift, runs: tuple[str, str]) -> None:
    both, quiet = runs
    before = files_of(project / "reports")
    done = drift("compare", f"{both}@steady", quiet)
    assert done.code == 0
    assert "do not differ" in done.out
    assert "drift" not in done.out.lower()
    assert done.out.splitlines()[-1] == "exit 0"
    assert files_of(project / "reports") == before


def test_another_model_differs_and_a_loss_has_a_direction(
    project: Path, drift: Drift, runs: tuple[str, str]
) -> None:
    both, _ = runs
    done = drift("compare", f"{both}@steady", f"{both}@swapped")
    assert "DIFFERS" in done.out
    said = json.loads(drift("--json", "compare", f"{both}@steady", f"{both}@swapped").out)
    assert said["exit_code"] == done.code
    # Embedding and string are undirected; whether rules are broken more often is for the candidate's p to say.
    assert done.code == (1 if any(d["outcome"] == "regressed" for d in said["differences"]) else 0)


def test_a_directed_loss_ends_in_1_and_its_mirror_in_0(project: Path, drift: Drift) -> None:
    cases = [f"case-{n}" for n in range(8)]
    write_answers(
        project / "all.jsonl", {c: ["It is done, as you asked."] * 3 for c in cases}, model="before"
    )
    write_answers(
        project / "all.jsonl",
        {c: ["I'm sorry, but I can't help with that."] * 3 for c in cases},
        model="after",
    )
    worse = drift("compare", "all.jsonl?model=before", "all.jsonl?model=after")
    assert worse.code == 1
    assert "after is worse in refusal" in worse.out
    better = drift("compare", "all.jsonl?model=after", "all.jsonl?model=before")
    assert better.code == 0
    assert "before is better in refusal" in better.out


def test_too_few_cases_end_in_3(project: Path, drift: Drift) -> None:
    write_answers(project / "one.jsonl", {"a": ["Yes."]})
    write_answers(project / "two.jsonl", {"a": ["No."]})
    done = drift("compare", "one.jsonl", "two.jsonl")
    assert done.code == 3
    assert "too few" in done.out
    assert json.loads(drift("--json", "compare", "one.jsonl", "two.jsonl").out)["exit_code"] == 3


@pytest.mark.parametrize(
    ("reference", "candidate", "code", "said"),
    [
        ("nosuch.jsonl", "last", 2, "there is no such recording"),
        ("last", "nosuch", 2, "no run is called 'nosuch'"),
        ("all.jsonl", "last", 2, "choose one"),
        ("all.jsonl?model=cc", "last", 2, "no record where model is 'cc'"),
        ("cut.jsonl", "last", 4, "cut.jsonl:1"),
        ("last@stedy", "last", 2, "pick one with last@TARGET"),
        ("baseline:nosuchref", "last", 2, "is not in the work tree of a git repository"),
    ],
)
def test_a_side_that_cannot_be_read_is_named(
    project: Path, drift: Drift, reference: str, candidate: str, code: int, said: str
) -> None:
    drift("check", "canary", "--case", "tool-weather", "--night", TONIGHT)
    write_answers(project / "all.jsonl", {"a": ["Yes."]}, model="aa")
    write_answers(project / "all.jsonl", {"a": ["Yes."]}, model="bb")
    (project / "cut.jsonl").write_text('{"case": "a", "text": "Ye', encoding="utf-8")
    done = drift("compare", reference, candidate)
    assert (done.code, said in done.err) == (code, True), done


def test_runs_can_lie_anywhere(project: Path, drift: Drift, runs: tuple[str, str], tmp_path: Path) -> None:
    both, quiet = runs
    moved = shutil.move(project / "reports" / both, tmp_path / both)
    assert drift("compare", f"{moved}@steady", quiet).code == 0
    shutil.move(tmp_path / both, project / both)
    assert drift("compare", f"{both}@steady", f"reports/{quiet}").code == 0


def test_the_baseline_is_a_side_and_a_target_brings_its_own(
    project: Path, drift: Drift, runs: tuple[str, str]
) -> None:
    both, quiet = runs
    assert drift("compare", "baseline:", quiet).code == 0
    done = drift("compare", "baseline:", both, "--target", "swapped")
    assert "baseline of steady" not in done.err
    assert "DIFFERS" in done.out
    assert drift("compare", "baseline:", quiet, "--suite", "canray").code == 2


def test_without_a_baseline_it_says_so(new_project: Path, drift: Drift) -> None:
    drift("check", "canary", "--case", "tool-weather", "--night", TONIGHT)
    done = drift("compare", "baseline:", "last")
    assert done.code == 4
    assert "nothing was accepted for canary/steady" in done.err


def git(root: Path, *arguments: str) -> None:
    who = ("-c", "user.name=A Tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", root, *who, *arguments], check=True, capture_output=True)


def test_a_baseline_of_any_commit_is_a_side(project: Path, drift: Drift, runs: tuple[str, str]) -> None:
    _, quiet = runs
    git(project, "init", "--quiet", "--initial-branch=main")
    git(project, "add", "drift.yaml", "canaries", "baselines")
    git(project, "commit", "--quiet", "--message", "fourteen nights")
    git(project, "rm", "-r", "--quiet", "baselines")
    git(project, "commit", "--quiet", "--message", "start anew")
    assert drift("compare", "baseline:", quiet).code == 4
    gone = drift("compare", "baseline:HEAD", quiet)
    assert (gone.code, "at HEAD" in gone.err) == (4, True)
    done = drift("compare", "baseline:HEAD~1", quiet)
    assert done.code == 0, done
    assert "baseline of steady at HEAD~1" in done.out
    dashed = drift("compare", "baseline:--output=x", quiet)
    assert dashed.code == 2


def test_rules_of_a_suite_grade_recordings(project: Path, drift: Drift) -> None:
    cases = {path.stem for path in (project / "canaries").glob("*.yaml")}
    write_answers(project / "one.jsonl", {case: ["Certainly. Here is what you asked for."] for case in cases})
    write_answers(project / "two.jsonl", {case: ["Certainly. Here is what you asked for!"] for case in cases})
    bare = json.loads(drift("--json", "compare", "one.jsonl", "two.jsonl").out)
    graded = json.loads(drift("--json", "compare", "one.jsonl", "two.jsonl", "--suite", "canary").out)
    formats = [next(d for d in said["differences"] if d["signal"] == "format") for said in (bare, graded)]
    assert formats[0]["cases"] == 0
    assert formats[1]["cases"] > 0


def test_a_question_that_changed_has_no_counterpart(
    project: Path, drift: Drift, runs: tuple[str, str]
) -> None:
    _, quiet = runs
    edit(project / "canaries" / "tool-weather.yaml", "Weather in Oslo", "Weather in Bergen")
    drift("check", "canary", "--night", "2026-11-22")
    said = json.loads(drift("--json", "compare", quiet, "last").out)
    assert said["cases"] == 9
    assert said["only_candidate"] == ["tool-weather"]
