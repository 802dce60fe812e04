"""Differences are true to both texts and bounded in time."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.reporting.diff import ROW_CAP, PhraseDiff, parse_structure, phrase_diff, structure_diff

WORDS = st.lists(
    st.sampled_from(["a", "b", "the", " ", "\n", ".", "long word here", "x_y"]), max_size=60
).map("".join)


def sides(diff: PhraseDiff) -> tuple[str, str]:
    return "".join(s.reference for s in diff.segments), "".join(s.candidate for s in diff.segments)


@given(WORDS, WORDS)
@settings(max_examples=300)
def test_joining_the_runs_gives_both_texts_back(reference: str, candidate: str) -> None:
    diff = phrase_diff(reference, candidate)
    assert sides(diff) == (reference, candidate)
    assert all(s.reference == s.candidate for s in diff.segments if s.equal)
    assert all(a.equal is not b.equal for a, b in zip(diff.segments, diff.segments[1:], strict=False))


@given(WORDS)
def test_a_text_does_not_differ_from_itself(text: str) -> None:
    assert all(segment.equal for segment in phrase_diff(text, text).segments)


def test_a_changed_phrase_is_one_run() -> None:
    diff = phrase_diff(
        "Use the cache. It was a scratch copy of it, gone now.",
        "Use the cache. Ask for the right to do it, gone now.",
    )
    assert [s.equal for s in diff.segments] == [True, False, True]


@pytest.mark.parametrize(
    ("reference", "candidate", "coarse"),
    [
        ("the " * 100_000, "the " * 99_999 + "cat ", False),
        ("a b " * 20_000, "b a c " * 20_000, True),
        (" ".join(map(str, range(1_900))), " ".join(map(str, range(2_000, 3_900))), True),
        ("ab " * 900, "ba " * 900, True),
    ],
)
def test_looping_and_unrelated_texts_take_little_time(reference: str, candidate: str, coarse: bool) -> None:
    started = time.process_time()
    diff = phrase_diff(reference, candidate)
    assert time.process_time() - started < 5
    assert diff.coarse is coarse
    assert sides(diff) == (reference, candidate)


def test_structures_are_compared_by_path() -> None:
    rows = structure_diff(
        {"a": {"b": 1, "c": 2}, "d": [1, 2]}, {"a": {"b": True, "c": 2}, "d": [1], "e": None}
    ).rows
    said = {row.path: (row.reference, row.candidate) for row in rows}
    assert said == {
        "a.b": ("1", "true"),
        "a.c": ("2", "2"),
        "d[0]": ("1", "1"),
        "d[1]": ("2", None),
        "e": (None, "null"),
    }


def test_a_large_structure_says_how_many_paths_it_left_out() -> None:
    diff = structure_diff({str(n): n for n in range(500)}, {})
    assert len(diff.rows) == ROW_CAP
    assert diff.rows_left_out == 500 - ROW_CAP


@pytest.mark.parametrize(
    "text", ["[" * 19_000, '{"a": NaN}', "not json", '"text"', "[1]" + " " * 20_000, "9" * 5_000]
)
def test_what_is_no_structure_is_none(text: str) -> None:
    assert parse_structure(text) is None
