"""A run's own files, as somebody else may have written them: read whole, or refused as damaged."""

import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from harness.core.batch import Baseline, CaseBaseline
from harness.core.canonical import canonical_json, canonical_record, text_digest
from harness.core.graders import compile_graders
from harness.core.run import SCHEMA_VERSION, Earlier, Manifest, RunKind
from harness.core.slimming import slim_case, slim_stored
from harness.core.suite import MOST_SAMPLES, Case
from harness.edges.redaction import Redactor
from harness.edges.stores.safe_paths import regular_file
from harness.edges.stores.untrusted_json import parse_untrusted
from harness.errors import DamagedRecord, OtherVersion, UnknownName, UsageError, one_line

MOST_MANIFEST_BYTES = 32_000_000
MOST_PACKED_BYTES = 32_000_000
MOST_REFERENCE_BYTES = 128_000_000
_BLOCK_BYTES = 1_000_000
_SEAL = re.compile(rb'\{\n "sum": "([0-9a-f]{64})",')
_STALE: TypeAdapter[dict[str, str]] = TypeAdapter(dict[str, str])


def sealed(manifest: bytes) -> bytes:
    """Return a manifest, the text of a JSON object, with a sum over every byte of it as its first field."""
    return b'{\n "sum": "%s",%s' % (hashlib.sha256(manifest).hexdigest().encode(), manifest[1:])


def _is_own(content: bytes) -> bool:
    """Say whether a manifest is to the byte what `sealed` returned."""
    seal = _SEAL.match(content)
    if seal is None:
        return False
    rest = hashlib.sha256(b"{")
    rest.update(memoryview(content)[seal.end() :])
    return rest.hexdigest().encode() == seal[1]


def read_manifest(path: Path, root: Path) -> Manifest:
    """Read what a run set out to do. Raises DamagedRecord, UsageError where there is no such run, SetupError."""
    try:
        held = regular_file(path, root, MOST_MANIFEST_BYTES)
        content = parse_untrusted(held)
        version = content.get("schema_version") if isinstance(content, dict) else None
        if version is not None and version != SCHEMA_VERSION:
            raise OtherVersion(
                f"{path}: schema {one_line(str(version)[:20])}, this drift reads {SCHEMA_VERSION}; use the version that wrote it"
            )
        if not isinstance(content, dict) or not _is_own(held):
            raise DamagedRecord(
                f"{path}: edited or damaged, it does not match its sum; restore it, or start a new run"
            )
        del held, content["sum"]
        manifest = _manifest(content)
        problem = _contradiction(manifest)
    except FileNotFoundError as error:
        raise UnknownName(f"{path} is not there, so there is no such run; check its name") from error
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise DamagedRecord(
            f"{path}: cannot be read as a manifest ({type(error).__name__}); restore it, or start a new run"
        ) from error
    if manifest.run != path.parent.name:
        raise DamagedRecord(
            f"{path}: belongs to run {one_line(Redactor({}).redact(manifest.run[:80]))}; give the folder that name, or restore the file"
        )
    if problem:
        raise DamagedRecord(f"{path}: {problem}; restore it, or start a new run")
    return manifest


def _manifest(content: object) -> Manifest:
    """Validate a manifest, its cases one by one: what was read of each makes room for the next. Raises ValueError."""
    suite = content.get("suite") if isinstance(content, dict) else None
    cases = suite.get("cases") if isinstance(suite, dict) else None
    if isinstance(cases, list):
        for place, value in enumerate(cases):
            cases[place] = case = Case.model_validate(value)
            slim_case(case)
    return Manifest.model_validate(content)


def _contradiction(manifest: Manifest) -> str | None:
    """Say what no run of drift's could have set out to do. Raises ValueError."""
    date.fromisoformat(manifest.night)
    if not 1 <= manifest.samples <= MOST_SAMPLES:
        return f"asks for {manifest.samples} samples, which no run does"
    ids = [case.id for case in manifest.suite.cases]
    names = [target.name for target in manifest.targets]
    if len({*ids}) < len(ids) or len({*names}) < len(names):
        return "holds a case or a target twice"
    return _no_comparison(manifest)


def _no_comparison(manifest: Manifest) -> str | None:
    """Say what keeps a manifest from being that of two targets side by side, where it says that it is one."""
    sides, kind = manifest.upgrade, manifest.kind is RunKind.UPGRADE
    if kind != manifest.suite.combined or kind != (sides is not None):
        return "says in one place that it compares two targets, and in another that it does not"
    if sides is None:
        return None
    names = sorted(target.name for target in manifest.targets)
    if names != sorted({sides.reference, sides.candidate}):
        return "compares two targets, and asks others"
    if sides.suites.keys() != {case.id for case in manifest.suite.cases}:
        return "does not say of every case which suite it is from"
    kinds = {(sides.suites[case.id], case.is_task) for case in manifest.suite.cases}
    if len(kinds) > len(set(sides.suites.values())):
        return "mixes canaries and golden tasks in one suite"
    if not {case.id for case in manifest.base_cases} <= sides.suites.keys():
        return "replays tasks that it does not ask"
    return None


