"""The table of nights fits a terminal, whatever the nights are called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.findings import Outcome
from harness.core.incidents import follow
from harness.core.verdict import BaselineState, State
from harness.reporting.escape import columns
from harness.reporting.history import WIDTH, history_table
from tests.support.history import DRIFT, LOST, make_entry, stories

NAMES = st.text("abc-._", min_size=1, max_size=64).map(lambda name: f"a{name}"[:64])
SIGNALS = st.lists(st.text(min_size=1, max_size=30), max_size=8).map(tuple)


@given(stories(), NAMES, NAMES, SIGNALS, st.sampled_from(State), st.sampled_from(BaselineState))
def test_no_line_is_wider_than_a_terminal_and_every_night_has_its_line(
    words, suite, target, signals, state, baseline
) -> None:
    more = {"suite": suite, "target": target, "state": state, "baseline": baseline}
    entries = [
        make_entry(number, word, **more, signals=signals if word == DRIFT else ())
        for number, word in enumerate(words)
    ]
    lines = history_table(suite, target, entries, follow(entries)).splitlines()
    assert all(columns(line) <= WIDTH for line in lines)
    assert [line[:10] for line in lines if line[:4] == "2026"] == [entry.night for entry in entries]
    assert sum("opened" in line for line in lines if line[:4] == "2026") == len(follow(entries))


def test_a_signal_that_finds_no_room_is_counted() -> None:
    entry = make_entry(0, DRIFT, signals=("refusal", "embedding", "string", "length"))
    assert "refusal, embedding +2  " in history_table("canary", "sonnet", [entry], follow([entry]))


@pytest.mark.parametrize("state", State)
def test_a_night_whose_baseline_was_stale_is_neither_learning_nor_armed(state: State) -> None:
    told = {"state": state, "baseline": BaselineState.STALE}
    lost, broken = make_entry(0, LOST, **told), make_entry(1, DRIFT, **told, outcome=Outcome.REGRESSED)
    lines = history_table("canary", "sonnet", [lost, broken], ()).splitlines()[2:]
    assert [line.split()[1:3] for line in lines] == [["STALE", "stale"], ["DRIFT", "stale"]]
