"""What strict YAML takes, what it refuses, and the line and column it says so at."""

import os
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from harness.edges.files.document import Position
from harness.edges.files.reading import MOST_BYTES
from harness.edges.files.strict_yaml import Loader, parse_yaml, read_yaml
from harness.errors import DocumentError

# PyYAML without libyaml has only the slow one, so both must give the same.
LOADERS = [pytest.param(yaml.SafeLoader, id="python")]
if yaml.__with_libyaml__:
    LOADERS.append(pytest.param(yaml.CSafeLoader, id="libyaml"))

both_loaders = pytest.mark.parametrize("loader", LOADERS)


def places(text: str, loader: Loader = yaml.SafeLoader) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        parse_yaml(text, file="a.yaml", loader=loader)
    return [f"{problem.line}:{problem.column} {problem.message}" for problem in caught.value.problems]


@both_loaders
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: text", {"a": "text"}),
        ("---\na: 1\n...\n", {"a": 1}),
        ("a:\n- 1\n- -2\n- 0\n- 1.10\n- -0.5\n", {"a": [1, -2, 0, 1.1, -0.5]}),
        ("[true, false, null, ~]", [True, False, None, None]),
        ("a:\nb: ''\n", {"a": None, "b": ""}),
        ("a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
        ("a: >-\n  one\n  two\n", {"a": "one two"}),
        ("a: 'no'\nb: \"2027-02-21\"\nc: '010'\n", {"a": "no", "b": "2027-02-21", "c": "010"}),
        (
            "[2/3, 1.2.3, 12abc, none, nope, 22-30, NaN, v1e3]",
            ["2/3", "1.2.3", "12abc", "none", "nope", "22-30", "NaN", "v1e3"],
        ),
        ("[9223372036854775807, -9223372036854775808]", [2**63 - 1, -(2**63)]),
        ("'on': 1\n\"1\": 2\n'<<': 3\n'': 4\n", {"on": 1, "1": 2, "<<": 3, "": 4}),
        ("a: 1\r\nb:\r\n  - x\r\n  - z\r\n", {"a": 1, "b": ["x", "z"]}),
        ('a: "tab\\tline\\nend \\u2028 \\ud7ff"', {"a": "tab\tline\nend \u2028 \ud7ff"}),
        ("a: 'x\tz' # comment", {"a": "x\tz"}),
        ("größe: 日本 🙂", {"größe": "日本 🙂"}),
        ("a: http://x/y#z", {"a": "http://x/y#z"}),
        ("[" * 20 + "]" * 20, None),
    ],
)
def test_plain_documents_become_plain_data(text: str, value: JsonValue, loader: Loader) -> None:
    found = parse_yaml(text, file="a.yaml", loader=loader).value
    if value is not None:
        assert found == value
        assert repr(found) == repr(value)


@both_loaders
@pytest.mark.parametrize(
    ("scalar", "reading"),
    [
        *((word, "true or false") for word in ("y", "N", "yes", "No", "ON", "off", "True", "FALSE")),
        ("Null", "nothing"),
        ("NULL", "nothing"),
        ("2027-02-21", "a date"),
        ("2027-2-1", "a date"),
        ("2027-02-21 10:30:00", "a date"),
        ("2027-02-21T10:30:00.5Z", "a date"),
        ("22:30", "base 60"),
        ("1:30:00", "base 60"),
        ("-1:30.5", "base 60"),
        ("010", "another base"),
        ("00", "another base"),
        ("0x1f", "another base"),
        ("0b11", "another base"),
        ("0o17", "another base"),
        ("01.5", "another base"),
        ("+1", "a number to some"),
        ("1_000", "a number to some"),
        ("1e3", "a number to some"),
        ("1.0e+3", "a number to some"),
        (".5", "a number to some"),
        ("5.", "a number to some"),
        (".inf", "not a finite number"),
        ("-.Inf", "not a finite number"),
        (".NaN", "not a finite number"),
        ("9223372036854775808", "too large"),
        ("9" * 5000, "too long"),
        ("1" + "0" * 399 + ".0", "too long"),
        ("0." + "1" * 5000, "too long"),
        ("=", "a sign of its own"),
        ("<<", "a sign of its own"),
    ],
)
def test_what_yaml_reads_as_something_else_must_be_quoted(scalar: str, reading: str, loader: Loader) -> None:
    (problem,) = places(f"a:\n  - b\n  - {scalar}\n", loader)
    assert problem.startswith("3:5 ")
    assert reading in problem
    assert "quote it" in problem
    assert len(problem) < 200
    assert parse_yaml(f"'{scalar}'", file="a.yaml", loader=loader).value == scalar


