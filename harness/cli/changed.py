"""What became of a baseline, for people and for programs."""

from harness.cli.session import Session
from harness.core.canonical import canonical_json
from harness.flows.baseline_change import Change
from harness.reporting.counting import many


def put_change(session: Session, change: Change, *, done: str, nothing: str, in_nights: bool = True) -> None:
    """Say what was `done` to a baseline, or that it was `nothing`; golden runs make no nights."""
    if session.json:
        facts = {"target": change.target, "written": change.written, "nights": change.nights}
        session.put(canonical_json({**facts, "cases": list(change.cases)}))
        return
    nights = f"; the baseline has {many(change.nights, 'night')}" if in_nights else ""
    if change.written:
        session.put(f"{change.target}: {done}{nights}.\nReview and commit baselines/.")
    else:
        session.put(f"{change.target}: {nothing}{nights}. Nothing was written.")
