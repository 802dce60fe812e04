import hashlib
import json
import multiprocessing
import shutil
import subprocess
import sys
import textwrap
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from filelock import FileLock

from harness.core.batch import Baseline, StoredMeasures
from harness.core.canonical import digest, text_digest
from harness.core.replies import TokenLogprob
from harness.core.suite import Case
from harness.edges.files.suites import MOST_CASES
from harness.edges.redaction import Redactor
from harness.edges.stores.baseline_files import (
    MOST_BYTES,
    MOST_FILE_BYTES,
    MOST_FILES,
    MOST_NIGHTS,
    baseline_files,
    parse_baseline,
    refuse_too_large,
)
from harness.edges.stores.baselines import FileBaselineStore
from harness.errors import DamagedRecord, MeasurementError, SetupError, UsageError
from tests.support.records import Night, make_answer, make_cases, make_record


def make_baseline(
    *, nights: int = 2, cases: Sequence[Case] = make_cases(2), text: str | None = None
) -> Baseline:
    night = Night(cases=cases, nights=nights, samples=1)
    if text is not None:
        night = Night(cases=cases, nights=nights, samples=1, answers=lambda *_: make_answer(text))
    (found,) = make_record(night).references.values()
    return found


def store_in(root: Path, **options: object) -> FileBaselineStore:
    known = {"lock": root / ".drift" / "baselines.lock", "redact": str, **options}
    return FileBaselineStore(root / "baselines", **known)  # type: ignore[arg-type]  # options by name


def folder_in(root: Path) -> Path:
    return root / "baselines" / "canary" / "sonnet"


def contents(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder_in(root).iterdir()}


def load(root: Path) -> Baseline | None:
    return store_in(root).load("canary", "sonnet")


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    store, baseline = store_in(tmp_path), make_baseline()
    assert store.load("canary", "sonnet") is None
    assert store.names() == ()
    assert store.save(baseline)
    assert store.load("canary", "sonnet") == baseline
    assert store.names() == (("canary", "sonnet"),)


def test_an_accepted_reply_keeps_its_log_probabilities(tmp_path: Path) -> None:
    position = TokenLogprob(token="Yes", logprob=-0.1, top=(("Yes", -0.1), ("No", -2.5)))
    night = Night(
        cases=make_cases(1), nights=2, samples=1, answers=lambda *_: make_answer("Yes", logprobs=(position,))
    )
    (baseline,) = make_record(night).references.values()
    assert store_in(tmp_path).save(baseline)
    found = load(tmp_path)
    assert found == baseline
    (case,) = baseline.cases.values()
    assert all(sample.answer is not None and sample.answer.logprobs == (position,) for sample in case.samples)


def test_saving_the_same_again_changes_nothing_and_says_so(tmp_path: Path) -> None:
    store, baseline = store_in(tmp_path), make_baseline()
    store.save(baseline)
    before = {path: path.stat().st_mtime_ns for path in folder_in(tmp_path).iterdir()}
    assert not store.save(baseline)
    assert {path: path.stat().st_mtime_ns for path in folder_in(tmp_path).iterdir()} == before
    assert store.save(make_baseline(nights=3))


def test_the_same_baseline_gives_the_same_bytes_in_whatever_order_it_was_made() -> None:
    baseline = make_baseline(nights=4, cases=make_cases(3))
    turned = baseline.model_copy(
        update={
            "cases": {
                name: case.model_copy(update={"samples": tuple(reversed(case.samples))})
                for name, case in reversed(list(baseline.cases.items()))
            }
        }
    )
    assert baseline_files(turned) == baseline_files(baseline)


def test_a_new_night_adds_lines_and_moves_none() -> None:
    name = f"{make_cases(1)[0].id}.jsonl"
    before, after = baseline_files(make_baseline(nights=2)), baseline_files(make_baseline(nights=3))
    assert after[name].startswith(before[name]) or before[name] in after[name]
    assert after[name].count(b"\n") == 3


def test_every_single_byte_flip_of_every_file_is_found() -> None:
    files = baseline_files(make_baseline(nights=1, cases=make_cases(1)))
    for name, content in files.items():
        for place in range(len(content)):
            for flip in (0x01, 0x20, 0x80):
                damaged = bytearray(content)
                damaged[place] ^= flip
                with pytest.raises(DamagedRecord):
                    parse_baseline(
                        {**files, name: bytes(damaged)}, folder="b", suite="canary", target="sonnet"
                    )


