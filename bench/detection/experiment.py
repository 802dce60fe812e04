"""One suite: its quiet nights, its drifts and its one-evening baselines, decided by every rule."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.detection.bound import known_channel, quiet_nights
from bench.detection.drifts import DRIFTS, Sources, quiet
from bench.detection.figures import BOUND, OURS
from bench.detection.ours import StreamBatches, decide_stream
from bench.detection.rivals import RULES
from bench.detection.streams import MISSING, WEATHERS, Batches, Stream, joined
from bench.detection.suites import PROFILES, Flags, Suite, make_suite
from harness.core.detection.question import evening_widening
from harness.core.incidents import QUIET_NIGHTS
from harness.core.policy import Policy

BEFORE = 4
"""Quiet nights before a drift, so that it meets a full window."""
EVENINGS, EVENING_NIGHTS = 4, 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How many samples a prompt has."""

    samples: int
    edge: int
    screened_with: int | None = None
    """Samples of the first batch, where they are fewer."""


BUDGETS: Mapping[str, Budget] = {
    "20": Budget(samples=3, edge=3, screened_with=1),
    "60": Budget(samples=3, edge=3),
    "72": Budget(samples=3, edge=6),
    "100": Budget(samples=5, edge=5),
    "200": Budget(samples=10, edge=10),
}
"""By calls a night, for 20 prompts of which 4 are near the edge of refusing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One suite to be run; the same task gives the same record."""

    seed: int
    suite: int
    profile: str
    calls: str
    weather: str
    layout: str
    baseline: int
    nights: int
    rules: tuple[str, ...]
    drifts: tuple[str, ...]


Record = dict[str, object]


def run(task: Task) -> Record:
    """Run one suite and return what was counted, ready for JSON."""
    # A suite of one profile is the same one at every budget.
    numbers = [task.seed, task.suite, list(PROFILES).index(task.profile)]
    suite = make_suite(PROFILES[task.profile], task.layout, np.random.default_rng(numbers))
    rng = np.random.default_rng([*numbers, int(task.calls), list(WEATHERS).index(task.weather)])
    return _Experiment(task, suite, rng).record()


