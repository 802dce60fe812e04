"""What happens at 3 a.m.: every fault of a provider call, through the whole command, ends as it should."""

import json
import shutil
from pathlib import Path

import pytest

from harness.cli.app import run

CANARIES = Path(__file__).resolve().parents[2] / "canaries"
CASES = ("structure-release-order", "reasoning-shift-rota", "edge-quoted-injection", "refusal-kill-children")
NIGHT = "2026-11-21"
LIMITS = "limits: {timeout_s: 3, concurrency: 20}"
HOSTILE_BODIES = ("cut_off", "garbage", "html", "empty_choices", "fallback", "oversized")


def config(options: str, limits: str = LIMITS) -> str:
    return (
        "version: 1\n"
        "targets:\n"
        "  steady: {model: simulated/steady, params: {temperature: 0, max_tokens: 256}}\n"
        "  tonight: {model: simulated/steady, params: {temperature: 0, max_tokens: 256}, baseline_of: steady,"
        f" options: {options}}}\n"
        "suites:\n"
        "  canary: {path: canaries/, targets: [steady], samples: 3}\n"
        f"{limits}\n"
    )


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a baseline of five nights."""
    root = tmp_path_factory.mktemp("learnt")
    (root / "canaries").mkdir()
    for name in CASES:
        shutil.copy(CANARIES / f"{name}.yaml", root / "canaries")
    shutil.copytree(CANARIES / "tools", root / "canaries" / "tools")
    (root / "drift.yaml").write_text(config("{}"), encoding="utf-8")
    for day in range(1, 7):
        arguments = ["-q", "-C", str(root), "check", "canary", "--scheduled", "--night", f"2026-11-{day:02d}"]
        assert run(arguments) == 0
    assert run(["-q", "-C", str(root), "calibrate", "canary", "--from-runs", "last:14"]) == 0
    return root


@pytest.fixture
def project(learnt: Path, tmp_path: Path) -> Path:
    root = tmp_path / "project"
    shutil.copytree(learnt, root, ignore=shutil.ignore_patterns("reports"))
    return root


def verdict_of(root: Path) -> dict[str, object]:
    newest = sorted((root / "reports").glob("*/verdict.json"))[-1]
    return json.loads(newest.read_text(encoding="utf-8"))


def check(root: Path, options: str, limits: str = LIMITS) -> int:
    (root / "drift.yaml").write_text(config(options, limits), encoding="utf-8")
    return run(["-q", "-C", str(root), "check", "canary", "--target", "tonight", "--night", NIGHT])


def target_of(root: Path) -> dict[str, object]:
    return verdict_of(root)["targets"][0]


def test_a_healthy_night_is_quiet(project: Path) -> None:
    assert check(project, "{}") == 0
    assert target_of(project)["outcome"] == "stable"


@pytest.mark.parametrize("kind", ["'429'", "'500'", "'503'", "'529'"])
def test_one_transient_fault_a_call_is_waited_out(project: Path, kind: str) -> None:
    assert check(project, f"{{faults: {{kind: {kind}, attempts: 1, retry_after_s: 0.01}}}}") == 0
    target = target_of(project)
    assert target["coverage"]["answered"] == target["coverage"]["planned"]


@pytest.mark.parametrize("kind", ["'503'", "quota", *HOSTILE_BODIES])
def test_a_target_that_never_answers_could_not_be_told(project: Path, kind: str) -> None:
    assert check(project, f"{{faults: {{kind: {kind}, retry_after_s: 0.01}}}}") == 3
    target = target_of(project)
    assert target["outcome"] == "inconclusive"
    assert target["coverage"]["answered"] == 0
    assert target["findings"] == []


@pytest.mark.parametrize("kind", ["hang", "drip"])
def test_a_call_that_never_ends_is_cut_at_its_deadline(project: Path, kind: str) -> None:
    limits = "limits: {timeout_s: 0.3, concurrency: 20}"
    assert check(project, f"{{faults: {{kind: {kind}}}}}", limits) == 3
    assert [name for name, _ in target_of(project)["failures"]] == ["timeout"]


@pytest.mark.parametrize("kind", ["garbage", "empty_choices"])
def test_over_a_third_of_failures_could_not_be_told(project: Path, kind: str) -> None:
    assert check(project, f"{{faults: {{kind: {kind}, rate: 0.6}}}}") == 3
    assert target_of(project)["outcome"] == "inconclusive"


def test_a_few_failures_are_told_and_do_not_stop_the_night(project: Path) -> None:
    assert check(project, "{faults: {kind: garbage, rate: 0.1}}") == 0
    target = target_of(project)
    assert 0 < target["coverage"]["answered"] < target["coverage"]["planned"]
    assert target["failures"]


@pytest.mark.parametrize("kind", ["'401'", "unknown_model"])
def test_a_target_that_can_never_answer_stops_the_run(
    project: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    limits = "limits: {timeout_s: 3, concurrency: 1}"
    assert check(project, f"{{faults: {{kind: {kind}}}}}", limits) == 2
    journal = next((project / "reports").glob("*/journal.jsonl")).read_text(encoding="utf-8")
    assert journal.count('"t":"intent"') == 1, "no request starts after the first such answer"
    assert "tonight" in capsys.readouterr().err


@pytest.mark.parametrize("fault", ["empty_text", "content_filter", "content_filter_400"])
def test_what_a_healthy_provider_says_is_behaviour_even_when_it_says_nothing(
    project: Path, fault: str
) -> None:
    assert check(project, f"{{faults: {{kind: {fault}}}}}") == 1
    target = target_of(project)
    assert target["coverage"]["answered"] == target["coverage"]["planned"]
    assert "refusal" in {finding["signal"] for finding in target["findings"]}


def test_a_reply_cut_by_its_token_limit_is_behaviour(project: Path) -> None:
    text = config("{}").replace("max_tokens: 256}, baseline_of", "max_tokens: 8}, baseline_of")
    (project / "drift.yaml").write_text(text, encoding="utf-8")
    code = run(["-q", "-C", str(project), "check", "canary", "--target", "tonight", "--night", NIGHT])
    assert code == 1
    assert target_of(project)["coverage"]["answered"] == 15


def test_a_new_model_served_is_a_note_and_no_drift(project: Path) -> None:
    assert check(project, "{drift: {kind: served, served: simulated-next}}") == 0
    target = target_of(project)
    assert target["outcome"] == "stable"
    assert any("simulated-next" in said for said in target["confounders"])


def test_answers_from_a_cache_are_failures_never_drift(project: Path) -> None:
    assert check(project, "{faults: {kind: replayed}}") == 0
    assert check(project, "{faults: {kind: replayed}}") == 3
    assert [name for name, _ in target_of(project)["failures"]] == ["replayed"]
