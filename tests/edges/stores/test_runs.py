import asyncio
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.core.canonical import text_digest
from harness.core.decision import decide
from harness.core.expect import ArgumentMatch, Check, Expect, ExpectedCall, ExpectedCalls
from harness.core.plan import make_plan
from harness.core.replies import Answer, Failure, FailureKind
from harness.core.run import Earlier, JournalState, Manifest, RunEnd, RunRecord
from harness.core.suite import Case
from harness.edges.stores.run_files import MOST_MANIFEST_BYTES, pack_reference
from harness.edges.stores.runs import FileRunStore
from harness.errors import DamagedRecord, MeasurementError, UsageError
from tests.support.fakes import answered, failed
from tests.support.records import Night, make_answer, make_case, make_cases, make_record

END = RunEnd(finished_at="2026-11-21T03:21:41+00:00", duration_s=281.4, cost_usd=0.394)
NAMES = ("20261120T031700Z-canary-aaaa", "20261121T031700Z-canary-bbbb", "20261121T031700Z-golden-cccc")


def store_in(root: Path) -> FileRunStore:
    return FileRunStore(root / "reports", redact=str)


def a_record(
    name: str = NAMES[1], cases: tuple[Case, ...] = make_cases(2), suite: str = "canary"
) -> RunRecord:
    record = make_record(Night(cases=cases, nights=2))
    manifest = record.manifest.model_copy(
        update={"run": name, "suite": record.manifest.suite.model_copy(update={"name": suite})}
    )
    return RunRecord(
        manifest=manifest,
        end=END,
        batches={},
        references=record.references,
        stale={"other": "Its encoder is another one."},
        vectors={},
    )


def keys(manifest: Manifest) -> list[str]:
    targets = {target.name: target.target for target in manifest.targets}
    plan = make_plan(manifest.suite.cases, targets, samples=manifest.samples)
    return [request.key for request in plan.requests]


def write_run(
    store: FileRunStore, record: RunRecord, *, end: bool = True, ids: bool = True
) -> dict[str, Answer | Failure]:
    manifest = record.manifest
    store.create(manifest, record.references, record.stale)
    said: dict[str, Answer | Failure] = {
        key: answered(f"answer {number}", response_id=f"{manifest.run[-4:]}-{number}" if ids else None)
        for number, key in enumerate(keys(manifest))
    }
    said[keys(manifest)[-1]] = failed(FailureKind.TIMEOUT)

    async def write() -> None:
        journal = store.journal(manifest.run)
        for key, completion in said.items():
            await journal.intend(key)
            await journal.record(key, completion)
        if end:
            await journal.finish(END)
        await asyncio.to_thread(journal.close)

    asyncio.run(write())
    return said


def test_a_run_comes_back_with_all_it_gathered(tmp_path: Path) -> None:
    store, record = store_in(tmp_path), a_record()
    write_run(store, record)
    vectors = {text_digest("answer 0"): np.array([0.6, 0.8], dtype=np.float32)}
    store.write_vectors(record.manifest.run, vectors)
    found = store.load(record.manifest.run)
    assert (found.manifest, found.end, found.references) == (record.manifest, END, record.references)
    assert found.stale == record.stale
    samples = [s for b in found.batches.values() for held in b.samples.values() for s in held]
    assert len(samples) == 6
    assert sum(s.failure is not None for s in samples) == 1
    assert found.vectors.keys() == vectors.keys()
    assert np.allclose(found.vectors[text_digest("answer 0")], [0.6, 0.8], atol=1e-3)
    assert decide(found) == decide(store.load(record.manifest.run))


def test_giving_null_in_a_check_is_not_giving_nothing(tmp_path: Path) -> None:
    expect = Expect(
        checks=(Check(path="$.total", equals=None), Check(contains="x")),
        calls=ExpectedCalls(
            items=(
                ExpectedCall(name="f", args={"a": None, "b": ArgumentMatch(absent=True), "c": 1, "d": True}),
            )
        ),
    )
    record = a_record(cases=(make_case("edge-null", expect=expect),))
    store = store_in(tmp_path)
    write_run(store, record)
    (case,) = store.load(record.manifest.run).manifest.suite.cases
    first, second = case.expect.checks
    assert (first.equals, "equals" in first.model_fields_set) == (None, True)
    assert "equals" not in second.model_fields_set
    assert case.expect == expect
    assert case.ruler == record.manifest.suite.cases[0].ruler
    assert case.question == record.manifest.suite.cases[0].question


