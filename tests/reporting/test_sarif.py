"""SARIF 2.1.0: what the standard requires of every object written, and the same levels as the exit code."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from harness.reporting.points import Rule, changed_lines
from harness.reporting.sarif import render
from tests.support.told import Told, every_kind, golden_regression

KINDS = every_kind()
each_kind = pytest.mark.parametrize("told", KINDS.values(), ids=KINDS.keys())
SCHEMA = json.loads((Path(__file__).parent / "sarif-2.1.0-subset.json").read_text(encoding="utf-8"))


def run_of(told: Told) -> dict[str, Any]:
    log = json.loads(render(*told))
    (run,) = log["runs"]
    return dict(run)


@each_kind
def test_it_is_as_the_standard_says(told: Told) -> None:
    jsonschema.Draft7Validator(SCHEMA).validate(json.loads(render(*told)))


def test_the_schema_would_notice() -> None:
    log = json.loads(render(*golden_regression()))
    for spoil in (
        lambda log: log["runs"][0]["results"][0].update(level="fatal"),
        lambda log: log["runs"][0]["results"][0].pop("message"),
        lambda log: log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"].update(
            startLine=0
        ),
        lambda log: log["runs"][0]["tool"]["driver"].update(rulez=[]),
        lambda log: log.update(version="2.0.0"),
    ):
        broken = json.loads(json.dumps(log))
        spoil(broken)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft7Validator(SCHEMA).validate(broken)


@each_kind
def test_there_is_an_error_exactly_where_the_exit_code_is_not_0(told: Told) -> None:
    run = run_of(told)
    assert any(result["level"] == "error" for result in run["results"]) is bool(told[1].exit_code)
    assert run["invocations"][0]["exitCode"] == told[1].exit_code


@each_kind
def test_every_result_names_its_rule_and_place(told: Told) -> None:
    run = run_of(told)
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [f"drift/{rule.value}" for rule in Rule]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert ":" not in uri
        assert " " not in uri
        assert "](" not in result["message"]["text"]


def test_a_regression_points_at_the_lines_that_changed() -> None:
    found = [r for r in run_of(golden_regression())["results"] if r["ruleId"] == "drift/regression"]
    place = next(r for r in found if "refund-policy" in str(r["locations"]))["locations"][0][
        "physicalLocation"
    ]
    assert place["artifactLocation"]["uri"] == "prompts/support.md"
    assert place["region"]["startLine"] == 3


def test_the_same_trouble_has_the_same_fingerprint_on_another_night() -> None:
    record, verdict = golden_regression()
    prints = [r["partialFingerprints"] for r in run_of((record, verdict))["results"]]
    again = verdict.model_copy(update={"run": "another", "headline": "other words"})
    assert [r["partialFingerprints"] for r in run_of((record, again))["results"]] == prints
    assert len({json.dumps(one) for one in prints}) == len(prints)


@pytest.mark.parametrize(
    ("before", "now", "lines"),
    [
        ("a\nb\nc", "a\nX\nc", (2, 2)),
        ("a\nb\nc", "a\nc", (2, 2)),
        ("a\nb\nc", "a\nb", (2, 2)),
        ("a\nb", "a\nb\nc\nd", (3, 4)),
        ("", "a\nb", (1, 2)),
        ("a\nb", "", (1, 1)),
        ("a\na\na", "a\na", (2, 2)),
        ("x\na", "y\nz\na", (1, 2)),
    ],
)
def test_changed_lines(before: str, now: str, lines: tuple[int, int]) -> None:
    assert changed_lines(before, now) == lines
