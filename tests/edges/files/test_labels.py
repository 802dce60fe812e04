"""Labels are read strictly: every error of every line at once, with its place."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.judging.agreement import Label
from harness.edges.files.labels import read_labels
from harness.errors import DocumentError

GOOD = {"id": "a", "task": "Answer it.", "rubric": "1. Says yes.", "answer": "Yes.", "label": "pass"}


def read(root: Path, *lines: str) -> tuple[Label, ...]:
    """Write the lines into a file and read it."""
    (root / "labels.jsonl").write_text("\n".join(lines), encoding="utf-8", newline="\n")
    return read_labels(Path("labels.jsonl"), root=root)


def problems(root: Path, *lines: str) -> list[str]:
    """Return what is wrong with the lines."""
    with pytest.raises(DocumentError) as caught:
        read(root, *lines)
    return str(caught.value).splitlines()


def line(**fields: object) -> str:
    """Write a label with other fields."""
    return json.dumps(GOOD | fields)


def test_labels_are_read_in_order_and_blank_lines_pass(tmp_path: Path) -> None:
    found = read(tmp_path, line(), "", line(id="b", label=70, reference="No."), line(id="c", answer=""), "")
    assert [label.id for label in found] == ["a", "b", "c"]
    assert [label.label for label in found] == ["pass", 70, "pass"]
    assert found[1].reference == "No." and found[2].answer == ""


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("[1]", "labels.jsonl:2:1: is not a JSON object"),
        ("no", "labels.jsonl:2:1: is not a JSON object"),
        ('{"id": "b"', "labels.jsonl:2:11: not JSON"),
        (line(id="b").replace('"id"', '"task"'), "labels.jsonl:2:"),
        (line(id="b", label="pas"), "found the text 'pas', did you mean 'pass'?"),
        (line(id="b", label=101), "101 is out of range"),
        (line(id="b", label=-1), "-1 is out of range"),
        (line(id="b", label=70.5), "expected 'pass' or 'fail' or a whole number"),
        (line(id="b", label=True), "expected 'pass' or 'fail' or a whole number"),
        (line(id="b", label=None), "expected 'pass' or 'fail' or a whole number"),
        (line(id="b", labl="pass"), "unknown key 'labl', did you mean 'label'?"),
        (line(id="b", answer=None), "expected text, found nothing"),
        (line(id="b", rubric=""), "at least 1 are needed"),
        (line(), "the id 'a' is that of line 1, too"),
        (line(id="b").replace("Yes.", "\\u0000"), "the text holds the character"),
        (line(id="b").replace("Yes.", "\\ud800"), "the text holds the character"),
        ('{"id": NaN}', "'NaN' is not JSON"),
        ('{"id": 1e999}', "too large"),
        ('{"id":' + "[" * 60, "labels.jsonl:2:"),
        ("{" + '"a":{' * 100_0, "labels.jsonl:2:"),
    ],
)
def test_what_is_no_label_is_named_with_its_place(tmp_path: Path, wrong: str, said: str) -> None:
    found = problems(tmp_path, line(), wrong)
    assert any(one.startswith("labels.jsonl:2:") and said in one for one in found), found


def test_every_error_of_every_line_is_told_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, line(label="x", task=3), line(id="b"), "nonsense", line(id="b"))
    assert [one.split(":")[1] for one in found] == ["1", "1", "3", "4"]


def test_a_file_without_labels_and_one_of_too_many_are_refused(tmp_path: Path) -> None:
    assert "holds no label" in problems(tmp_path, "", " ")[0]
    assert "at most 5,000 are allowed" in problems(tmp_path, *["{}"] * 5_001)[0]


def test_what_is_not_in_the_project_or_no_file_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "labels.jsonl").write_text(line(), encoding="utf-8")
    (inside / "link.jsonl").symlink_to(tmp_path / "labels.jsonl")
    for name in ("link.jsonl", "missing.jsonl", "."):
        with pytest.raises(DocumentError):
            read_labels(Path(name), root=inside)


@given(st.binary(max_size=200))
def test_any_bytes_are_labels_or_an_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    root = tmp_path_factory.mktemp("labels")
    (root / "labels.jsonl").write_bytes(content)
    with pytest.raises(DocumentError):
        read_labels(Path("labels.jsonl"), root=root)
