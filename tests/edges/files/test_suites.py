"""Suites and the files they name: hostile ones are refused at their place, at once, and never followed out."""

import json
import os
import time
from pathlib import Path

import pytest

from harness.edges.files.named_files import MOST_SUITE_BYTES, files_named_in
from harness.edges.files.reading import MOST_BYTES
from harness.edges.files.strict_json import read_json_file
from harness.edges.files.suites import (
    MOST_CASES,
    MOST_PROBLEMS,
    MOST_TOOL_VALUES,
    case_files,
    load_case,
    load_suite,
)
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


TASK = """\
id: refund
task: Answer a question about a refund.
prompt: {prompt}
input: {{vars: {{tier: gold}}, turns: [{{user: "Where is my money?"}}]}}
review_by: "2027-02-21"
"""


def task_file(
    root: Path, prompt: str = "prompts/support.md", text: str = "You help {{ tier }} customers.\n"
) -> Path:
    (root / "prompts").mkdir()
    (root / "prompts" / "support.md").write_text(text, encoding="utf-8", newline="\n")
    (root / "golden").mkdir()
    path = root / "golden" / "refund.yaml"
    path.write_text(TASK.format(prompt=prompt), encoding="utf-8", newline="\n")
    return path


def test_a_prompt_file_is_read_from_the_root_and_rendered(tmp_path: Path) -> None:
    case = load_case(task_file(tmp_path), root=tmp_path)
    assert case.prompt is not None
    assert (case.prompt.path, case.prompt.rendered) == ("prompts/support.md", "You help gold customers.\n")
    assert case.prompt.text == "You help {{ tier }} customers.\n"


@pytest.mark.parametrize(
    "prompt",
    [
        "{path: prompts/support.md, text: What is compared., rendered: What is sent.}",
        "[prompts/support.md]",
        "../outside.md",
        "/etc/hostname",
        "prompts",
        "prompts/none.md",
    ],
)
def test_a_prompt_is_a_file_of_the_project_and_nothing_else(tmp_path: Path, prompt: str) -> None:
    with pytest.raises(DocumentError, match=r"golden/refund\.yaml:3"):
        load_case(task_file(tmp_path, prompt=prompt), root=tmp_path)


def beside_task(root: Path) -> dict[str, Path]:
    """Write a task with everything that it names; return what could be a link in their place."""
    path = task_file(root)
    with path.open("a", encoding="utf-8") as file:
        file.write("tools: [tools/t.json]\nexpect: {json_schema: schemas/s.json}\n")
    for name, text in (("tools/t.json", '{"name": "t"}'), ("schemas/s.json", '{"type": "object"}')):
        (path.parent / name).parent.mkdir()
        (path.parent / name).write_text(text, encoding="utf-8")
    golden = path.parent
    return {
        "prompt": root / "prompts" / "support.md",
        "prompt folder": root / "prompts",
        "tool": golden / "tools" / "t.json",
        "tool folder": golden / "tools",
        "schema": golden / "schemas" / "s.json",
        "schema folder": golden / "schemas",
        "task": path,
        "suite": golden,
    }


@pytest.mark.parametrize(
    "which",
    ["prompt", "prompt folder", "tool", "tool folder", "schema", "schema folder", "task", "suite"],
)
def test_nothing_that_a_task_is_made_of_is_a_link(tmp_path: Path, which: str) -> None:
    root = tmp_path / "project"
    root.mkdir()
    place = beside_task(root)[which]
    assert len(load_suite("golden", root / "golden", root=root).cases) == 1
    (root / "elsewhere").mkdir()
    moved = place.rename(root / "elsewhere" / place.name)
    place.symlink_to(os.path.relpath(moved, place.parent))
    with pytest.raises(DocumentError, match=r"is a link: put the (file|folder) itself there"):
        load_suite("golden", root / "golden", root=root)
    # Whoever asks by names alone whether a change has to do with the suite looks behind the link, too.
    named = files_named_in(case_files(root / "golden", root=root), root=root)
    behind = [name for name in named if name.startswith("elsewhere/")]
    assert behind or which == "suite"


def test_a_link_that_is_left_again_is_a_link_all_the_same(tmp_path: Path) -> None:
    root = tmp_path / "project"
    (root / "deep" / "er").mkdir(parents=True)
    (root / "deep" / "support.md").write_text("Hello.", encoding="utf-8")
    path = task_file(root, prompt="prompts/way/../support.md")
    (root / "prompts" / "way").symlink_to("../deep/er")
    with pytest.raises(DocumentError, match=r"refund\.yaml:3.*is a link"):
        load_case(path, root=root)


def test_a_project_behind_a_link_has_tasks_like_any_other(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    beside_task(root)
    (tmp_path / "alias").symlink_to("project")
    alias = tmp_path / "alias"
    assert len(load_suite("golden", alias / "golden", root=alias).cases) == 1


@pytest.mark.parametrize("named", [".git/config", "prompts/.env", "prompts/.private/a.md", "prompts/../.env"])
def test_a_prompt_is_no_hidden_file(tmp_path: Path, named: str) -> None:
    path = task_file(tmp_path, prompt=named)
    place = tmp_path / named
    place.parent.mkdir(exist_ok=True)
    place.write_text("secret-content", encoding="utf-8")
    with pytest.raises(DocumentError, match=r"refund\.yaml:3.*begins with a dot") as caught:
        load_case(path, root=tmp_path)
    assert "secret-content" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["tools: [{}]\n", "expect: {{json_schema: {}}}\n"], ids=["a tool", "a schema"]
)
@pytest.mark.parametrize("named", ["../.git/config.json", ".hidden.json", "link.json"])
def test_no_case_names_a_hidden_file_nor_a_link_to_one(root: Path, text: str, named: str) -> None:
    for place in (root / ".git" / "config.json", root / "canaries" / ".hidden.json"):
        place.parent.mkdir(exist_ok=True)
        place.write_text('{"name": "t"}', encoding="utf-8")
    (root / "canaries" / "link.json").symlink_to("../.git/config.json")
    (said,) = problems(root, text.format(named))
    assert "begins with a dot" in said


