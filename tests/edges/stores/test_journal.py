import asyncio
import gc
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.replies import Answer, Failure, FailureKind, TokenLogprob
from harness.core.run import RunEnd
from harness.edges.redaction import Redactor
from harness.edges.stores.journal import JournalWriter, read_journal
from harness.errors import DamagedRecord, MeasurementError
from tests.support.fakes import answered, failed

END = RunEnd(finished_at="2026-11-21T03:21:41+00:00", duration_s=281.4, cost_usd=0.394)
Work = Callable[[JournalWriter], Coroutine[Any, Any, None]]


def write(path: Path, work: Work, **options: Any) -> None:
    """Let `work` write a journal as a run does, and close it."""

    async def run() -> None:
        journal = JournalWriter(path, redact=options.pop("redact", str), **options)
        try:
            await work(journal)
        finally:
            await asyncio.to_thread(journal.close)

    asyncio.run(run())


async def small(journal: JournalWriter) -> None:
    """Three calls: two answered, one failed, the last one begun before the second ended; and an end."""
    await journal.intend("a")
    await journal.record("a", answered("Yes — ja."))
    await journal.intend("b")
    await journal.intend("c")
    await journal.record("b", failed(FailureKind.TIMEOUT, detail="no byte"))
    await journal.record("c", answered("", response_id="resp-1"))
    await journal.finish(END)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    write(path, small)
    return path.read_bytes()


def test_log_probabilities_are_read_as_they_were_written(tmp_path: Path) -> None:
    top = tuple((f"t{n}é", -n / 7) for n in range(20))
    said = answered("Yes", logprobs=(TokenLogprob(token="t0é", logprob=0.0, top=top),) * 4)

    async def one(journal: JournalWriter) -> None:
        await journal.intend("a")
        await journal.record("a", said)

    path = tmp_path / "journal.jsonl"
    write(path, one)
    assert read_journal(path).completions == {"a": said}


