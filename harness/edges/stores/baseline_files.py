"""A baseline as files: canonical JSON, a sample a line, checked to the byte and line by line."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from pydantic import ValidationError

from harness.core.batch import Acceptance, Baseline, CaseBaseline, CaseIdentity, StoredSample
from harness.core.canonical import Record, canonical_record, digest, text_digest
from harness.core.self_test import SCHEMA_VERSION as SELF_TEST_VERSION
from harness.core.self_test import SelfTest
from harness.core.slimming import slim_stored
from harness.core.suite import Identifier
from harness.edges.stores.untrusted_json import parse_untrusted
from harness.errors import DamagedRecord, OtherVersion, UsageError, one_line

R = TypeVar("R", bound=Record)

SCHEMA_VERSION = 1
IDENTITY = "identity.json"
ACCEPTANCES = "acceptances.jsonl"
SELF_TEST = "self-test.json"
"""Only where one was made of these samples."""
MOST_FILES = 20_003
"""One for each case that a suite may have, and three beside them."""
MOST_FILE_BYTES = 64_000_000
MOST_BYTES = 128_000_000
"""Of all files together, which is what a run can carry; twenty cases of fourteen nights are 1 to 3 MB."""
MOST_NIGHTS = 1000
MOST_NUMBER = 1e9
"""Of tokens, of milliseconds, of attempts; no reply comes near."""


class _Identity(Record):
    """What `identity.json` holds beside its own sum."""

    schema_version: int
    suite: Identifier
    target: Identifier
    encoder: str
    cases: Mapping[Identifier, CaseIdentity]
    files: Mapping[str, str]


def baseline_files(baseline: Baseline, redact: Callable[[str], str] = lambda text: text) -> dict[str, bytes]:
    """Serialise a baseline: file name to content. The same baseline gives the same bytes.

    Raises UsageError for a case whose file would be the list of acceptances.
    """
    files = {
        f"{case_id}.jsonl": _lines(_sample_line(s, redact) for s in sorted(case.samples, key=_place))
        for case_id, case in baseline.cases.items()
    }
    if ACCEPTANCES in files:
        raise UsageError(
            f"a case cannot be called 'acceptances', because {ACCEPTANCES} has a meaning already"
        )
    files[ACCEPTANCES] = _lines(redact(canonical_record(one)) for one in baseline.acceptances)
    if baseline.self_test is not None:
        files[SELF_TEST] = _indented(baseline.self_test.model_dump(mode="json"))
    identity: dict[str, object] = {
        "schema_version": SCHEMA_VERSION,
        "suite": baseline.suite,
        "target": baseline.target,
        "encoder": baseline.encoder,
        "cases": {
            case_id: case.identity.model_dump(exclude_none=True) for case_id, case in baseline.cases.items()
        },
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    files[IDENTITY] = _canonical_identity(identity, digest(identity))
    return files


def parse_baseline(files: Mapping[str, bytes], *, folder: str, suite: str, target: str) -> Baseline:
    """Read a baseline from its files, from a folder or from git blobs.

    Every file must be the one accepted, and every line one that drift could have written: sums can be made to
    fit by whoever edits the files. Raises DamagedRecord.
    """
    refuse_too_large({name: len(content) for name, content in files.items()}, folder)
    if IDENTITY not in files:
        raise DamagedRecord(f"{folder}: {IDENTITY} is missing; restore it with git checkout")
    identity = _identity(files[IDENTITY], f"{folder}/{IDENTITY}")
    if identity.suite != suite or identity.target != target:
        raise DamagedRecord(f"{folder}/{IDENTITY}: belongs to {identity.suite}/{identity.target}")
    for name in sorted(set(identity.files) | set(files) - {IDENTITY}):
        if name not in files:
            raise DamagedRecord(f"{folder}/{name}: missing; restore it with git checkout")
        if name not in identity.files:
            raise DamagedRecord(f"{folder}/{name}: not part of the baseline; remove it")
        if hashlib.sha256(files[name]).hexdigest() != identity.files[name]:
            raise DamagedRecord(f"{folder}/{name}: {_how_damaged(files[name])}; restore it with git checkout")
    expected = {ACCEPTANCES, *(f"{case_id}.jsonl" for case_id in identity.cases)}
    for name in sorted(expected ^ (set(identity.files) - {SELF_TEST})):
        raise DamagedRecord(
            f"{folder}/{IDENTITY}: {name} does not fit its cases; restore it with git checkout"
        )
    cases = {
        case_id: CaseBaseline(
            identity=case_identity,
            samples=_samples(files[f"{case_id}.jsonl"], f"{folder}/{case_id}.jsonl"),
        )
        for case_id, case_identity in identity.cases.items()
    }
    acceptances = tuple(_records(Acceptance, files[ACCEPTANCES], f"{folder}/{ACCEPTANCES}"))
    found = Baseline(
        suite=suite, target=target, encoder=identity.encoder, cases=cases, acceptances=acceptances
    )
    if SELF_TEST not in files:
        return found
    return found.model_copy(
        update={"self_test": _self_test(files[SELF_TEST], f"{folder}/{SELF_TEST}", found)}
    )


def refuse_too_large(sizes: Mapping[str, int], folder: str) -> None:
    """Raise DamagedRecord for more files or bytes than a baseline has; `sizes` in bytes, by file name."""
    if len(sizes) > MOST_FILES:
        raise DamagedRecord(
            f"{folder}: holds {len(sizes):,} files, more than the {MOST_FILES:,} of a baseline; remove what is not part of it"
        )
    for name, size in sizes.items():
        if size > MOST_FILE_BYTES:
            raise DamagedRecord(
                f"{folder}/{name}: over {MOST_FILE_BYTES:,} bytes, more than a baseline holds; restore it with git checkout"
            )
    total = sum(sizes.values())
    if total > MOST_BYTES:
        raise DamagedRecord(
            f"{folder}: holds {total:,} bytes, more than the {MOST_BYTES:,} of a baseline; "
            "restore it with git checkout, or keep fewer nights or cases"
        )


def _self_test(content: bytes, name: str, baseline: Baseline) -> SelfTest:
    try:
        found = SelfTest.model_validate(parse_untrusted(content))
    except (ValueError, TypeError) as error:
        raise DamagedRecord(
            f"{name}: no self-test of this version of drift; restore it with git checkout"
        ) from error
    if found.schema_version != SELF_TEST_VERSION:
        raise OtherVersion(
            f"{name}: schema {found.schema_version}, this drift reads {SELF_TEST_VERSION}; use the version that wrote it"
        )
    if found.samples != baseline.samples_digest:
        raise DamagedRecord(f"{name}: was made of other samples; restore the folder with git checkout")
    return found


def _identity(content: bytes, name: str) -> _Identity:
    try:
        identity = parse_untrusted(content)
        if not isinstance(identity, dict):
            raise TypeError("not an object")
        claimed = identity.pop("sum")
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedRecord(f"{name}: {_how_damaged(content)}; restore it with git checkout") from error
    version = identity.get("schema_version")
    if version != SCHEMA_VERSION:
        raise OtherVersion(
            f"{name}: schema {one_line(str(version)[:20])}, this drift reads {SCHEMA_VERSION}; use the version that wrote it"
        )
    if digest(identity) != claimed or _canonical_identity(identity, claimed) != content:
        raise DamagedRecord(f"{name}: edited by hand; restore it with git checkout")
    try:
        return _Identity.model_validate(identity)
    except ValidationError as error:
        raise _foreign(name, error) from error


def _canonical_identity(identity: Mapping[str, object], claimed: object) -> bytes:
    return _indented({**identity, "sum": claimed})


def _indented(whole: Mapping[str, object]) -> bytes:
    text = json.dumps(whole, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "surrogatepass")


def _samples(content: bytes, name: str) -> tuple[StoredSample, ...]:
    """Read the samples of a case, each of which must be able to stand beside the others. Raises DamagedRecord."""
    samples: list[StoredSample] = []
    seen: set[tuple[str, str, int]] = set()
    for number, sample in enumerate(_records(StoredSample, content, name), start=1):
        place = (sample.batch, sample.round.value, sample.sample)
        wrong = "the same sample of the same night again" if place in seen else _nonsense(sample)
        if wrong:
            raise DamagedRecord(f"{name}:{number}: {wrong}; restore it with git checkout")
        seen.add(place)
        slim_stored(sample)
        samples.append(sample)
    if not samples:
        raise DamagedRecord(f"{name}: holds no sample; restore it with git checkout")
    nights = len({sample.batch for sample in samples})
    if nights > MOST_NIGHTS:
        raise DamagedRecord(
            f"{name}: holds {nights:,} nights, more than the {MOST_NIGHTS:,} of a baseline; restore it with git checkout"
        )
    return tuple(samples)


def _nonsense(sample: StoredSample) -> str | None:
    """Say what is wrong with a line that has the right shape."""
    answer = sample.answer
    if sample.sample > MOST_NUMBER:
        return "a number out of range"
    if answer is None:
        return None
    if text_digest(answer.measured_text) != sample.text_digest:
        return "the text is not the one of its digest"
    numbers = (answer.latency_ms, answer.usage.input_tokens, answer.usage.output_tokens, answer.attempts)
    if any(number is not None and not 0 <= number <= MOST_NUMBER for number in numbers):
        return "a number out of range"
    logprobs = (p for token in answer.logprobs for p in (token.logprob, *(top for _, top in token.top)))
    return "a number out of range" if any(not -MOST_NUMBER <= p <= 0 for p in logprobs) else None


def _records(kind: type[R], content: bytes, name: str) -> Iterator[R]:
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):
        try:
            record = kind.model_validate(parse_untrusted(line))
        except (ValueError, TypeError) as error:
            raise _foreign(f"{name}:{number}", error) from error
        yield record


def _foreign(place: str, error: Exception) -> DamagedRecord:
    why = str(error.errors()[0]["msg"]) if isinstance(error, ValidationError) else str(error)
    return OtherVersion(
        f"{place}: no line of this version of drift ({why[:120]}); use the version that wrote it, or accept anew"
    )


def _how_damaged(content: bytes) -> str:
    if b"<<<<<<<" in content or b">>>>>>>" in content:
        return "holds merge-conflict markers"
    if content and not content.endswith(b"\n"):
        return "cut off"
    return "not what was accepted (edited or damaged)"


def _lines(lines: Iterable[str]) -> bytes:
    # A lone surrogate, which UTF-8 cannot hold, becomes the JSON escape that it came as.
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")


def _sample_line(sample: StoredSample, redact: Callable[[str], str]) -> str:
    line = canonical_record(sample)
    kept = redact(line)
    if kept == line or sample.answer is None:
        return kept
    # The text on file is another one now, and its digest is what finds its vector.
    changed = StoredSample.model_validate(json.loads(kept))
    assert changed.answer is not None
    measured = text_digest(changed.answer.measured_text)
    return canonical_record(changed.model_copy(update={"text_digest": measured}))


def _place(sample: StoredSample) -> tuple[str, str, str, int]:
    return sample.night, sample.run, sample.round.value, sample.sample
