"""What a night takes over from the nights before it, and what it says where one of them cannot be read."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from harness.core.baseline_state import comparable
from harness.core.confounders import confounders
from harness.core.findings import Outcome
from harness.core.history import NightEntry, entries_of
from harness.core.run import Earlier, Manifest, RunKind, RunRecord
from harness.core.verdict import Verdict
from harness.errors import DamagedRecord, UsageError
from harness.flows.earlier import gather_earlier
from tests.support.records import (
    Night,
    make_finding,
    make_record,
    make_target_verdict,
    make_verdict,
    quiet_readings,
)

TONIGHT = make_record(Night(targets=("sonnet", "gpt")))
MANIFEST = "manifest.json: cannot be read as a manifest; restore it"
MISSING = "missing from what tonight is decided with"
JOURNAL = "journal.jsonl: line 3 was edited; restore it"


@dataclass
class Folders:
    """Run folders in memory. What is damaged in one is named by the file."""

    records: dict[str, RunRecord] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)
    loaded: list[str] = field(default_factory=list)

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.records))

    def path(self, run: str, name: str) -> Path:
        return Path("/srv/project/reports") / run / name

    def manifest(self, run: str) -> Manifest:
        self._check(run, "manifest.json")
        return self.records[run].manifest

    def load(self, run: str) -> RunRecord:
        self.loaded.append(run)
        if run not in self.records:
            raise UsageError(f"{self.path(run, 'manifest.json')} is not there, so there is no such run")
        self._check(run, "manifest.json")
        self._check(run, "journal.jsonl")
        return self.records[run]

    def verdict(self, run: str) -> Verdict | None:
        self._check(run, "verdict.json")
        return self.verdicts.get(run)

    def _check(self, run: str, name: str) -> None:
        said = self.damaged.get(run, "")
        if said.startswith(name):
            raise DamagedRecord(f"{self.path(run, '')}/{said}")


def add(
    folders: Folders, day: int, *, suite: str = "canary", kind: RunKind = RunKind.CHECK, **verdict: object
) -> str:
    """Add the folder of one night of both targets, decided; return its name."""
    night = f"2026-11-{day:02d}"
    run = f"202611{day:02d}T031700Z-{suite}-0000"
    manifest = TONIGHT.manifest
    record = replace(
        TONIGHT,
        manifest=manifest.model_copy(
            update={
                "run": run,
                "night": night,
                "kind": kind,
                "suite": manifest.suite.model_copy(update={"name": suite}),
            }
        ),
        batches={
            name: batch.model_copy(update={"night": night, "run": run})
            for name, batch in TONIGHT.batches.items()
        },
    )
    targets = [make_target_verdict(record, name, **verdict) for name in ("sonnet", "gpt")]
    folders.records[run] = record
    folders.verdicts[run] = make_verdict(
        record, *targets, run=run, night=night, suite=suite, scheduled=kind is RunKind.CHECK
    )
    return run


def entries(folders: Folders) -> list[NightEntry]:
    return [
        entry
        for run, verdict in folders.verdicts.items()
        for entry in entries_of(verdict, folders.records[run].manifest)
    ]


def gathered(folders: Folders, remembered: tuple[NightEntry, ...] = ()) -> Earlier:
    return gather_earlier(TONIGHT.manifest, TONIGHT.references, folders, folders.verdict, remembered)


def nights(earlier: Earlier, target: str = "sonnet") -> list[str]:
    return [batch.night for batch in earlier.windows[target]]


def lost(earlier: Earlier, target: str = "sonnet") -> list[tuple[str, str | None, str]]:
    return [(one.run, one.night, one.why) for one in earlier.lost.get(target, ())]


@pytest.fixture
def folders() -> Folders:
    """Three quiet nights before tonight, the 21st."""
    found = Folders()
    for day in (18, 19, 20):
        add(found, day)
    return found


def test_nothing_is_said_where_every_night_could_be_read(folders: Folders) -> None:
    earlier = gathered(folders)
    assert nights(earlier) == ["2026-11-20", "2026-11-19", "2026-11-18"]
    assert not earlier.lost


def test_a_night_whose_folder_is_damaged_is_named_with_the_reason(folders: Folders) -> None:
    run = folders.names()[1]
    folders.damaged[run] = JOURNAL
    earlier = gathered(folders)
    for target in ("sonnet", "gpt"):
        assert nights(earlier, target) == ["2026-11-20", "2026-11-18"]
        assert lost(earlier, target) == [(run, "2026-11-19", f"reports/{run}/{JOURNAL}")]


@pytest.mark.parametrize("known", [True, False], ids=["history knows it", "nobody knows it"])
def test_a_damaged_manifest_is_named_once(folders: Folders, known: bool) -> None:
    run = folders.names()[1]
    remembered = tuple(entries(folders)) if known else ()
    folders.damaged[run] = MANIFEST
    assert lost(gathered(folders, remembered)) == [(run, "2026-11-19", f"reports/{run}/{MANIFEST}")]


def test_a_night_of_which_nothing_can_be_read_is_named_by_its_run(folders: Folders) -> None:
    run = folders.names()[1]
    folders.damaged[run] = MANIFEST
    del folders.verdicts[run]
    assert lost(gathered(folders)) == [(run, None, f"reports/{run}/{MANIFEST}")]


def test_a_night_that_is_remembered_and_whose_folder_is_gone_is_named(folders: Folders) -> None:
    remembered = tuple(entries(folders))
    run = folders.names()[1]
    del folders.records[run], folders.verdicts[run]
    (one,) = lost(gathered(folders, remembered))
    assert one == (run, "2026-11-19", f"reports/{run} is not here; put it back, where it is kept elsewhere")


def test_what_never_could_count_is_not_missed(folders: Folders) -> None:
    for run in (add(folders, 17, suite="golden"), add(folders, 16, kind=RunKind.CALIBRATE)):
        folders.damaged[run] = MANIFEST
    assert not gathered(folders).lost


def test_a_night_too_old_for_the_window_is_not_missed_where_it_is_remembered(folders: Folders) -> None:
    run = add(folders, 2)
    remembered = tuple(entries(folders))
    folders.damaged[run] = MANIFEST
    assert not gathered(folders, remembered).lost
    # Unknown to the history, it may hide a drift that is still open.
    assert [run for run, _, _ in lost(gathered(folders))] == [run]


def test_a_night_without_a_verdict_that_can_be_read_is_decided_again(folders: Folders) -> None:
    run = add(folders, 17)
    del folders.verdicts[run]
    assert not gathered(folders).lost
    assert folders.loaded[0] == run, "before the batches of the window"


def test_a_run_that_did_not_end_is_no_lost_night(folders: Folders) -> None:
    run = folders.names()[1]
    del folders.verdicts[run]
    folders.records[run] = replace(folders.records[run], end=None)
    earlier = gathered(folders)
    assert nights(earlier) == ["2026-11-20", "2026-11-18"]
    assert not earlier.lost


def test_a_night_that_waits_to_be_confirmed_and_cannot_be_read_is_named() -> None:
    folders = Folders()
    waits = add(folders, 20, outcome=Outcome.INCONCLUSIVE, awaiting_confirmation=True)
    assert gathered(folders).awaited.keys() == {"sonnet", "gpt"}
    folders.damaged[waits] = JOURNAL
    earlier = gathered(folders)
    assert not earlier.awaited
    assert [night for _, night, _ in lost(earlier)] == ["2026-11-20"]


def test_a_drift_that_is_open_stays_open_where_its_evidence_is_damaged() -> None:
    folders = Folders()
    run = add(folders, 18, outcome=Outcome.REGRESSED, confirmed=True, findings=(make_finding(None),))
    folders.damaged[run] = JOURNAL
    earlier = gathered(folders)
    assert earlier.incidents["sonnet"].opened == "2026-11-18"
    assert [night for _, night, _ in lost(earlier)] == ["2026-11-18"]


# --- what a report says of it ----------------------------------------------------------------------


def said(earlier: Earlier) -> list[str]:
    record = replace(TONIGHT, earlier=earlier)
    (target, _), baseline = record.manifest.targets, record.references["sonnet"]
    known = comparable(record.manifest.suite.cases, target, baseline, record.manifest.policy)
    return [
        line for line in confounders(record, target, baseline, known, (), None) if "could not be read" in line
    ]


def test_a_report_names_the_night_the_run_and_the_reason(folders: Folders) -> None:
    run = folders.names()[1]
    folders.damaged[run] = JOURNAL
    assert said(gathered(folders)) == [
        f"The night of 2026-11-19 could not be read, so it is {MISSING}: reports/{run}/{JOURNAL}."
    ]
    del folders.verdicts[run]
    folders.damaged[run] = MANIFEST
    assert said(gathered(folders)) == [
        f"A night could not be read, so it is {MISSING}: reports/{run}/{MANIFEST}."
    ]


def test_many_nights_that_could_not_be_read_are_counted() -> None:
    folders = Folders()
    for day in range(12, 21):
        folders.damaged[add(folders, day)] = MANIFEST
    lines = said(gathered(folders))
    assert [line.split(" could")[0] for line in lines] == [
        "The night of 2026-11-20",
        "The night of 2026-11-19",
        "The night of 2026-11-18",
        "6 more nights",
    ]


def test_the_last_month_is_taken_over_as_it_was_decided_also_where_nothing_is_accepted(
    folders: Folders,
) -> None:
    earlier = gather_earlier(TONIGHT.manifest, {}, folders, folders.verdict)
    past = earlier.past["sonnet"]
    assert [night.night for night in past] == ["2026-11-18", "2026-11-19", "2026-11-20"]
    assert all(night.whole for night in past)
    readings = {one.signal: one.tonight for one in past[0].readings}
    assert readings == {reading.signal: reading.tonight for reading in quiet_readings()}
    assert not earlier.windows


def test_a_trend_reaches_back_a_month_and_no_further(folders: Folders) -> None:
    far = [
        entry.model_copy(update={"night": night, "run": f"{night.replace('-', '')}T031700Z-canary-0000"})
        for entry in entries(folders)[:2]
        for night in ("2026-10-22", "2026-10-23")
    ]
    assert [night.night for night in gathered(folders, tuple(far)).past["gpt"]][:2] == [
        "2026-10-23",
        "2026-11-18",
    ]


def test_a_night_of_two_targets_is_read_once(folders: Folders) -> None:
    earlier = gathered(folders)
    assert nights(earlier, "sonnet") == nights(earlier, "gpt") == ["2026-11-20", "2026-11-19", "2026-11-18"]
    assert len(folders.loaded) == 3
