"""Run folders from a stranger, to be read or refused within a second and 200 MB, and never to end as a bug."""

import gzip
import hashlib
import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.core.decision import decide
from harness.edges.stores.run_files import sealed
from harness.edges.stores.runs import FileRunStore
from harness.edges.stores.untrusted_json import MOST_DEPTH, parse_untrusted
from harness.errors import DamagedRecord
from harness.reporting import FORMATS
from tests.edges.stores.test_runs import NAMES, a_record, store_in, write_run

RUN = NAMES[1]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder that nobody touched."""
    store = store_in(tmp_path_factory.mktemp("template"))
    write_run(store, a_record())
    return store.path(RUN, "")


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    """A copy of it, to be spoilt."""
    copy = tmp_path / "reports" / RUN
    copy.mkdir(parents=True)
    for path in template.iterdir():
        if path.suffix != ".lock":
            (copy / path.name).write_bytes(path.read_bytes())
    return copy


def line(body: object) -> bytes:
    """A journal's line as drift writes it: whoever can write the file can write its sums."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return b'{"sum":"%s","body":%s}\n' % (hashlib.sha256(content).hexdigest()[:16].encode(), content)


def answer(key: str, **fields: object) -> dict[str, object]:
    return {"t": "completion", "key": key, "completion": {"type": "answer", "text": "x", **fields}}


