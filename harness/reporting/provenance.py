"""What answered, beside what answered before."""

from harness.core.batch import Baseline
from harness.core.verdict import TargetVerdict
from harness.reporting.escape import one_line


def new_fingerprint(baseline: Baseline | None, target: TargetVerdict) -> str:
    """Say how a target's fingerprint changed; empty where it did not, or where one side has none."""
    if baseline is None or not target.fingerprints:
        return ""
    before = {
        sample.answer.system_fingerprint
        for case in baseline.cases.values()
        for sample in case.samples
        if sample.answer and sample.answer.system_fingerprint
    }
    new = [name for name in target.fingerprints if name not in before]
    if not before or not new:
        return ""
    return f"{one_line(', '.join(sorted(before)), 60)} → {one_line(', '.join(new), 60)}"
