"""The page over many nights says what the nights say: checked against a scripted year."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from harness.core.findings import Outcome
from harness.core.verdict import State
from harness.reporting.dashboard import render_dashboard
from harness.reporting.dashboard_days import calendar_of, golden_of, state_of
from harness.reporting.dashboard_model import DashboardSource, DayState
from harness.reporting.dashboard_trends import smoothed
from harness.reporting.dashboard_view import dashboard_view
from tests.reporting.test_hostile_output import for_a_browser, nothing_invisible
from tests.support.dashboards import a_year, hostile, pull_request, young
from tests.support.history import make_entry
from tests.support.stories import night_of
from tests.support.year import INCIDENTS, OUTAGES, REASON

MOST_BYTES = 2_000_000


class Text(HTMLParser):
    """The words of a page, without its drawings."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._hidden = 0
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._hidden += tag in ("svg", "style", "title")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("svg", "style", "title")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data.strip())

    @property
    def text(self) -> str:
        return " ".join(word for word in self.words if word)


@pytest.fixture(scope="module")
def year() -> DashboardSource:
    return a_year()


@pytest.fixture(scope="module")
def page(year: DashboardSource) -> str:
    return render_dashboard(year)


def test_the_same_nights_give_the_same_bytes_under_two_megabytes(year: DashboardSource, page: str) -> None:
    assert render_dashboard(a_year()) == page
    assert len(page.encode()) < MOST_BYTES


def test_the_headline_says_what_is_open(page: str) -> None:
    said = Text(page).text
    assert "Regressed incident #4, since 30 Dec" in said
    assert "One incident is open. The other three are closed." in said
    assert "drift review 20261231T031700Z-canary-9be2" in said
    assert "gpt has had no drift for 160 measured nights." in said


def test_every_incident_of_the_script_is_told_in_words_with_how_it_ended(year: DashboardSource) -> None:
    view = dashboard_view(year)
    expected = sorted(INCIDENTS, key=lambda one: -one.opened)
    assert len(view.incidents) == len(expected)
    for row, one in zip(view.incidents, expected, strict=True):
        assert row.target == one.target
        assert row.open is (one.because is None)
        ended = {"recovered": "Recovered by itself", "accepted": f"Accepted: “{REASON}”", None: ""}
        assert row.ended == ended[one.because]
        assert row.directed is (one.signals[0] != "length")
        assert row.found_after == "1 night"
    assert view.incidents[0].what == "Declines more often."


def test_every_night_of_the_script_is_on_its_calendar(year: DashboardSource) -> None:
    calendars = {calendar.name: calendar for calendar in dashboard_view(year).calendars}
    for name, calendar in calendars.items():
        states = [day.state for day in calendar.days]
        drifted = [one for one in INCIDENTS if one.target == name]
        directed = sum(one.nights for one in drifted if one.signals[0] != "length")
        assert states.count(DayState.REGRESSED) == directed
        assert states.count(DayState.CHANGED) == sum(one.nights for one in drifted) - directed
        assert states.count(DayState.UNTOLD) == sum(target == name for target, _ in OUTAGES)
        assert states.count(DayState.MISSED) == 1
        assert states.count(None) == 0


def test_the_numbers_are_counted_from_the_nights(year: DashboardSource) -> None:
    figures = {figure.what: figure.number for figure in dashboard_view(year).figures}
    budget = (2 * 364 - len(OUTAGES)) * 0.0075
    assert figures == {
        "of 365 nights ran": "364",
        "incidents": "4",
        "night to find one, median": "1",
        f"recovered by themselves; {budget:.1f} false alarms budgeted": "2",
        "golden regressions stopped": "5",
        "spent": f"${364 * 0.25 + 96 * 0.1:,.0f}",
    }


def test_an_upgrade_is_marked_with_what_was_served_and_the_baseline_that_followed(
    year: DashboardSource,
) -> None:
    gpt, sonnet = dashboard_view(year).columns
    assert [(group.kind.value, group.when, group.what) for group in gpt.groups] == [
        ("model", "20 Jul", "model served: gpt-1 → gpt-2"),
        ("baseline", "23 Jul", "baseline accepted"),
    ]
    assert sonnet.groups == ()
    length = next(row for row in gpt.rows if row.name == "Length")
    assert [(span.first, span.last, span.directed) for span in length.spans] == [(200, 202, False)]
    assert len(length.bands) == 2
    refusal = next(row for row in sonnet.rows if row.name == "Refusal")
    assert (refusal.css, len(refusal.spans)) == ("bad", 3)


def test_a_task_that_broke_is_one_square_a_week_however_often_it_was_pushed() -> None:
    days = [night_of(number) for number in range(28)]
    golden = golden_of(
        [
            pull_request(8, ["a", "b"]),
            pull_request(9, ["a"]),
            pull_request(20, ["a"]),
            pull_request(21, (), ["a", "c"]),
        ],
        days,
    )
    assert golden is not None
    assert [(week.stopped, week.accepted) for week in golden.weeks] == [
        (0, 0),
        (2, 0),
        (0, 0),
        (1, 1),
        (0, 0),
    ]
    assert golden_of([], days) is None


