"""`drift upgrade`: two simulated models side by side, from the plan to the promotion."""

import json
import re
import shutil
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from harness.cli.app import run
from tests.cli.conftest import CLOCK, Drift, edit, files_of, runs_of

TARGETS = """\
  steady: {model: simulated/steady, params: {temperature: 0, max_tokens: 512}}
  again: {model: simulated/steady, params: {temperature: 0, max_tokens: 512}, options: {seed: 7}}
  worse: {model: simulated/swapped, params: {temperature: 0, max_tokens: 512}}
  bare: {model: simulated/steady, params: {max_tokens: 512}, options: {seed: 7}}
  down: {model: simulated/down, params: {temperature: 0, max_tokens: 512}}
  slow: {model: simulated/steady, params: {temperature: 0, max_tokens: 512}, options: {latency_ms: 4000}}
  dear:
    model: simulated/steady
    params: {temperature: 0, max_tokens: 512}
    price: {input_usd_per_million: 30, output_usd_per_million: 150}
  turned:
    model: simulated/steady
    params: {temperature: 0, max_tokens: 512}
    options: {faults: [{kind: "401"}]}
  judge: {model: simulated/judge-good, params: {temperature: 0, max_tokens: 512}}
"""
BOTH = ("upgrade", "--from", "steady")
REASON = ("--reason", "It is cheaper, and our parser strips fences.")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `drift init` writes, in a repository, with models to compare and a judge. Tests copy it."""
    root = tmp_path_factory.mktemp("upgrades") / "project"
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        assert run(["init", str(root)], clock=CLOCK) == 0
    config = root / "drift.yaml"
    text = config.read_text(encoding="utf-8")
    text = re.sub(
        r"(?s)targets:\n.*?\nencoder:", f"targets:\n{TARGETS}judge: {{target: judge}}\nencoder:", text
    )
    config.write_text(text.replace("# `hashed`", "# hashed"), encoding="utf-8", newline="\n")
    git(root, "init", "-q", "-b", "main")
    commit(root, "v1")
    return root


@pytest.fixture
def pair(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "project"))


def git(root: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Tester", "-c", "user.email=tester@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)


def commit(root: Path, tag: str) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", tag)
    git(root, "tag", tag)


def upgrade_of(said: str) -> dict[str, object]:
    (target,) = json.loads(said)["targets"]
    found = target["upgrade"]
    assert isinstance(found, dict)
    return found


def digest_of(pair: Path) -> tuple[str, str]:
    folder = runs_of(pair)[-1]
    shown = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))["shown"]
    return folder.name, shown[:8]


def test_a_model_compared_with_itself_is_a_pass(pair: Path, drift: Drift) -> None:
    done = drift(*BOTH, "--to", "again")
    assert done.code == 0, done.out
    assert "THE SAME  again does what steady does, within noise, in all 22 cases." in done.out
    assert done.out.splitlines()[-1] == "exit 0"
    assert max(map(len, done.out.splitlines())) <= 80 + len(str(pair))
    assert all(len(line) <= 80 for line in done.out.splitlines() if not line.startswith("report "))
    assert "22 cases x 2 targets x 8 samples" in done.err


def test_a_worse_model_is_a_regression_in_every_format(pair: Path, drift: Drift) -> None:
    formats = [part for name in ("json", "markdown", "junit", "sarif", "html") for part in ("--format", name)]
    done = drift(*BOTH, "--to", "worse", *formats, "--out", "out")
    assert done.code == 1
    assert "WORSE" in done.out
    assert "structure-invoice-json: worse  8/8 → " in done.out
    said = {path.name: path.read_text(encoding="utf-8") for path in (pair / "out").iterdir()}
    assert upgrade_of(said["verdict.json"])["candidate"] == "worse"
    assert "▼ Worse" in said["report.md"]
    assert "structure-invoice-json" in said["report.md"]
    assert re.search(r'<testcase [^>]*name="structure-invoice-json"><failure', said["junit.xml"])
    results = json.loads(said["drift.sarif"])["runs"][0]["results"]
    assert {"error"} <= {result["level"] for result in results}
    assert "Where they differ" in said["report.html"]


def test_the_other_way_round_it_is_better(pair: Path, drift: Drift) -> None:
    done = drift("upgrade", "--from", "worse", "--to", "steady")
    assert done.code == 0
    assert "BETTER" in done.out
    assert "and worse in none" in done.out


@pytest.mark.parametrize(("there", "back"), [("steady", "down"), ("down", "steady")])
def test_one_side_down_is_no_pass(pair: Path, drift: Drift, there: str, back: str) -> None:
    done = drift("upgrade", "--from", there, "--to", back, "--case", "tool-*", "--samples", "5")
    assert done.code == 3
    assert "COULD NOT TELL" in done.out
    assert "of down came back" in " ".join(done.out.split())
    assert "--only-errors" in done.out
    run, digest = digest_of(pair)
    refused = drift("accept", run, "--target", back, "--digest", digest, *REASON)
    assert refused.code == 2
    assert "too little came back of down" in refused.err


def test_a_side_that_is_turned_away_is_said_and_the_other_is_not_wasted(pair: Path, drift: Drift) -> None:
    done = drift(*BOTH, "--to", "turned", "--case", "tool-*", "--samples", "5")
    assert done.code == 2
    assert "turned: authentication" in done.err
    assert "steady  20/20 measured" in re.sub(" +", "  ", done.out).replace(
        "20/20  measured", "20/20 measured"
    )


def test_a_parameter_that_is_left_out_is_named(pair: Path, drift: Drift) -> None:
    done = drift(*BOTH, "--to", "bare", "--suite", "golden", "--format", "json")
    said = upgrade_of(done.out)["confounders"]
    assert isinstance(said, list)
    assert any(line.startswith("bare is not sent temperature, which steady is") for line in said)


def test_a_slower_model_fails_the_gate(pair: Path, drift: Drift) -> None:
    done = drift(*BOTH, "--to", "slow", "--suite", "canary")
    assert done.code == 1
    assert "slow is slower than the gate allows" in done.out


def test_a_plan_asks_and_writes_nothing(pair: Path, drift: Drift) -> None:
    before = files_of(pair)
    done = drift(*BOTH, "--to", "dear", "--plan")
    assert done.code == 0
    assert "nothing was asked" in done.out
    assert "$" in done.out
    assert files_of(pair) == before
    capped = drift(*BOTH, "--to", "dear", "--max-cost", "0.001")
    assert (capped.code, files_of(pair)) == (2, before)
    assert "over the cap" in capped.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "steady"), "name both targets"),
        (("--from", "steady", "--to", "steady"), "both name 'steady'"),
        (("--from", "steady", "--to", "https://example.org"), "unknown target"),
        (("--from", "steady", "--to", "again", "--suite", "nights"), "unknown suite 'nights'"),
        (("--from", "steady", "--to", "again", "--case", "zzz"), "no case matches 'zzz'"),
        (("--resume", "last"), "no comparison has run here"),
        (("--resume", "last", "--from", "steady"), "give --resume alone"),
        (("--from", "steady", "--to", "again", "--only-errors"), "name it with --resume"),
        (("--from", "steady", "--to", "again", "--prompts", "v1", "v1"), "no golden task's prompt differs"),
        (
            ("--from", "steady", "--to", "again", "--prompts", "v1", "nowhere"),
            "git knows no commit 'nowhere'",
        ),
        (("--from", "steady", "--to", "again", "--prompts", "--all", "v1"), "names no commit"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_asked(
    pair: Path, drift: Drift, arguments: tuple[str, ...], said: str
) -> None:
    done = drift("upgrade", *arguments)
    assert done.code == 2
    assert said in done.err
    assert runs_of(pair) == []


def test_an_id_that_two_suites_have_is_refused(pair: Path, drift: Drift) -> None:
    edit(
        pair / "drift.yaml",
        "  canary: {path: canaries/",
        "  more: {path: canaries/, targets: [steady]}\n  canary: {path: canaries/",
    )
    done = drift(*BOTH, "--to", "again")
    assert done.code == 2
    assert "a case of 'more' and of 'canary'" in done.err
    assert drift(*BOTH, "--to", "again", "--suite", "more", "--case", "tool-*").code == 0


def test_what_was_accepted_is_what_the_next_nights_are_held_against(pair: Path, drift: Drift) -> None:
    assert drift(*BOTH, "--to", "worse").code == 1
    run, digest = digest_of(pair)
    assert not (pair / "baselines").exists(), "only accept writes there"
    pending = json.loads((runs_of(pair)[-1] / "pending-canary.json").read_text(encoding="utf-8"))
    assert len(pending["cases"]) == 20
    wrong = drift("accept", run, "--target", "worse", "--digest", "00000000", *REASON)
    assert wrong.code == 2
    other = drift("accept", run, "--target", "steady", "--digest", digest, *REASON)
    assert (other.code, (pair / "baselines").exists()) == (2, False)
    done = drift("accept", run, "--digest", digest, *REASON)
    assert done.code == 0, done.err
    assert "20 cases accepted in the place of steady" in done.out
    assert "2 golden tasks accepted in the place of steady, 8 runs each" in done.out
    folder = pair / "baselines" / "canary" / "worse"
    (signed,) = [json.loads(line) for line in (folder / "acceptances.jsonl").read_text("utf-8").splitlines()]
    assert signed["upgrade_from"] == "steady"
    assert signed["verdict"] == "regressed"
    assert "structure-invoice-json" in signed["worse"]
    kept = (folder / "tool-weather.jsonl").read_bytes()
    assert len(kept.splitlines()) == 8
    again = drift("accept", run, "--digest", digest, *REASON)
    assert "Nothing was written" in again.out
    assert drift("baseline", "verify").code == 0
    waiting = drift("upgrade", "status")
    assert (waiting.code, "0 of 14 clean nights" in waiting.out) == (3, True)
    night = drift("check", "canary", "--target", "worse", "--scheduled", "--night", "2027-01-04")
    assert night.code == 0, night.out
    assert "PROVISIONAL one evening" in night.out
    counted = drift("--json", "upgrade", "status", "worse")
    assert counted.code == 3
    (promotion,) = json.loads(counted.out)["promotions"]
    assert (promotion["clean"], promotion["replaces"], promotion["standing"]) == (1, "steady", "waiting")
    edit(
        pair / "drift.yaml", "targets:\n", "targets:\n  lent: {model: simulated/steady, baseline_of: worse}\n"
    )
    lent = drift("upgrade", "status", "lent")
    assert (lent.code, "lent in canary, in the place of steady" in lent.out) == (3, True)
    other_model = drift("check", "golden", "--target", "worse")
    assert other_model.code in (0, 3)


def test_some_cases_alone_are_accepted(pair: Path, drift: Drift) -> None:
    assert drift(*BOTH, "--to", "again", "--suite", "canary").code == 0
    run, digest = digest_of(pair)
    done = drift("accept", run, "--case", "tool-weather", "--digest", digest, *REASON)
    assert done.code == 0
    folder = pair / "baselines" / "canary" / "again"
    assert [path.stem for path in sorted(folder.glob("*.jsonl"))] == ["acceptances", "tool-weather"]


def test_few_replies_make_no_baseline_of_canaries(pair: Path, drift: Drift) -> None:
    drift(*BOTH, "--to", "again", "--suite", "canary", "--case", "tool-*", "--samples", "4")
    run, digest = digest_of(pair)
    done = drift("accept", run, "--digest", digest, *REASON)
    assert done.code == 2
    assert "too few for a baseline of canaries" in done.err


@pytest.mark.soak
def test_nights_of_the_same_model_are_kept(pair: Path, drift: Drift) -> None:
    for day in range(1, 6):
        night = ("check", "canary", "--target", "again", "--scheduled", "--night", f"2026-12-{day:02d}")
        assert drift(*night).code == 0
    assert drift("calibrate", "canary", "--target", "again", "--from-runs", "last:5").code == 0
    folder = pair / "baselines" / "canary" / "again"
    before = (folder / "tool-weather.jsonl").read_bytes()
    assert drift(*BOTH, "--to", "again", "--suite", "canary").code == 0
    run, digest = digest_of(pair)
    assert drift("accept", run, "--digest", digest, *REASON).code == 0
    assert (folder / "tool-weather.jsonl").read_bytes() == before
    assert drift("upgrade", "status", "again").code == 3
    assert "Nothing was written" in drift("accept", run, "--digest", digest, *REASON).out


def test_a_stopped_comparison_goes_on_where_it_was(pair: Path, drift: Drift) -> None:
    whole = drift(*BOTH, "--to", "again", "--suite", "golden", "--format", "json")
    folder = runs_of(pair)[-1]
    journal = folder / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    kept = lines[: len(lines) // 2]
    journal.write_bytes(b"".join(kept))
    (folder / "verdict.json").unlink()  # as a kill leaves it
    done = drift("upgrade", "--resume", "last", "--format", "json")
    assert done.code == whole.code == 0
    ended = [json.loads(line)["body"] for line in journal.read_bytes().splitlines()]
    asked = [line["key"] for line in ended if line["t"] == "completion"]
    assert len(asked) > len(kept) // 2
    assert len(asked) == len(set(asked)), "nothing that was paid for is asked again"
    first, second = upgrade_of(whole.out), upgrade_of(done.out)
    assert first["cases"] == second["cases"]
    refused = drift("check", "canary", "--resume", folder.name)
    assert refused.code == 2
    assert f"drift upgrade --resume {folder.name}" in refused.err


def test_a_comparison_is_not_resumed_with_another_model(pair: Path, drift: Drift) -> None:
    assert drift(*BOTH, "--to", "again", "--suite", "golden").code == 0
    edit(pair / "drift.yaml", "options: {seed: 7}}\n  worse", "options: {seed: 8}}\n  worse")
    done = drift("upgrade", "--resume", "last")
    assert done.code == 2
    assert "start a new run" in done.err


def test_old_and_new_prompts_are_replayed_on_both_models(pair: Path, drift: Drift) -> None:
    prompt = pair / "prompts" / "support.md"
    prompt.write_text(prompt.read_text(encoding="utf-8") + "\nBe brief.\n", encoding="utf-8", newline="\n")
    commit(pair, "v2")
    prompt.write_text("What lies in the checkout is not asked.\n", encoding="utf-8", newline="\n")
    done = drift(*BOTH, "--to", "again", "--suite", "golden", "--prompts", "v1", "v2", "--format", "json")
    found = upgrade_of(done.out)["factorial"]
    assert isinstance(found, dict)
    assert (found["tasks"], found["left_out"]) == (2, 0)
    assert [(cell["target"], cell["prompt"], cell["runs"]) for cell in found["cells"]] == [
        ("steady", "v1", 16),
        ("again", "v1", 16),
        ("steady", "v2", 16),
        ("again", "v2", 16),
    ]
    assert "of model and prompt" in found["sentence"] or "the model explains" in found["sentence"]
    manifest = (runs_of(pair)[-1] / "manifest.json").read_text(encoding="utf-8")
    assert "Be brief." in manifest
    assert "What lies in the checkout" not in manifest
    page = drift("report", "last")
    assert "the model explains" in re.sub(r"\s+", " ", page.out)
    assert drift("upgrade", "--resume", "last").code == done.code, (
        "from the commits, whatever the refs say now"
    )


def test_a_prompt_that_is_a_link_at_a_commit_is_refused(pair: Path, drift: Drift) -> None:
    prompt = pair / "prompts" / "support.md"
    text = prompt.read_text(encoding="utf-8")
    prompt.unlink()
    prompt.symlink_to("/etc/hostname")
    commit(pair, "linked")
    prompt.unlink()
    prompt.write_text(text, encoding="utf-8", newline="\n")
    done = drift(*BOTH, "--to", "again", "--prompts", "v1", "linked")
    assert done.code == 2
    assert "is a link or a submodule" in done.err
    assert runs_of(pair) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"combined": true', '"combined": false'),
        ('"kind": "upgrade"', '"kind": "check"'),
        ('"candidate": "again"', '"candidate": "nobody"'),
        ('"tool-weather": "canary"', '"tool-weather-2": "canary"'),
        ('"support-json-only": "golden"', '"support-json-only": "canary"'),
    ],
)
def test_a_forged_comparison_is_damaged(pair: Path, drift: Drift, old: str, new: str) -> None:
    assert drift(*BOTH, "--to", "again", "--case", "tool-weather", "--case", "support-json-only").code in (
        0,
        3,
    )
    manifest = runs_of(pair)[-1] / "manifest.json"
    text = manifest.read_text(encoding="utf-8")
    assert old in text
    manifest.write_text(text.replace(old, new, 1), encoding="utf-8", newline="\n")
    for command in (("report", "last"), ("accept", "last", "--digest", "00000000", *REASON)):
        done = drift(*command)
        assert done.code in (2, 4), done.err
        assert "Traceback" not in done.err
