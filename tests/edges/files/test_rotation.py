"""A case may replace one other, and an id is never used again."""

from pathlib import Path

import pytest

from harness.edges.files.suites import load_suite
from harness.errors import DocumentError

CASE = """\
id: {id}
kind: edge
why: To be replaced, or to replace.
review_by: "2027-02-21"
messages: [{{role: user, content: "Say {id}."}}]
"""


def suite(root: Path, cases: dict[str, str | None], retired: str | None = None) -> list[str]:
    """Write cases with what they replace, and return what is wrong with them."""
    folder = root / "canaries"
    folder.mkdir()
    for id_, old in cases.items():
        line = f"replaces: {old}\n" if old is not None else ""
        (folder / f"{id_}.yaml").write_text(CASE.format(id=id_) + line, encoding="utf-8")
    if retired is not None:
        (folder / "retired.txt").write_text(retired, encoding="utf-8")
    try:
        load_suite("canary", folder, root=root)
    except DocumentError as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("cases", "retired"),
    [
        ({"old": None, "new": "old"}, None),
        ({"new": "old"}, "old 2026-11-21 new\n"),
        ({"newest": "new", "new": "old"}, "old 2026-11-21 new\n"),
        ({"a": None, "b": None, "c": "a", "d": "b"}, None),
        ({"a": None}, ""),
    ],
)
def test_what_may_be(tmp_path: Path, cases: dict[str, str | None], retired: str | None) -> None:
    assert suite(tmp_path, cases, retired) == []


@pytest.mark.parametrize(
    ("cases", "retired", "said"),
    [
        (
            {"old": None, "new": "odl"},
            None,
            "new.yaml: replaces 'odl', which is no case of this suite and never was",
        ),
        ({"new": "new"}, None, "new.yaml: a case cannot replace itself"),
        ({"a": "b", "b": "a"}, None, "a.yaml: replaces 'b', which has yet to replace another case itself"),
        ({"a": None, "b": "a", "c": "b"}, None, "c.yaml: replaces 'b', which has yet to replace another"),
        ({"a": None, "b": "a", "c": "a"}, None, "c.yaml: replaces 'a', and so does 'b'"),
        (
            {"old": None},
            "old 2026-11-21 new\n",
            "old.yaml: the id 'old' was retired, and an id is never reused",
        ),
        ({"a": None}, "old\n", "retired.txt:1:1: expected OLD-ID DATE NEW-ID"),
        ({"a": None}, "x 2026-11-21 y\nx 2026-11-22 z\n", "retired.txt:2:1: this case was retired before"),
        ({"a": None, "b": "Nonsense Id"}, None, "b.yaml"),
    ],
)
def test_what_may_not_be(
    tmp_path: Path, cases: dict[str, str | None], retired: str | None, said: str
) -> None:
    found = suite(tmp_path, cases, retired)
    assert any(f"canaries/{said}" in problem for problem in found), found


def test_a_link_is_no_list_of_retired_cases(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("a 2026-11-21 b\n")
    (tmp_path / "canaries").mkdir()
    (tmp_path / "canaries" / "retired.txt").symlink_to("../elsewhere")
    (tmp_path / "canaries" / "c.yaml").write_text(CASE.format(id="c"), encoding="utf-8")
    with pytest.raises(DocumentError, match=r"retired\.txt: cannot be read"):
        load_suite("canary", tmp_path / "canaries", root=tmp_path)


def test_a_golden_task_replaces_nothing(tmp_path: Path) -> None:
    (tmp_path / "golden").mkdir()
    task = 'id: t\ntask: Answer in a word.\nreview_by: "2027-02-21"\ninput: {turns: [{user: Hello.}]}\nreplaces: s\n'
    (tmp_path / "golden" / "t.yaml").write_text(task, encoding="utf-8")
    with pytest.raises(DocumentError, match="replaces: only for a canary"):
        load_suite("golden", tmp_path / "golden", root=tmp_path)