def with_manifest(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        content = json.loads((folder / "manifest.json").read_bytes())
        del content["sum"]
        change(content)
        # Whoever can write the file can write its sum.
        (folder / "manifest.json").write_bytes(sealed(json.dumps(content).encode()))

    return spoil


def with_case(**fields: object) -> Callable[[Path], None]:
    return with_manifest(lambda content: content["suite"]["cases"][0].update(fields))


def with_file(name: str, content: bytes | Callable[[], bytes], *, more: int = 0) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        with (folder / name).open("wb") as file:
            size = file.write(content if isinstance(content, bytes) else content())
            file.truncate(size + more)  # a hole, which takes no room on disk

    return spoil


def with_key(change: Callable[[str], str]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        first = (folder / "journal.jsonl").read_bytes().splitlines()[1]
        key = json.loads(first)["body"]["key"]
        with (folder / "journal.jsonl").open("ab") as file:
            file.write(line(answer(change(key))))

    return spoil


@cache
def bomb(size: int) -> bytes:
    """Zeros in a file of gzip: a block that was packed once, as often as it takes."""
    block = bytes(10_000_000)
    packer, times = zlib.compressobj(9, wbits=-15), size // len(block)
    packed = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    crc = 0
    for _ in range(times):
        crc = zlib.crc32(block, crc)
    empty = gzip.compress(b"", mtime=0)
    head, end = empty[:-10], empty[-10:-8]
    return head + packed * times + end + struct.pack("<LL", crc, times * len(block) % 2**32)


def many(unit: bytes, times: int) -> bytes:
    return b"[" + unit * times + b"1]"


DEEP = b"[" * 100_000 + b"]" * 100_000
HOSTILE: dict[str, Callable[[Path], None]] = {
    "100 million samples": with_manifest(lambda m: m.update(samples=10**8)),
    "no samples": with_manifest(lambda m: m.update(samples=0)),
    "fewer than no samples": with_manifest(lambda m: m.update(samples=-3)),
    "a case of a million samples": with_case(samples=10**6),
    "a case twice": with_manifest(lambda m: m["suite"]["cases"].append(m["suite"]["cases"][0])),
    "a target twice": with_manifest(lambda m: m["targets"].append(m["targets"][0])),
    "a night that is none": with_manifest(lambda m: m.update(night="tonight")),
    "a pattern that does not compile": with_case(expect={"checks": [{"matches": "(?!x"}]}),
    "a path that does not parse": with_case(expect={"checks": [{"path": "$[", "equals": 1}]}),
    "a schema that refers to itself": with_case(expect={"json_schema": {"$ref": "#"}}),
    "a schema from elsewhere": with_case(expect={"json_schema": {"$ref": "http://127.0.0.1:9/x"}}),
    "an infinite number": with_file("manifest.json", b'{"schema_version": 1e999}'),
    "a deep manifest": with_file("manifest.json", DEEP),
    "a manifest of a million numbers": with_file("manifest.json", partial(many, b"1,", 1_000_000)),
    "a manifest of a million objects": with_file("manifest.json", partial(many, b"{},", 1_000_000)),
    "a manifest of 2 GB": with_file("manifest.json", b"{", more=2_000_000_000),
    "a reference that unpacks to 3 GB": with_file("reference.json.gz", partial(bomb, 3_000_000_000)),
    "a reference of ten million objects": with_file(
        "reference.json.gz", lambda: gzip.compress(many(b"{},", 10_000_000), 1)
    ),
    "a deep reference": with_file("reference.json.gz", gzip.compress(DEEP)),
    "two references": with_file("reference.json.gz", gzip.compress(b"{}") + gzip.compress(b"{}")),
    "a reference of 1 GB": with_file("reference.json.gz", gzip.compress(b"{}"), more=1_000_000_000),
    "a journal of one line of 1 GB": with_file("journal.jsonl", b"", more=1_000_000_000),
    "a deep line": with_file("journal.jsonl", line(DEEP)),
    "deep arguments": with_file(
        "journal.jsonl",
        line(
            b'{"t":"completion","key":"a","completion":{"type":"answer","text":"","tool_calls":'
            b'[{"name":"f","arguments":{"a":' + DEEP[99_600:100_400] + b"}}]}}"
        ),
    ),
    "a line of two million objects": with_file("journal.jsonl", lambda: line(many(b"{},", 2_000_000))),
    "a line that is no object": with_file("journal.jsonl", line([])),
    "a case that does not exist": with_key(lambda key: key.replace("structure-00", "structure-99")),
    "a target that does not exist": with_key(lambda key: key.replace("sonnet", "opus")),
    "a round that does not exist": with_key(lambda key: key.replace("first", "last")),
    "a sample beyond the plan": with_key(lambda key: key[: -len("0:0")] + "3:0"),
    "a sample before the first": with_key(lambda key: key[: -len("0:0")] + "-1:0"),
    "a sample written in another way": with_key(lambda key: key[: -len("0:0")] + "00:0"),
    "a sample number that takes an hour to read": with_key(
        lambda key: key[: -len("0:0")] + "9" * 10**6 + ":0"
    ),
    "another turn": with_key(lambda key: key[:-1] + "1"),
    "a key that is none": with_key(lambda _: "x"),
    "an empty key": with_key(lambda _: ""),
}


@pytest.mark.parametrize("spoil", HOSTILE.values(), ids=HOSTILE)
def test_what_no_run_wrote_is_refused_as_damaged(folder: Path, spoil: Callable[[Path], None]) -> None:
    spoil(folder)
    with pytest.raises(DamagedRecord) as caught:
        store_in(folder.parents[1]).load(RUN)
    assert len(str(caught.value)) < 1000
    assert any(word in str(caught.value) for word in ("restore", "use th", "delete")), caught.value


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_none_of_it_takes_a_second_or_200_mb(template: Path, tmp_path: Path) -> None:
    for name, spoil in HOSTILE.items():
        copy = tmp_path / name / "reports" / RUN
        copy.mkdir(parents=True)
        for path in template.glob("*.*"):
            (copy / path.name).write_bytes(path.read_bytes())
        spoil(copy)
    measured = subprocess.run(
        [sys.executable, "-c", _MEASURE, RUN, *(str(tmp_path / name / "reports") for name in HOSTILE)],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert measured.returncode == 0, measured.stderr
    seconds, most_mb = json.loads(measured.stdout)
    assert {name: s for name, s in zip(HOSTILE, seconds, strict=True) if s > 1} == {}
    assert most_mb < 200


_MEASURE = """
import json, sys, time
from pathlib import Path
from harness.edges.stores.runs import FileRunStore
from harness.errors import DamagedRecord
seconds = []
for folder in sys.argv[2:]:
    begun = time.process_time()
    try:
        FileRunStore(Path(folder), redact=str).load(sys.argv[1])
    except DamagedRecord:
        seconds.append(time.process_time() - begun)
# Not ru_maxrss, which begins with what the parent took.
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(json.dumps([seconds, int(status["VmHWM"].split()[0]) / 1e3]))
"""


def test_an_edited_reply_of_the_reference_is_damage(folder: Path) -> None:
    path = folder / "reference.json.gz"
    content = gzip.decompress(path.read_bytes())
    assert b"One step was enough" in content
    path.write_bytes(gzip.compress(content.replace(b"One step was enough", b"Two steps were not"), mtime=0))
    with pytest.raises(DamagedRecord, match="was edited"):
        store_in(folder.parents[1]).load(RUN)


_VALUES = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        10**6,
        1e308,
        1e-300,
        "",
        "x",
        "\ud800",
        "a:b",
        "2026-11-21",
        [],
        {},
        [[]],
        [None],
        {"": None},
    ]
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, part in inner for place in _places(part, (*path, key)))]


