"""The same nights without a fault, to hold the others against; each is played once."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from harness.core.judging.keys import is_judge_key
from harness.edges.stores.journal import read_journal
from tests.faults.schedules import Drawn
from tests.faults.stages import STAGES, TONIGHT, clock_at, play_night, run_of
from tests.support.faults import BEHAVIOUR, Played, Schedule, play

OF_THE_ATTEMPT = ("finished_at", "duration_s", "cost_usd", "possibly_billed_twice")
LATER = timedelta(hours=10)
_OF_THE_ATTEMPT_IN_WORDS = re.compile(
    r"<span>(\$[0-9.,]+|[0-9.,]+ (ms|s|min|h)( [0-9]+ s)?)\s*</span>"
    r"|&#34;(attempts&#34;:[0-9]+|response_id&#34;:&#34;[a-z0-9-]*&#34;),?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a night ended, without what differs from attempt to attempt."""

    code: int
    verdict: Mapping[str, Any]
    page: str
    rounds: frozenset[str]
    """Which were asked for."""


def ended(root: Path, played: Played) -> Ended:
    """Read how the newest run ended."""
    run = run_of(root)
    verdict = json.loads((run / "verdict.json").read_text(encoding="utf-8"))
    for name in OF_THE_ATTEMPT:
        verdict["run_end"].pop(name, None)
    page = _OF_THE_ATTEMPT_IN_WORDS.sub("", (run / "report.html").read_text(encoding="utf-8"))
    known = read_journal(run / "journal.jsonl").completions
    rounds = frozenset(key.split(":", 2)[1] for key in known if not is_judge_key(key))
    return Ended(code=played.code, verdict=verdict, page=page, rounds=rounds)


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """Fault-free nights, by what was played."""

    root: Path
    _known: dict[str, Ended] = field(default_factory=dict)

    def of(self, drawn: Drawn) -> Ended:
        """Return how a night ends on which nothing fails, the model being what it is."""
        key = repr((drawn.stage, drawn.night, drawn.schedule.drift, drawn.more))
        if key not in self._known:
            healthy = Schedule(drift=drawn.schedule.drift)
            played = play_night(self.root, drawn.stage, drawn.night, healthy, *drawn.more)
            self._known[key] = ended(self.root, played)
        return self._known[key]


def resumed(root: Path, drawn: Drawn) -> Played:
    """Ask again what failed, now that nothing fails any more."""
    clock = clock_at(TONIGHT + LATER)
    healthy = replace(drawn.schedule, strikes=(), encoder_down=False)
    return play(
        root, *STAGES[drawn.stage][:2], "--resume", "last", "--only-errors", clock=clock, schedule=healthy
    )


def differences(root: Path, drawn: Drawn, played: Played, wanted: Ended) -> list[str]:
    """Resume a night that was played, and return what is not as on a night without a fault."""
    if any(told.fault in BEHAVIOUR for told in played.stage.told):
        return []  # a changed answer stays an answer
    again = resumed(root, drawn)
    if again.code != wanted.code:
        return [f"resumed: exit {again.code}, without faults {wanted.code}: {again.err[-400:]}"]
    found = ended(root, again)
    if found.rounds > wanted.rounds:
        return []  # what was left of the first round strayed, and asking again is evidence that counts
    if found.verdict != wanted.verdict:
        names = [name for name in wanted.verdict if found.verdict[name] != wanted.verdict[name]]
        return [f"resumed: another verdict than without faults: {', '.join(names)}"]
    billed = json.loads((run_of(root) / "verdict.json").read_text(encoding="utf-8"))["run_end"]
    if not billed.get("possibly_billed_twice") and found.page != wanted.page:
        return ["resumed: another report than without faults"]
    return []
