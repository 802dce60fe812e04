"""What is said of an incident in a message: a title, a few lines, and the same for programs. Pure.

Nothing in it was written by a model: names come from the configuration and the suites, sentences are ours.
"""

import shlex
from collections.abc import Iterator

from harness.core.incident_news import News, Notice, Stage, Standing
from harness.core.incidents import QUIET_NIGHTS, Closing
from harness.core.verdict import Verdict
from harness.core.wording import target_headline
from harness.reporting.counting import many
from harness.reporting.escape import log_safe, one_line

SCHEMA_VERSION = 1
CASES_NAMED = 20
_VERBS = {Stage.OPENED: "Drift", Stage.UPDATED: "Drift, something new", Stage.CLOSED: "Drift is over"}


def notice(news: News, verdict: Verdict) -> Notice:
    """Word one message about an incident, sent after a run."""
    standing = news.standing
    name = f"{_plain(standing.target)} ({_plain(standing.suite)})"
    title = f"{_VERBS[news.stage]}: {name}, {standing.severity}"
    lines = [log_safe(line) for line in _lines(news, verdict)]
    return Notice(
        key=news.key,
        title=title,
        text="\n".join(lines),
        payload={
            "schema_version": SCHEMA_VERSION,
            "event": f"incident.{news.stage.value}",
            "id": news.key,
            # Chat services that take a bare webhook show this one and leave the rest.
            "text": "\n".join([title, *lines]),
            "title": title,
            "what_is_new": [_plain(one) for one in news.what_is_new],
            "incident": _incident(standing),
            "run": {
                "id": _plain(verdict.run),
                "night": verdict.night[:10],
                "outcome": verdict.outcome.value,
                "exit_code": verdict.exit_code,
                "headline": _headline(standing, verdict),
            },
        },
    )


def test_notice(at: str) -> Notice:
    """Word the message that shows that messages arrive; `at` is the UTC time."""
    said = "This is a test of drift's notifications. Nothing happened."
    key = f"test/{at}"
    payload = {
        "schema_version": SCHEMA_VERSION,
        "event": "test",
        "id": key,
        "text": said,
        "title": "drift: test",
    }
    return Notice(key=key, title="drift: test", text=said, payload=payload)


def _lines(news: News, verdict: Verdict) -> Iterator[str]:
    standing = news.standing
    if news.what_is_new:
        yield f"New: {'; '.join(_plain(one) for one in news.what_is_new)}."
    if news.stage is Stage.CLOSED:
        yield _ended(standing)
    elif said := _headline(standing, verdict):
        yield said
    count = f"{many(len(standing.cases), 'case')} named" if standing.cases else "no single case named"
    signals = ", ".join(_plain(signal) for signal in standing.signals)
    yield f"Since {standing.opened[:10]}, last on {standing.last_drift[:10]}: {signals}; {count}."
    if news.stage is not Stage.CLOSED:
        yield (
            f"What to do: `drift review {shlex.quote(_plain(verdict.run))}`, then accept what is meant, or mend it. "
            f"It closes by itself after {QUIET_NIGHTS} quiet nights."
        )
    yield f"Incident {_plain(standing.id)}, run {_plain(verdict.run)}."


def _ended(standing: Standing) -> str:
    on = (standing.closed or "")[:10]
    if standing.because is Closing.ACCEPTED:
        return f"Somebody accepted the new behaviour; it counts from {on} on."
    return f"It recovered by itself: {many(QUIET_NIGHTS, 'quiet night')}, the last on {on}."


def _headline(standing: Standing, verdict: Verdict) -> str:
    found = next((target for target in verdict.targets if target.target == standing.target), None)
    return _plain(target_headline(found), 600) if found is not None else ""


def _incident(standing: Standing) -> dict[str, object]:
    return {
        "id": standing.id,
        "suite": standing.suite,
        "target": standing.target,
        "severity": standing.severity,
        "opened": standing.opened,
        "last_drift": standing.last_drift,
        "closed": standing.closed,
        "because": standing.because.value if standing.because is not None else None,
        "muted_until": standing.muted_until,
        "signals": [_plain(signal) for signal in standing.signals],
        "cases": [_plain(case) for case in standing.cases[:CASES_NAMED]],
        "cases_left_out": max(0, len(standing.cases) - CASES_NAMED),
    }


def _plain(text: str, most: int = 200) -> str:
    """Show a text on one line, without what chat services read as a mention, a link or an entity."""
    return one_line(text, most).translate(_MARKUP)


_MARKUP = {ord("<"): "‹", ord(">"): "›", ord("&"): "+", ord("@"): "(at)"}