def test_drawings_agree_with_the_counts(year: DashboardSource, page: str) -> None:
    red = re.findall(r'<path class="cb" d="([^"]*)"', page)
    regressed = sum(one.nights for one in INCIDENTS if one.signals[0] != "length")
    assert sum(path.count("M") for path in red) == regressed + 1  # one in the legend
    filled = re.findall(r'<path class="ub" d="([^"]*)"', page)
    assert sum(path.count("M") for path in filled) == 5 + 1


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, DayState.QUIET),
        ({"outcome": Outcome.IMPROVED}, DayState.QUIET),
        ({"measured": False}, DayState.UNTOLD),
        ({"awaiting_confirmation": True, "outcome": Outcome.REGRESSED}, DayState.UNTOLD),
        ({"outcome": Outcome.INCONCLUSIVE}, DayState.UNTOLD),
        ({"outcome": Outcome.INCONCLUSIVE, "state": State.LEARNING}, DayState.LEARNING),
        ({"outcome": Outcome.INCONCLUSIVE, "state": State.LEARNING, "whole": False}, DayState.UNTOLD),
        ({"outcome": Outcome.REGRESSED, "state": State.LEARNING}, DayState.REGRESSED),
    ],
    ids=str,
)
def test_no_night_looks_quiet_that_was_not_measured(fields: dict[str, object], state: DayState) -> None:
    assert state_of(make_entry(0, **fields)) is state


def test_nights_before_the_first_were_not_missed() -> None:
    days = [make_entry(number).night for number in range(5)]
    calendar = calendar_of("sonnet", [make_entry(2), make_entry(4)], days)
    assert [day.state for day in calendar.days] == [
        None,
        None,
        DayState.QUIET,
        DayState.MISSED,
        DayState.QUIET,
    ]


def test_a_page_with_a_night_that_could_not_tell_is_never_quiet(year: DashboardSource) -> None:
    last = max(night.night for night in year.nights)
    nights = [
        night.model_copy(update={"outcome": Outcome.INCONCLUSIVE, "measured": False})
        if night.night == last
        else night
        for night in year.nights
    ]
    view = dashboard_view(replace(year, nights=nights, incidents=()))
    assert (view.word, view.tone) == ("Could not tell", "unk")
    assert dashboard_view(replace(year, incidents=())).word == "Quiet"


def test_a_drift_that_only_warned_is_no_night_without_drift() -> None:
    source = young()
    *first, last = source.nights
    warned = last.model_copy(update={"outcome": Outcome.CHANGED, "drift": False, "measured": True})
    quiet = Text(render_dashboard(source)).text
    assert f"{last.target} has had no drift for 3 measured nights." in quiet
    said = Text(render_dashboard(replace(source, nights=(*first, warned)))).text
    assert f"{last.target} has had no drift" not in said


def test_a_project_that_is_still_learning_has_no_verdict_and_is_not_quiet() -> None:
    source = young()
    nights = [
        night.model_copy(update={"outcome": Outcome.INCONCLUSIVE, "measured": False, "state": State.LEARNING})
        for night in source.nights
    ]
    view = dashboard_view(replace(source, nights=nights))
    assert (view.word, view.headline) == ("Learning", "No verdict yet after 3 nights.")


def test_a_target_that_missed_the_last_night_is_not_quiet_and_one_that_is_retired_keeps_nobody_waiting(
    year: DashboardSource,
) -> None:
    for missed, word in ((1, "Could not tell"), (30, "Quiet")):
        last = night_of(364 - missed)
        nights = [night for night in year.nights if night.target != "gpt" or night.night <= last]
        assert dashboard_view(replace(year, nights=nights, incidents=())).word == word


def test_a_target_that_is_asked_no_more_leaves_its_nights() -> None:
    from tests.support.year import RETIRED, entries

    nights = entries(RETIRED + 20, ("sonnet", "old"))
    source = replace(a_year(), nights=nights, incidents=(), until=night_of(RETIRED + 19))
    old = next(calendar for calendar in dashboard_view(source).calendars if calendar.name == "old")
    states = [day.state for day in old.days]
    assert states[RETIRED] is DayState.QUIET
    assert states[RETIRED + 1 :] == [DayState.MISSED] * 19


def test_a_target_that_is_configured_no_more_misses_no_night_and_keeps_nobody_waiting(
    year: DashboardSource,
) -> None:
    last = night_of(361)
    nights = [night for night in year.nights if night.target != "gpt" or night.night <= last]
    source = replace(year, nights=nights, incidents=(), retired={("canary", "gpt")})
    view = dashboard_view(source)
    gpt = next(calendar for calendar in view.calendars if calendar.name == "gpt")
    assert [day.state for day in gpt.days[-3:]] == [None] * 3
    assert gpt.days[361].state is DayState.QUIET
    assert view.word == "Quiet"
    assert dashboard_view(replace(source, retired=())).word == "Could not tell"


def test_lines_are_medians_but_for_the_nights_of_an_incident() -> None:
    places = [0.0, 5.0, 0.0, 0.0, None, 0.0]
    assert smoothed(places, [False] * 6) == (0.0, 0.0, 0.0, 0.0, None, 0.0)
    assert smoothed(places, [False, True, *[False] * 4])[1] == 5.0


def test_a_young_project_has_a_page_too() -> None:
    page = render_dashboard(young())
    assert "No incident in 3 nights." in Text(page).text
    assert "None in these nights." in Text(page).text


def test_what_a_stranger_wrote_runs_nothing_and_stays_small(page: str) -> None:
    made = render_dashboard(hostile())
    for_a_browser(made, page)
    nothing_invisible(made)
    assert "<script" not in made
    assert len(made.encode()) < 300_000


def test_many_targets_stay_under_two_megabytes(year: DashboardSource) -> None:
    nights = [
        night.model_copy(update={"target": f"target-{number:02d}"})
        for number in range(45)
        for night in year.nights
        if night.target == "sonnet"
    ]
    assert len(render_dashboard(replace(year, nights=nights)).encode()) < MOST_BYTES
