"""A journal as a kill leaves it, cut at any byte: the run goes on, and ends as one that nobody disturbed."""

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.edges.stores.journal import read_journal
from harness.simulator.spec import FaultKind
from tests.faults.reference import Ended, ended
from tests.faults.schedules import QUIET_NIGHTS
from tests.faults.stages import STAGES, TONIGHT, clock_at, play_night, run_of
from tests.support.faults import Played, Schedule, Strike, play

CHANGED = Schedule(drift=({"kind": "format", "size": 0.7},))
"""So that there is a second round."""
AFTER_THE_END = ("verdict.json", "report.html", "vectors.npz")


def cuts_of(journal: bytes, count: int, seed: int) -> list[int]:
    """Draw places: half of them anywhere, half in the last quarter, where the second round ends."""
    rng = random.Random(seed)
    anywhere = [rng.randrange(len(journal)) for _ in range(count // 2)]
    return anywhere + [
        rng.randrange(len(journal) * 3 // 4, len(journal)) for _ in range(count - len(anywhere))
    ]


def gone_on(root: Path, stage: str) -> Played:
    """Go on with the newest run, of which there is nothing that comes after its calls."""
    run = run_of(root)
    for name in AFTER_THE_END:
        (run / name).unlink(missing_ok=True)
    (root / "reports" / "response-ids.txt").unlink(missing_ok=True)  # knows what came after the cut
    return play(
        root,
        *STAGES[stage][:2],
        "--resume",
        "last",
        clock=clock_at(TONIGHT.replace(hour=9)),
        schedule=CHANGED,
    )


def what_is_lost(root: Path, stage: str, whole: bytes, cut: int, wanted: Ended) -> Iterator[str]:
    place = run_of(root) / "journal.jsonl"
    place.write_bytes(whole[:cut])
    recorded = read_journal(place)
    played = gone_on(root, stage)
    if not place.read_bytes().startswith(whole[: recorded.good_bytes]):
        yield "what was on disk was touched"
    again = {told.asked.key for told in played.stage.told} & recorded.completions.keys()
    if again:
        yield f"asked again though it was recorded: {again}"
    found = ended(root, played)
    if (found.code, found.verdict) != (wanted.code, wanted.verdict):
        yield f"exit {found.code}, not {wanted.code}, or another verdict"
    if not recorded.in_flight and not recorded.repeated and found.page != wanted.page:
        yield "another report"


@pytest.mark.parametrize(
    ("stage", "count", "seed"),
    [
        ("canary", 6, 1),
        ("golden", 2, 2),
        ("judged", 2, 3),
        pytest.param("canary", 100, 11, marks=pytest.mark.soak),
        pytest.param("two", 60, 12, marks=pytest.mark.soak),
        pytest.param("golden", 60, 13, marks=pytest.mark.soak),
        pytest.param("judged", 60, 14, marks=pytest.mark.soak),
    ],
)
def test_a_run_that_was_cut_off_anywhere_ends_as_one_that_was_not(
    root: Path, stage: str, count: int, seed: int
) -> None:
    wanted = ended(root, play_night(root, stage, QUIET_NIGHTS[0], CHANGED))
    whole = (run_of(root) / "journal.jsonl").read_bytes()
    cuts = cuts_of(whole, count, seed)
    wrong = {cut: lost for cut in cuts if (lost := list(what_is_lost(root, stage, whole, cut, wanted)))}
    assert not wrong


def test_what_failed_of_a_confirmation_is_asked_again_though_the_rest_would_do(root: Path) -> None:
    wanted = ended(root, play_night(root, "canary", QUIET_NIGHTS[0], CHANGED))
    lost = Strike(kind=FaultKind.GARBAGE, rounds=("confirm",), rate=0.2)
    shutil.rmtree(root / "reports")
    played = play_night(root, "canary", QUIET_NIGHTS[0], replace(CHANGED, strikes=(lost,)))
    failed = [told for told in played.stage.told if told.fault is FaultKind.GARBAGE]
    assert 0 < len(failed) < len(played.stage.told) / 6
    again = play(
        root, "check", "canary", "--resume", "last", "--only-errors", clock=clock_at(), schedule=CHANGED
    )
    assert sorted(told.asked.key for told in again.stage.told) == sorted(told.asked.key for told in failed)
    assert ended(root, again) == wanted