def check_rules(manifest: Manifest, path: Path) -> None:
    """Try what a suite's loading has tried before a run, and nobody for a run from elsewhere. Raises DamagedRecord."""
    for case in manifest.suite.cases:
        try:
            compile_graders(case)
            _ = (case.question, case.ruler, *(t.target.treatment(case) for t in manifest.targets))
        except (ValueError, RecursionError) as error:
            raise DamagedRecord(
                f"{path}: the rules of the case '{case.id}' cannot work ({str(error)[:200]}); restore it"
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What a run compares with."""

    baselines: dict[str, Baseline]
    stale: dict[str, str]
    earlier: Earlier


def pack_reference(references: Mapping[str, Baseline], stale: Mapping[str, str], earlier: Earlier) -> bytes:
    """Return what a run compares with as a file, equal bytes for equal values. Raises UsageError where it is too large."""
    held, size = io.BytesIO(), 0
    with gzip.GzipFile(fileobj=held, mode="wb", mtime=0) as packed:
        # Piece by piece: a baseline as plain data, as text and as bytes is several times the baseline.
        for piece in _reference_pieces(references, stale, earlier):
            # A lone surrogate, which UTF-8 cannot hold, becomes the JSON escape that it came as.
            content = piece.encode("utf-8", "backslashreplace")
            size += len(content)
            if size > MOST_REFERENCE_BYTES:
                break
            packed.write(content)
    if size > MOST_REFERENCE_BYTES or held.tell() > MOST_PACKED_BYTES:
        raise UsageError(
            f"the accepted baselines are larger than the {MOST_REFERENCE_BYTES:,} bytes that a run can carry "
            f"({MOST_PACKED_BYTES:,} packed); split the suite"
        )
    return held.getvalue()


def _reference_pieces(
    references: Mapping[str, Baseline], stale: Mapping[str, str], earlier: Earlier
) -> Iterator[str]:
    yield f'{{"earlier":{canonical_json(earlier.model_dump(mode="json"))},"references":{{'
    for number, (name, baseline) in enumerate(sorted(references.items())):
        yield f"{',' if number else ''}{canonical_json(name)}:"
        yield from _baseline_pieces(baseline)
    yield f'}},"stale":{canonical_json(dict(stale))}}}'


def _baseline_pieces(baseline: Baseline) -> Iterator[str]:
    """Yield a baseline's fields in order, of its samples only what is no default: as its own files have them."""
    fields = baseline.model_dump(mode="json", exclude={"cases"})
    for number, name in enumerate(sorted({*fields, "cases"})):
        yield f"{',' if number else '{'}{canonical_json(name)}:"
        if name != "cases":
            yield canonical_json(fields[name])
            continue
        for place, (case_id, case) in enumerate(sorted(baseline.cases.items())):
            identity = canonical_json(case.identity.model_dump(mode="json"))
            samples = ",".join(map(canonical_record, case.samples))
            opening = "," if place else "{"
            yield f'{opening}{canonical_json(case_id)}:{{"identity":{identity},"samples":[{samples}]}}'
        yield "}" if baseline.cases else "{}"
    yield "}"


def read_reference(path: Path, root: Path) -> Reference:
    """Read the baselines that a run compares with. Raises DamagedRecord, SetupError."""
    try:
        held = parse_untrusted(_unpacked(regular_file(path, root, MOST_PACKED_BYTES)))
        if not isinstance(held, dict):
            raise TypeError("not an object")
        baselines = {name: _baseline(value) for name, value in held.pop("references").items()}
        stale = _STALE.validate_python(held["stale"])
        earlier = Earlier.model_validate(held["earlier"])
        own = all(_digests_are_own(baseline) for baseline in baselines.values())
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        EOFError,
        RecursionError,
        zlib.error,
    ) as error:
        raise DamagedRecord(
            f"{path}: cannot be read as the run's reference; restore it, or start a new run"
        ) from error
    if not own:
        raise DamagedRecord(
            f"{path}: a reply of the run's reference was edited; restore it, or start a new run"
        )
    return Reference(baselines=baselines, stale=stale, earlier=earlier)


def _baseline(value: dict[str, Any]) -> Baseline:
    """Validate a baseline case by case, so that what was read of each makes room for the next. Raises ValueError."""
    read = value.pop("cases")
    if not isinstance(read, dict):
        raise TypeError("not an object")
    cases = {case_id: _case(read.pop(case_id)) for case_id in tuple(read)}
    return Baseline.model_validate({**value, "cases": cases})


def _case(value: object) -> CaseBaseline:
    case = CaseBaseline.model_validate(value)
    for sample in case.samples:
        slim_stored(sample)
    return case


def _unpacked(packed: bytes) -> bytes:
    """Unpack gzip of a size that a reference may have; a thousand times its bytes can be packed into a file."""
    size = 0
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
        while block := stream.read(_BLOCK_BYTES):
            size += len(block)
            if size > MOST_REFERENCE_BYTES:
                raise ValueError("too large")
    return gzip.decompress(packed)


def _digests_are_own(baseline: Baseline) -> bool:
    return all(
        sample.answer is None or text_digest(sample.answer.measured_text) == sample.text_digest
        for case in baseline.cases.values()
        for sample in case.samples
    )
