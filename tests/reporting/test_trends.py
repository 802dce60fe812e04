"""The last thirty nights: on a calendar, with gaps where a night is missing and marks where something changed."""

from dataclasses import replace

import pytest

from harness.core.findings import Outcome
from harness.core.night_facts import asked_of
from harness.core.past import PastNight
from harness.core.run import RunRecord
from harness.core.verdict import Verdict
from harness.reporting.html import render
from harness.reporting.model import HappeningKind, Trend, TrendColumn
from harness.reporting.trends import trends
from tests.support.records import (
    Night,
    drift_record,
    drift_verdict,
    make_past,
    make_record,
    make_target_verdict,
    make_verdict,
    outage_record,
    outage_verdict,
    quiet_readings,
)


def quiet(past: tuple[PastNight, ...] = (), **target: object) -> tuple[RunRecord, Verdict]:
    """Make a quiet night with these nights before it."""
    record = make_record(Night(past={"sonnet": past}))
    return record, make_verdict(record, make_target_verdict(record, **target))


def column(record: RunRecord, verdict: Verdict) -> TrendColumn:
    """Return the only column."""
    (found,) = trends(record, verdict)
    return found


def trend(found: TrendColumn, name: str = "Refusal") -> Trend:
    """Return one signal's line."""
    return next(row for row in found.rows if row.name == name)


def test_every_deciding_signal_has_a_value_a_night_and_tonight_last() -> None:
    found = column(*quiet(make_past()))
    assert [row.name for row in found.rows] == [
        "Refusal",
        "Format",
        "Quality",
        "Embedding",
        "String",
        "Length",
    ]
    refusal, reading = trend(found), quiet_readings()[0]
    assert len(refusal.values) == 30
    assert refusal.values[-1] == reading.tonight
    # 23 to 31 October are the baseline's nights, as tonight's rules measure them.
    assert refusal.values[:9] == reading.nights[5:]
    assert (found.first, found.last) == ("23 Oct 2026", "21 Nov 2026")


def test_a_night_that_did_not_run_is_a_gap_and_one_that_could_not_tell_is_named() -> None:
    found = column(*quiet(make_past()))
    missing = [place for place, value in enumerate(trend(found).values) if value is None]
    assert missing == [17, 22]
    assert found.untold == (22,)
    assert "28 nights of the last 30" in trend(found).label


def test_tonight_without_a_verdict_is_a_gap_too() -> None:
    record, verdict = outage_record(), outage_verdict(outage_record())
    lost = next(found for found in trends(record, verdict) if found.target == "sonnet")
    assert lost.untold == (29,)
    assert trend(lost).values[-1] is None
    assert trend(lost).value == "–"


def test_what_changed_around_the_model_is_marked_once_on_its_night() -> None:
    moved = (
        *make_past()[:10],
        *(
            night.model_copy(update={"served": ("claude-sonnet-4-7",), "fingerprints": ("fp_c3",)})
            for night in make_past()[10:]
        ),
    )
    found = column(*quiet(moved, served=("claude-sonnet-4-7",), fingerprints=("fp_c3",)))
    assert [(one.kind, one.when, one.what) for one in found.happenings] == [
        (HappeningKind.BASELINE, "1 Nov 2026", "baseline accepted"),
        (HappeningKind.FINGERPRINT, "12 Nov 2026", "fingerprint fp_c3"),
        (HappeningKind.MODEL, "12 Nov 2026", "model served claude-sonnet-4-7"),
    ]


def test_a_name_that_comes_back_is_no_change() -> None:
    turns = tuple(
        night.model_copy(update={"fingerprints": (("fp_a1", "fp_a2")[place % 2],)})
        for place, night in enumerate(make_past())
    )
    found = column(*quiet(turns, served=("claude-sonnet-4-6",), fingerprints=("fp_a1",)))
    assert [one.what for one in found.happenings if one.kind is HappeningKind.FINGERPRINT] == [
        "fingerprint fp_a2"
    ]


def test_a_burst_and_too_few_nights_draw_no_line() -> None:
    burst = tuple(reading.model_copy(update={"dates": ()}) for reading in quiet_readings())
    assert trends(*quiet(readings=burst)) == ()
    assert trends(*quiet(make_past()[-1:], readings=burst)) == ()
    assert column(*quiet(make_past()[-2:], readings=burst)).rows


@pytest.mark.parametrize("night", ["2026-13-40", "", "0001-01-03"])
def test_a_night_that_is_no_date_draws_nothing(night: str) -> None:
    record, verdict = quiet(make_past())
    assert trends(record, replace_night(verdict, night)) == ()


def replace_night(verdict: Verdict, night: str) -> Verdict:
    """Give a verdict another night."""
    return verdict.model_copy(update={"night": night})


def test_what_a_provider_calls_its_model_is_shown_and_not_obeyed() -> None:
    evil = "<svg onload=alert(1)>\u202e"
    past = tuple(night.model_copy(update={"served": (f"m{n}",)}) for n, night in enumerate(make_past()))
    record, verdict = quiet(past, served=(evil,))
    page = render(record, verdict)
    assert "<svg onload" not in page
    assert "&lt;svg onload=alert(1)&gt;\\u202e" in page
    assert len(column(record, verdict).happenings) == 12


def test_the_page_draws_the_nights_and_folds_them_where_nothing_is_to_decide() -> None:
    record = drift_record()
    drift = render(record, drift_verdict(record))
    assert '<section id="history">' in drift
    assert drift.count('class="sl"') == 12
    assert '<a href="#history">Last 30 nights</a>' in drift
    calm = render(*quiet(make_past()))
    assert '<details class="fold" id="history">' in calm


def test_a_line_says_how_many_nights_lie_outside_and_never_claims_more() -> None:
    far = tuple(
        reading.model_copy(update={"tonight": max(reading.nights) + 0.01, "outcome": Outcome.STABLE})
        for reading in quiet_readings()
    )
    found = column(*quiet(readings=far))
    assert "1 outside the range of the baseline" in trend(found).label
    record = replace(make_record(), earlier=make_record(Night(past={"other": make_past()})).earlier)
    assert [one.target for one in trends(record, make_verdict(record))] == ["sonnet"]


def test_other_prompts_are_marked_on_the_first_night_that_asks_them() -> None:
    record, _ = quiet()
    now = asked_of("sonnet", record.manifest)
    turned = tuple(
        night.model_copy(update={"asked": "before" if night.night < "2026-11-05" else now})
        for night in make_past()
    )
    found = column(*quiet(turned))
    assert [(one.when, one.what) for one in found.happenings if one.kind is HappeningKind.PROMPT] == [
        ("5 Nov 2026", "other cases, prompts or parameters")
    ]
