"""Versions of what measures an answer without being part of a case. Raise one, and every ruler is another.

A baseline that kept the answers is measured again; one that kept digests has to be accepted again.
"""

RULES_VERSION = "refusal-1"
"""How a refusal is told from an answer: `core/graders/refusal.py`."""
GRADERS_VERSION = "graders-2"
"""What a rule means. 2: bounded effort, multiples by their decimals, no references to what is no schema."""
KERNELS_VERSION = "kernels-1"
"""How alike two answers are: `core/signals` and the normalised text they read."""


def ruler_versions() -> dict[str, str]:
    """Return every version by what it belongs to."""
    return {"refusal": RULES_VERSION, "graders": GRADERS_VERSION, "kernels": KERNELS_VERSION}
