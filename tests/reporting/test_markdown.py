"""The pull-request summary: what a model wrote is text, and only text."""

import re

import pytest

from harness.reporting.markdown import MOST_CHARACTERS, render
from harness.reporting.markdown_text import code, fenced, inline
from tests.support.hostile import HOSTILE, hostile_night
from tests.support.records import drift_record, drift_verdict


def outside_fences(text: str) -> str:
    """Drop what stands in fences and code spans, where nothing is read as markup."""
    kept, fence = [], ""
    for line in text.split("\n"):
        ticks = re.match(r"`{3,}", line)
        if fence:
            fence = "" if line == fence else fence
        elif ticks:
            fence = ticks[0]
        else:
            kept.append(line)
    assert not fence, "a fence was left open"
    return re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", "\n".join(kept))


@pytest.mark.parametrize("text", HOSTILE)
def test_inline_text_has_no_markup_mention_reference_or_link(text: str) -> None:
    shown = inline(text)
    assert not re.search(r"(?<!\\)[|`*_\[\]]", shown)
    assert "<" not in shown
    assert "\n" not in shown
    assert not re.search(r"@\w|#\d|GH-\d|://|www\.", shown)


@pytest.mark.parametrize("text", [*HOSTILE, "`" * 40, "```\n`````\n"])
def test_a_fence_is_longer_than_any_run_of_backticks_in_it(text: str) -> None:
    first, *body, last = fenced(text).split("\n")
    fence = first.removesuffix("text")
    assert set(fence) == {"`"}
    assert fence == last
    assert not any(line.strip().startswith(fence) for line in body)


def test_a_code_span_cannot_be_left() -> None:
    assert code("a`b``c") == "```a`b``c```"
    assert code("`") == "`` ` ``"
    assert "|" not in code("a|b")


def test_a_cut_text_says_how_much_is_missing() -> None:
    assert fenced("x" * 1_300).endswith("100 more characters are not shown.")


def test_a_hostile_night_is_harmless() -> None:
    text = render(*hostile_night())
    outside = (
        outside_fences(text)
        .replace("<details><summary>", "")
        .replace("</summary>", "")
        .replace("</details>", "")
    )
    assert "<" not in outside
    assert not re.search(r"@\w|(?<!\\)#\d|://", outside)
    assert not re.search(r"(?m)^\s*::", text)
    assert not re.search(r"##\w*\[", text)
    assert len(text) < MOST_CHARACTERS


def test_tables_keep_their_columns() -> None:
    wanted = 0
    for line in outside_fences(render(*hostile_night())).split("\n"):
        found = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        if found:
            wanted = wanted or found
            assert found == wanted >= 6, line
        wanted = found


def test_a_drift_names_the_cases_and_the_command() -> None:
    record = drift_record()
    text = render(record, drift_verdict(record))
    assert text.startswith("## ▼ Regressed, confirmed\n")
    assert "| ▼ Regressed | `refusal-drop-staging` | sonnet | 42/42 → 1/6 answered |" in text
    assert "drift accept 20261121T031700Z-canary-9be2 --case refusal-drop-staging --target sonnet" in text
    assert text.rstrip().endswith("exit 1.")