def test_every_cut_of_every_file_is_found() -> None:
    files = baseline_files(make_baseline(nights=1, cases=make_cases(1)))
    for name, content in files.items():
        for cut in range(len(content)):
            with pytest.raises(DamagedRecord):
                parse_baseline({**files, name: content[:cut]}, folder="b", suite="canary", target="sonnet")


def test_missing_extra_and_renamed_files_are_found_by_name(tmp_path: Path) -> None:
    baseline = make_baseline()
    first, second = (f"{name}.jsonl" for name in sorted(baseline.cases))
    folder = folder_in(tmp_path)

    def afresh() -> None:
        shutil.rmtree(tmp_path / "baselines", ignore_errors=True)
        store_in(tmp_path).save(baseline)

    for name in contents_after(afresh, tmp_path):
        afresh()
        (folder / name).unlink()
        with pytest.raises(DamagedRecord, match=rf"{name}.*missing"):
            load(tmp_path)
    afresh()
    (folder / "more.jsonl").write_bytes(b"")
    with pytest.raises(DamagedRecord, match=r"more\.jsonl: not part of the baseline"):
        load(tmp_path)
    afresh()
    (folder / first).rename(folder / "other.jsonl")
    with pytest.raises(DamagedRecord):
        load(tmp_path)
    afresh()
    one, other = (folder / first).read_bytes(), (folder / second).read_bytes()
    (folder / first).write_bytes(other)
    (folder / second).write_bytes(one)
    with pytest.raises(DamagedRecord):
        load(tmp_path)


def contents_after(make: object, root: Path) -> list[str]:
    make()  # type: ignore[operator]  # a function
    return sorted(contents(root))


def test_merge_conflict_markers_are_called_by_their_name(tmp_path: Path) -> None:
    store_in(tmp_path).save(make_baseline())
    for path in sorted(folder_in(tmp_path).iterdir()):
        good = path.read_bytes()
        path.write_bytes(b"<<<<<<< HEAD\n" + good + b"=======\n" + good + b">>>>>>> theirs\n")
        with pytest.raises(DamagedRecord, match=rf"{path.name}: holds merge-conflict markers"):
            load(tmp_path)
        path.write_bytes(good)
    assert load(tmp_path) == make_baseline()


