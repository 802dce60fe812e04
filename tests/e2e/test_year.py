"""A year of real nights by a script: codes, incidents, messages and the dashboard say what happened, and no more.

Two targets over real HTTP, three drifts (one goes away by itself, one is accepted, one is muted and goes away), two
outages, an upgrade, a model that its provider takes away. Everything runs through the command line on a clock that is
moved by hand; the policy is the default one.

The provider's nights are the same on every machine, and there are 28 of them. An unchanged target may be called drift on
.75 % of its nights. This suite was not, with seeds 0 and 1, in 2 x 2 targets of 61 nights behind a baseline of 14; the
year below has no false incident either. With seed 0, a baseline that was made of an evening and the first 5 nights of the
new model had one (`length`, by the window, on its sixth): the year makes it of 14.

A night costs half a second of CPU and more, so both scripts are soaks; `tests/flows/test_told_for_a_year.py` tells the
same kind of year from records in a check.
"""

import re
from pathlib import Path

import pytest

from tests.reporting.test_dashboard import Text
from tests.support.played_year import (
    ACCEPTED,
    MODELS,
    NEXT,
    OLD,
    OTHER,
    Incident,
    Played,
    Script,
    date_of,
    played,
)
from tests.support.receiver import receiving

MOST_BYTES = 2_000_000
SEVEN_WEEKS = Script(
    nights=52,
    outages=((28, 28), (48, 49)),
    recovers=(16, 17),
    swapped=18,
    accepted=21,
    relearnt=32,
    declines=(34, 35),
    muted=35,
    upgraded=33,
    promoted=0,
    gone=46,
    forgotten=51,
    incidents=(
        Incident(target=OLD, opened=16, closed=27, because="recovered"),
        Incident(target=OTHER, opened=18, closed=21, because="accepted"),
        Incident(target=OTHER, opened=34, closed=45, because="recovered"),
    ),
)
YEAR = Script(
    nights=365,
    outages=((80, 82), (222, 225)),
    recovers=(40, 43),
    swapped=110,
    accepted=113,
    relearnt=130,
    declines=(160, 166),
    muted=164,
    upgraded=240,
    promoted=254,
    gone=310,
    forgotten=314,
    incidents=(
        Incident(target=OLD, opened=40, closed=53, because="recovered"),
        Incident(target=OTHER, opened=110, closed=113, because="accepted"),
        Incident(target=OTHER, opened=160, closed=176, because="recovered"),
    ),
)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("script", [SEVEN_WEEKS, YEAR], ids=["seven weeks", "a year"])
def test_a_year_says_what_happened_and_no_more(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "project"
    root.mkdir()
    with receiving() as receiver:
        monkeypatch.setenv("HOOK", receiver.url)
        year = played(root, receiver, script, standing_of(script))
    expected = [script.code(night) for night in range(1, script.nights + 1)]
    wrong = [said for said, code, due in zip(year.said, year.codes, expected, strict=True) if code != due]
    assert not wrong, "\n".join(wrong)
    assert year.standing == standing_of(script)

    before = year.facts("history")
    found = [(one["id"], one["opened"], one["closed"], one["because"]) for one in before["incidents"]]
    assert sorted(found) == sorted(
        (one.id, date_of(one.opened), date_of(one.closed), one.because) for one in script.incidents
    )
    assert year.done("history", "rebuild").out.startswith(f"{nights_asked(script)} nights from ")
    assert year.facts("history") == before

    for one in script.incidents:
        stages = [event for event, name in receiver.events if name == one.id]
        assert stages == ["incident.opened", *["incident.updated"] * (len(stages) - 2), "incident.closed"]
    assert {name for _, name in receiver.events} == {one.id for one in script.incidents}
    updates = [message for message in receiver.taken if message["event"] == "incident.updated"]
    assert all(message["what_is_new"] for message in updates)
    muted = [message["incident"]["id"] for message in updates if message["incident"]["muted_until"]]
    assert muted[:1] == [script.incidents[2].id]
    assert len({message["id"] for message in receiver.taken}) == len(receiver.taken)
    checks_the_dashboard(year)
    written = [path for path in root.rglob("*") if path.is_file() and path.name != ".lock"]
    assert not [path for path in written if receiver.url.encode() in path.read_bytes()]


def standing_of(script: Script) -> dict[int, tuple[int, int]]:
    """Say what `drift gate` and `drift status` are to end with, on nights on which that is worth asking."""
    return {
        14: (0, 0),
        script.recovers[0]: (1, 0),
        script.outages[1][1]: (3, 0) if script.outages[1][1] < script.gone else (3, 3),
        script.muted + 1: (0, 0),
        script.gone: (0, 0),
        # A target that is no longer asked is missed until it is no target any more.
        script.forgotten: (3, 3),  # … and both commands say so
        script.nights: (0, 0),
    }


def nights_asked(script: Script) -> int:
    """Count the nights of all targets together."""
    return script.nights + script.gone + script.nights - script.upgraded


def checks_the_dashboard(year: Played) -> None:
    script, pages = year.script, []
    for name in ("one.html", "two.html"):
        year.done("dashboard", "--out", name)
        pages.append((year.root / name).read_bytes())
    assert pages[0] == pages[1]
    assert len(pages[0]) < MOST_BYTES
    page = pages[0].decode()
    for one in script.incidents:
        assert f'{date_of(one.opened).replace("-", "")}T031700Z-canary-0000/report.html">Its report' in page
    said = Text(page).text
    assert "No incident is open. All three are closed." in said
    assert said.count("Recovered by itself") == 2
    assert f"Accepted: “{ACCEPTED}”" in said
    assert f"{script.nights} of {script.nights} nights ran" in said
    ran = {OLD: script.gone, OTHER: script.nights, NEXT: script.nights - script.upgraded}
    for target in MODELS:
        counts = re.search(rf'<h3>{target} <small class="n">([^<]*)</small>', page)
        assert counts is not None
        parts = [part.strip().split(" ", 1) for part in counts[1].split(",")]
        states = {what: int(number) for number, what in parts}
        assert "did not run" not in states, "no night was missed, also not after a model was taken away"
        assert sum(states.values()) == ran[target]