def test_a_run_that_was_killed_before_its_first_call_is_empty(tmp_path: Path) -> None:
    store, record = store_in(tmp_path), a_record()
    store.create(record.manifest, record.references, {})
    found = store.load(record.manifest.run)
    assert (found.batches, found.end) == ({}, None)
    assert decide(found).exit_code == 3


# --- what cannot be read ---------------------------------------------------------------------------


def test_a_newer_schema_says_which_and_what_to_do(tmp_path: Path) -> None:
    store, record = store_in(tmp_path), a_record()
    write_run(store, record)
    path = store.path(record.manifest.run, "manifest.json")
    path.write_bytes(path.read_bytes().replace(b'"schema_version": 2', b'"schema_version": 3'))
    with pytest.raises(DamagedRecord, match="schema 3, this drift reads 2"):
        store.load(record.manifest.run)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"null", b"{", b"\xff", b'{"schema_version": 1}', b'{"schema_version": 1, "run": "x"}'],
)
def test_what_is_no_manifest_is_damage(tmp_path: Path, content: bytes) -> None:
    store, record = store_in(tmp_path), a_record()
    write_run(store, record)
    store.path(record.manifest.run, "manifest.json").write_bytes(content)
    with pytest.raises(DamagedRecord, match=r"manifest\.json"):
        store.load(record.manifest.run)


