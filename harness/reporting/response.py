"""What is recommended about a drift, on a terminal of 80 columns and for a reader of JSON."""

from collections.abc import Iterator

from harness.core.incidents import Incident
from harness.core.response import Advice, Response
from harness.reporting.counting import many
from harness.reporting.escape import log_safe, one_line, wrap

WIDTH = 77
"""Breaking up what a CI log would take for a command may cost three columns more."""


def response_text(incident: Incident, response: Response) -> str:
    """Lay out what was compared and what is recommended, the leading advice first."""
    return "\n".join(log_safe(line) for line in _lines(incident, response))


def response_facts(response: Response) -> dict[str, object]:
    """Return the same for a reader of JSON."""
    return {
        "kinds": [
            {"kind": one.kind, "affected": one.affected, "cases": one.cases, "moved": list(one.moved)}
            for one in response.kinds
        ],
        "served_before": list(response.served_before),
        "served_now": list(response.served_now),
        "options": [
            {"target": one.target, "quiet": one.quiet, "asked": one.asked, "why": one.why}
            for one in response.options
        ],
        "advice": [
            {
                "action": one.action.value,
                "rule": one.rule,
                "because": one.because,
                "target": one.target,
                "model": one.model,
            }
            for one in response.advice
        ],
    }


def _lines(incident: Incident, response: Response) -> Iterator[str]:
    yield from wrap(
        f"{incident.severity} {one_line(incident.id, 140)}: {', '.join(one_line(s, 40) for s in incident.signals)} "
        f"since {incident.opened}",
        WIDTH,
        indent="  ",
    )
    yield ""
    yield "kind        before     now"
    for kind in response.kinds:
        was = "affected" if kind.affected else "steady"
        cases = (
            f"{len(kind.moved)} of {many(kind.cases, 'case')} drift" if kind.moved else "within its own noise"
        )
        yield f"{kind.kind:<11} {was:<10} {cases}"
    if response.served_now:
        before = f"{_named(response.served_before)} before, " if response.served_before else ""
        yield from wrap(f"served      {before}{_named(response.served_now)} now", WIDTH, indent=" " * 12)
    for option in response.options:
        word = "quiet" if option.quiet else "not quiet"
        yield from wrap(
            f"{one_line(option.target, 64)}: {word}, {one_line(option.why, 300)}", WIDTH, indent="  "
        )
    yield ""
    for place, advice in enumerate(response.advice):
        yield from _advice(advice, "RECOMMENDED" if place == 0 else "or")


def _advice(advice: Advice, word: str) -> Iterator[str]:
    what = advice.action.value
    if advice.target is not None:
        what += f" to {one_line(advice.target, 64)}"
    if advice.model is not None:
        what += f" to {one_line(advice.model, 100)}"
    yield from wrap(
        f"{word} {what}: {one_line(advice.because, 500)} [rule {advice.rule}]", WIDTH, indent="  "
    )


def _named(names: tuple[str, ...]) -> str:
    return ", ".join(one_line(name, 100) for name in names)
