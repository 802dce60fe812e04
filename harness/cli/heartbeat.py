"""The word that a scheduled run sends, as drift.yaml says. It never changes a verdict or an exit code."""

from harness.cli.session import Session
from harness.core.history import entries_of
from harness.core.run import RunRecord
from harness.core.verdict import State, Verdict
from harness.errors import HarnessError, HeartbeatFailed
from harness.wiring import Workshop
from harness.wiring.heartbeat import send_heartbeat


def send_word(session: Session, workshop: Workshop, record: RunRecord, verdict: Verdict) -> None:
    """Send a scheduled run's word: that it measured something, or, where that is asked for, that it did not."""
    spec = workshop.project.config.heartbeat
    if spec.url_env is None or not verdict.scheduled:
        return
    told = _told_anything(record, verdict)
    if not told and not spec.failures:
        session.say("no heartbeat is sent: this night measured too little to say anything")
        return
    url = workshop.environment.get(spec.url_env, "")
    try:
        if not url.strip():
            raise HeartbeatFailed(f"heartbeat.url_env names {spec.url_env}, which is not set")
        body = workshop.redactor.redact_values(
            f"drift {verdict.suite} {verdict.night} {verdict.outcome.value} exit {verdict.exit_code}\n"
        )
        send_heartbeat(url, body, name=spec.url_env, failed=not told, redact=workshop.redactor.redact)
    except HarnessError as error:
        session.warn(f"NOTE   {error}; the verdict stands")


def _told_anything(record: RunRecord, verdict: Verdict) -> bool:
    """Say whether every target was measured; one that is learning, or awaits its confirmation, was."""
    entries = entries_of(verdict, record.manifest)
    return bool(entries) and all(
        entry.measured
        or (entry.awaiting_confirmation and not target.cut_short)
        or (entry.state is State.LEARNING and entry.whole)
        for entry, target in zip(entries, verdict.targets, strict=True)
    )