class _Experiment:
    def __init__(self, task: Task, suite: Suite, rng: np.random.Generator) -> None:
        self._task, self._suite, self._rng = task, suite, rng
        self._budget = BUDGETS[task.calls]
        self._policy = Policy()
        self._samples = np.array(
            [
                self._budget.edge if prompt.kind.value == "edge" else self._budget.samples
                for prompt in suite.prompts
            ]
        )
        self._stream = Stream(suite, WEATHERS[task.weather], rng)
        self._baseline, _ = self._stream.nights([quiet(suite)] * task.baseline, self._samples)

    def record(self) -> Record:
        """Return what was counted."""
        match, chi_squared, freedom = _noise(self._baseline)
        found: Record = {name: getattr(self._task, name) for name in ("seed", "suite", "profile", "calls")}
        found |= {name: getattr(self._task, name) for name in ("weather", "layout", "baseline", "nights")}
        found |= {"match": match, "chi_squared": chi_squared, "freedom": freedom}
        if self._task.nights:
            found["quiet"] = self._quiet()
            found["evening"] = [self._evening() for _ in range(EVENINGS)]
        found["drifts"] = self._drifts() if self._task.drifts else {}
        return found

    def _quiet(self) -> Record:
        tested = self._nights([quiet(self._suite)] * self._task.nights)
        found: dict[str, Record] = {}
        for rule in self._task.rules:
            start = time.process_time()
            alarm, asked_again, signals = self._decided(rule, tested)
            opened = incidents(alarm)
            found[rule] = {
                "incidents": len(opened),
                "alarms": int(alarm.sum()),
                "asked_again": int(asked_again.sum()),
                "signals": Counter(signals[night] for night in opened) if signals else {},
                "cpu_ms": round(1000 * (time.process_time() - start) / self._task.nights, 2),
            }
        return dict(found)

    def _drifts(self) -> Record:
        before = self._nights([quiet(self._suite)] * BEFORE)
        known = any(DRIFTS[name].channel for name in self._task.drifts)
        calm = quiet_nights(self._suite, self._stream, self._samples) if known else None
        found: Record = {}
        for name in self._task.drifts:
            drift, constant = DRIFTS[name], int(self._rng.integers(2**32))
            sources = [
                drift.sources(self._suite, night, np.random.default_rng(constant))
                for night in range(drift.nights)
            ]
            drifted = self._nights(sources)
            tested = StreamBatches(
                baseline=self._baseline,
                first=joined([before.first, drifted.first]),
                confirm=joined([before.confirm, drifted.confirm]),
                screened_with=self._budget.screened_with,
            )
            seen = {rule: _first(self._decided(rule, tested)[0][BEFORE:]) for rule in self._task.rules}
            if drift.channel is not None and calm is not None:
                nights = (drifted.first, drifted.confirm)
                seen[BOUND] = _first(known_channel(self._suite, sources[0], drift.channel, calm, nights))
            found[name] = seen
        return found

    def _evening(self) -> int:
        """Return how many nights drifted falsely in a week after a baseline of one evening."""
        few = self._budget.screened_with
        samples = self._samples if few is None else np.minimum(self._samples, few)
        baseline = self._stream.evening(quiet(self._suite), samples, self._task.baseline)
        first, confirm = self._stream.nights([quiet(self._suite)] * EVENING_NIGHTS, samples)
        widened = evening_widening(int(np.median(samples)))
        tested = StreamBatches(baseline=baseline, first=first, confirm=confirm)
        return int(
            decide_stream(self._suite, tested, self._policy, widened=widened, window=False).drift.sum()
        )

    def _nights(self, sources: Sequence[Sources]) -> StreamBatches:
        first, confirm = self._stream.nights(sources, self._samples)
        return StreamBatches(
            baseline=self._baseline, first=first, confirm=confirm, screened_with=self._budget.screened_with
        )

    def _decided(self, rule: str, tested: StreamBatches) -> tuple[Flags, Flags, list[str]]:
        if rule == OURS:
            ours = decide_stream(self._suite, tested, self._policy)
            names = ["+".join(ours.signals(night)) for night in range(len(ours.drift))]
            return ours.drift, ours.screened, names
        few = tested.screened_with
        if few is not None:
            parts = (part.first(few) for part in (tested.baseline, tested.first, tested.confirm))
            baseline, first, confirm = parts
            tested = StreamBatches(baseline=baseline, first=first, confirm=confirm)
        found = RULES[rule][1](self._suite, tested, self._rng)
        return found.alarm, found.asked_again, []


def incidents(alarm: Flags) -> list[int]:
    """Return the nights on which an incident opens; one is open until `QUIET_NIGHTS` nights in a row are quiet."""
    opened, last = [], None
    for night in np.flatnonzero(alarm):
        if last is None or night - last > QUIET_NIGHTS:
            opened.append(int(night))
        last = night
    return opened


def _first(alarm: Flags) -> int | None:
    """Return the number of the first night, from 1, that alarms."""
    return int(np.argmax(alarm)) + 1 if alarm.any() else None


def _noise(baseline: Batches) -> tuple[float, float, float]:
    """Return the chance that two samples of a prompt are equal, and X² of the answers over nights with its df."""
    matches, chi_squared, freedom = [], 0.0, 0
    for number in range(baseline.answer.shape[1]):
        answer: NDArray[np.intp] = baseline.answer[:, number, : baseline.samples[number]]
        there = answer != MISSING
        distinct, which = np.unique(answer[there], return_inverse=True)
        table = np.zeros((len(baseline), distinct.size))
        np.add.at(table, (np.nonzero(there)[0], which), 1)
        total, of_answer, of_night = table.sum(), table.sum(axis=0), table.sum(axis=1)
        matches.append(float((of_answer * (of_answer - 1)).sum() / (total * (total - 1))))
        expected = np.outer(of_night, of_answer) / total
        kept = expected > 0
        chi_squared += float(((table - expected)[kept] ** 2 / expected[kept]).sum())
        freedom += (int((of_night > 0).sum()) - 1) * (distinct.size - 1)
    return round(float(np.mean(matches)), 4), round(chi_squared, 2), float(freedom)
