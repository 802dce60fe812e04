"""Write a software bill of materials: CycloneDX 1.6, of what `requirements/core.lock` locks.

The same lock gives the same bytes: there is no time in it, and its serial number is made from its content. Each
component has the SHA-256 of every file that its release may be installed from, so an installed one matches one
of them. What only builds the package is in it, too, with the scope "excluded".

Usage: sbom.py [FILE]   without a file, to standard output
"""

import hashlib
import json
import re
import sys
import tomllib
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "core.lock"
_PINNED = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)(?:\s*;\s*(?P<marker>.+?))?\s*\\?\Z")
_HASH = re.compile(r"\s+--hash=sha256:([0-9a-f]{64})\s*\\?\Z")
_PARENT = re.compile(r"\s+#\s+(?:via(?:\s+|\Z))?(?P<name>\S+)?(?:\s+\((?P<source>[^)]+)\))?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """One pinned requirement of a lock."""

    name: str
    version: str
    marker: str | None
    sha256: tuple[str, ...]
    wanted_by: tuple[str, ...]
    """Names of what requires it; for the project itself, its name and what of it, such as ``pyproject.toml:build``."""

    @property
    def purl(self) -> str:
        """Return the package URL, which is its reference inside the document, too."""
        return f"pkg:pypi/{_normalised(self.name)}@{self.version}"


def read_lock(text: str) -> tuple[Locked, ...]:
    """Return what a lock pins. Raises ValueError for a line that is none of a lock's."""
    return tuple(_locked(block) for block in _blocks(text))


def make_sbom(locked: Sequence[Locked], project: Mapping[str, str]) -> dict[str, object]:
    """Return the document for a project, of which `name`, `version`, `description` and `license` are taken."""
    own = f"pkg:pypi/{_normalised(project['name'])}@{project['version']}"
    runtime = _runtime(locked, project["name"])
    document: dict[str, object] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "lifecycles": [{"phase": "build"}],
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": project["name"],
                "version": project["version"],
                "description": project["description"],
                "licenses": [{"license": {"id": project["license"]}}],
                "purl": own,
            },
        },
        "components": [_component(one, runtime=one.name in runtime) for one in locked],
        "dependencies": list(_dependencies(locked, project["name"], own)),
    }
    content = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
    return {**document, "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, content)}"}


def _component(one: Locked, *, runtime: bool) -> dict[str, object]:
    component: dict[str, object] = {
        "type": "library",
        "bom-ref": one.purl,
        "name": one.name,
        "version": one.version,
        "scope": "required" if runtime else "excluded",
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in one.sha256],
        "purl": one.purl,
    }
    if one.marker is not None:
        component["properties"] = [{"name": "drift:marker", "value": one.marker}]
    return component


def _dependencies(locked: Sequence[Locked], project: str, own: str) -> Iterator[dict[str, object]]:
    """Yield who requires whom, as far as it is used when it runs or is built."""
    purls: dict[str, list[str]] = {}
    for one in locked:
        purls.setdefault(_normalised(one.name), []).append(one.purl)
    wants: dict[str, set[str]] = {own: set()} | {one.purl: set() for one in locked}
    for one in locked:
        for parent in one.wanted_by:
            name = parent.partition(" ")[0]
            for purl in [own] if name == project else purls[_normalised(name)]:
                wants[purl].add(one.purl)
    for purl in sorted(wants):
        yield {"ref": purl, "dependsOn": sorted(wants[purl])}


def _runtime(locked: Sequence[Locked], project: str) -> frozenset[str]:
    """Return the names that the project needs when it runs, its dependencies' dependencies included."""
    found = {one.name for one in locked if any(_is_runtime(parent, project) for parent in one.wanted_by)}
    while True:
        more = {one.name for one in locked if not found.isdisjoint(one.wanted_by)} - found
        if not more:
            return frozenset(found)
        found |= more


def _is_runtime(parent: str, project: str) -> bool:
    return parent == f"{project} pyproject.toml"


def _blocks(text: str) -> Iterator[list[str]]:
    block: list[str] = []
    for line in text.splitlines():
        if block and not line.startswith((" ", "\t")):
            yield block
            block = []
        if line.strip() and not line.startswith("#"):
            block.append(line)
    if block:
        yield block


def _locked(block: Sequence[str]) -> Locked:
    head, *rest = block
    pinned = _PINNED.match(head)
    hashes = [found[1] for line in rest if (found := _HASH.match(line))]
    comments = [line for line in rest if line.lstrip().startswith("#")]
    if pinned is None or not hashes or len(hashes) + len(comments) != len(rest):
        raise ValueError(f"not a pinned requirement with its hashes: {head}")
    return Locked(
        name=pinned["name"],
        version=pinned["version"],
        marker=pinned["marker"],
        sha256=tuple(sorted(hashes)),
        wanted_by=tuple(sorted(_parents(comments))),
    )


def _parents(comments: Iterable[str]) -> Iterator[str]:
    for line in comments:
        found = _PARENT.match(line)
        if found is None:
            raise ValueError(f"not a line of a lock: {line}")
        if found["name"]:
            yield " ".join(part for part in (found["name"], found["source"]) if part)


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> int:
    """Write the document of this repository."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    sbom = make_sbom(read_lock(LOCK.read_text(encoding="utf-8")), project)
    text = json.dumps(sbom, indent=2, sort_keys=True) + "\n"
    if len(sys.argv) == 1:
        sys.stdout.write(text)
        return 0
    path = Path(sys.argv[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
