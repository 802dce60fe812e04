"""Remembering runs one by one, and making the history again from their folders."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from harness.core.batch import Acceptance, Baseline
from harness.core.findings import Outcome
from harness.core.run import Manifest
from harness.core.verdict import Verdict
from harness.edges.stores.baselines import FileBaselineStore
from harness.edges.stores.history.sqlite import open_history
from harness.edges.stores.runs import FileRunStore
from harness.errors import DamagedRecord
from harness.flows.history import acceptances_for, rebuild, remember
from tests.support.history import make_entry
from tests.support.records import make_finding, make_record, make_target_verdict, make_verdict

BEFORE, SINCE = "2026-10-31T09:00:00+00:00", "2026-11-04T12:00:00+00:00"


def make_night(number: int, word: str) -> tuple[Manifest, Verdict]:
    """Make a night that is quiet (Q) or drifted (D), compared with what was accepted by then."""
    night = (date(2026, 11, 1) + timedelta(days=number)).isoformat()
    run, record = f"{night.replace('-', '')}T031700Z-canary-9be2", make_record()
    said = {"outcome": Outcome.REGRESSED, "findings": (make_finding(None),)} if word == "D" else {}
    accepted_at = SINCE if night > SINCE[:10] else BEFORE
    target = make_target_verdict(record, "sonnet", accepted_at=accepted_at, **said)
    manifest = record.manifest.model_copy(update={"run": run, "night": night})
    return manifest, make_verdict(record, target, run=run, night=night)


def accept(store: FileBaselineStore, *times: str) -> None:
    """Keep a baseline whose behaviour was accepted at these times."""
    acceptances = tuple(
        Acceptance(
            at=at,
            by="someone",
            reason="It was looked at.",
            cases=tuple(f"case-{number}" for number in range(20)),
            runs=("r",),
            verdict="regressed",
            shown="5f1c",
        )
        for at in times
    )
    store.save(Baseline(suite="canary", target="sonnet", encoder="e", cases={}, acceptances=acceptances))


@pytest.fixture
def baselines(tmp_path: Path) -> FileBaselineStore:
    """An empty store of baselines."""
    return FileBaselineStore(tmp_path / "baselines", lock=tmp_path / "lock", redact=str)


def test_a_rebuild_gives_what_was_remembered_night_by_night(
    tmp_path: Path, baselines: FileBaselineStore
) -> None:
    runs = FileRunStore(tmp_path / "reports", redact=str)
    remembered, rebuilt = (open_history(str(tmp_path / f"{name}.sqlite"), str) for name in "ab")
    verdicts = {}
    accept(baselines, BEFORE)
    for number, word in enumerate("QQDDQQDQ"):
        manifest, verdict = make_night(number, word)
        runs.create(manifest, {}, {})
        verdicts[manifest.run] = verdict
        if verdict.night > SINCE[:10]:
            accept(baselines, BEFORE, SINCE)
        remember(verdict, manifest, baselines, remembered)
    done = rebuild(runs, verdicts.get, baselines, rebuilt)
    assert (done.runs, done.nights, done.unfinished, done.damaged) == (8, 8, (), ())
    assert rebuilt.nights() == remembered.nights()
    assert rebuilt.incidents() == remembered.incidents()
    assert [(i.opened, i.closed) for i in rebuilt.incidents()] == [
        ("2026-11-03", "2026-11-04"),
        ("2026-11-07", None),
    ]


def test_a_damaged_baseline_leaves_the_history_as_it_was(
    tmp_path: Path, baselines: FileBaselineStore
) -> None:
    history = open_history(str(tmp_path / "history.sqlite"), str)
    manifest, verdict = make_night(0, "D")
    remember(verdict, manifest, baselines, history)
    accept(baselines, BEFORE)
    (tmp_path / "baselines" / "canary" / "sonnet" / "acceptances.jsonl").write_text("{", encoding="utf-8")
    runs = FileRunStore(tmp_path / "reports", redact=str)
    runs.create(manifest, {}, {})
    with pytest.raises(DamagedRecord):
        rebuild(runs, {manifest.run: verdict}.get, baselines, history)
    assert len(history.nights()) == 1


def test_a_target_follows_the_acceptances_of_the_baseline_it_was_last_compared_with(
    baselines: FileBaselineStore,
) -> None:
    accept(baselines, BEFORE)
    own, other = make_entry(0, target="swapped"), make_entry(1, target="swapped", baseline_of="sonnet")
    assert acceptances_for([own], baselines) == ()
    (found,) = acceptances_for([other, own], baselines)
    assert (found.target, found.at) == ("swapped", BEFORE)
