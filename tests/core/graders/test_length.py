"""Test how long an answer may be."""

from hypothesis import given
from hypothesis import strategies as st

from harness.core.graders import grade
from tests.support.records import make_answer, make_case


def holds(text: str, **bounds: int) -> bool:
    (found,) = grade(make_case("a", expect={"length": bounds}), make_answer(text))
    return found.holds


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_both_bounds_belong_to_what_is_allowed(size: int, least: int, more: int) -> None:
    most = max(1, least + more)
    assert holds("x" * size, min=least, max=most) is (least <= size <= most)
    assert holds("x" * size, min=least) is (size >= least)


def test_white_space_around_an_answer_does_not_count_and_letters_do_not_depend_on_their_spelling() -> None:
    assert holds("  \n hi \r\n", min=2, max=2)
    assert holds("e\u0301\u200b", min=1, max=1)
    assert holds("a\nb", min=3, max=3)


def test_no_bounds_hold_for_everything() -> None:
    assert holds("")
    assert holds("x" * 10_000)


def test_the_size_and_the_bounds_are_said() -> None:
    (found,) = grade(make_case("a", expect={"length": {"min": 5, "max": 9}}), make_answer("hi"))
    assert found.because == "2 characters, 5 to 9 wanted"
    (found,) = grade(make_case("a", expect={"length": {"min": 5}}), make_answer("hi"))
    assert found.because == "2 characters, at least 5 wanted"
