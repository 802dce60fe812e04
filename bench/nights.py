"""Histories to measure on: nights of two targets as a scheduled check leaves them, without asking a model."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from harness.core.findings import Outcome, Severity
from harness.core.history import NightEntry
from harness.core.night_facts import Facts, NightReading, ReadingFloor
from harness.core.verdict import Coverage, State
from harness.edges.stores.history.sqlite import open_history

FIRST = date(2026, 1, 1)
SIGNALS = ("refusal", "format", "quality", "embedding", "string", "length", "spread", "hash")
SINCE = "2025-12-31T09:00:00+00:00"


def entries(nights: int, targets: tuple[str, ...] = ("gpt", "sonnet")) -> Iterator[NightEntry]:
    """Make nights with eight signals each, of which one in sixty drifts for three nights."""
    rng = np.random.default_rng(1)
    for number in range(nights):
        night = (FIRST + timedelta(days=number)).isoformat()
        for target in targets:
            drift = number % 60 < 3 and number > 60
            yield NightEntry(
                run=f"{night.replace('-', '')}T031700Z-canary-9be2",
                suite="canary",
                target=target,
                baseline_of=target,
                night=night,
                scheduled=True,
                started_at=f"{night}T03:17:00+00:00",
                outcome=Outcome.REGRESSED if drift else Outcome.STABLE,
                state=State.ARMED,
                measured=True,
                drift=drift,
                awaiting_confirmation=False,
                severity=Severity.BLOCK if drift else None,
                signals=("refusal",) if drift else (),
                cases=("refusal-drop-staging",) if drift else (),
                suite_cases=20,
                readings=tuple(_reading(signal, float(rng.normal())) for signal in SIGNALS),
                served=(f"{target}-{number // 200}",),
                fingerprints=(f"fp_{number // 50}",),
                accepted_at=SINCE,
                facts=Facts(
                    headline=f"{target} behaves as it did in its baseline.",
                    nights=14,
                    found_after=1 if drift else None,
                    alpha=0.0075,
                    coverage=Coverage(
                        planned=60, answered=60, measured=60, compared=60, cases_planned=20, cases_answered=20,
                        cases_compared=20,
                    ),
                    asked="5f1c2e90" * 8,
                    encoder="all-MiniLM-L6-v2",
                    versions={"drift": "0.1.0", "python": "3.11.9", "litellm": "1.105.3"},
                    run_cost_usd=0.39,
                    run_duration_s=281.4,
                ),
            )  # fmt: skip


def _reading(signal: str, y: float) -> NightReading:
    return NightReading(
        signal=signal,
        tonight=0.1 + y / 100,
        p_value=0.4,
        unit="rate",
        outcome=Outcome.STABLE,
        usual=0.1,
        floor=ReadingFloor(tonight=y, usual=0.0, low=-2.0, high=2.0) if signal != "hash" else None,
    )


def write_history(root: Path, nights: int) -> Path:
    """Write a project whose history holds so many nights of two targets; return the database."""
    (root / "canaries").mkdir(parents=True)
    (root / "drift.yaml").write_text(
        "version: 1\ntargets:\n  gpt: {model: simulated/steady, params: {temperature: 0, max_tokens: 64}}\n"
        "  sonnet: {model: simulated/steady, params: {temperature: 0, max_tokens: 64}}\n"
        "suites:\n  canary: {path: canaries/, targets: [gpt, sonnet], samples: 3}\n",
        encoding="utf-8",
    )
    (root / "reports").mkdir()
    place = root / "reports" / "history.sqlite"
    open_history(str(place), str).rebuild(tuple(entries(nights)), [])
    return place
