"""What makes a judge the same judge."""

from harness.core.canonical import digest
from harness.core.judging.anchors import builtin_anchors
from harness.core.judging.content import CONTENT_VERSION
from harness.core.judging.prompts import MOST_CHARACTERS, PROMPT_DIGEST
from harness.core.suite import Target

READING_VERSION = "reading-1"
"""How replies are read and two orders become one outcome."""


def judge_ruler(target: Target, *, both_orders: bool) -> str:
    """Digest of everything that a score depends on: prompt, model, parameters, endpoint, anchors, reading.

    How many anchors are asked is no part of it: they check the judge and do not change a score.
    """
    return digest(
        {
            "prompt": PROMPT_DIGEST,
            "shown": MOST_CHARACTERS,
            "content": CONTENT_VERSION,
            "reading": READING_VERSION,
            "anchors": builtin_anchors().digest,
            "both_orders": both_orders,
            "model": target.model,
            "params": dict(target.params),
            "options": dict(target.options),
            "api_base": target.api_base and target.api_base.rstrip("/"),
        }
    )
