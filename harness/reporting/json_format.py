"""The verdict for programs: the same decision that every other format renders."""

import json
import re

from harness.core.run import RunRecord
from harness.core.verdict import Verdict
from harness.reporting.states import in_words

_UNSEEN = re.compile(
    "[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\ufffe\uffff]"
)


def render(record: RunRecord, verdict: Verdict) -> str:
    """Render a verdict as JSON with sorted keys; characters that cannot be seen are JSON escapes.

    Beside what the verdict holds: `outcome` and `exit_code`; the run's own facts, such as its cost, under
    `run_end`; and under `in_words`, by target, what the numbers mean, as every other format says it.
    """
    said = verdict.model_dump(mode="json")
    said["outcome"] = verdict.outcome.value
    said["exit_code"] = verdict.exit_code
    said["in_words"] = in_words(record, verdict)
    said["run_end"] = record.end.model_dump(mode="json") if record.end else None
    text = json.dumps(said, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"
