"""From configuration to concrete parts: the only floor that names an edge."""

from harness.wiring.workshop import Workshop, open_workshop, run_named

__all__ = ["Workshop", "open_workshop", "run_named"]
