"""SARIF 2.1.0, for code scanning and editors: a result for each thing that a verdict has to say."""

import json
import re
from collections.abc import Mapping
from urllib.parse import quote

from harness.core.canonical import digest
from harness.core.run import RunRecord
from harness.core.verdict import Verdict
from harness.reporting.escape import one_line
from harness.reporting.points import CONFIG_FILE, Level, Place, Point, Rule, points_of
from harness.reporting.text import render as render_text

_WHOLE = 12_000
MOST_RESULTS = 5_000
"""As many as GitHub takes of one run. Errors come first."""
_LONGEST = 1_000
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_RULES: Mapping[Rule, tuple[str, Level, str]] = {
    Rule.REGRESSION: (
        "Behaviour regressed",
        Level.ERROR,
        "Worse beyond the noise of the accepted runs. Mend it, or accept it with a reason: `drift review`, `drift accept`.",
    ),
    Rule.CHANGE: (
        "Behaviour changed",
        Level.WARNING,
        "It is another one than the accepted runs show, without being worse by any rule. Look at it with `drift review`.",
    ),
    Rule.IMPROVEMENT: (
        "Behaviour improved",
        Level.NOTE,
        "Accept it, so that falling back is noticed: `drift review`, then `drift accept`.",
    ),
    Rule.NOT_TOLD: (
        "Could not tell",
        Level.WARNING,
        "Too little was measured, or too few runs are accepted. That is neither a pass nor a regression.",
    ),
    Rule.ACCEPTED_CHANGE: (
        "Accepted change",
        Level.WARNING,
        "The pull request brings a new baseline for this task. Whoever approves it approves the new behaviour.",
    ),
    Rule.OTHER_RULES: (
        "The pull request changes its own rules",
        Level.WARNING,
        "It edits what its own answers are held to, so both verdicts are given: by its rules and by the merge base's.",
    ),
    Rule.PLAIN_RULE: (
        "A plain rule fails",
        Level.ERROR,
        "`policy: strict` also fails by rules that know no noise.",
    ),
    Rule.MISSING_BASELINE: (
        "Baseline update is missing",
        Level.ERROR,
        "A prompt changed and nobody accepted what it does now. Accept the run, and commit `baselines/`.",
    ),
    Rule.UNEXPLAINED_BASELINE: (
        "Baseline changed by itself",
        Level.ERROR,
        "A baseline changed though prompt, task and target did not. Take it back, or accept it for an incident.",
    ),
    Rule.NOT_REPRODUCED: (
        "Accepted behaviour is not reproduced",
        Level.ERROR,
        "The runs of this check differ from those that the new baseline holds. Accept a run of this very prompt.",
    ),
    Rule.CONFIG_CHANGED: (
        "Configuration changed",
        Level.ERROR,
        "A pull request is tested with its merge base's targets. Somebody who trusts the change runs it with `--trust-head`.",
    ),
    Rule.MODEL_MOVED: (
        "The model moved, not the prompt",
        Level.ERROR,
        "The merge base's prompt fails as well. Look at the nightly canary.",
    ),
    Rule.MUTED: (
        "An open drift is muted",
        Level.WARNING,
        "Somebody said until when it fails nothing, and why. What else drifts fails at once.",
    ),
    Rule.RUN: (
        "The run fails",
        Level.ERROR,
        "Too little was measured, the baseline is stale, or an earlier drift is still open. The message says which.",
    ),
}
_PLACEHOLDER = re.compile(r"\{(?=\d)")


def render(record: RunRecord, verdict: Verdict) -> str:
    """Render a verdict as one SARIF run."""
    points = points_of(verdict, record.manifest)
    rules = list(_RULES)
    end = record.end
    log = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "drift",
                        "version": record.manifest.versions.get("drift", "0"),
                        "rules": [_rule(rule) for rule in rules],
                    }
                },
                "automationDetails": {"id": f"drift/{_text(verdict.suite, 64)}/"},
                "invocations": [
                    {
                        "executionSuccessful": end is not None and end.stopped is None,
                        "exitCode": verdict.exit_code,
                        "exitCodeDescription": _text(verdict.headline, _LONGEST),
                        "startTimeUtc": _instant(record.manifest.started_at),
                    }
                ],
                "columnKind": "unicodeCodePoints",
                "results": [
                    _result(point, verdict, rules.index(point.rule)) for point in points[:MOST_RESULTS]
                ],
                "properties": {
                    "run": _text(verdict.run, 200),
                    "report": _text(" ".join(render_text(record, verdict).split()), _WHOLE),
                    "outcome": verdict.outcome.value,
                    "resultsLeftOut": max(0, len(points) - MOST_RESULTS),
                },
            }
        ],
    }
    return json.dumps(log, indent=1, sort_keys=True, ensure_ascii=True, allow_nan=False) + "\n"


def _rule(rule: Rule) -> dict[str, object]:
    title, level, help_text = _RULES[rule]
    return {
        "id": f"drift/{rule.value}",
        "name": "".join(word.capitalize() for word in rule.value.split("-")),
        "shortDescription": {"text": title},
        "fullDescription": {"text": help_text},
        "help": {"text": help_text, "markdown": help_text},
        "defaultConfiguration": {"level": level.value},
    }


def _result(point: Point, verdict: Verdict, index: int) -> dict[str, object]:
    said = f"{point.target}: {point.message} {point.mend}" if point.target else point.message
    # Not the numbers of tonight: the same trouble is the same alert on the next night.
    same = [verdict.suite, point.target, point.rule.value, point.case, point.signal]
    return {
        "ruleId": f"drift/{point.rule.value}",
        "ruleIndex": index,
        "level": point.level.value,
        "message": {"text": _text(said.strip(), _LONGEST)},
        "locations": [_location(point, verdict)],
        "partialFingerprints": {"driftPoint/v1": digest(same)},
    }


def _location(point: Point, verdict: Verdict) -> dict[str, object]:
    """Return the prompt's lines, else the task's file; what has neither is about the configuration's suite."""
    fallback = point.task_file or CONFIG_FILE
    place = point.place or Place(path=fallback)
    region = {
        "startLine": place.line or 1,
        **({"endLine": place.end_line} if place.end_line is not None else {}),
    }
    named = [part for part in (verdict.suite, point.target, point.case) if part]
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(place.path), "uriBaseId": "%SRCROOT%"},
            "region": region,
        },
        "logicalLocations": [
            {
                "name": _text(named[-1], 100),
                "fullyQualifiedName": _text("/".join(named), 300),
                "kind": "member",
            }
        ],
    }


def _uri(path: str) -> str:
    """Write a path below the project's root as a relative reference."""
    return quote(path.encode("utf-8", "replace"), safe="/._-~")


def _text(text: str, most: int) -> str:
    """Write text so that a viewer takes nothing in it for a link or a placeholder."""
    return _PLACEHOLDER.sub("{ ", one_line(text, most).replace("](", "] ("))


def _instant(at: str) -> str:
    return at[:19] + "Z" if re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", at) else "1970-01-01T00:00:00Z"
