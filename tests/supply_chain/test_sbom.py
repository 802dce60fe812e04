"""The bill of materials: CycloneDX 1.6, complete, and the same bytes every time."""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "sbom.py"
LOCK = (ROOT / "requirements" / "core.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
UUID = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")


def written(*, seed: str = "0") -> str:
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture(scope="module")
def text() -> str:
    return written()


@pytest.fixture(scope="module")
def sbom(text: str) -> Mapping[str, Any]:
    return dict(json.loads(text))


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = spec_from_file_location("sbom_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_locked_package_is_in_it_with_all_of_its_hashes(sbom: Mapping[str, Any]) -> None:
    locked: dict[tuple[str, str], set[str]] = {}
    for line in LOCK.splitlines():
        if "==" in line and not line.startswith((" ", "#")):
            name, _, version = line.split()[0].partition("==")
            hashes = locked.setdefault((name, version), set())
        elif "--hash=" in line:
            hashes.add(line.partition("sha256:")[2].split()[0])
    listed = {
        (one["name"], one["version"]): {hash_["content"] for hash_ in one["hashes"]}
        for one in sbom["components"]
    }
    assert len(locked) > 50
    assert listed == locked


def test_it_holds_what_the_format_asks_for(sbom: Mapping[str, Any]) -> None:
    assert (sbom["bomFormat"], sbom["specVersion"], sbom["version"]) == ("CycloneDX", "1.6", 1)
    assert UUID.match(sbom["serialNumber"])
    own = sbom["metadata"]["component"]
    assert (own["name"], own["version"]) == (PROJECT["name"], PROJECT["version"])
    references = [own["bom-ref"], *(one["bom-ref"] for one in sbom["components"])]
    assert len(set(references)) == len(references)
    for one in sbom["components"]:
        assert one["purl"] == f"pkg:pypi/{one['name']}@{one['version']}"
        assert one["scope"] in ("required", "excluded")
        assert one["hashes"]
        assert all(
            hash_["alg"] == "SHA-256" and re.fullmatch("[0-9a-f]{64}", hash_["content"])
            for hash_ in one["hashes"]
        )
    assert {one["ref"] for one in sbom["dependencies"]} == set(references)
    assert {ref for one in sbom["dependencies"] for ref in one["dependsOn"]} <= set(references)


def test_the_format_s_own_validator_accepts_it(text: str) -> None:
    if find_spec("cyclonedx") is None:
        pytest.skip(
            "cyclonedx-python-lib[json-validation] is not installed; it is not needed for anything else"
        )
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(text) is None
    assert validator.validate_str(text.replace('"scope": "required"', '"scope": "perhaps"', 1)) is not None


def test_what_runs_is_told_from_what_only_builds(sbom: Mapping[str, Any]) -> None:
    scope = {one["name"]: one["scope"] for one in sbom["components"]}
    declared = {re.split(r"[<>=\[;]", one)[0].strip().lower() for one in PROJECT["dependencies"]}
    assert {scope[name] for name in declared} == {"required"}
    assert scope["hatchling"] == scope["trove-classifiers"] == "excluded"
    assert scope["packaging"] == "required", "wanted by both"
    wants = {one["ref"]: one["dependsOn"] for one in sbom["dependencies"]}
    direct = {ref.partition("/")[2].partition("@")[0] for ref in wants[sbom["metadata"]["component"]["purl"]]}
    assert direct == declared | {"hatchling", "editables"}
    litellm = next(ref for ref in wants if "/litellm@" in ref)
    assert any("/openai@" in ref for ref in wants[litellm])


def test_the_same_lock_gives_the_same_bytes_and_another_another_serial_number(
    text: str, script: ModuleType
) -> None:
    assert written(seed="7") == text
    assert "timestamp" not in text
    locked = script.read_lock(LOCK)
    serials = {
        script.make_sbom(some, {**PROJECT, "version": version})["serialNumber"]
        for some in (locked, locked[1:])
        for version in ("0.1.0", "0.2.0")
    }
    assert len(serials) == 4


def test_a_file_is_written_as_it_is_printed(text: str, tmp_path: Path) -> None:
    place = tmp_path / "sbom" / "drift-harness.cdx.json"
    subprocess.run([sys.executable, str(SCRIPT), str(place)], check=True)
    assert place.read_bytes() == text.encode()


@pytest.mark.parametrize(
    "lock",
    [
        "numpy==2.4.6\n    # via scipy\n",
        "numpy>=2 \\\n    --hash=sha256:" + "0" * 64 + "\n",
        "numpy==2.4.6 \\\n    --hash=md5:0123\n",
        "-e .\n",
        "numpy==2.4.6 \\\n    --hash=sha256:" + "0" * 64 + " \\\n    --no-deps\n",
    ],
)
def test_what_is_not_pinned_with_a_hash_is_refused(lock: str, script: ModuleType) -> None:
    with pytest.raises(ValueError, match="not a pinned requirement with its hashes"):
        script.read_lock(lock)