def test_a_manifest_of_another_run_is_refused(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    write_run(store, a_record(NAMES[0]))
    write_run(store, a_record(NAMES[1]))
    foreign = store.path(NAMES[0], "manifest.json").read_bytes()
    store.path(NAMES[1], "manifest.json").write_bytes(foreign)
    with pytest.raises(DamagedRecord, match="belongs to run 20261120"):
        store.load(NAMES[1])


PACKED = {
    "no json": b"no json",
    "a list": b"[]",
    "nothing": b"{}",
    "references as a list": b'{"references": [], "stale": {}}',
    "no baseline": b'{"references": {"a": {}}, "stale": {}}',
    "cases as a list": b'{"references": {"a": {"cases": [7]}}, "stale": {}, "earlier": {}}',
    "cases as a number": b'{"references": {"a": {"cases": 7}}, "stale": {}, "earlier": {}}',
}
NO_REFERENCE = {
    "empty": b"",
    "no gzip": b"no gzip",
    "cut off": gzip.compress(b'{"references": {}, "stale": {}}', mtime=0)[:-9],
    **{name: gzip.compress(content, mtime=0) for name, content in PACKED.items()},
}


@pytest.mark.parametrize("content", NO_REFERENCE.values(), ids=NO_REFERENCE)
def test_what_is_no_reference_is_damage(tmp_path: Path, content: bytes) -> None:
    store, record = store_in(tmp_path), a_record()
    write_run(store, record)
    store.path(record.manifest.run, "reference.json.gz").write_bytes(content)
    with pytest.raises(DamagedRecord, match="reference"):
        store.load(record.manifest.run)


def test_a_reference_with_a_flipped_byte_is_damage(tmp_path: Path) -> None:
    store, record = store_in(tmp_path), a_record()
    write_run(store, record)
    path = store.path(record.manifest.run, "reference.json.gz")
    good = path.read_bytes()
    # The last byte before the trailer is filled up with bits that hold nothing.
    filled, trailer = len(good) - 9, 8
    for place in (*range(10, filled, 7), *range(len(good) - trailer, len(good))):
        damaged = bytearray(good)
        damaged[place] ^= 0x10
        path.write_bytes(damaged)
        with pytest.raises(DamagedRecord):
            store.load(record.manifest.run)


# --- how large a run may be ------------------------------------------------------------------------


def asking(text: str) -> RunRecord:
    case = make_case("edge-long", messages=[{"role": "user", "content": text}])
    return a_record(cases=(case,))


@pytest.mark.parametrize("text", ["x" * 9_000_000, "é" * 9_000_000, "x" * 31_000_000])
def test_what_a_reader_takes_can_be_planned_whatever_its_characters_are(tmp_path: Path, text: str) -> None:
    store, record = store_in(tmp_path), asking(text)
    store.create(record.manifest, {}, {})
    assert store.manifest(record.manifest.run) == record.manifest


@pytest.mark.parametrize("text", ["x" * MOST_MANIFEST_BYTES, "é" * (MOST_MANIFEST_BYTES // 2)])
def test_a_suite_larger_than_a_reader_takes_is_refused_before_anything_is_asked(
    tmp_path: Path, text: str
) -> None:
    store, record = store_in(tmp_path), asking(text)
    with pytest.raises(
        UsageError, match=r"takes 32,0.* bytes, at most 32,000,000 fit into one run; split it"
    ):
        store.create(record.manifest, {}, {})
    assert not store.names()


def test_what_counts_is_what_is_written_secrets_taken_out(tmp_path: Path) -> None:
    store = FileRunStore(tmp_path / "reports", redact=lambda text: text.replace("k3y", "[A_LONGER_NAME]"))
    record = asking("k3y" * 3_000_000)
    with pytest.raises(UsageError, match="takes 45,0"):
        store.create(record.manifest, {}, {})


def test_a_suite_of_more_values_than_a_reader_takes_is_refused(tmp_path: Path) -> None:
    tools = [{"name": "f", "parameters": {"anyOf": [{}] * 200_000}}]
    store, record = store_in(tmp_path), a_record(cases=(make_case("edge-full", tools=tools),))
    with pytest.raises(UsageError, match="holds more values than"):
        store.create(record.manifest, {}, {})


def test_a_baseline_larger_than_a_run_can_carry_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    record = a_record()
    (baseline,) = record.references.values()
    (name, case), *_ = baseline.cases.items()
    answer = make_answer("x" * 1_000_000)
    long = case.samples[0].model_copy(update={"answer": answer})
    large = baseline.model_copy(
        update={"cases": {f"{name}-{n}": case.model_copy(update={"samples": (long,)}) for n in range(130)}}
    )
    with pytest.raises(UsageError, match=r"larger than the 128,000,000 bytes that a run can carry"):
        store_in(tmp_path).create(record.manifest, {"sonnet": large}, {})
    assert not store_in(tmp_path).names()


def test_a_reference_is_the_same_bytes_in_whatever_order_it_was_made() -> None:
    (baseline,) = a_record(cases=make_cases(4)).references.values()
    turned = baseline.model_copy(update={"cases": dict(reversed(baseline.cases.items()))})
    stale = {"a": "Old.", "b": "Older."}
    one = pack_reference({"x": baseline, "y": turned}, stale, Earlier())
    other = pack_reference({"y": baseline, "x": turned}, dict(reversed(stale.items())), Earlier())
    assert one == other
    content = json.loads(gzip.decompress(one))
    assert json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False) == gzip.decompress(
        one
    ).decode("utf-8")


@pytest.mark.parametrize("targets", [(), ("sonnet",)])
def test_a_reference_without_a_baseline_or_with_an_empty_one_comes_back(
    tmp_path: Path, targets: tuple[str, ...]
) -> None:
    store, record = store_in(tmp_path), a_record()
    empty = record.references["sonnet"].model_copy(update={"cases": {}, "acceptances": ()})
    references = dict.fromkeys(targets, empty)
    store.create(record.manifest, references, {})
    assert store.load(record.manifest.run).references == references


def test_a_reference_that_was_written_with_every_field_is_still_read(tmp_path: Path) -> None:
    store, record = store_in(tmp_path), a_record()
    write_run(store, record)
    before = store.load(record.manifest.run)
    held = {
        "references": {name: one.model_dump(mode="json") for name, one in record.references.items()},
        "stale": dict(record.stale),
        "earlier": Earlier().model_dump(mode="json"),
    }
    path = store.path(record.manifest.run, "reference.json.gz")
    path.write_bytes(gzip.compress(json.dumps(held).encode(), mtime=0))
    found = store.load(record.manifest.run)
    assert found.references == before.references == record.references
    assert decide(found) == decide(before)


# --- which run is meant ----------------------------------------------------------------------------


@pytest.fixture
def three(tmp_path: Path) -> FileRunStore:
    store = store_in(tmp_path)
    for name in NAMES:
        record = a_record(name, suite=name.split("-")[1])
        store.create(record.manifest, {}, {})
    (tmp_path / "reports" / "not-a-run").mkdir()
    return store


def test_a_run_is_found_by_name_by_its_start_as_the_last_and_by_its_folder(
    three: FileRunStore, tmp_path: Path
) -> None:
    assert three.names() == NAMES
    assert [three.resolve(name) for name in NAMES] == list(NAMES)
    assert three.resolve("20261120") == NAMES[0]
    assert three.resolve("last") == NAMES[2]
    elsewhere = tmp_path / "artifact" / NAMES[0]
    elsewhere.parent.mkdir()
    three.path(NAMES[0], "").rename(elsewhere)
    found = three.resolve(str(elsewhere))
    assert three.manifest(found).run == NAMES[0], "and is read from there"
    assert three.resolve(str(tmp_path / "reports" / NAMES[1])) == NAMES[1]
    assert three.resolve(str(tmp_path / "artifact" / ".." / "reports" / NAMES[1])) == NAMES[1]


def test_naming_a_run_elsewhere_changes_nothing_about_the_others(three: FileRunStore, tmp_path: Path) -> None:
    elsewhere = tmp_path / "artifact" / NAMES[0]
    elsewhere.parent.mkdir()
    three.path(NAMES[0], "").rename(elsewhere)
    before = three.folder
    found = three.resolve(str(elsewhere))
    assert three.folder == before
    assert three.names() == NAMES[1:]
    assert three.resolve("last") == NAMES[2]
    three.write(found, "report.html", "a page")
    assert (elsewhere / "report.html").read_text(encoding="utf-8") == "a page"
    assert three.path(found, "report.html") == elsewhere / "report.html"
    with pytest.raises(UsageError, match="no such run"):
        three.load(NAMES[0])


@pytest.mark.parametrize(
    ("named", "said"),
    [("2026", "3 runs begin with"), ("2027", "no run is called"), ("", "3 runs begin with")],
)
def test_what_names_no_run_or_several_is_said(three: FileRunStore, named: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        three.resolve(named)


def test_no_run_at_all_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="make one with `drift check"):
        store_in(tmp_path).resolve("last")


# --- writing ---------------------------------------------------------------------------------------


def test_a_run_is_not_written_by_two_processes_at_once(tmp_path: Path) -> None:
    store, record = store_in(tmp_path), a_record()
    store.create(record.manifest, {}, {})
    run = record.manifest.run
    journal = store.journal(run)
    try:
        with pytest.raises(UsageError, match="written by another process"):
            store_in(tmp_path).journal(run, state=JournalState())
    finally:
        journal.close()
    store_in(tmp_path).journal(run, state=store.journal_state(run)).close()


def test_a_run_that_went_on_meanwhile_is_not_cut_back(tmp_path: Path) -> None:
    store, record = store_in(tmp_path), a_record()
    store.create(record.manifest, {}, {})
    run = record.manifest.run
    old = store.journal_state(run)

    async def go_on() -> None:
        journal = store.journal(run, state=old)
        await journal.intend("a")
        await asyncio.to_thread(journal.close)

    asyncio.run(go_on())
    with pytest.raises(UsageError, match="another process"):
        store.journal(run, state=old)
    assert store.journal_state(run).in_flight == ["a"]


def test_the_lock_of_a_killed_run_does_not_stand_in_the_way(tmp_path: Path) -> None:
    store, record = store_in(tmp_path), a_record()
    store.create(record.manifest, {}, {})
    run = record.manifest.run
    program = (
        "import os,sys; from pathlib import Path; from harness.edges.stores.runs import FileRunStore;"
        f"journal = FileRunStore(Path(sys.argv[1]), redact=str).journal({run!r}); os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(store.folder)], check=False, timeout=60)
    assert done.returncode == 9
    store.journal(run, state=store.journal_state(run)).close()


@pytest.mark.skipif(os.name == "nt", reason="a file in the place of a folder")
def test_where_nothing_can_be_written_the_error_is_clear_and_nothing_is_asked(tmp_path: Path) -> None:
    (tmp_path / "reports").write_bytes(b"")
    with pytest.raises(MeasurementError, match="nothing was asked"):
        store_in(tmp_path).create(a_record().manifest, {}, {})
    with pytest.raises(MeasurementError, match="cannot write"):
        store_in(tmp_path).write("run", "verdict.json", "{}")


def test_a_run_is_made_once(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.create(a_record().manifest, {}, {})
    before = store.path(NAMES[1], "manifest.json").read_bytes()
    assert store.create(a_record(suite="golden").manifest, {}, {}).run != NAMES[1]
    assert store.path(NAMES[1], "manifest.json").read_bytes() == before


def test_renderings_are_redacted(tmp_path: Path) -> None:
    store = FileRunStore(tmp_path / "reports", redact=lambda text: text.replace("tops3cret", "[MY_KEY]"))
    store.create(a_record().manifest, {}, {})
    path = store.write(NAMES[1], "verdict.json", json.dumps({"a": "tops3cret"}))
    assert json.loads(path.read_text(encoding="utf-8")) == {"a": "[MY_KEY]"}


def test_of_two_runs_that_begin_in_the_same_moment_each_gets_a_folder(tmp_path: Path) -> None:
    store, record = store_in(tmp_path), a_record()
    made = [store.create(record.manifest, record.references, {}) for _ in range(3)]
    assert [one.run for one in made] == [NAMES[1], f"{NAMES[1]}-2", f"{NAMES[1]}-3"]
    assert [store.manifest(run).run for run in store.names()] == [one.run for one in made]
    assert store.load(made[2].run).manifest == made[2]
