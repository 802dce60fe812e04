"""JUnit XML for CI servers: valid whatever a model wrote, and green only where something was measured.

===========  ==================================================================================================
``failure``  what makes the exit code 1: a blocking regression, drift that the gates fail, a failing plain rule
``error``    what makes it 2, 3 or 4: nothing or too little measured, a baseline that is missing or unexplained
``skipped``  neither: could not be told, still learning, not in the baseline, only warns, accepted change
passed       measured, compared, and not worse
===========  ==================================================================================================

Each target is a `testsuite`; its first `testcase` is its verdict, so that there is a failure or an error exactly
where the exit code is not 0.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.core.findings import Outcome
from harness.core.run import RunRecord
from harness.core.verdict import TargetVerdict, Verdict
from harness.core.wording import target_headline
from harness.reporting.counting import many
from harness.reporting.entries import target_entries
from harness.reporting.escape import log_safe, visible
from harness.reporting.model import Status
from harness.reporting.points import Level, Point, Rule, points_of, shown_status, target_code, untold
from harness.reporting.text import render as render_text
from harness.reporting.wording import WORDS

MOST_CASES = 5_000
"""Of one target; beyond that, those that passed are only counted."""
MOST_TEXTS = 50
"""Answers shown, of cases that did not pass."""
_LONGEST = 2_000
_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_IN_ATTRIBUTE = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)
_QUIET = (Status.STABLE, Status.IMPROVED)


class Standing(StrEnum):
    """What a test case is."""

    PASSED = "passed"
    FAILED = "failure"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One test case."""

    name: str
    standing: Standing
    kind: str = ""
    message: str = ""
    said: str = ""
    """What the model answered, of a case that did not pass."""


def render(record: RunRecord, verdict: Verdict) -> str:
    """Render a verdict as JUnit XML."""
    points = points_of(verdict, record.manifest)
    suites = [
        (target, checks_of(record, verdict, target, [p for p in points if p.target == target.target]))
        for target in verdict.targets
    ]
    nobody = [_point_check(point, 3) for point in points if not point.target]
    body = [_suite_xml(record, verdict, target, checks) for target, checks in suites]
    if nobody:
        body.append(_suite_xml(record, verdict, None, nobody))
    totals = _totals([check for _, checks in suites for check in checks] + nobody)
    time = f' time="{record.end.duration_s:.3f}"' if record.end is not None else ""
    head = f'<testsuites name="{attribute(f"drift {verdict.suite}")}" {totals}{time}>'
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *body, "</testsuites>"]) + "\n"


def checks_of(
    record: RunRecord, verdict: Verdict, target: TargetVerdict, points: Sequence[Point]
) -> list[Check]:
    """Return the test cases of one target: its verdict, what is said of the whole suite, and every case."""
    code = target_code(target, verdict)
    # What is about several cases, or none, has a test case of its own, and so has every problem of a baseline.
    apart = [p for p in points if p.case is None or p.rule in _APART]
    by_case: dict[str, list[Point]] = {}
    for point in points:
        if point.case is not None and point.rule not in _APART:
            by_case.setdefault(point.case, []).append(point)
    cases = dict(_case_checks(record, verdict, target, by_case))
    gone = {name: _said_check(name, said, code) for name, said in by_case.items() if name not in cases}
    return [
        _verdict_check(target, verdict, code),
        *(_point_check(point, code) for point in apart if point.rule is not Rule.RUN),
        *cases.values(),
        *gone.values(),
    ]


_APART = (
    Rule.MISSING_BASELINE,
    Rule.UNEXPLAINED_BASELINE,
    Rule.NOT_REPRODUCED,
    Rule.CONFIG_CHANGED,
    Rule.MODEL_MOVED,
    Rule.OTHER_RULES,
    Rule.PLAIN_RULE,
)


def _verdict_check(target: TargetVerdict, verdict: Verdict, code: int) -> Check:
    message = target_headline(target)
    if code:
        standing = Standing.FAILED if code == 1 else Standing.ERROR
        return Check(name="verdict", standing=standing, kind=f"exit-{code}", message=message)
    if shown_status(target, verdict) in (*_QUIET, Status.ACCEPTED):
        return Check(name="verdict", standing=Standing.PASSED)
    return Check(name="verdict", standing=Standing.SKIPPED, message=message)


def _point_check(point: Point, code: int) -> Check:
    name = " ".join(part for part in (point.rule.value, point.signal, point.case) if part)
    return _said_check(name, [point], code)


def _said_check(name: str, said: Sequence[Point], code: int) -> Check:
    worst = said[0]
    message = " ".join(f"{point.message} {point.mend}".strip() for point in said)
    if worst.level is Level.ERROR:
        gated = worst.rule in _APART and worst.rule is not Rule.PLAIN_RULE
        standing = Standing.ERROR if gated or code in (2, 3, 4) else Standing.FAILED
        return Check(name=name, standing=standing, kind=worst.rule.value, message=message)
    if all(point.level is Level.NOTE for point in said):
        return Check(name=name, standing=Standing.PASSED, message=message)
    return Check(name=name, standing=Standing.SKIPPED, kind=worst.rule.value, message=message)


