"""What is said of an incident outside, whatever a stranger wrote into names and signals."""

import json

import pytest

from harness.core.incident_news import Stage, news_of, standing_of
from harness.core.incidents import follow
from harness.reporting.notice import CASES_NAMED, notice
from tests.reporting.test_hostile_output import no_command_of_a_runner, nothing_invisible
from tests.support.history import ALL_CASES, make_entry
from tests.support.hostile import HOSTILE, hostile_night
from tests.support.stories import make_night


@pytest.mark.parametrize("bad", HOSTILE)
def test_a_message_mentions_nobody_links_nowhere_and_breaks_no_line(bad: str) -> None:
    _, verdict = hostile_night()
    incidents = follow([make_entry(0, "D", signals=(bad, f"<!channel> @here {bad}"), cases=("a", bad))])
    (news,) = news_of([standing_of(one) for one in incidents], [])
    made = notice(news, verdict)
    for text in (made.title, made.text, str(made.payload["text"])):
        nothing_invisible(text)
        no_command_of_a_runner(text)
        assert not set(text) & set("<>@&")
    nothing_invisible(json.dumps(made.payload, ensure_ascii=False))
    assert len(made.text.splitlines()) <= 5
    assert len(json.dumps(made.payload)) < 10_000


def test_a_message_names_so_many_cases_and_counts_the_rest() -> None:
    _, verdict = make_night(0, {"sonnet": "D"})
    cases = tuple(f"{name}-{number}" for name in ALL_CASES for number in range(3))
    (news,) = news_of([standing_of(one) for one in follow([make_entry(0, "D", cases=cases)])], [])
    incident = notice(news, verdict).payload["incident"]
    assert isinstance(incident, dict)
    assert (len(incident["cases"]), incident["cases_left_out"]) == (CASES_NAMED, 60 - CASES_NAMED)


def test_the_same_news_is_worded_the_same() -> None:
    _, verdict = make_night(0, {"sonnet": "D"})
    (news,) = news_of([standing_of(one) for one in follow([make_entry(0, "D")])], [])
    assert notice(news, verdict) == notice(news, verdict)
    assert news.stage is Stage.OPENED
