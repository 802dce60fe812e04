"""Two models: asked side by side, and decided at once."""

from harness.core.modes import Mode
from harness.core.upgrade.decision import decide_upgrade

UPGRADE = Mode(decide=decide_upgrade, next_round=lambda *_: None)