@both_loaders
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", "3:1 key 'a' is already on line 1: delete or rename one"),
        ("x: {a: 1, 'a': 2}", "1:11 key 'a' is already on line 1: delete or rename one"),
        ("a: &b 1", "1:4 anchors are not allowed"),
        ("a: *b", "1:4 aliases are not allowed"),
        ("*b : 1", "1:1 aliases are not allowed"),
        ("a: !!str 1", "1:4 tags are not allowed"),
        ("a: !x [1]", "1:4 tags are not allowed"),
        ("!x a: 1", "1:1 tags are not allowed"),
        ("a: !x!y z", "1:4 tags are not allowed"),
        ("<<: {a: 1}", "1:1 '<<' is a sign of its own"),
        ("1: a", "1:1 a key must be text, this is 1: quote it"),
        ("1.5: a", "1:1 a key must be text, this is 1.5: quote it"),
        ("true: a", "1:1 a key must be text, this is true: quote it"),
        ("~: a", "1:1 a key must be text, this is nothing"),
        ("[a]: b", "1:1 a key must be text, this is a list"),
        ("? {a: 1}\n: b", "1:3 a key must be text, this is a mapping"),
        ("on: a", "1:1 'on' is true or false to YAML: quote it"),
        ("a: 1\n---\nb: 2\n", "2:1 a second document starts here"),
        ("%YAML 1.1\n---\na: 1\n", "1:1 directives such as %YAML are not allowed"),
        ("a: x\x07y", "1:5 the file holds the character \\x07"),
        ("a: 1\nb: x\x85y", "2:5 the file holds the character \\x85"),
        ("a: x\x7f", "1:5 the file holds the character \\x7f"),
        ("a: \x1b[31m", "1:4 the file holds the character \\x1b"),
        ("a: \ud800", "1:4 the file holds the character \\ud800"),
        ("a: 1\rb: 2", "1:5 the file holds a carriage return"),
        ("\ufeffa: 1", "1:1 the file holds a byte order mark"),
        ("a: x\u2028y", "1:5 U+2028 is a line end to YAML"),
        ('a: "\\x07"', "1:4 the text holds the character \\x07"),
        ('a: "\\r"', "1:4 the text holds the character \\r"),
        ('"\\e": 1', "1:1 the text holds the character \\x1b"),
        ("a: [1, 2\n", "1:4 the list or mapping that opens here lacks"),
        ("a: {b: [c}", "1:10 the list or mapping that opens here lacks"),
        ("a: [b\nc: 1", "2:2 the list or mapping that opens on line 1 lacks"),
        ("a: 'x\nb: 1\n", "1:4 the quote that opens here is never closed"),
        ('a: "\\q"', "1:4 an escape that does not exist"),
        ("a:\n\t- b", "2:1 a tab stands where YAML allows only spaces"),
        ("a: b: c", "1:5 a ':' or '-' stands where it cannot"),
        ("a: - b", "1:4 a ':' or '-' stands where it cannot"),
        ("a: @b", "1:4 text cannot start with this character"),
        ("a: **b**", "1:4 text that starts with '*' or '&' must be quoted"),
        ("a: 1\nbcd\nc: 2", "2:1 this line has no ': ' after its key"),
        ("a:\n  - b\n - c", "3:2 this does not fit the lines above"),
        ('a: "b" c', "1:8 this does not fit the lines above"),
        ("a: >x\n b", "1:5 only a line end may follow"),
        ("a: ]", "1:4 a value is missing here"),
    ],
)
def test_every_other_surprise_is_refused_at_its_place(text: str, expected: str, loader: Loader) -> None:
    assert expected in places(text, loader)[0]


@both_loaders
def test_half_a_character_is_refused_as_an_escape_too(loader: Loader) -> None:
    (problem,) = places('a: 1\nb: "\\ud800"\n', loader)
    assert problem.startswith("2:4 ")


@both_loaders
@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "~", "null\n"])
def test_an_empty_file_is_a_problem_of_the_whole_file(text: str, loader: Loader) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_yaml(text, file="a.yaml", loader=loader)
    assert str(caught.value).startswith("a.yaml: the file is empty")


@both_loaders
def test_all_problems_of_a_file_come_at_once_in_order(loader: Loader) -> None:
    text = "a: no\nb: &x 1\nc:\n  - *x\n  - 010\na: !!int 5\n2: 22:30\nd: [1, 2\n"
    found = places(text, loader)
    assert [problem.split(" ")[0] for problem in found] == [
        "1:4",
        "2:4",
        "4:5",
        "5:5",
        "6:1",
        "6:4",
        "7:1",
        "7:4",
        "8:4",
    ]


