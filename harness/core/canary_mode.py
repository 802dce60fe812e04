"""Nights: held against nights, and confirmed."""

from harness.core.canary_decision import decide_canary, next_canary_round
from harness.core.modes import Mode

CANARY = Mode(decide=decide_canary, next_round=next_canary_round)
