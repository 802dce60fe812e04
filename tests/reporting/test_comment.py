"""The comment: found again by its marker, short enough, and nobody else's text acts in it."""

import re

import pytest

from harness.core.findings import Outcome
from harness.core.golden_records import AcceptedChange, BaseScore, TaskReading
from harness.reporting.comment import MOST_CHARACTERS, comment, issue_marker, marker, nothing_asked, render
from harness.reporting.issue import Stand, issue_texts
from harness.reporting.points import points_of
from tests.reporting.test_markdown import outside_fences
from tests.support.hostile import HOSTILE
from tests.support.told import Told, every_kind, golden_regression

KINDS = every_kind()
each_kind = pytest.mark.parametrize("told", KINDS.values(), ids=KINDS.keys())
OUR_MARKERS = re.compile(r"<!-- drift(-run|-issue)?:[A-Za-z0-9./_-]* -->")


def check_harmless(text: str) -> None:
    assert len(text) < MOST_CHARACTERS
    outside = OUR_MARKERS.sub("", outside_fences(text))
    assert "<" not in outside
    assert not re.search(r"@\w", outside)
    assert not re.search(r"(?<!\\)#\d|\bGH-\d|://|\bwww\.", outside)
    assert not re.search(r"(?m)^\s*::", text)
    assert not re.search(r"##\w*\[", text)


@each_kind
def test_every_kind_of_run_is_harmless_and_names_its_exit_code(told: Told) -> None:
    text = render(*told)
    check_harmless(text)
    assert text.startswith("<!-- drift:")
    assert f"exit {told[1].exit_code}" in text
    for issue in issue_texts(told[1], points_of(told[1], told[0].manifest)):
        check_harmless(issue.body)
        check_harmless(issue.recovered)
        assert issue.body.startswith("<!-- drift-issue:")
        assert "\n" not in issue.title
        assert not re.search(r"@\w|#\d", issue.title)


@each_kind
def test_tables_keep_their_columns(told: Told) -> None:
    wanted = 0
    for line in outside_fences(render(*told)).split("\n"):
        found = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        if found and wanted:
            assert found == wanted, line
        wanted = found


def test_a_verdict_without_its_run_is_enough() -> None:
    _, verdict = golden_regression()
    text = comment(verdict)
    check_harmless(text)
    assert "`refund-policy`" in text


def test_a_regression_shows_reference_candidate_and_the_merge_bases_prompt() -> None:
    text = render(*golden_regression())
    assert "| ▼ Regressed | `refund-policy` | 12/12 → 0/8 | 8/8 |" in text
    assert "drift accept 20261121T120000Z-golden-0001 --case" in text
    assert "with `origin/main`" in text


def test_an_accepted_change_stands_with_reason_and_name() -> None:
    record, verdict = golden_regression()
    change = AcceptedChange(
        case="greeting", by="Ada", at="2026-11-20T10:00:00", reason="Kinder.", would_be=Outcome.REGRESSED
    )
    score = BaseScore(cases=("greeting",), outcome=Outcome.REGRESSED, regressed=("greeting",))
    target = verdict.targets[0].model_copy(update={"accepted": (change,), "under_base": score})
    text = render(record, verdict.model_copy(update={"targets": (target,)}))
    assert "### ACCEPTED CHANGE" in text
    assert "| `greeting` | ▼ Regressed | Kinder. | Ada |" in text
    assert "| the merge base's | ▼ Regressed | `greeting` |" in text
    assert "| this pull request's | ▼ Regressed |" in text


def test_thousands_of_tasks_fit_and_the_rest_is_counted() -> None:
    record, verdict = golden_regression()
    reading = verdict.targets[0].tasks[0]
    many = tuple(
        TaskReading.model_validate({**reading.model_dump(), "case": f"task-{n}", "because": "`@x " * 400})
        for n in range(3_000)
    )
    target = verdict.targets[0].model_copy(update={"tasks": many})
    text = render(record, verdict.model_copy(update={"targets": (target,)}))
    check_harmless(text)
    assert "more tasks, in the report" in text or "no room" in text


@pytest.mark.parametrize("suite", [*HOSTILE, "a--b", "-->", "golden"])
def test_a_marker_cannot_be_left(suite: str) -> None:
    for text in (marker(suite), issue_marker(suite, suite)):
        assert text.startswith("<!-- drift")
        assert text.endswith(" -->")
        assert "--" not in text[4:-4]
        assert "\n" not in text
    check_harmless(nothing_asked(suite, "20261121T120000Z-golden"))


def test_issues_of_two_suites_never_share_a_marker() -> None:
    assert issue_marker("a.b", "c") != issue_marker("a", "b.c")


def test_an_issue_opens_on_drift_closes_when_told_and_waits_otherwise() -> None:
    stands = {name: [issue.stand for issue in issue_texts(told[1])] for name, told in KINDS.items()}
    assert Stand.OPEN in stands["drift"]
    assert stands["quiet"] == [Stand.OVER]
    assert stands["open incident"] == [Stand.OPEN]
    assert sorted(stands["outage"]) in ([Stand.OVER, Stand.UNKNOWN], [Stand.UNKNOWN, Stand.UNKNOWN])
    for name in ("learning", "awaiting", "cut short", "quiet, by hand", "golden, not measured"):
        assert stands[name] == [Stand.UNKNOWN], name