@both_loaders
def test_every_value_and_key_has_its_place(loader: Loader) -> None:
    document = parse_yaml("# head\na:\n  b: [x, 'é', {c: 1}]\n  d:\n", file="a.yaml", loader=loader)
    at = {path: (place.line, place.column) for path, place in document.positions.items()}
    assert at == {
        (): (2, 1),
        ("a",): (3, 3),
        ("a", "b"): (3, 6),
        ("a", "b", 0): (3, 7),
        ("a", "b", 1): (3, 10),
        ("a", "b", 2): (3, 15),
        ("a", "b", 2, "c"): (3, 19),
        ("a", "d"): (4, 5),
    }
    assert document.keys["a", "b", 2, "c"] == Position(line=3, column=16)
    assert str(document.problem(("a", "d", "e"), "missing")) == "a.yaml:4:5: missing"
    assert str(document.problem(("a", "d"), "unknown", at_key=True)) == "a.yaml:4:3: unknown"


def test_windows_line_ends_do_not_move_places() -> None:
    unix = "a: 1\nb:\n  - x\n  - {c: 'd'}\n"
    windows = parse_yaml(unix.replace("\n", "\r\n"), file="a.yaml")
    assert windows.positions == parse_yaml(unix, file="a.yaml").positions


SAFE_TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff\ufeff")
    | st.sampled_from("\t\n")
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | SAFE_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SAFE_TEXT, inner, max_size=4),
    max_leaves=20,
)


class _Quoting(yaml.SafeDumper):
    """Quotes every text."""


_Quoting.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
)


@given(JSON, st.booleans())
@settings(max_examples=200, deadline=None)
def test_what_is_dumped_with_quotes_loads_equal(value: JsonValue, flow: bool) -> None:
    value = {"root": value}
    # Aliases would come from a list that hypothesis uses twice.
    _Quoting.ignore_aliases = lambda self, data: True  # type: ignore[method-assign]
    text = yaml.dump(value, Dumper=_Quoting, default_flow_style=flow, allow_unicode=False, width=10**6)
    for loader in (yaml.SafeLoader, *([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])):
        found = parse_yaml(text, file="a.yaml", loader=loader)
        assert found.value == value


@given(st.decimals(-(10**9), 10**9, places=4).map(float))
def test_plain_decimals_load_equal(number: float) -> None:
    text = f"{number:.4f}"
    assert parse_yaml(text, file="a.yaml").value == number


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_loads_or_is_refused(text: str) -> None:
    try:
        document = parse_yaml(text, file="a.yaml")
    except DocumentError as error:
        assert error.problems
        assert all(problem.message for problem in error.problems)
    else:
        assert document.value is not None


@given(st.text("[]{}:,-?&*!|>'\"%@`#~ \n\tab0.", max_size=40))
@settings(max_examples=500, deadline=None)
def test_any_punctuation_loads_or_is_refused_by_both_loaders(text: str) -> None:
    for loader in (yaml.SafeLoader, *([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])):
        try:
            parse_yaml(text, file="a.yaml", loader=loader)
        except DocumentError as error:
            assert all(problem.line <= text.count("\n") + 2 for problem in error.problems)


@both_loaders
@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{" * 100_000,
        "- " * 50_000,
        "? " * 50_000,
        "{a: " * 30_000,
        "".join(f"{' ' * level}a:\n" for level in range(400)),
        "[" * 21 + "]" * 21,
    ],
)
def test_deep_nesting_is_refused_before_it_costs_anything(text: str, loader: Loader) -> None:
    (problem,) = places(text, loader)
    assert "nested more than 20 levels" in problem


def test_a_billion_laughs_are_refused_unlaughed() -> None:
    lines = ["a0: &a0 [lol, lol]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 30))]
    found = places("\n".join(lines))
    assert len(found) == 30 + 29 * 2


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "1" * 900_000 + "x",
        "a: " + "1:" * 450_000 + "x",
        "a: " + "sk-" * 300_000,
        "[" + "a," * 9_000 + "]",
        "- x\n" * 9_000,
    ],
)
@pytest.mark.timeout(20)
def test_a_large_file_takes_seconds_at_most(text: str) -> None:
    assert parse_yaml(text, file="a.yaml").value


