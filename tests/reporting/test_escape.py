"""What nobody sees is written out, and nothing else is touched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.reporting.escape import columns, differ_unseen, exact, log_safe, one_line, visible, wrap


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b31m", r"\x9b31m"),
        ("a\u202eb", r"a\u202eb"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("line\u2028sep", r"line\u2028sep"),
        ("\ufeffbom", r"\ufeffbom"),
        ("\udc80", r"\udc80"),
        ("tag\U000e0041", r"tag\U000e0041"),
        ("a\rb", r"a\x0db"),
    ],
)
def test_what_cannot_be_seen_is_an_escape(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize("text", ["plain", "über\tTab\nline", "日本語", "مرحبا", "⚠\ufe0f careful", "👩🏽"])
def test_what_can_be_seen_stays(text: str) -> None:
    assert visible(text) == text


def test_windows_line_ends_are_line_ends() -> None:
    assert visible("a\r\nb") == "a\nb"


@given(st.text(st.characters(codec=None)))
def test_escaping_is_idempotent_and_never_empty(text: str) -> None:
    shown = visible(text)
    assert visible(shown) == shown
    assert bool(shown) == bool(text.replace("\r\n", "\n"))


def test_one_line_says_exactly_how_much_it_left_out() -> None:
    assert one_line("x" * 410, 400).endswith("… (10 more characters)")
    assert one_line("a\nb\tc") == r"a\nb\tc"


@pytest.mark.parametrize(
    "line",
    [
        "::error::x",
        "   ::set-output name=x::y",
        "##[error]x",
        "see ##[group]",
        "##vso[task.complete]x",
        "ok\n::add-mask::y",
    ],
)
def test_no_line_is_a_command_for_a_ci_log(line: str) -> None:
    safe = log_safe(line)
    assert "##[" not in safe
    assert "##vso[" not in safe
    assert not any(part.lstrip().startswith("::") for part in safe.splitlines())


@pytest.mark.parametrize(
    ("reference", "candidate"),
    [("a b", "a\u00a0b"), ("ab", "a\u200bb"), ("é", "e\u0301"), ("a\nb", "a \r\nb"), ("x", "x\ufeff")],
)
def test_texts_that_look_alike_are_told_apart(reference: str, candidate: str) -> None:
    assert differ_unseen(reference, candidate)
    assert exact(reference) != exact(candidate)


def test_texts_that_look_different_are_not_said_to_look_alike() -> None:
    assert not differ_unseen("one", "two")
    assert not differ_unseen("same", "same")


@given(st.text(), st.integers(20, 90))
def test_no_wrapped_line_is_wider_than_asked(text: str, width: int) -> None:
    shown = one_line(text, 2_000)
    lines = list(wrap(shown, width, start="WORD   ", indent="       "))
    assert all(columns(line) <= width for line in lines)
    joined = "".join(line[7:] for line in lines)
    assert joined.replace(" ", "") == shown.replace(" ", "").rstrip() or not shown.isascii()
