"""The terminal summary: 80 columns, no control characters, nothing a CI log would obey."""

import re
import unicodedata

import pytest

from harness.core.decision import decide
from harness.core.findings import Outcome
from harness.core.run import RunRecord
from harness.core.verdict import State, Verdict
from harness.reporting.escape import columns
from harness.reporting.text import WIDTH, render, render_in_colour
from tests.support.hostile import hostile_night
from tests.support.records import (
    Night,
    drift_record,
    drift_verdict,
    make_cases,
    make_finding,
    make_record,
    make_target_verdict,
    make_verdict,
    outage_record,
    outage_verdict,
)


def drift() -> tuple[RunRecord, Verdict]:
    record = drift_record()
    return record, drift_verdict(record)


def outage() -> tuple[RunRecord, Verdict]:
    record = outage_record()
    return record, outage_verdict(record)


def quiet() -> tuple[RunRecord, Verdict]:
    record = make_record()
    return record, make_verdict(record)


def learning() -> tuple[RunRecord, Verdict]:
    record = make_record(Night(nights=2))
    return record, decide(record)


def wide() -> tuple[RunRecord, Verdict]:
    record = make_record(Night(targets=tuple(f"a-target-with-a-very-long-name-{n:02d}" for n in range(12))))
    targets = [
        make_target_verdict(record, t.name, served=("模型" * 30, "served-" * 20), confounders=("無" * 200,))
        for t in record.manifest.targets
    ]
    return record, make_verdict(record, *targets, headline="長い見出し" * 40)


ALL = [drift, outage, quiet, learning, wide, hostile_night]


@pytest.mark.parametrize("night", ALL)
def test_no_line_is_wider_than_eighty_columns(night) -> None:  # type: ignore[no-untyped-def]
    for line in render(*night()).splitlines():
        assert columns(line) <= WIDTH, line


@pytest.mark.parametrize("night", ALL)
def test_nothing_that_a_terminal_or_a_log_obeys_gets_through(night) -> None:  # type: ignore[no-untyped-def]
    text = render(*night())
    bad = [c for c in text if c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
    assert not bad
    assert not re.search(r"(?m)^\s*::", text)
    assert not re.search(r"##\w*\[", text)


@pytest.mark.parametrize("before", range(40, 75))
def test_no_line_becomes_a_command_by_being_wrapped(before: int) -> None:
    record = make_record()
    said = "x" * before + " ::error::gone ##[group]y"
    target = make_target_verdict(record, confounders=(said,), served=("::stop-commands::z",))
    text = render(record, make_verdict(record, target, headline=said))
    assert "error" in text
    assert not re.search(r"(?m)^\s*::", text)
    assert "##[" not in text
    assert all(columns(line) <= WIDTH for line in text.splitlines())


@pytest.mark.parametrize(
    ("night", "word"),
    [(drift, "DRIFT  "), (outage, "COULD NOT TELL  "), (quiet, "QUIET  "), (learning, "LEARNING  ")],
)
def test_the_headline_starts_with_its_word(night, word: str) -> None:  # type: ignore[no-untyped-def]
    assert sum(line.startswith(word) for line in render(*night()).splitlines()) == 1


def test_a_drift_says_what_how_sure_and_what_else_is_worth_knowing() -> None:
    text = render(*drift())
    assert "sonnet  58/60 measured, 1 rate limit, 1 timeout  served claude-sonnet-4-6" in text
    assert "DRIFT  sonnet declines more often in 2 of 20 cases. (confirmed)" in text
    assert "Seen twice." in text
    assert "- refusal-drop-staging, sonnet: regressed  42/42 → 1/6 answered" in text
    assert "NOTE   gpt: The provider's fingerprint is new" in text


def test_a_changed_night_is_called_changed() -> None:
    record = make_record()
    target = make_target_verdict(record, outcome=Outcome.CHANGED)
    assert "\nCHANGED  " in render(record, make_verdict(record, target))


def test_a_long_queue_is_cut_and_says_so() -> None:
    cases = make_cases(40)
    record = make_record(Night(cases=cases))
    findings = tuple(make_finding(case.id) for case in cases)
    target = make_target_verdict(record, outcome=Outcome.REGRESSED, findings=findings)
    assert "- and 36 more cases to look at" in render(record, make_verdict(record, target))


def test_the_same_night_gives_the_same_text() -> None:
    assert render(*drift()) == render(*drift())


@pytest.mark.parametrize(
    ("night", "painted"),
    [
        (drift, "\x1b[1;31mDRIFT\x1b[0m  "),
        (outage, "\x1b[1;33mCOULD NOT TELL\x1b[0m  "),
        (quiet, "\x1b[1;32mQUIET\x1b[0m  "),
        (learning, "\x1b[1mLEARNING\x1b[0m  "),
    ],
)
def test_colour_is_for_the_headlines_word_and_nothing_else(night, painted: str) -> None:  # type: ignore[no-untyped-def]
    text = render_in_colour(*night())
    assert f"\n{painted}" in text
    assert re.sub(r"\x1b\[[\d;]*m", "", text) == render(*night())
    assert text.count("\x1b") == 2


def test_quiet_is_green_only_where_nothing_is_missing() -> None:
    record = make_record()
    provisional = make_target_verdict(record, state=State.PROVISIONAL, nights=7)
    assert "\x1b[1mQUIET\x1b[0m" in render_in_colour(record, make_verdict(record, provisional))


@pytest.mark.parametrize("night", ALL)
def test_what_is_hostile_brings_no_colour_of_its_own(night) -> None:  # type: ignore[no-untyped-def]
    assert render_in_colour(*night()).count("\x1b") == 2