@both_loaders
@pytest.mark.parametrize("text", ["[" + "1," * 490_000 + "]", "- x\n" * 240_000, "- {}\n" * 190_000])
def test_more_values_than_a_case_can_need_are_refused_before_they_cost_anything(
    text: str, loader: Loader
) -> None:
    started = time.process_time()
    (problem,) = places(text, loader)
    assert "more than 10,000 values" in problem
    # The slow loader takes some 100 us a value; it is not what anybody gets who installs a wheel.
    assert time.process_time() - started < (1 if loader is yaml.CSafeLoader else 5)


def test_a_binary_file_gives_one_problem_a_character() -> None:
    assert len(places("\x00\x01" * 10_000)) == 2


def test_a_text_over_one_megabyte_is_refused() -> None:
    with pytest.raises(DocumentError, match=r"^a\.yaml: is larger than 1 MB"):
        parse_yaml("é" * (MOST_BYTES // 2 + 1), file="a.yaml")


def test_messages_show_neither_keys_nor_long_or_steering_texts() -> None:
    text = '"sk-ant-api03-abcdefgh12345678": 1\n"sk-ant-api03-abcdefgh12345678": 2\n"x\u202e\u200b": 1\n"x\u202e\u200b": 2\n'
    first, second = places(text + f"{'k' * 100}: 1\n{'k' * 100}: 2\n")[:2]
    assert "abcdefgh" not in first
    assert "'x\\u202e\\u200b'" in second
    assert "k" * 61 not in places(f"{'k' * 100}: 1\n{'k' * 100}: 2\n")[0]


def test_a_file_is_named_relative_to_the_root(tmp_path: Path) -> None:
    (tmp_path / "canaries").mkdir()
    (tmp_path / "canaries" / "pay.yaml").write_text("a: no\n")
    for path in (Path("canaries/pay.yaml"), tmp_path / "canaries" / "pay.yaml"):
        with pytest.raises(DocumentError, match=r"^canaries/pay\.yaml:1:4: 'no'"):
            read_yaml(path, root=tmp_path)


def test_a_good_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes("a: é\r\n".encode())
    document = read_yaml(tmp_path / "a.yaml", root=tmp_path)
    assert (document.file, document.value) == ("a.yaml", {"a": "é"})


def test_a_link_inside_the_root_is_followed_and_one_out_of_it_is_not(tmp_path: Path) -> None:
    root = tmp_path / "repo"
    root.mkdir()
    (tmp_path / "out.yaml").write_text("a: 1\n")
    (root / "in.yaml").write_text("a: 1\n")
    (root / "near.yaml").symlink_to("in.yaml")
    (root / "far.yaml").symlink_to("../out.yaml")
    (root / "folder").symlink_to(tmp_path)
    assert read_yaml(root / "near.yaml", root=root).value == {"a": 1}
    for name in ("far.yaml", "folder/out.yaml", "../out.yaml"):
        with pytest.raises(DocumentError, match="outside the repository, or links out of it"):
            read_yaml(root / name, root=root)


def test_a_root_behind_a_link_is_a_root(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.yaml").write_text("a: 1\n")
    (tmp_path / "link").symlink_to("real")
    assert read_yaml(tmp_path / "link" / "a.yaml", root=tmp_path / "link").file == "a.yaml"


def test_what_is_no_readable_file_is_a_problem(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    (tmp_path / "large.yaml").write_bytes(b"a" * (MOST_BYTES + 1))
    expected = {
        "pipe.yaml": "is not a regular file",
        "folder.yaml": "cannot be read",
        "loop.yaml": "cannot be read",
        "absent.yaml": "cannot be read (No such file or directory)",
        "a\x00b.yaml": "cannot be read",
        "large.yaml": "is larger than 1 MB",
    }
    for name, message in expected.items():
        with pytest.raises(DocumentError) as caught:
            read_yaml(tmp_path / name, root=tmp_path)
        assert message in str(caught.value), name


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a: 1\nb: caf\xe9\n", "a.yaml:2:7: byte 0xe9 is not UTF-8"),
        ("a: 1\n".encode("utf-16"), "a.yaml:1:1: byte 0xff is not UTF-8"),
        (b"\xef\xbb\xbfa: 1\n", "a.yaml:1:1: the file holds a byte order mark"),
        (b"a: \xed\xa0\x80\n", "a.yaml:1:4: byte 0xed is not UTF-8"),
    ],
)
def test_what_is_not_plain_utf8_is_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "a.yaml").write_bytes(content)
    with pytest.raises(DocumentError) as caught:
        read_yaml(tmp_path / "a.yaml", root=tmp_path)
    assert str(caught.value).startswith(expected)
