"""JUnit: valid XML whatever a model wrote, red exactly where the exit code is not 0, and never green for nothing."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.findings import Outcome
from harness.reporting.junit import attribute, content, render
from tests.support.hostile import HOSTILE, LOOP
from tests.support.told import Told, every_kind, golden_regression

KINDS = every_kind()
each_kind = pytest.mark.parametrize("told", KINDS.values(), ids=KINDS.keys())
# Everything that a Python string can hold, with what XML is touchy about drawn often.
texts = st.text(
    st.one_of(
        st.characters(codec=None), st.sampled_from("<>&\"']\x00\x0b\ud800\ufffe\uffff\x85\u2028:#[\r\n")
    )
)


def cases(told: Told) -> dict[str, ET.Element]:
    root = ET.fromstring(render(*told).encode("utf-8"))
    return {case.get("name", ""): case for case in root.iter("testcase")}


def standing(case: ET.Element) -> str:
    return next((tag for tag in ("failure", "error", "skipped") if case.find(tag) is not None), "passed")


@each_kind
def test_it_is_red_exactly_where_the_exit_code_is_not_0(told: Told) -> None:
    root = ET.fromstring(render(*told).encode("utf-8"))
    red = [case for case in root.iter("testcase") if standing(case) in ("failure", "error")]
    assert bool(red) is bool(told[1].exit_code)
    assert int(root.get("failures", "")) + int(root.get("errors", "")) == len(red)
    failed = [case for case in red if standing(case) == "failure"]
    assert bool(failed) is (told[1].exit_code == 1)


@each_kind
def test_its_sums_are_right_and_it_is_small(told: Told) -> None:
    text = render(*told)
    root = ET.fromstring(text.encode("utf-8"))
    assert int(root.get("tests", "")) == len(list(root.iter("testcase")))
    for name in ("tests", "failures", "errors", "skipped"):
        assert int(root.get(name, "")) == sum(int(suite.get(name, "")) for suite in root)
    assert len(text) < 2_000_000
    assert not any(line.lstrip().startswith("::") for line in text.splitlines())
    assert "##[" not in text


def test_what_was_not_measured_is_never_a_pass() -> None:
    for name in ("outage", "golden, not measured", "learning", "awaiting"):
        told = KINDS[name]
        record = told[0]
        found = cases(told)
        unanswered = [
            case.id
            for case in record.manifest.suite.cases
            if not any(s.answer for batch in record.batches.values() for s in batch.samples.get(case.id, ()))
        ]
        for case in unanswered:
            assert standing(found[case]) in ("error", "skipped"), (name, case)
        lost = [target.target for target in told[1].targets if target.outcome is Outcome.INCONCLUSIVE]
        root = ET.fromstring(render(*told).encode("utf-8"))
        of_lost = [
            case for case in root.iter("testcase") if case.get("classname", "").rpartition(".")[2] in lost
        ]
        assert all(standing(case) != "passed" for case in of_lost), name
    assert lost or name == "awaiting"


def test_a_regressed_task_fails_and_a_steady_one_passes() -> None:
    found = cases(golden_regression())
    assert {name: standing(case) for name, case in found.items() if not name.startswith("regression")} == {
        "verdict": "failure",
        "missing-baseline": "error",
        "refund-policy": "failure",
        "refund-late": "failure",
        "escalation": "passed",
        "greeting": "passed",
    }
    failure = found["refund-policy"].find("failure")
    assert failure is not None
    assert "8 of 8" in failure.get("message", "")
    said = found["refund-policy"].findtext("system-out") or ""
    assert "Refund approved!" in said


def test_a_gate_that_warns_is_skipped_and_not_failed() -> None:
    for name in ("gates that warn", "severity that warns"):
        found = cases(KINDS[name])
        assert standing(found[KINDS[name][0].manifest.suite.cases[0].id]) == "skipped"


@settings(max_examples=400, deadline=None)
@given(texts)
def test_any_text_stays_valid_xml(text: str) -> None:
    root = ET.fromstring(f'<a b="{attribute(text)}">{content(text)}</a>'.encode())
    assert len(root) == 0
    assert list(root.attrib) == ["b"]


@settings(max_examples=30, deadline=None)
@given(texts)
def test_any_answer_and_reason_give_a_valid_file(text: str) -> None:
    record, verdict = golden_regression(text)
    (target,) = verdict.targets
    findings = tuple(finding.model_copy(update={"because": text}) for finding in target.findings)
    target = target.model_copy(update={"findings": findings})
    said = render(record, verdict.model_copy(update={"targets": (target,), "headline": text, "run": text}))
    ET.fromstring(said.encode("utf-8"))


@pytest.mark.parametrize("text", [*HOSTILE, LOOP])
def test_a_text_is_cut_and_says_so(text: str) -> None:
    assert len(content(text)) < 20_000
    if len(text) > 2_000:
        assert "more characters" in content(text)
