"""The built-in canaries are cases worth showing, and the simulated model knows how to answer them."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from harness.core.expect import ExpectedRefusal
from harness.core.graders import compile_graders
from harness.core.graders.refusal import Refusal, classify_refusal
from harness.core.messages import Role
from harness.core.replies import Answer
from harness.core.suite import Case, CaseKind
from harness.simulator.answers import AnswerCase, Wording, builtin_answers

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "canaries"
PATHS = sorted(FOLDER.glob("*.yaml"))
WRITTEN_ON = date(2026, 11, 21)

SECRETS = (
    r"\b(?:sk|pk|rk)-[A-Za-z0-9_-]{8,}",
    r"\bgh[pousr]_[A-Za-z0-9]{8,}",
    r"\bxox[a-z]-",
    r"\bAKIA[0-9A-Z]{8,}",
    r"\bAIza[A-Za-z0-9_-]{8,}",
    r"-----BEGIN",
    r"(?i)\bbearer [a-z0-9._-]{8,}",
    r"(?i)(?:password|passwd|secret|token|api[_-]?key)\s*[:=]",
    r"\b[A-Za-z0-9+/]{40,}",
)


def read_case(path: Path) -> Case:
    """Read a case as the suite loader does: files that it names are put in their place."""
    raw = yaml.safe_load(path.read_text("utf-8"))
    raw["tools"] = [json.loads((FOLDER / name).read_text("utf-8")) for name in raw.get("tools", [])]
    if isinstance(raw.get("expect", {}).get("json_schema"), str):
        raw["expect"]["json_schema"] = json.loads((FOLDER / raw["expect"]["json_schema"]).read_text("utf-8"))
    return Case.model_validate(raw)


CASES = {path.stem: read_case(path) for path in PATHS}
KNOWN = {case.id: case for case in builtin_answers().by_question.values()}

each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
each_comply_case = pytest.mark.parametrize(
    "case",
    [case for case in CASES.values() if case.expect.refusal is not ExpectedRefusal.REFUSE],
    ids=lambda c: c.id,
)
each_refusal_case = pytest.mark.parametrize(
    "case", [case for case in CASES.values() if case.kind is CaseKind.REFUSAL], ids=lambda c: c.id
)


def answer_of(wording: Wording) -> Answer:
    return Answer(text=wording.text, tool_calls=wording.tool_calls)


def known(case: Case) -> AnswerCase:
    return KNOWN[case.id]


def failures(case: Case, wording: Wording) -> list[str]:
    return [grade.because for grade in compile_graders(case)(answer_of(wording)) if not grade.holds]


def refusal_of(wording: Wording) -> Refusal:
    return classify_refusal(wording.text, called_tools=bool(wording.tool_calls))


def test_there_are_five_kinds_with_four_canaries_each() -> None:
    kinds = set(CaseKind) - {CaseKind.TASK}
    assert Counter(case.kind for case in CASES.values()) == dict.fromkeys(kinds, 4)


def test_file_name_is_id_and_begins_with_the_kind() -> None:
    for name, case in CASES.items():
        assert case.id == name
        assert name.startswith(f"{case.kind}-")


def test_every_tool_and_schema_file_is_used() -> None:
    named = {
        name for path in PATHS for name in re.findall(r"(?:tools|schemas)/\w+\.json", path.read_text("utf-8"))
    }
    assert named == {f.relative_to(FOLDER).as_posix() for f in FOLDER.glob("*/*.json")}


@each_case
def test_every_rule_compiles_and_every_canary_has_one(case: Case) -> None:
    rules = compile_graders(case)(Answer(text=""))
    assert rules
    assert case.kind is not CaseKind.REASONING or len(rules) >= 2


@each_case
def test_tool_parameters_are_json_schemas(case: Case) -> None:
    for tool in case.tools:
        Draft202012Validator.check_schema(dict(tool.parameters))


@each_case
def test_review_is_due_within_a_year_of_writing(case: Case) -> None:
    assert 90 < (date.fromisoformat(case.review_by) - WRITTEN_ON).days < 365


def test_contracts_are_few() -> None:
    assert 2 <= sum(case.always for case in CASES.values()) <= 3


@each_refusal_case
def test_refusal_canaries_take_six_samples(case: Case) -> None:
    assert case.samples == 6
    assert case.expect.refusal is not ExpectedRefusal.EITHER


def test_nothing_looks_like_a_secret() -> None:
    files = [*FOLDER.rglob("*.*"), ROOT / "harness/simulator/data/canary.json"]
    found = [
        (f.name, hit.group()) for f in files for p in SECRETS for hit in re.finditer(p, f.read_text("utf-8"))
    ]
    assert found == []


@each_case
def test_simulator_knows_the_question(case: Case) -> None:
    last = [message.content for message in case.messages if message.role is Role.USER][-1]
    assert known(case).ask == last


@each_case
def test_repertoire_is_complete(case: Case) -> None:
    said = known(case)
    assert 4 <= len(said.answers) <= 8
    assert 3 <= len(said.other) <= 5
    assert 2 <= len(said.refusals) <= 3
    assert 2 <= len(said.broken) <= 3
    assert 2 <= len(said.wrong) <= 3
    assert [w.weight for w in said.answers] == sorted((w.weight for w in said.answers), reverse=True)
    for wordings in (said.answers, said.other, said.broken, said.wrong):
        assert sum(wording.weight for wording in wordings) == pytest.approx(1)
        assert len({answer_of(wording).measured_text for wording in wordings}) == len(wordings)


@each_case
def test_every_usual_answer_passes_its_checks(case: Case) -> None:
    assert {w.text: failures(case, w) for w in known(case).answers if failures(case, w)} == {}


@each_case
def test_every_broken_answer_fails_a_check(case: Case) -> None:
    assert [w.text for w in known(case).broken if not failures(case, w)] == []


@each_case
def test_every_wrong_answer_fails_some_checks_and_not_all(case: Case) -> None:
    rules = len(compile_graders(case)(Answer(text="")))
    for wording in known(case).wrong:
        assert 0 < len(failures(case, wording)) < rules, wording.text


def test_another_model_breaks_checks_in_a_few_canaries() -> None:
    worse = [case.id for case in CASES.values() if any(failures(case, w) for w in known(case).other)]
    assert 4 <= len(worse) <= 6, worse


@each_case
def test_usual_answers_call_tools_as_their_schemas_want(case: Case) -> None:
    schemas = {tool.name: Draft202012Validator(dict(tool.parameters)) for tool in case.tools}
    for wording in known(case).answers:
        for call in wording.tool_calls:
            assert [error.message for error in schemas[call.name].iter_errors(call.arguments)] == []


@each_case
def test_every_refusal_reads_as_one(case: Case) -> None:
    assert [w.text for w in known(case).wordings("refusals") if refusal_of(w) is not Refusal.REFUSED] == []


@each_comply_case
def test_no_usual_answer_reads_as_a_refusal(case: Case) -> None:
    refused = (Refusal.REFUSED, Refusal.PARTIAL, Refusal.BLOCKED)
    assert [w.text for w in known(case).answers + known(case).other if refusal_of(w) in refused] == []


def test_what_should_be_declined_is_declined_as_a_rule() -> None:
    case = CASES["refusal-fake-review"]
    assert {refusal_of(w) for w in known(case).answers} == {Refusal.REFUSED}
    assert {refusal_of(w) for w in known(case).other} == {Refusal.REFUSED, Refusal.COMPLIED}
    assert Refusal.REFUSED not in {refusal_of(w) for w in known(case).broken + known(case).wrong}


@each_refusal_case
def test_a_refusal_breaks_no_check_so_that_it_counts_once(case: Case) -> None:
    assert {w.text: failures(case, w) for w in known(case).wordings("refusals") if failures(case, w)} == {}


@each_refusal_case
def test_only_refusal_canaries_that_should_be_answered_waver(case: Case) -> None:
    share = known(case).tends_to_refuse
    assert 0.1 <= share <= 0.5 if case.expect.refusal is ExpectedRefusal.COMPLY else share == 0


def test_other_canaries_are_never_declined_when_nothing_is_wrong() -> None:
    assert {c.id for c in _others() if c.tends_to_refuse} == set()


def _others() -> Iterator[AnswerCase]:
    return (known(case) for case in CASES.values() if case.kind is not CaseKind.REFUSAL)
