"""Annotations: only our own commands are commands, and they say the same as the exit code."""

import re

import pytest

from harness.reporting.github import MOST_OF_A_KIND, annotations, render
from harness.reporting.points import Level, Place, Point, Rule
from tests.support.hostile import HOSTILE
from tests.support.told import Told, every_kind, golden_regression

KINDS = every_kind()
each_kind = pytest.mark.parametrize("told", KINDS.values(), ids=KINDS.keys())
OURS = re.compile(r"::(error|warning|notice) (title|file|line|endLine)=[^:]*::[^\r\n]*\Z")


def commands(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.lstrip().startswith("::")]


@each_kind
def test_every_command_is_one_of_ours_and_there_are_few(told: Told) -> None:
    text = render(*told)
    found = commands(text)
    assert all(OURS.match(line) for line in found), found
    assert not re.search(r"##\w*\[", text)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u202e]", text)
    for kind in ("error", "warning", "notice"):
        assert sum(line.startswith(f"::{kind} ") for line in found) <= MOST_OF_A_KIND


@each_kind
def test_there_is_an_error_exactly_where_the_exit_code_is_not_0(told: Told) -> None:
    assert any(line.startswith("::error ") for line in commands(render(*told))) is bool(told[1].exit_code)


def point(**fields: object) -> Point:
    known: dict[str, object] = {
        "level": Level.ERROR,
        "rule": Rule.REGRESSION,
        "target": "steady",
        "case": "refund",
        "message": "Worse.",
    }
    return Point(**{**known, **fields})  # type: ignore[arg-type]  # fields of a test


def test_a_regression_is_shown_on_the_line_of_the_prompt() -> None:
    found = commands(render(*golden_regression()))
    assert any(
        "file=prompts/support.md,line=3,endLine=3::" in line and "refund-policy" in line for line in found
    )


def test_properties_and_messages_are_escaped_as_the_runner_reads_them() -> None:
    (line,) = annotations((point(place=Place(path="a,b:c%d.md", line=2), message="50% worse, see: x"),))
    assert (
        line
        == "::error title=drift regression steady refund,file=a%2Cb%3Ac%25d.md,line=2::50%25 worse, see: x"
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_a_second_command(text: str) -> None:
    (line,) = annotations((point(message=text, case=text, place=Place(path=text)),))
    assert "\n" not in line
    assert "\r" not in line
    assert OURS.match(line)
    assert "##[" not in line


def test_what_does_not_fit_is_counted() -> None:
    found = list(annotations(tuple(point(case=f"c{number}") for number in range(25))))
    assert len(found) == MOST_OF_A_KIND
    assert found[-1].endswith("16 more of this kind in the report")