def test_the_path_of_a_prompt_is_written_in_one_way(tmp_path: Path) -> None:
    case = load_case(task_file(tmp_path, prompt="./prompts//../prompts/support.md"), root=tmp_path)
    assert case.prompt is not None
    assert case.prompt.path == "prompts/support.md"


def test_what_is_wrong_in_a_prompt_file_is_said_of_that_file(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"prompts/support.md:2:\d+.*customer"):
        load_case(task_file(tmp_path, text="Hello.\n{{ customer }}\n"), root=tmp_path)


def test_a_canary_and_a_task_do_not_mix(tmp_path: Path) -> None:
    path = task_file(tmp_path)
    path.with_name("canary.yaml").write_text(
        "id: canary\nkind: edge\nwhy: Something to compare.\nreview_by: '2027-02-21'\n"
        "messages: [{role: user, content: Hello}]\n",
        encoding="utf-8",
    )
    with pytest.raises(DocumentError, match="do not mix"):
        load_suite("golden", path.parent, root=tmp_path)


# --- how large a suite may be -----------------------------------------------------------------------


def sparse(path: Path, size: int) -> None:
    """Make a file that takes no room on disk."""
    with path.open("wb") as file:
        file.truncate(size)


def suite_problems(root: Path) -> list[str]:
    started = time.process_time()
    with pytest.raises(DocumentError) as caught:
        load_suite("canary", root / "canaries", root=root)
    assert time.process_time() - started < 2 * MOST_SECONDS
    return [str(problem) for problem in caught.value.problems]


def test_more_cases_than_a_suite_may_have_are_refused_before_any_is_read(root: Path) -> None:
    for number in range(MOST_CASES + 1):
        (root / "canaries" / f"c{number}.yaml").touch()
    said = "canaries: 20,001 cases, at most 20,000 are allowed: split the suite"
    assert suite_problems(root) == [said]
    (root / "canaries" / "c0.yaml").unlink()
    assert suite_problems(root)[0].startswith("canaries: 1,000 problems in 1,000 of 20,000 cases")


def test_more_bytes_than_a_suite_may_have_are_refused_before_any_is_read(root: Path) -> None:
    count = MOST_SUITE_BYTES // MOST_BYTES
    for number in range(count):
        (root / "canaries" / f"c{number}.yaml").write_bytes(b" " * MOST_BYTES)
    assert {place.split(":")[0] for place in suite_problems(root)} == {
        f"canaries/c{number}.yaml" for number in range(count)
    }
    (root / "canaries" / "one-more.yaml").write_text("x", encoding="utf-8")
    said = "canaries: cases of 32,000,001 bytes, at most 32,000,000 are allowed: split the suite"
    assert suite_problems(root) == [said]


def test_a_file_that_is_refused_for_its_own_size_is_what_has_to_be_mended(root: Path) -> None:
    for number in range(40):
        sparse(root / "canaries" / f"c{number:02d}.yaml", MOST_BYTES + 1)
    said = [f"canaries/c{n:02d}.yaml: is larger than 1 MB: split it into several files" for n in range(40)]
    assert suite_problems(root) == said


def test_a_file_counts_as_often_as_it_is_named(root: Path) -> None:
    (root / "canaries" / "t.json").write_text(" " * MOST_BYTES, encoding="utf-8")
    for number in range(40):
        text = HEAD.replace("id: a", f"id: c{number:02d}") + "tools: [t.json, t.json]\n"
        (root / "canaries" / f"c{number:02d}.yaml").write_text(text, encoding="utf-8")
    over, own = suite_problems(root)
    # 31 readings fit beside the cases themselves: the second name of the sixteenth case is over.
    assert over == (
        "canaries/c15.yaml:6:17: the file 't.json' takes the suite over 32,000,000 bytes: "
        "name smaller files, or split the suite"
    )
    assert own.startswith("canaries/t.json:1:")


def test_a_small_file_named_thousands_of_times_is_refused_at_once(root: Path) -> None:
    tool = '{"name": "t", "parameters": {"a": 1, "b": 2}}'  # five values
    said = problems(root, f"tools: [{', '.join(['t.json'] * 9_000)}]\n", t=tool)
    assert "has 9000 items, at most 128 are allowed" in said[0]
    assert sum("comes after files of 10,000 values" in one for one in said) == 9_000 - 2_001


def test_after_a_thousand_problems_the_other_cases_are_not_read(root: Path) -> None:
    wrong = HEAD + "".join(f"k{number}: 1\n" for number in range(MOST_PROBLEMS))
    for name in ("a", "b"):
        (root / "canaries" / f"{name}.yaml").write_text(
            wrong.replace("id: a", f"id: {name}"), encoding="utf-8"
        )
    said = suite_problems(root)
    assert said[0] == "canaries: 1,000 problems in 1 of 2 cases: mend these first"
    assert {place.split(":")[0] for place in said[1:]} == {"canaries/a.yaml"}
    (root / "canaries" / "b.yaml").unlink()
    assert len(suite_problems(root)) == MOST_PROBLEMS, "and the last case has none after it"