def _changed(value: Any, path: tuple[Any, ...], new: object) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _changed(copy[path[0]], path[1:], new)
    return copy


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_in_the_place_of_another_is_decided_and_rendered_or_refused(
    folder: Path, template: Path, data: st.DataObject
) -> None:
    for path in template.glob("*.*"):
        (folder / path.name).write_bytes(path.read_bytes())
    name = data.draw(st.sampled_from(["manifest.json", "reference.json.gz", "journal.jsonl"]))
    original = (template / name).read_bytes()
    lines = original.splitlines()
    number = data.draw(st.integers(0, len(lines) - 1)) if name == "journal.jsonl" else 0
    if name == "journal.jsonl":
        value = json.loads(lines[number])["body"]
    else:
        value = json.loads(gzip.decompress(original) if name.endswith("gz") else original)
        value.pop("sum", None)
    place = data.draw(st.sampled_from(_places(value)))
    spoilt = json.dumps(_changed(value, place, data.draw(_VALUES))).encode()
    if name == "journal.jsonl":
        content = b"\n".join([*lines[:number], line(spoilt).rstrip(b"\n"), *lines[number + 1 :]]) + b"\n"
    else:
        content = gzip.compress(spoilt, 1) if name.endswith("gz") else sealed(spoilt)
    (folder / name).write_bytes(content)
    store = FileRunStore(folder.parent, redact=str)
    try:
        record = store.load(RUN)
    except DamagedRecord:
        return
    verdict = decide(record)
    for format_ in FORMATS.names():
        FORMATS.load(format_)(record, verdict)


# --- JSON ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [b"", b"{", b"NaN", b'{"a": Infinity}', b"\xff", b"9" * 10_000, "ü".encode("utf-16")]
)
def test_what_is_no_json_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError):
        parse_untrusted(content)


def test_depth_counts_brackets_and_not_what_a_text_says() -> None:
    assert parse_untrusted(b"[" * MOST_DEPTH + b"]" * MOST_DEPTH)
    for deeper in (MOST_DEPTH + 1, 900, 100_000):
        for opened, closed in ((b"[", b"]"), (b'{"a":', b"}")):
            with pytest.raises(ValueError):
                parse_untrusted(opened * deeper + b"1" + closed * deeper)
    text = '\\"[{' * 1000
    assert parse_untrusted(json.dumps([text]).encode()) == [text]
    assert parse_untrusted(json.dumps([{}] * 1000).encode()) == [{}] * 1000


def test_a_long_text_of_brackets_is_a_text() -> None:
    for text in ("{" * 2_000_000, '\\"{[,' * 500_000, "," * 3_000_000):
        assert parse_untrusted(json.dumps({"text": text}).encode()) == {"text": text}
