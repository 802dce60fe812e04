"""The answer that stands for many."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.medoid import medoid

texts = st.lists(st.text(alphabet="ab c", max_size=6), min_size=1, max_size=8)


@given(texts)
def test_it_is_one_of_the_texts_and_their_order_does_not_matter(found: list[str]) -> None:
    assert medoid(found) in found
    assert medoid(found) == medoid(found[::-1]) == medoid(sorted(found))


def test_it_is_the_one_most_like_all_others() -> None:
    assert medoid(["we refund", "we refunt", "we remind", "no"]) == "we refund"


def test_what_was_said_often_weighs_as_often() -> None:
    assert (
        medoid(["short", "a long and other answer", "a long and other answer"]) == "a long and other answer"
    )


@given(st.text(max_size=5), st.integers(3, 5))
def test_a_text_that_most_runs_gave_stands_for_them(text: str, times: int) -> None:
    assert medoid([text] * times + ["something else entirely", "and this"]) == text


def test_texts_longer_than_the_kernel_reads_are_taken_apart_by_how_often_they_were_said() -> None:
    long = "x" * 30_000
    assert medoid([f"{long}a", f"{long}b", f"{long}b"]) == f"{long}b"


def test_of_none_there_is_none() -> None:
    with pytest.raises(ValueError, match="no text"):
        medoid([])
