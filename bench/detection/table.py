"""What the benchmark prints: false incidents with limits, power per drift, and the goals beside them."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from bench.detection.drifts import DRIFTS
from bench.detection.figures import BOUND, OURS, Records, false_incidents, power
from bench.detection.goals import goal_lines
from bench.detection.rivals import RULES
from bench.detection.streams import WEATHERS
from bench.detection.suites import PROFILES

CONFIRMED_WITH = {20: 60}
"""Calls of a confirmation, where they are not as many as the first batch's."""


def render(records: Records) -> str:
    """Return the whole table as text."""
    parts = []
    cells = Counter((r["calls"], r["weather"], r["layout"], r["baseline"]) for r in records)
    for cell in sorted(cells, key=lambda cell: (cell[1:], int(cell[0]))):
        calls, weather, layout, baseline = cell
        own = [r for r in records if (r["calls"], r["weather"], r["layout"], r["baseline"]) == cell]
        parts.append(
            f"== {calls} calls a night, {baseline} baseline nights, prompts {layout}, {WEATHERS[weather].title}"
        )
        parts += _quiet_lines(own)
        parts += _power_lines(own)
    return "\n".join([*parts, *goal_lines(records)])


def _quiet_lines(records: Records) -> list[str]:
    with_quiet = [r for r in records if "quiet" in r]
    if not with_quiet:
        return []
    lines = []
    ours = [r for r in with_quiet if OURS in r["quiet"]]
    if ours:
        heads = (
            "nights",
            "false incidents/100 [95 %]",
            "nights alarmed, %",
            "asked again, %",
            "calls a night",
        )
        lines += ["", f"{'Quiet nights':<44}" + "".join(f"{head:>28}" for head in heads)]
        for profile in PROFILES:
            own = [r for r in ours if r["profile"] == profile]
            lines += [_quiet_line(PROFILES[profile].title, own)] if own else []
        lines += _about(ours)
    return lines + _rival_lines([r for r in with_quiet if r["profile"] != "still"])


def _quiet_line(title: str, records: Records) -> str:
    nights = sum(r["nights"] for r in records)
    alarms, again = (sum(r["quiet"][OURS][name] for r in records) for name in ("alarms", "asked_again"))
    rate, low, high = false_incidents(records, OURS)
    first = int(records[0]["calls"])
    calls = first + CONFIRMED_WITH.get(first, first) * again / nights
    cells = (
        str(nights),
        f"{rate:.2f} [{low:.2f}, {high:.2f}]",
        f"{100 * alarms / nights:.1f}",
        f"{100 * again / nights:.1f}",
        f"{calls:.1f}",
    )
    return f"  {title:<42}" + "".join(f"{cell:>28}" for cell in cells)


def _rival_lines(records: Records) -> list[str]:
    """Return how the other rules do on the same quiet nights; an incident that never closes counts once."""
    records = [r for r in records if set(r["quiet"]) - {OURS}]
    rules = [rule for rule in RULES if any(rule in r["quiet"] for r in records)]
    profiles = [name for name in PROFILES if any(r["profile"] == name for r in records)]
    if not rules:
        return []
    heads = [f"alarmed, %: {PROFILES[name].title}" for name in profiles] + ["false incidents/100 [95 %]"]
    lines = ["", f"{'Other rules on the same nights':<44}" + "".join(f"{head:>32}" for head in heads)]
    for rule in rules:
        cells = []
        for profile in profiles:
            own = [r for r in records if r["profile"] == profile and rule in r["quiet"]]
            alarms = sum(r["quiet"][rule]["alarms"] for r in own)
            cells.append(f"{100 * alarms / sum(r['nights'] for r in own):.1f}")
        rate, low, high = false_incidents(records, rule)
        cells.append(f"{rate:.2f} [{low:.2f}, {high:.2f}]")
        lines.append(f"  {RULES[rule][0]:<42}" + "".join(f"{cell:>32}" for cell in cells))
    return lines


def _about(records: Records) -> list[str]:
    lines = [""]
    for profile in PROFILES:
        own = [r for r in records if r["profile"] == profile]
        if own:
            ratio = sum(r["chi_squared"] for r in own) / max(sum(r["freedom"] for r in own), 1.0)
            match, cpu = (np.mean([value(r) for r in own]) for value in (_match, _cpu))
            evenings = [night for r in own for night in r["evening"]]
            false = np.mean([night > 0 for night in evenings])
            signals: Counter[str] = Counter()
            for r in own:
                signals.update(r["quiet"][OURS]["signals"])
            said = ", ".join(f"{name} {count}" for name, count in signals.most_common())
            lines.append(
                f"{PROFILES[profile].title}: X²/df of the nights {ratio:.2f}, equal samples {match:.2f}, "
                f"{cpu:.0f} ms a decision; any false drift in the week after a one-evening baseline "
                f"{false:.3f} of {len(evenings)}; false incidents by signal: {said or 'none'}"
            )
    return lines


def _match(record: Mapping[str, Any]) -> float:
    return float(record["match"])


def _cpu(record: Mapping[str, Any]) -> float:
    return float(record["quiet"][OURS]["cpu_ms"])


def _power_lines(records: Records) -> list[str]:
    known = [name for name in DRIFTS if any(name in r["drifts"] for r in records)]
    if not known:
        return []
    moving = [r for r in records if r["profile"] != "still"] or list(records)
    profiles = [name for name in PROFILES if any(r["profile"] == name for r in records)]
    lines = ["", "Power of drift on night 1 / within 5 (a ramp: 14), standard errors in brackets"]
    heads = ["all that move", *(PROFILES[name].title for name in profiles), "bound"]
    lines.append(f"{'':<40}" + "".join(f"{head:>24}" for head in heads))
    for name in known:
        groups = [moving, *([r for r in records if r["profile"] == profile] for profile in profiles)]
        shown = [_power_cell(group, name, OURS) for group in groups] + [_power_cell(moving, name, BOUND)]
        lines.append(f"{DRIFTS[name].title:<40}" + "".join(f"{cell:>24}" for cell in shown))
    rules = [rule for rule in RULES if any(rule in d for r in moving for d in r["drifts"].values())]
    if rules:
        lines += [
            "",
            "The same of other rules, all that move; read it beside how often they alarm on quiet nights",
        ]
        lines.append(f"{'':<40}" + "".join(f"{head:>16}" for head in rules))
        for name in known:
            cells = (_short_cell(moving, name, rule) for rule in rules)
            lines.append(f"{DRIFTS[name].title:<40}" + "".join(f"{cell:>16}" for cell in cells))
    return lines


def _power_cell(records: Records, drift: str, rule: str) -> str:
    first, later = (power(records, drift, rule, within) for within in (1, DRIFTS[drift].nights))
    if first is None or later is None:
        return "-"
    return f"{first[0]:.2f}/{later[0]:.2f} ({first[1]:.2f}/{later[1]:.2f})"


def _short_cell(records: Records, drift: str, rule: str) -> str:
    first, later = (power(records, drift, rule, within) for within in (1, DRIFTS[drift].nights))
    return "-" if first is None or later is None else f"{first[0]:.2f}/{later[0]:.2f}"