def test_what_was_written_is_read(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(whole)
    state = read_journal(path)
    assert state.completions == {
        "a": answered("Yes — ja."),
        "b": failed(FailureKind.TIMEOUT, detail="no byte"),
        "c": answered("", response_id="resp-1"),
    }
    assert (state.in_flight, state.repeated, state.end, state.good_bytes) == ([], [], END, len(whole))


def test_cut_at_every_byte_no_whole_record_is_lost_and_calls_in_flight_are_named(
    tmp_path: Path, whole: bytes
) -> None:
    path = tmp_path / "journal.jsonl"
    lines = whole.splitlines(keepends=True)
    done_after = {2: {"a"}, 5: {"a", "b"}, 6: {"a", "b", "c"}}
    begun_after = {1: {"a"}, 3: {"b"}, 4: {"b", "c"}}
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        state = read_journal(path)
        count = whole[:cut].count(b"\n")
        done = set().union(*(keys for line, keys in done_after.items() if line <= count))
        begun = set().union(*(keys for line, keys in begun_after.items() if line <= count))
        assert set(state.completions) == done
        assert state.in_flight == sorted(begun - done)
        assert state.good_bytes == sum(map(len, lines[:count]))
        assert (state.end is not None) == (count == 7)


def test_after_a_cut_the_run_goes_on_behind_the_last_whole_line(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    ends = [place for place, byte in enumerate(whole) if byte == 10]
    for cut in (0, 1, ends[0], ends[0] + 1, ends[2] + 7, ends[4] - 1, len(whole) - 1, len(whole)):
        path.write_bytes(whole[:cut])
        before = read_journal(path)
        missing = {"a", "b", "c"} - before.completions.keys()

        async def rest(journal: JournalWriter, missing: set[str] = missing) -> None:
            for key in sorted(missing):
                await journal.intend(key)
                await journal.record(key, answered(f"again {key}"))
            await journal.finish(END)

        write(path, rest, keep_bytes=before.good_bytes)
        after = read_journal(path)
        assert set(after.completions) == {"a", "b", "c"}
        assert {k: after.completions[k] for k in before.completions} == before.completions
        assert (after.in_flight, after.repeated) == ([], before.in_flight)
        assert after.end == END


def test_one_flipped_byte_is_damage_with_its_line(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    for place in range(len(whole)):
        for flip in (0x01, 0x20, 0x80):
            damaged = bytearray(whole)
            damaged[place] ^= flip
            path.write_bytes(damaged)
            if place == len(whole) - 1:
                # Without its end the last line is a torn tail, whatever stands there instead.
                assert read_journal(path).good_bytes < len(whole)
                continue
            with pytest.raises(DamagedRecord, match=rf"journal\.jsonl:{whole[:place].count(10) + 1}: "):
                read_journal(path)


def test_a_last_line_that_is_whole_and_wrong_is_damage_not_a_torn_tail(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    upto = whole[: whole.rindex(b"\n", 0, -1) + 1]
    path.write_bytes(upto[:-3] + b"?}\n")
    with pytest.raises(DamagedRecord, match=":6:"):
        read_journal(path)


@pytest.mark.parametrize("odd", [b"\n", b"{}\n", b"<<<<<<< HEAD\n", b"\x00" * 64 + b"\n"])
def test_a_foreign_line_is_damage_wherever_it_stands(tmp_path: Path, whole: bytes, odd: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    lines = whole.splitlines(keepends=True)
    for place in range(len(lines) + 1):
        path.write_bytes(b"".join([*lines[:place], odd, *lines[place:]]))
        with pytest.raises(DamagedRecord, match=f":{place + 1}:"):
            read_journal(path)


def test_a_tail_of_zeros_that_a_power_cut_left_is_dropped(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(whole + b"\x00" * 4096)
    assert read_journal(path).good_bytes == len(whole)


@pytest.mark.parametrize(
    "body",
    [
        '{"t":"turn","key":"a"}',
        '{"key":"a"}',
        '{"t":"completion","key":"a","completion":{"type":"answer","text":"x","mood":"new"}}',
        '{"t":"completion","key":"a","completion":{"type":"poem"}}',
        '{"t":"end","end":{}}',
        "[]",
        "1",
        '{"t":"intent","key":',
    ],
)
def test_a_line_of_a_newer_version_is_refused(tmp_path: Path, body: str) -> None:
    path = tmp_path / "journal.jsonl"

    async def future(journal: JournalWriter) -> None:
        await journal.intend("a")
        await journal._append(body)

    write(path, future)
    with pytest.raises(DamagedRecord, match=r"journal\.jsonl:2: written by another version"):
        read_journal(path)


def test_calls_asked_again_after_a_kill_are_remembered_as_repeated(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"

    async def twice_killed(journal: JournalWriter) -> None:
        for _ in range(3):
            await journal.intend("a")
        await journal.record("a", answered())
        await journal.intend("b")

    write(path, twice_killed)
    state = read_journal(path)
    assert (state.in_flight, state.repeated) == (["b"], ["a", "a"])


def test_an_end_does_not_hold_once_the_run_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    stopped = END.model_copy(update={"stopped": "the time cap was reached"})

    async def stop(journal: JournalWriter) -> None:
        await journal.finish(stopped)

    async def go_on(journal: JournalWriter) -> None:
        await journal.intend("a")

    write(path, stop)
    assert read_journal(path).end == stopped
    write(path, go_on, keep_bytes=path.stat().st_size)
    assert read_journal(path).end is None


def test_many_lines_share_few_syncs(tmp_path: Path) -> None:
    path, synced = tmp_path / "journal.jsonl", []

    def sync(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_size)

    async def many(journal: JournalWriter) -> None:
        await asyncio.gather(*(journal.intend(f"key-{n}") for n in range(500)))

    write(path, many, sync=sync)
    assert len(read_journal(path).in_flight) == 500
    assert len(synced) <= 10
    assert synced[-1] == path.stat().st_size


def test_what_one_turn_of_the_loop_appends_goes_to_disk_with_one_sync(tmp_path: Path) -> None:
    synced: list[int] = []

    async def three_turns(journal: JournalWriter) -> None:
        for turn in range(3):
            await asyncio.gather(*(journal.intend(f"{turn} {number}") for number in range(50)))

    write(tmp_path / "j", three_turns, sync=lambda descriptor: synced.append(descriptor))
    assert len(synced) == 3


def test_a_line_counts_only_when_it_is_synced(tmp_path: Path) -> None:
    path, synced = tmp_path / "journal.jsonl", [0]

    async def one_by_one(journal: JournalWriter) -> None:
        for number in range(20):
            await journal.intend(f"key-{number}")
            assert synced[-1] == path.stat().st_size
            assert synced[-1] > synced[-2]

    write(path, one_by_one, sync=lambda descriptor: synced.append(os.fstat(descriptor).st_size))


def test_a_line_under_way_is_finished_though_its_run_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"

    async def stopped(journal: JournalWriter) -> None:
        task = asyncio.ensure_future(journal.record("a", answered()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    write(path, stopped)
    assert read_journal(path).completions == {"a": answered()}


# --- when it cannot be written ---------------------------------------------------------------------


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said_to_every_call_and_closing_is_quiet() -> None:
    async def full(journal: JournalWriter) -> None:
        found = await asyncio.gather(*(journal.intend(str(n)) for n in range(5)), return_exceptions=True)
        assert all(isinstance(error, MeasurementError) for error in found)
        assert "No space left" in str(found[0])
        with pytest.raises(MeasurementError):
            await journal.intend("later")

    write(Path("/dev/full"), full)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_failure_that_nobody_waits_for_any_more_prints_nothing() -> None:
    printed: list[object] = []

    async def full(journal: JournalWriter) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: printed.append(context))
        for number in range(3):
            journal.record(str(number), answered())
        await asyncio.to_thread(journal.close)
        await asyncio.sleep(0)

    write(Path("/dev/full"), full)
    gc.collect()
    assert printed == []


def test_a_place_that_cannot_be_opened_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match="cannot write"):
        JournalWriter(tmp_path / "nowhere" / "journal.jsonl", redact=str)


def test_the_nth_write_fails_for_every_n_and_what_was_acknowledged_is_there(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_LIMITED), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "ok"


_LIMITED = """
    import asyncio, resource, signal, sys
    from pathlib import Path
    from harness.edges.stores.journal import JournalWriter, read_journal
    from harness.errors import MeasurementError
    from harness.core.replies import Answer

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)

    async def run(path, most):
        journal, told = JournalWriter(path, redact=str), []
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, unlimited[1]))
        failed = 0
        for number in range(6):
            try:
                await journal.intend(f"k{number}")
                await journal.record(f"k{number}", Answer(text="x" * 10))
                told.append(f"k{number}")
            except MeasurementError:
                failed += 1
                # Room again: nothing may follow the half line all the same.
                resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
        journal.close()
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
        state = read_journal(path)
        assert sorted(state.completions)[: len(told)] == told, (most, told, state)
        return failed

    sizes = range(0, 1400, 23)
    failures = [asyncio.run(run(Path(sys.argv[1]) / f"{most}.jsonl", most)) for most in sizes]
    assert failures[0] == 6 and 0 < failures[len(failures) // 2] < 6, failures
    print("ok")
"""


def test_a_writer_that_breaks_in_an_unforeseen_way_leaves_nobody_waiting(tmp_path: Path) -> None:
    def broken(text: str) -> str:
        raise RecursionError("a bug in the redaction")

    async def run(journal: JournalWriter) -> None:
        with pytest.raises(RecursionError):
            await asyncio.wait_for(journal.intend("a"), 10)

    write(tmp_path / "journal.jsonl", run, redact=broken)


def test_after_closing_nothing_waits_for_ever(tmp_path: Path) -> None:
    async def run(journal: JournalWriter) -> None:
        journal.close()
        with pytest.raises(MeasurementError, match="closed"):
            await asyncio.wait_for(journal.intend("a"), 10)

    write(tmp_path / "journal.jsonl", run)


# --- what may be in it -----------------------------------------------------------------------------


def test_secrets_never_reach_the_disk(tmp_path: Path) -> None:
    path, key = tmp_path / "journal.jsonl", "tops3cret/key+value"
    texts = [key, f"a\n{key}", key.replace("/", "%2F"), f'{{"key": "{key}"}}', f'say "{key}"\\']

    async def leak(journal: JournalWriter) -> None:
        for number, text in enumerate(texts):
            await journal.record(f"a{number}", answered(text))
            await journal.record(f"f{number}", failed(FailureKind.AUTHENTICATION, detail=text))

    write(path, leak, redact=Redactor({"MY_KEY": key}).redact)
    assert b"tops3cret" not in path.read_bytes()
    state = read_journal(path)
    assert len(state.completions) == 2 * len(texts)
    first = state.completions["a0"]
    assert isinstance(first, Answer)
    assert first.text == "[MY_KEY]"


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(
        st.text(st.characters() | st.sampled_from("\ud83d\udc80\r\x85\u2028"), max_size=20).filter(
            # Half a pair beside its other half is no text that a JSON parser gives back.
            lambda text: (
                text == text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
            )
        ),
        min_size=1,
        max_size=3,
    )
)
def test_any_text_comes_back_as_it_was_lone_surrogates_included(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    path = tmp_path_factory.mktemp("texts") / "journal.jsonl"
    said: dict[str, Answer | Failure] = {str(n): answered(text) for n, text in enumerate(texts)}

    async def say(journal: JournalWriter) -> None:
        for key, completion in said.items():
            await journal.record(key, completion)

    write(path, say)
    assert read_journal(path).completions == said


@pytest.mark.parametrize("text", ["\ud83d", "a\udc80b", "\x00\x1b[2J\u2028\u202e", "\r\n\n"])
def test_a_text_that_utf8_cannot_hold_is_an_answer_like_any_other(tmp_path: Path, text: str) -> None:
    path = tmp_path / "journal.jsonl"

    async def say(journal: JournalWriter) -> None:
        await journal.record("a", answered(text))

    write(path, say)
    assert read_journal(path).completions == {"a": answered(text)}
