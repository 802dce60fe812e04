"""Suites and the files they name: hostile ones are refused at their place, at once, and never followed out."""

import json
import os
import time
from pathlib import Path

import pytest

from harness.edges.files.strict_json import read_json_file
from harness.edges.files.suites import MOST_TOOL_VALUES, load_case, load_suite
from harness.errors import DocumentError
from tests.support.hostile_files import ENDLESS_SCHEMAS, HEAD, MALFORMED_SCHEMAS

MOST_SECONDS = 1.0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "project" / "canaries").mkdir(parents=True)
    return tmp_path / "project"


def problems(root: Path, text: str, **files: str) -> list[str]:
    """Read one case beside those files, within the limit of CPU time."""
    folder = root / "canaries"
    (folder / "a.yaml").write_text(HEAD + text, encoding="utf-8")
    for name, content in files.items():
        (folder / f"{name}.json").write_text(content, encoding="utf-8")
    started = time.process_time()
    try:
        load_suite("canary", folder, root=root)
    except DocumentError as error:
        return [str(problem) for problem in error.problems]
    finally:
        assert time.process_time() - started < MOST_SECONDS
    return []


# --- schemas and tools ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ENDLESS_SCHEMAS)
def test_a_schema_that_could_hang_a_run_is_refused_at_its_place(root: Path, name: str) -> None:
    (said,) = problems(root, "expect: {json_schema: s.json}\n", s=json.dumps(ENDLESS_SCHEMAS[name]))
    assert said.startswith("canaries/s.json:")
    assert said.split(": ")[0].count(":") == 2


@pytest.mark.parametrize("name", MALFORMED_SCHEMAS)
@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("expect: {json_schema: f.json}\n", "", ""),
        ("tools: [f.json]\n", '{"name": "t", "parameters": ', "}"),
    ],
    ids=["schema", "tool"],
)
def test_a_malformed_schema_ends_in_a_problem_with_a_place(
    root: Path, name: str, text: str, before: str, after: str
) -> None:
    said = problems(root, text, f=before + MALFORMED_SCHEMAS[name] + after)
    refers = ("refer", "address", "no address", "standard", "file", "anchor", "two ", "half")
    if before and not said:
        # Where a tool's references lead, and what its patterns are, is for the provider to say.
        assert any(word in name for word in refers)
        return
    assert said
    for line in said:
        assert line.split(": ")[0].count(":") == 2, line
        assert line.startswith(("canaries/f.json:", "canaries/a.yaml:6:"))


def test_what_is_wrong_in_a_schema_written_inline_is_said_there(root: Path) -> None:
    text = "expect:\n  json_schema:\n    properties:\n      total: {type: nmber}\n"
    (said,) = problems(root, text)
    assert said.startswith("canaries/a.yaml:9:21: not a JSON Schema: 'nmber'")
    (said,) = problems(root, "expect:\n  json_schema: {properties: {a: {pattern: '(?=a)'}}}\n")
    assert said.startswith("canaries/a.yaml:7:43: not an RE2 pattern")


def test_a_file_that_two_cases_name_is_wrong_once(root: Path) -> None:
    (root / "canaries" / "b.yaml").write_text(
        HEAD.replace("id: a", "id: b") + "tools: [t.json]\n", encoding="utf-8"
    )
    assert problems(root, "tools: [t.json]\n", t="{]") == [
        "canaries/t.json:1:2: not JSON (Expecting property name enclosed in double quotes): mend it here"
    ]


def test_tools_are_only_as_large_as_they_can_be_checked(root: Path) -> None:
    fields = {f"f{n}": {"type": "string"} for n in range(900)}
    tool = json.dumps({"name": "t", "parameters": {"properties": fields}})
    assert problems(root, "tools: [t.json, t.json]\n", t=tool) == []
    (said,) = problems(root, "tools: [t.json, t.json, t.json]\n", t=tool)
    assert said.startswith(f"canaries/a.yaml:6:8: tools of 5,406 values, at most {MOST_TOOL_VALUES:,}")
    (first, *_) = problems(root, f"tools: [{', '.join(['t.json'] * 128)}]\n", t=tool)
    assert "comes after files of 10,000 values" in first


def test_a_right_file_has_its_values_at_their_places(root: Path) -> None:
    file = root / "canaries" / "t.json"
    file.write_text('{"a": [1, "x\\"y", {"b": null}],\n "c": -1.5e3}\n', encoding="utf-8")
    document = read_json_file(file, root=root)
    assert document.value == {"a": [1, 'x"y', {"b": None}], "c": -1500.0}
    places = {path: (place.line, place.column) for path, place in document.positions.items()}
    assert places == {
        (): (1, 1), ("a",): (1, 7), ("a", 0): (1, 8), ("a", 1): (1, 11), ("a", 2): (1, 19),
        ("a", 2, "b"): (1, 25), ("c",): (2, 7),
    }  # fmt: skip
    assert (document.keys["c",].line, document.keys["c",].column) == (2, 2)


