"""`drift upgrade` in a process of its own, killed half-way, and gone on with: nothing that was paid for is asked again."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")

PATIENCE_S = 60.0
CONFIGURATION = """
version: 1
targets:
  old: {model: simulated/steady, params: {temperature: 0, max_tokens: 64}, options: {sleep: true, latency_ms: 40}}
  new: {model: simulated/steady, params: {temperature: 0, max_tokens: 64}, options: {sleep: true, latency_ms: 40, seed: 3}}
suites:
  canary: {path: canaries/, targets: [old], samples: 2}
limits: {concurrency: 2}
"""
CASE = """
id: {name}
kind: reasoning
why: A question that every model has an answer to, in its own words.
review_by: "2027-06-18"
messages:
  - {{role: user, content: "What should a careful engineer know about {name} before touching production?"}}
"""
NAMES = ("backups", "deadlines", "migrations", "passwords")
CALLS = len(NAMES) * 2 * 8


def drift(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def answered(journal: Path) -> list[str]:
    lines = journal.read_bytes().split(b"\n") if journal.exists() else []
    found = [json.loads(line)["body"] for line in lines[:-1]]
    return [line["key"] for line in found if line["t"] == "completion"]


def test_a_killed_comparison_goes_on_and_pays_for_nothing_twice(tmp_path: Path) -> None:
    (tmp_path / "canaries").mkdir()
    (tmp_path / "drift.yaml").write_text(CONFIGURATION, encoding="utf-8")
    for name in NAMES:
        (tmp_path / "canaries" / f"{name}.yaml").write_text(CASE.format(name=name), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "harness",
        "-C",
        str(tmp_path),
        "upgrade",
        "--from",
        "old",
        "--to",
        "new",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    give_up = time.monotonic() + PATIENCE_S
    journal = tmp_path / "none"
    while len(answered(journal)) < CALLS // 4:
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < give_up
        journal = next(iter(tmp_path.glob("reports/*/journal.jsonl")), journal)
        time.sleep(0.02)
    process.kill()
    process.wait()
    before = answered(journal)
    assert CALLS // 4 <= len(before) < CALLS
    assert not (journal.parent / "verdict.json").exists()
    done = drift(tmp_path, "upgrade", "--resume", "last")
    assert done.returncode == 0, done.stdout + done.stderr
    after = answered(journal)
    assert after[: len(before)] == before
    assert len(after) == len(set(after)) == CALLS
    assert (journal.parent / "pending-canary.json").exists()
