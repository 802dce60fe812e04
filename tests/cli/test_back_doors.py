"""Ways around the gate that are shut."""

from pathlib import Path

import pytest

from harness.core.canonical import normalise
from harness.core.messages import ToolCall
from harness.core.replies import Answer, Failure, FailureKind
from harness.edges.redaction import Redactor, scrubbed
from harness.errors import Problem
from tests.cli.conftest import Drift

NIGHT = ("--night", "2026-11-20")


def test_a_night_is_the_whole_suite(project: Path, drift: Drift) -> None:
    done = drift("check", "canary", "--scheduled", "--case", "tool-weather", *NIGHT)
    assert (done.code, "not both" in done.err) == (2, True)
    assert not (project / "reports").exists()


def test_only_errors_needs_a_run(project: Path, drift: Drift) -> None:
    assert drift("check", "canary", "--only-errors", *NIGHT).code == 2


def test_a_case_that_nothing_could_be_seen_in_is_refused(project: Path, drift: Drift) -> None:
    path = project / "canaries" / "edge-near-empty.yaml"
    path.write_text(f"{path.read_text(encoding='utf-8')}\nsignals: [hash]\n", encoding="utf-8")
    done = drift("validate")
    assert (done.code, "nothing could be seen" in done.err) == (2, True)


def test_new_cases_do_not_send_a_suite_that_has_learnt_back_to_learning(project: Path, drift: Drift) -> None:
    text = (project / "canaries" / "edge-near-empty.yaml").read_text(encoding="utf-8")
    for number in range(8):
        copy = text.replace("id: edge-near-empty", f"id: edge-copy-{number}")
        (project / "canaries" / f"edge-copy-{number}.yaml").write_text(copy, encoding="utf-8")
    assert drift("check", "canary", "--target", "swapped", *NIGHT).code in (1, 4)
    assert drift("check", "canary", *NIGHT).code == 4


@pytest.mark.parametrize(
    "answer", [Answer(text="the region is us-east-1"), Answer(text="", refusal="us-east-1")]
)
def test_memory_says_what_disk_says(answer: Answer) -> None:
    clean = scrubbed(answer, Redactor({"MY_REGION": "us-east-1"}))
    assert "us-east-1" not in clean.model_dump_json()
    assert "[MY_REGION]" in clean.model_dump_json()
    assert scrubbed(clean, Redactor({"MY_REGION": "us-east-1"})) == clean


def test_arguments_too_deep_to_write_are_one_failed_call() -> None:
    deep: dict[str, object] = {}
    for _ in range(600):
        deep = {"x": deep}
    call = ToolCall.model_construct(name="f", arguments=deep, raw=None)
    found = scrubbed(
        Answer.model_construct(text="", tool_calls=(call,), type="answer", attempts=1), Redactor({})
    )
    assert isinstance(found, Failure)
    assert found.kind is FailureKind.MALFORMED


def test_stacked_marks_are_cut_before_they_cost_the_night() -> None:
    assert len(normalise("a" + "\u0301\u0316" * 200_000)) < 40


def test_no_problem_begins_a_line_of_its_own() -> None:
    said = str(Problem(file="x\n::error::pwned.yaml", message="unknown signal 'x\n::error::pwned'"))
    assert "\n" not in said