# --- rules ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('expect: {checks: [{path: "$%s", equals: 1}]}\n' % (".a" * 30_000), "6:26"),
        ('expect: {checks: [{path: "$%s", equals: 1}]}\n' % (".a" * 200), "6:26"),
        ('expect: {checks: [{path: "%s$", equals: 1}]}\n' % ("(" * 60_000), "6:26"),
        ("expect: {{calls: {{items: [{}]}}}}\n".format(", ".join(["{name: f}"] * 900)), "6:25"),
        ("expect: {{checks: [{}]}}\n".format(", ".join(["{contains: x}"] * 900)), "6:18"),
        ("expect: {{checks: [{}]}}\n".format(", ".join(f"{{matches: '\\pL{{1,{n}}}x'}}" for n in range(1, 101))), "6:"),
        ("expect: {checks: [{matches: '%s'}]}\n" % ("(\\pL{1,100}|" * 40 + ")" * 40), "6:29"),
        ("expect: {{checks: [{}]}}\n".format(",".join(["1"] * 490_000)), "6:"),
        ("tools: %s\n" % ("[" * 100_000), "6:27"),
        ("".join(f"k{n}: 1\n" for n in range(60_000)), "9997:"),
    ],
    ids=["a long path", "a path of many parts", "brackets", "calls", "checks", "patterns", "a large pattern", "values",
         "levels", "keys"],
)  # fmt: skip
def test_rules_that_would_take_long_are_refused_at_their_place(root: Path, text: str, place: str) -> None:
    said = problems(root, text)
    assert said[0].startswith(f"canaries/a.yaml:{place}"), said[0]


def test_a_case_may_not_have_more_patterns_than_compile_at_once(root: Path) -> None:
    args = "{{{}}}".format(", ".join(f"a{n}: {{match: x}}" for n in range(3)))
    (said,) = problems(
        root, f"expect: {{calls: {{items: [{', '.join([f'{{name: f, args: {args}}}'] * 70)}]}}}}\n"
    )
    assert "210 patterns, at most 200" in said


# --- files that are none --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "end", ["/proc/kmsg", "/proc/self/mem", "/dev/zero", "/etc/hostname", "/", "named.json", "pipe", "folder"]
)
@pytest.mark.parametrize("named", ["named.json", "b.yaml"])
def test_what_a_link_leads_to_is_read_only_where_it_is_a_file_of_the_project(
    root: Path, end: str, named: str
) -> None:
    folder = root / "canaries"
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()
    os.symlink(named if end == "named.json" else end, folder / named)
    (said,) = problems(root, "tools: [named.json]\n" if named == "named.json" else "")
    assert said.startswith("canaries/a.yaml:6:9: the file " if named == "named.json" else "canaries/b.yaml: ")


@pytest.mark.parametrize(
    "name", ["/proc/kmsg", "../../outside.json", "/dev/zero", ".", "a" * 5000, "nosuch.json"]
)
def test_a_name_that_leads_out_or_nowhere_is_refused(root: Path, name: str) -> None:
    (root.parent / "outside.json").write_text("{}", encoding="utf-8")
    (said,) = problems(root, f"tools: ['{name}']\n")
    assert said.startswith("canaries/a.yaml:6:9: the file ")


def test_a_link_inside_the_project_is_followed(root: Path) -> None:
    (root / "shared.json").write_text('{"name": "t"}', encoding="utf-8")
    os.symlink("../shared.json", root / "canaries" / "t.json")
    assert problems(root, "tools: [t.json]\n") == []


def test_a_file_that_says_it_is_empty_is_not_read(root: Path) -> None:
    # The kernel's files have no size, and some wait until there is something to read.
    with pytest.raises(DocumentError, match="the file is empty"):
        load_case(Path("/proc/self/status"), root=Path("/"))


@pytest.mark.parametrize("place", ["link", "loop", "../outside", "a" * 5000])
def test_a_suite_lies_in_the_project(root: Path, place: str) -> None:
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "a.yaml").write_text(HEAD, encoding="utf-8")
    os.symlink(outside, root / "link")
    os.symlink("loop", root / "loop")
    with pytest.raises(DocumentError):
        load_suite("canary", root / place, root=root)
