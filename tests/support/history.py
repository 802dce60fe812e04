"""Nights to remember: a word for each night, and what is remembered of it."""

from collections.abc import Sequence
from datetime import date, timedelta

from hypothesis import strategies as st

from harness.core.findings import Outcome, Severity
from harness.core.history import NightEntry, NightReading
from harness.core.incidents import Accepted
from harness.core.verdict import State

FIRST = date(2026, 11, 1)
SUITE_CASES = 20
ALL_CASES = tuple(f"case-{number:02d}" for number in range(SUITE_CASES))
BEFORE = "2026-10-31T09:00:00+00:00"
"""When the baseline was accepted that the nights are compared with, unless they say otherwise."""
DRIFT, QUIET, LOST, LEARNING, WARNED, UNCONFIRMED = "DQ?LWU"
WORDS = (DRIFT, QUIET, LOST, LEARNING, WARNED, UNCONFIRMED)
"""D drifted, Q quiet, ? could not tell, L learning, W drift that the policy only warns of, U unconfirmed."""
_OUTCOMES = {DRIFT: Outcome.REGRESSED, QUIET: Outcome.STABLE, WARNED: Outcome.CHANGED}


def night_of(number: int) -> str:
    """Return the date of a night, counted from 0."""
    return (FIRST + timedelta(days=number)).isoformat()


def make_entry(number: int, word: str = QUIET, **fields: object) -> NightEntry:
    """Make what is remembered of one night."""
    night = night_of(number)
    drift = word == DRIFT
    known: dict[str, object] = {
        "run": f"{night.replace('-', '')}T031700Z-canary-0000",
        "suite": "canary",
        "target": "sonnet",
        "night": night,
        "scheduled": True,
        "started_at": f"{night}T03:17:00+00:00",
        "outcome": _OUTCOMES.get(word, Outcome.INCONCLUSIVE),
        "state": State.LEARNING if word == LEARNING else State.ARMED,
        "measured": word in (DRIFT, QUIET, WARNED),
        "drift": drift,
        "awaiting_confirmation": word == UNCONFIRMED,
        "severity": Severity.BLOCK if drift else None,
        "signals": ("refusal",) if drift else (),
        "cases": (ALL_CASES[number % SUITE_CASES],) if drift else (),
        "suite_cases": SUITE_CASES,
        "readings": (NightReading(signal="refusal", tonight=0.1 + number / 1000, p_value=1 / 3),),
        "accepted_at": BEFORE,
    }
    known |= {"baseline_of": fields.get("target", "sonnet")}
    return NightEntry.model_validate({**known, **fields})


def make_entries(words: str, **fields: object) -> tuple[NightEntry, ...]:
    """Make a night for each letter."""
    return tuple(make_entry(number, word, **fields) for number, word in enumerate(words))


def accepted(at: str, cases: Sequence[str] = ALL_CASES, **fields: object) -> Accepted:
    """Make an acceptance; of a run's behaviour unless it says otherwise."""
    known: dict[str, object] = {"suite": "canary", "target": "sonnet", "replaces": True}
    return Accepted.model_validate({**known, "at": at, "cases": tuple(cases), **fields})


def stories(most: int = 40) -> st.SearchStrategy[str]:
    """Draw the words of up to `most` nights."""
    likely = st.sampled_from([QUIET, QUIET, QUIET, QUIET, DRIFT, *WORDS])
    return st.lists(likely, max_size=most).map("".join)
