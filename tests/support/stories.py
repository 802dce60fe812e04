"""Projects whose nights are told in letters: run folders as a scheduled check leaves them, without asking a model."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from harness.core.findings import Outcome
from harness.core.run import RunRecord
from harness.core.verdict import OpenIncident, SignalFloor, SignalReading, State, TargetVerdict, Verdict
from harness.edges.stores.runs import FileRunStore
from harness.reporting.json_format import render
from tests.support.records import (
    Night,
    make_cases,
    make_finding,
    make_record,
    make_target_verdict,
    make_verdict,
)

CONFIG = """\
version: 1
targets:
  sonnet: {model: simulated/steady, params: {temperature: 0, max_tokens: 512}}
  gpt: {model: simulated/typical, params: {temperature: 0, max_tokens: 512}}
suites:
  canary: {path: canaries/, targets: [sonnet, gpt], samples: 3}
"""
FIRST = date(2026, 1, 1)
SINCE = "2025-12-31T09:00:00+00:00"
LETTERS = {
    "Q": ("stable", ()),
    "D": ("regressed", ("refusal",)),
    "E": ("regressed", ("refusal", "embedding")),
    "C": ("changed", ("length",)),
    "B": ("regressed", ("contract",)),
    "?": ("inconclusive", ()),
}
"""Q quiet, D refuses more, E and its meaning moved too, C longer, B a broken contract, ? an outage."""
SIGNALS = ("refusal", "format", "embedding", "string", "length")
_UNITS = {"refusal": "rate", "format": "rate", "length": "log-characters"}


def new_project(root: Path, more: str = "") -> Path:
    """Write a project without a night."""
    (root / "canaries").mkdir(parents=True)
    (root / "drift.yaml").write_text(CONFIG + more, encoding="utf-8")
    return root


def night_of(number: int) -> str:
    """Return the date of a night, counted from 0."""
    return (FIRST + timedelta(days=number)).isoformat()


def run_of(number: int) -> str:
    """Name the run of a night."""
    return f"{night_of(number).replace('-', '')}T031700Z-canary-9be2"


def write_night(
    root: Path, number: int, letters: Mapping[str, str], open_: Mapping[str, OpenIncident] | None = None
) -> Path:
    """Write the folder of one night, a letter for each target; return it."""
    record, verdict = make_night(number, letters, open_)
    runs = FileRunStore(root / "reports", redact=str)
    runs.create(record.manifest, {}, {})
    return runs.write(record.manifest.run, "verdict.json", render(record, verdict)).parent


def write_story(root: Path, stories: Mapping[str, str]) -> list[Path]:
    """Write a folder for every night of equally long stories; `.` is a night that did not run."""
    count = len(next(iter(stories.values())))
    return [
        write_night(root, number, found)
        for number in range(count)
        if (found := {name: story[number] for name, story in stories.items() if story[number] != "."})
    ]


def make_night(
    number: int,
    letters: Mapping[str, str],
    open_: Mapping[str, OpenIncident] | None = None,
    *,
    served: Mapping[str, str] | None = None,
    since: Mapping[str, str] | None = None,
) -> tuple[RunRecord, Verdict]:
    """Make one night in memory."""
    night, run = night_of(number), run_of(number)
    record = _record(tuple(letters))
    targets = [
        _target(
            record,
            name,
            letter,
            number,
            (open_ or {}).get(name),
            (served or {}).get(name),
            (since or {}).get(name),
        )
        for name, letter in letters.items()
    ]
    manifest = record.manifest.model_copy(
        update={"run": run, "night": night, "started_at": f"{night}T03:17:00+00:00"}
    )
    record = RunRecord(manifest=manifest, end=record.end, batches={}, references={}, stale={}, vectors={})
    return record, make_verdict(record, *targets, run=run, night=night, scheduled=True)


@cache
def _record(targets: tuple[str, ...]) -> RunRecord:
    """Make what every night begins with: small, for a year has many."""
    return make_record(Night(targets=targets, cases=make_cases(4), samples=1, nights=0))


def _target(
    record: RunRecord,
    name: str,
    letter: str,
    number: int,
    incident: OpenIncident | None,
    served: str | None,
    since: str | None,
) -> TargetVerdict:
    outcome, signals = LETTERS[letter]
    findings = tuple(
        make_finding(
            "tool-03" if signal == "contract" else None, signal=signal, target=name, outcome=Outcome(outcome)
        )
        for signal in signals
    )
    return make_target_verdict(
        record,
        name,
        outcome=Outcome(outcome),
        state=State.ARMED,
        accepted_at=since or SINCE,
        confirmed=True if signals else None,
        findings=findings,
        readings=() if letter == "?" else readings(signals, number),
        incident=incident,
        served=(served or f"{name}-1",),
    )


def readings(drifted: Sequence[str], number: int) -> tuple[SignalReading, ...]:
    """Make a reading of every signal: within its floor, or far outside where it drifted."""
    found = []
    for place, signal in enumerate(SIGNALS):
        wave = ((number * 7 + place * 5) % 11) / 11 - 0.5
        y = 3.0 if signal in drifted else wave
        usual = 6.0 if signal == "length" else 0.1
        found.append(
            SignalReading(
                signal=signal,
                outcome=Outcome.REGRESSED if signal in drifted else Outcome.STABLE,
                nights=(usual - 0.02, usual, usual + 0.02),
                tonight=usual + 0.05 * y,
                unit=_UNITS.get(signal, "distance"),
                floor=SignalFloor(
                    nights=(-0.5, 0.0, 0.5),
                    tonight=y,
                    low=-1.0 if signal == "length" else None,
                    high=1.0,
                    cases=20,
                ),
                n_reference=840,
                n_candidate=60,
            )
        )
    return tuple(found)
