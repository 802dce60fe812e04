"""A comparison of two models accepted from the command line."""

from harness.cli.changed import put_change
from harness.cli.session import Session
from harness.flows.baseline_change import Signature
from harness.flows.upgrade_accept import UpgradeWish, accept_upgrade
from harness.reporting.counting import many
from harness.wiring import Workshop


def put_upgrade(session: Session, workshop: Workshop, wish: UpgradeWish, signature: Signature) -> int:
    """Accept the candidate of a comparison, and say what became of its baselines. Raises UsageError."""
    manifest = wish.run.record.manifest
    assert manifest.upgrade is not None
    tasks = {case.id for case in manifest.suite.cases if case.is_task}
    for change in accept_upgrade(wish, workshop.baselines, signature):
        golden = bool(tasks.intersection(change.cases))
        kind = "golden task" if golden else "case"
        done = f"{many(len(change.cases), kind)} accepted in the place of {manifest.upgrade.reference}"
        if golden:
            done += f", {manifest.samples} runs each"
        else:
            done += ", as one evening: gross changes only, until 5 real nights replace it"
        put_change(session, change, done=done, nothing="the baseline already says so", in_nights=False)
    return 0