def test_an_edited_identity_with_a_right_looking_sum_is_refused(tmp_path: Path) -> None:
    store_in(tmp_path).save(make_baseline())
    path = folder_in(tmp_path) / "identity.json"
    held = json.loads(path.read_bytes())
    held["encoder"] = "another"
    path.write_text(json.dumps(held, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    with pytest.raises(DamagedRecord, match="edited by hand"):
        load(tmp_path)


@pytest.mark.parametrize("content", [b"[]\n", b"1\n", b"null\n", b"{}\n", b"\xff\xfe", b"", b'"sum"\n'])
def test_what_is_no_identity_at_all_is_damage(tmp_path: Path, content: bytes) -> None:
    store_in(tmp_path).save(make_baseline())
    (folder_in(tmp_path) / "identity.json").write_bytes(content)
    with pytest.raises(DamagedRecord, match=r"identity\.json"):
        load(tmp_path)


def test_a_newer_schema_says_which_and_what_to_do(tmp_path: Path) -> None:
    store_in(tmp_path).save(make_baseline())
    path = folder_in(tmp_path) / "identity.json"
    path.write_bytes(path.read_bytes().replace(b'"schema_version": 1', b'"schema_version": 2'))
    with pytest.raises(DamagedRecord, match="schema 2, this drift reads 1"):
        load(tmp_path)


@pytest.mark.parametrize(("suite", "target"), [("golden", "sonnet"), ("canary", "gpt")])
def test_a_baseline_of_another_suite_or_target_is_not_taken_for_this_one(
    tmp_path: Path, suite: str, target: str
) -> None:
    store_in(tmp_path).save(make_baseline())
    foreign = tmp_path / "baselines" / suite / target
    foreign.parent.mkdir(exist_ok=True)
    shutil.copytree(folder_in(tmp_path), foreign)
    with pytest.raises(DamagedRecord, match="belongs to canary/sonnet"):
        store_in(tmp_path).load(suite, target)


def test_a_case_that_would_be_written_over_is_refused(tmp_path: Path) -> None:
    case = make_cases(1)[0].model_copy(update={"id": "acceptances"})
    with pytest.raises(UsageError, match="cannot be called 'acceptances'"):
        store_in(tmp_path).save(make_baseline(cases=(case,)))
    assert load(tmp_path) is None


# --- crashes and full disks ------------------------------------------------------------------------


def test_a_crash_between_the_two_renames_is_mended_by_the_next_reader_and_the_next_writer(
    tmp_path: Path,
) -> None:
    old, new = make_baseline(), make_baseline(nights=3)
    for mend in ("load", "save", "save the same"):
        store_in(tmp_path).save(old)
        folder = folder_in(tmp_path)
        folder.rename(folder.with_name(".sonnet.old"))
        (folder.with_name(".sonnet.new")).mkdir()
        (folder.with_name(".sonnet.new") / "half.jsonl").write_bytes(b"{")
        if mend == "load":
            assert load(tmp_path) == old
        elif mend == "save the same":
            assert not store_in(tmp_path).save(old)
            assert load(tmp_path) == old
        else:
            assert store_in(tmp_path).save(new)
            assert load(tmp_path) == new
        assert store_in(tmp_path).names() == (("canary", "sonnet"),)
        shutil.rmtree(tmp_path / "baselines")


@pytest.mark.parametrize("fatal", [1, 2])
def test_where_the_nth_rename_fails_the_old_baseline_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fatal: int
) -> None:
    old, new = make_baseline(), make_baseline(nights=3)
    store_in(tmp_path).save(old)
    rename, calls = Path.rename, []

    def failing(path: Path, target: Path) -> Path:
        calls.append(path)
        if len(calls) == fatal:
            assert any(p.is_dir() and list(p.iterdir()) for p in folder_in(tmp_path).parent.iterdir())
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(MeasurementError, match="the baseline is as it was"):
        store_in(tmp_path).save(new)
    monkeypatch.undo()
    assert load(tmp_path) == old
    assert store_in(tmp_path).save(new)


def test_a_reader_does_not_mend_what_a_writer_is_at(tmp_path: Path) -> None:
    store_in(tmp_path).save(make_baseline())
    folder = folder_in(tmp_path)
    folder.rename(folder.with_name(".sonnet.old"))
    with FileLock(tmp_path / ".drift" / "baselines.lock"):
        with pytest.raises(MeasurementError, match="another process has held"):
            store_in(tmp_path, lock_timeout_s=0.05).load("canary", "sonnet")
        assert not folder.exists()
    assert load(tmp_path) == make_baseline()


def test_a_lock_that_is_not_let_go_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / ".drift").mkdir()
    with FileLock(tmp_path / ".drift" / "baselines.lock"), pytest.raises(MeasurementError, match="held"):
        store_in(tmp_path, lock_timeout_s=0.05).save(make_baseline())


def test_a_stale_lock_recovers(tmp_path: Path) -> None:
    program = "import os,sys; from filelock import FileLock; FileLock(sys.argv[1]).acquire(); os._exit(9)"
    lock = tmp_path / ".drift" / "baselines.lock"
    lock.parent.mkdir()
    subprocess.run([sys.executable, "-c", program, str(lock)], check=False, timeout=60)
    assert store_in(tmp_path, lock_timeout_s=5).save(make_baseline())


def test_the_nth_write_fails_for_every_n_and_the_old_files_stay_whole(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_LIMITED), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "ok"


_LIMITED = """
    import resource, signal, sys
    from pathlib import Path
    from harness.edges.stores.baseline_files import baseline_files
    from harness.edges.stores.baselines import FileBaselineStore
    from harness.errors import MeasurementError
    from tests.edges.stores.test_baselines import make_baseline
    from tests.support.records import make_cases

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    root = Path(sys.argv[1])
    # Files of very different sizes, so that a limit on the size hits one after the other.
    old = make_baseline(cases=make_cases(3))
    new = old.model_copy(update={"cases": {
        name: case.model_copy(update={"samples": tuple(
            sample.model_copy(update={"sample": number})
            for number in range(1 + 3 * place)
            for sample in case.samples
        )})
        for place, (name, case) in enumerate(old.cases.items())
    }})
    store = FileBaselineStore(root / "baselines", lock=root / "lock", redact=str)
    store.save(old)
    before = baseline_files(old)
    folder = root / "baselines" / "canary" / "sonnet"
    sizes = sorted(len(content) for content in baseline_files(new).values())
    for most in [0, 1, *(size - 1 for size in sizes)]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, unlimited[1]))
        try:
            store.save(new)
        except MeasurementError as error:
            assert "baseline is as it was" in str(error), error
        else:
            raise AssertionError(f"a file of {sizes[-1]} bytes was written with room for {most}")
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
        assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
        assert [p.name for p in folder.parent.iterdir()] == ["sonnet"]
    assert store.save(new)
    print("ok")
"""


