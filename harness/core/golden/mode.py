"""Golden tasks: run again before they are called."""

from harness.core.golden.decision import decide_golden
from harness.core.golden.rounds import next_golden_round
from harness.core.modes import Mode

GOLDEN = Mode(decide=decide_golden, next_round=next_golden_round)
