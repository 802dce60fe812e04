"""Exact versions, hashes and the cooldown: in every lock, and wherever something is installed from one."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
LOCK_SH = (ROOT / "scripts" / "lock.sh").read_text(encoding="utf-8")
each_lock = pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
RECIPES = [ROOT / "Makefile", ROOT / ".ci" / "run", *sorted((ROOT / "scripts").glob("*.sh"))]
UNLOCKED = {
    'python -I -m pip install --quiet "$REQUIREMENT"': "the action, in a project that has no lock: its input says what",
}
"""Installations that no lock holds, each with its reason."""


def pins(path: Path) -> Mapping[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    found = (re.match(r"([a-z0-9._-]+)==(\S+)", line) for line in lines)
    return {one[1]: one[2] for one in found if one is not None}


@each_lock
def test_a_lock_holds_exact_versions_with_hashes_and_names_no_place_to_get_them(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    blocks = [block for block in re.split(r"\n(?=[^\s#])", text) if block.strip()]
    assert blocks
    for block in blocks:
        assert re.match(r"[a-z0-9._-]+==\S+( ; .+)? \\\n    --hash=sha256:[0-9a-f]{64}", block), block[:200]
    assert not re.search(r"https?://|git\+|file:|--index|--find-links", text)


def test_the_proxy_of_the_gateways_tests_is_the_library_that_drift_uses() -> None:
    versions = {
        pins(ROOT / "requirements" / f"{name}.lock")["litellm"] for name in ("core", "dev", "gateway")
    }
    assert len(versions) == 1
    assert versions.isdisjoint({"1.82.7", "1.82.8"}), "malicious releases"


def test_every_lock_is_resolved_with_hashes_and_after_the_cooldown() -> None:
    (compiles,) = (line for line in LOCK_SH.splitlines() if "pip compile" in line)
    assert compiles.startswith("compile() { ")
    for option in ("--generate-hashes", "--universal", '--exclude-newer "7 days"'):
        assert f" {option} " in compiles
    assert sorted(re.findall(r"-o requirements/(\S+\.lock)", LOCK_SH)) == [path.name for path in LOCKS]
    assert "--exclude-newer-package" not in LOCK_SH


def installations() -> Iterator[tuple[str, str]]:
    """Every command that installs something: where it stands, and what it is."""
    for path in RECIPES:
        for line in path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
            yield path.name, line.strip()
    for path in sorted((ROOT / ".github").rglob("*.yml")):
        content: Mapping[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        steps = [step for job in content.get("jobs", {}).values() for step in job["steps"]]
        for step in [*steps, *content.get("runs", {}).get("steps", [])]:
            for line in str(step.get("run", "")).splitlines():
                yield path.name, line.strip()


def test_what_is_installed_is_locked() -> None:
    found = [(where, line) for where, line in installations() if re.search(r"pip\"? install\b", line)]
    assert {"Makefile", "release.yml", "action.yml"} <= {where for where, _ in found}
    loose = [
        (where, line)
        for where, line in found
        if "--require-hashes" not in line
        # Without its requirements and without a build environment, nothing is fetched.
        and not ("--no-deps" in line and ("--no-build-isolation" in line or "--no-index" in line))
        and line.replace('"."', ".") not in UNLOCKED
    ]
    assert loose == []