def _case_checks(
    record: RunRecord, verdict: Verdict, target: TargetVerdict, by_case: Mapping[str, Sequence[Point]]
) -> Iterator[tuple[str, Check]]:
    code = target_code(target, verdict)
    quiet = dict(_quiet_cases(record, verdict, target))
    batch = record.batches.get(target.target)
    texts = 0
    for case in record.manifest.suite.cases:
        samples = batch.samples.get(case.id, ()) if batch is not None else ()
        answer = next((sample.answer for sample in samples if sample.answer is not None), None)
        if case.id in by_case:
            check = _said_check(case.id, by_case[case.id], code)
        elif answer is None:
            standing = Standing.ERROR if code else Standing.SKIPPED
            check = Check(
                name=case.id, standing=standing, kind="not-measured", message="No run gave an answer."
            )
        elif (why := quiet.get(case.id, "It was not compared.")) is None:
            check = Check(name=case.id, standing=Standing.PASSED)
        else:
            check = Check(name=case.id, standing=Standing.SKIPPED, message=why)
        if check.standing is not Standing.PASSED and answer is not None and texts < MOST_TEXTS:
            texts += 1
            check = Check(
                name=check.name,
                standing=check.standing,
                kind=check.kind,
                message=check.message,
                said=answer.text,
            )
        yield case.id, check


def _quiet_cases(
    record: RunRecord, verdict: Verdict, target: TargetVerdict
) -> Iterator[tuple[str, str | None]]:
    """Say of every case of which nothing else is said why it was not decided; None where it passed."""
    if target.upgrade is not None:
        for case in target.upgrade.cases:
            passed = case.outcome in (Outcome.STABLE, Outcome.IMPROVED)
            yield case.case, None if passed else case.because
        return
    if record.manifest.suite.golden:
        for reading in target.tasks:
            passed = reading.outcome in (Outcome.STABLE, Outcome.IMPROVED) and reading.runs > 0
            yield (
                reading.case,
                None if passed else f"{reading.outcome.value.capitalize()}: {untold(reading)}.",
            )
        return
    for entry in target_entries(record, verdict, target).entries:
        yield entry.case.id, None if entry.status in _QUIET else f"{WORDS[entry.status]}."


def _suite_xml(
    record: RunRecord, verdict: Verdict, target: TargetVerdict | None, checks: Sequence[Check]
) -> str:
    name = f"{verdict.suite}.{target.target}" if target is not None else verdict.suite
    shown, left = list(checks), 0
    if len(checks) > MOST_CASES:
        shown = [check for check in checks if check.standing is not Standing.PASSED][:MOST_CASES]
        left = len(checks) - len(shown)
    properties = {
        "run": verdict.run,
        "policy": verdict.policy_digest,
        "outcome": (target.outcome if target is not None else verdict.outcome).value,
        "exit_code": str(verdict.exit_code),
    }
    said = target_headline(target) if target is not None else verdict.headline
    if left:
        said += f" {many(left, 'further test case is', 'further test cases are')} not listed."
    whole = "\n".join(content(line) for line in render_text(record, verdict).splitlines())
    return "\n".join(
        [
            f'<testsuite name="{attribute(name)}" {_totals(checks)} timestamp="{attribute(record.manifest.started_at[:19])}">',
            "<properties>",
            *(f'<property name="{key}" value="{attribute(value)}"/>' for key, value in properties.items()),
            "</properties>",
            *(_check_xml(name, check) for check in shown),
            f"<system-out>{content(said)}\n\n{whole}</system-out>",
            "</testsuite>",
        ]
    )


def _check_xml(suite: str, check: Check) -> str:
    inside = []
    match check.standing:
        case Standing.FAILED | Standing.ERROR:
            tag = check.standing.value
            inside.append(
                f'<{tag} type="{attribute(check.kind)}" message="{attribute(check.message)}">'
                f"{content(check.message)}</{tag}>"
            )
        case Standing.SKIPPED:
            inside.append(f'<skipped message="{attribute(check.message)}"/>')
        case Standing.PASSED if check.message:
            inside.append(f"<system-out>{content(check.message)}</system-out>")
    if check.said:
        answer = f"One answer of it:\n{check.said}"
        inside.append(f"<system-out>{content(answer)}</system-out>")
    return f'<testcase classname="{attribute(suite)}" name="{attribute(check.name)}">{"".join(inside)}</testcase>'


def _totals(checks: Sequence[Check]) -> str:
    counted = {s: sum(check.standing is s for check in checks) for s in Standing}
    return (
        f'tests="{len(checks)}" failures="{counted[Standing.FAILED]}" errors="{counted[Standing.ERROR]}" '
        f'skipped="{counted[Standing.SKIPPED]}"'
    )


def attribute(text: str) -> str:
    """Write text for an attribute in double quotes."""
    return _allowed(text).translate(_IN_ATTRIBUTE)


def content(text: str) -> str:
    """Write text for the inside of an element."""
    return _allowed(text).translate(_MARKUP)


def _allowed(text: str) -> str:
    """Cut text, show what cannot be seen as escapes, and replace what XML 1.0 forbids."""
    left = len(text) - _LONGEST
    cut = f"{text[:_LONGEST]} … ({left:,} more characters)" if left > 0 else text
    return _FORBIDDEN.sub("\ufffd", log_safe(visible(cut)))