def _save(root: Path, nights: int, start: Barrier) -> None:
    baseline = make_baseline(nights=nights)
    start.wait()
    for _ in range(20):
        store_in(root).save(baseline)
        found = load(root)
        assert found is not None
        assert found.night_count() in (2, 5)


def test_two_processes_at_once_one_wins_whole_and_no_reader_sees_half(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    writers = [context.Process(target=_save, args=(tmp_path, nights, start)) for nights in (2, 5)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    assert load(tmp_path) in (make_baseline(nights=2), make_baseline(nights=5))
    assert sorted(path.name for path in folder_in(tmp_path).parent.iterdir()) == ["sonnet"]


def _save_in_turn(root: Path) -> None:
    for number in range(60):
        store_in(root).save(make_baseline(nights=2 + 3 * (number % 2)))


def test_a_reader_meets_a_whole_baseline_whatever_a_writer_is_at(tmp_path: Path) -> None:
    whole = (make_baseline(nights=2), make_baseline(nights=5))
    store_in(tmp_path).save(whole[0])
    writer = multiprocessing.get_context("spawn").Process(target=_save_in_turn, args=(tmp_path,))
    writer.start()
    met = set()
    while writer.is_alive():
        found = load(tmp_path)
        assert found in whole
        met.add(found.night_count() if found else 0)
    writer.join(60)
    assert writer.exitcode == 0
    assert met == {2, 5}


# --- what may be in it -----------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["\ud83d", "a\udc80b", "\r\x85\u2028\n", "\x00\x1b[2J", '"\\'])
def test_any_text_comes_back_as_it_was(tmp_path: Path, text: str) -> None:
    baseline = make_baseline(text=text)
    store_in(tmp_path).save(baseline)
    assert load(tmp_path) == baseline


def test_secrets_never_reach_the_disk_and_a_text_keeps_the_digest_of_what_is_kept(tmp_path: Path) -> None:
    baseline = make_baseline(text="The key is tops3cret/key+value, is it not?")
    store_in(tmp_path, redact=Redactor({"MY_KEY": "tops3cret/key+value"}).redact).save(baseline)
    assert not any(b"tops3cret" in content for content in contents(tmp_path).values())
    found = load(tmp_path)
    assert found is not None
    for case in found.cases.values():
        for sample in case.samples:
            assert sample.answer is not None
            assert sample.answer.text == "The key is [MY_KEY], is it not?"
            assert sample.text_digest == text_digest(sample.answer.measured_text)


def test_a_baseline_of_digests_comes_back(tmp_path: Path) -> None:
    kept = StoredMeasures(refusal="complied", invalid=0.0, quality=None, length=3.5)
    baseline = make_baseline()
    bare = baseline.model_copy(
        update={
            "cases": {
                name: case.model_copy(
                    update={
                        "samples": tuple(
                            s.model_copy(update={"answer": None, "measures": kept}) for s in case.samples
                        )
                    }
                )
                for name, case in baseline.cases.items()
            }
        }
    )
    store_in(tmp_path).save(bare)
    assert load(tmp_path) == bare


# --- sums that fit, and nonsense behind them -------------------------------------------------------


def resealed(change: Callable[[dict[str, bytes]], None]) -> dict[str, bytes]:
    """Change the files of a baseline and make every sum fit, as somebody with the source at hand can."""
    files = baseline_files(make_baseline(nights=1, cases=make_cases(1)))
    change(files)
    identity = json.loads(files["identity.json"])
    identity["files"] = {
        name: hashlib.sha256(content).hexdigest()
        for name, content in files.items()
        if name != "identity.json"
    }
    return {**files, "identity.json": sealed(identity)}


def sealed(identity: dict[str, object]) -> bytes:
    identity.pop("sum", None)
    whole = {**identity, "sum": digest(identity)}
    return (json.dumps(whole, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


CASE_FILE = f"{make_cases(1)[0].id}.jsonl"


def with_line(**fields: object) -> Callable[[dict[str, bytes]], None]:
    """Set fields of the sample, and of its answer."""

    def change(files: dict[str, bytes]) -> None:
        line = json.loads(files[CASE_FILE])
        for name, value in fields.items():
            (line if name in line or name == "measures" else line["answer"])[name] = value
        files[CASE_FILE] = (json.dumps(line, separators=(",", ":")) + "\n").encode()

    return change


def many_nights(files: dict[str, bytes]) -> None:
    line = json.loads(files[CASE_FILE])
    nights = (date(2001, 1, 1) + timedelta(days=place) for place in range(MOST_NIGHTS + 1))
    files[CASE_FILE] = b"".join(
        (json.dumps({**line, "night": night.isoformat()}) + "\n").encode() for night in nights
    )


NONSENSE: Mapping[str, tuple[Callable[[dict[str, bytes]], None], str]] = {
    "another text": (
        with_line(text="Something that was never said."),
        "the text is not the one of its digest",
    ),
    "a digest of nothing": (with_line(text_digest="0" * 64), "the text is not the one of its digest"),
    "no digest": (with_line(text_digest="sha"), "no line of this version"),
    "a sample twice": (
        lambda files: files.update({CASE_FILE: files[CASE_FILE] * 2}),
        rf"{CASE_FILE}:2: the same sample of the same night again",
    ),
    "a huge latency": (with_line(latency_ms=1e308), "a number out of range"),
    "a latency below zero": (with_line(latency_ms=-1e308), "a number out of range"),
    "more tokens than there are": (with_line(usage={"input_tokens": 10**12}), "a number out of range"),
    "a probability of nothing": (
        with_line(logprobs=[{"token": "a", "logprob": -1e308, "top": []}]),
        "a number out of range",
    ),
    "infinity": (with_line(latency_ms=float("inf")), "no line of this version"),
    "measures out of range": (
        with_line(
            answer=None, measures={"refusal": "complied", "invalid": None, "quality": 1e308, "length": 1}
        ),
        "no line of this version",
    ),
    "an unknown kind of refusal": (
        with_line(answer=None, measures={"refusal": "maybe", "invalid": None, "quality": None, "length": 1}),
        "no line of this version",
    ),
    "a night that is no date": (with_line(night="tonight"), "no line of this version"),
    "brackets": (
        lambda files: files.update({CASE_FILE: b"[" * 100_000 + b"\n"}),
        rf"{CASE_FILE}:1: no line of this version",
    ),
    "no line": (lambda files: files.update({CASE_FILE: b""}), "holds no sample"),
    "a list": (lambda files: files.update({"acceptances.jsonl": b"[]\n"}), r"acceptances\.jsonl:1"),
    "a file of no case": (lambda files: files.update({"more.jsonl": b""}), r"more\.jsonl does not fit"),
    "years of nights": (many_nights, "holds 1,001 nights"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_behind_sums_that_fit_is_damage(name: str) -> None:
    change, said = NONSENSE[name]
    with pytest.raises(DamagedRecord, match=said):
        parse_baseline(resealed(change), folder="b", suite="canary", target="sonnet")


def test_what_was_resealed_untouched_is_none() -> None:
    read = parse_baseline(resealed(lambda _: None), folder="b", suite="canary", target="sonnet")
    assert read == make_baseline(nights=1, cases=make_cases(1))


@pytest.mark.parametrize("gone", ["files", "cases", "suite", "encoder", "schema_version"])
@pytest.mark.parametrize("value", [None, [], 7, {"a": 1}])
def test_an_identity_without_a_part_or_with_another_in_its_place_is_damage(gone: str, value: object) -> None:
    files = resealed(lambda _: None)
    identity = json.loads(files["identity.json"])
    del identity[gone]
    for changed in (identity, {**identity, gone: value}):
        with pytest.raises(DamagedRecord, match=r"identity\.json"):
            parse_baseline(
                {**files, "identity.json": sealed(changed)}, folder="b", suite="canary", target="sonnet"
            )


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"sum":' * 50_000, b'{"a":"\\ud800","sum":""}\n'])
def test_an_identity_that_is_nested_without_end_is_damage(content: bytes) -> None:
    files = {**resealed(lambda _: None), "identity.json": content}
    with pytest.raises(DamagedRecord, match=r"identity\.json"):
        parse_baseline(files, folder="b", suite="canary", target="sonnet")


def test_a_file_larger_than_any_baseline_is_not_read(tmp_path: Path) -> None:
    store_in(tmp_path).save(make_baseline())
    with (folder_in(tmp_path) / "acceptances.jsonl").open("r+b") as file:
        file.truncate(MOST_FILE_BYTES + 1)
    with pytest.raises(DamagedRecord, match="bytes, more than"):
        load(tmp_path)


def test_more_files_than_any_baseline_has_are_not_read(tmp_path: Path) -> None:
    folder = folder_in(tmp_path)
    folder.mkdir(parents=True)
    for number in range(MOST_FILES + 1):
        (folder / f"{number}.jsonl").touch()
    with pytest.raises(
        DamagedRecord, match=r"holds 20,004 files, more than the 20,003 of a baseline; remove"
    ):
        load(tmp_path)


def test_every_case_of_the_largest_suite_has_its_file_and_three_are_beside_them() -> None:
    assert MOST_FILES == MOST_CASES + 3
    refuse_too_large({f"{number}.jsonl": 1 for number in range(MOST_FILES)}, "b")


def test_more_bytes_than_any_baseline_has_are_not_read(tmp_path: Path) -> None:
    store_in(tmp_path).save(make_baseline())
    for name in ("x", "y", "z"):
        with (folder_in(tmp_path) / f"{name}.jsonl").open("wb") as file:
            file.truncate(MOST_FILE_BYTES)
    tracemalloc.start()
    try:
        with pytest.raises(
            DamagedRecord, match=r"holds 192,0.* bytes, more than the 128,000,000 of a baseline"
        ):
            load(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < MOST_FILE_BYTES / 10
    finally:
        tracemalloc.stop()


def test_a_baseline_from_git_has_the_same_bounds() -> None:
    many = {f"{number}.jsonl": b"" for number in range(MOST_FILES + 1)}
    half = bytes(MOST_BYTES // 2)
    for files, said in (
        (many, "holds 20,004 files"),
        ({"a": half, "b": half, "c": b" "}, "holds 128,000,001 bytes"),
        ({"a": bytes(MOST_FILE_BYTES + 1)}, "over 64,000,000 bytes"),
    ):
        with pytest.raises(DamagedRecord, match=said):
            parse_baseline(files, folder="b", suite="canary", target="sonnet")


def test_nothing_is_written_that_could_not_be_read_again(tmp_path: Path) -> None:
    store_in(tmp_path).save(make_baseline())
    (name, case), *_ = make_baseline(nights=3).cases.items()
    twice = case.model_copy(update={"samples": case.samples * 2})
    bad = make_baseline(nights=3)
    with pytest.raises(MeasurementError, match="cannot become a baseline"):
        store_in(tmp_path).save(bad.model_copy(update={"cases": {**bad.cases, name: twice}}))
    assert load(tmp_path) == make_baseline()


# --- links -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["baselines", "baselines/canary", "baselines/canary/sonnet"])
def test_a_folder_that_is_a_link_out_of_the_project_is_neither_read_nor_written(
    tmp_path: Path, place: str
) -> None:
    project, outside = tmp_path / "project", tmp_path / "outside"
    store_in(outside).save(make_baseline())
    link = project / place
    link.parent.mkdir(parents=True)
    link.symlink_to(outside / place)
    before = contents(outside)
    for attempt in (lambda: load(project), lambda: store_in(project).save(make_baseline(nights=3))):
        with pytest.raises(SetupError, match="leads out of"):
            attempt()
    assert contents(outside) == before


@pytest.mark.parametrize("place", ["baselines", "baselines/canary", "baselines/canary/sonnet", ".drift"])
def test_a_folder_that_is_a_link_within_the_project_is_not_written(tmp_path: Path, place: str) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).symlink_to(tmp_path / "real")
    with pytest.raises(SetupError, match="is a link"):
        store_in(tmp_path).save(make_baseline())
    assert not list((tmp_path / "real").iterdir())


@pytest.mark.parametrize("name", ["identity.json", "acceptances.jsonl", CASE_FILE])
def test_a_file_that_is_a_link_is_not_read(tmp_path: Path, name: str) -> None:
    store_in(tmp_path).save(make_baseline())
    path = folder_in(tmp_path) / name
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SetupError, match="is a link"):
        load(tmp_path)


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious", encoding="utf-8")
    (tmp_path / ".drift").mkdir()
    (tmp_path / ".drift" / "baselines.lock").symlink_to(victim)
    with pytest.raises(SetupError, match="is a link"):
        store_in(tmp_path).save(make_baseline())
    assert victim.read_text(encoding="utf-8") == "precious"


@pytest.mark.parametrize("name", ["../x", "a/b", "..", ".hidden", ""])
def test_a_name_that_is_a_path_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no name of a suite or target"):
        store_in(tmp_path).load("canary", name)
