"""What a determined tester would write by hand: texts for every parser, values for every place in a document."""

import codecs
import copy
import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping

import yaml

from tests.fuzz.documents import KEY

Content = Callable[[], bytes]
"""Made when it is needed: some are megabytes."""


def _text(text: str) -> Content:
    return lambda: text.encode("utf-8", "surrogatepass")


def _bytes(content: bytes) -> Content:
    return lambda: content


def _run(unit: str, size: int = 900_000) -> Content:
    return lambda: (unit * (size // len(unit.encode()) + 1)).encode()[:size]


_UNITS = (
    *(
        "[",
        "{",
        "(",
        '"',
        "'",
        "\\",
        "- ",
        "? ",
        ": ",
        "a: ",
        "\n",
        "\t",
        " ",
        "#",
        "*",
        "&",
        "!",
        "!!a ",
        "|",
    ),
    *(
        ">",
        "%",
        "@",
        "`",
        ",",
        "$",
        "0",
        "9",
        "-",
        "~",
        "a",
        "A1",
        "é",
        "\u0301",
        "\u200b",
        "\U0001f600",
        "e+",
    ),
    *(
        "{{",
        "{%",
        "{#",
        "{{a}}",
        "[]",
        "[],",
        "{},",
        "1,",
        "null,",
        '"",',
        "[[",
        '{"a":',
        '[{"a":',
        '{"a":1}\n',
    ),
    *(
        "{}\n",
        "x\n",
        "---\n",
        "...\n",
        "a: 1\n",
        "- a\n",
        "<<<<<<< a\n",
        "A=1\n",
        "\r",
        "\r\n",
        "\0",
        "\x1b[2J",
    ),
    *(
        "[a, ",
        "{a: ",
        "- - ",
        "a: b: ",
        "*a ",
        "&a ",
        "? a\n",
        "=\n",
        "sk-",
        "bearer ",
        "eyJa.",
        "://a:",
        "\ufffd",
    ),
)
UNITS: Mapping[str, Content] = {
    **{f"900 KB of {unit!r}": _run(unit) for unit in _UNITS},
    "a list of 900 KB": lambda: b"[" + b"1," * 450_000 + b"1]",
    "lists in a list": lambda: b"[" + b"[]," * 300_000 + b"1]",
    "objects in a list": lambda: b"[" + b"{}," * 300_000 + b"1]",
    "a text of 900 KB": lambda: b'"' + b"a" * 900_000 + b'"',
    "a text of escapes": lambda: b'"' + b"\\u0041" * 150_000 + b'"',
    "an object of 100,000 names": lambda: b"{" + b",".join(b'"k%d":1' % n for n in range(100_000)) + b"}",
    "a name of 900 KB": lambda: b'{"' + b"k" * 900_000 + b'": 1}',
    "a number of 900 KB": lambda: b"1" * 900_000,
    "a fraction of 900 KB": lambda: b"0." + b"1" * 900_000,
    "a mapping of 100,000 lines": lambda: b"".join(b"k%d: 1\n" % n for n in range(80_000)),
    "a name of 900 KB in a mapping": lambda: b"k" * 900_000 + b": 1\n",
    "50 names of 18 KB": lambda: b"".join(b"%d" % n + b"k" * 18_000 + b": 1\n" for n in range(50)),
    "a deep block": lambda: b"".join(b" " * n + b"a:\n" for n in range(1_300)),
    "a deep sequence": lambda: b"- " * 400_000 + b"a",
    "a deep question": lambda: b"? " * 400_000 + b"a",
    "a million spaces and a tab": lambda: b"a:" + b" " * 900_000 + b"\tb",
    "one long plain text on many lines": lambda: b"a: b\n" + b"  b\n" * 200_000,
    "one long folded text": lambda: b"a: >\n" + b"  b\n\n" * 150_000,
    "quotes on many lines": lambda: b'a: "' + b"b\n\n  " * 150_000 + b'"',
    "a comment of 900 KB": lambda: b"#" + b"a" * 900_000,
    "a megabyte and a byte": lambda: b"#" * 1_000_001,
    "three megabytes": lambda: b"{" + b" " * 3_000_000 + b"}",
    "gzip of a million zeros": lambda: gzip.compress(b"\0" * 1_000_000),
    "gzip, cut off": lambda: gzip.compress(b"{}" * 1000)[:-5],
    "gzip of gzip": lambda: gzip.compress(gzip.compress(b"{}")),
    "deflate": lambda: zlib.compress(b"{}"),
}
"""Large, so that what is slow by its square shows."""

_BOMB = "a: &a [x,x,x]\n" + "".join(
    f"{b}: &{b} [*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a}]\n"
    for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
TEXTS: Mapping[str, Content] = {
    "nothing": _text(""),
    "a space": _text(" "),
    "a line end": _text("\n"),
    "a NUL": _bytes(b"\0"),
    "a byte order mark": _bytes(codecs.BOM_UTF8),
    "a byte order mark before an object": _bytes(codecs.BOM_UTF8 + b"{}"),
    "two byte order marks": _bytes(codecs.BOM_UTF8 * 2 + b"{}"),
    "UTF-16": lambda: "id: a\n{}".encode("utf-16"),
    "UTF-16, big end first": lambda: "id: a\n{}".encode("utf-16-be"),
    "UTF-16 without a mark": lambda: '{"a": 1}'.encode("utf-16-le"),
    "UTF-32": lambda: "id: a\n{}".encode("utf-32"),
    "UTF-32, big end first": lambda: '{"a": 1}'.encode("utf-32-be"),
    "UTF-7": _bytes(b"+AHs-}"),
    "latin-1": _bytes("id: \xe9\n".encode("latin-1")),
    "an overlong slash": _bytes(b"\xc0\xaf"),
    "an overlong NUL": _bytes(b"\xc0\x80"),
    "an overlong quote": _bytes(b"\xe0\x80\xa2"),
    "half a character": _bytes(b"\xed\xa0\x80"),
    "two halves": _bytes(b"\xed\xa0\xbd\xed\xb8\x80"),
    "past Unicode": _bytes(b"\xf4\x90\x80\x80"),
    "five bytes": _bytes(b"\xf8\x88\x80\x80\x80"),
    "half an emoji": _bytes("\U0001f600".encode()[:3]),
    "0xFF": _bytes(b"\xff"),
    "0xFE 0xFF": _bytes(b"\xfe\xff"),
    "every byte": _bytes(bytes(range(256))),
    "every byte, turned": _bytes(bytes(range(255, -1, -1))),
    "C0": _text("".join(map(chr, range(1, 32)))),
    "C1": _text("".join(map(chr, range(0x7F, 0xA0)))),
    "colours": _text("a: \x1b[31mred\x1b[0m"),
    "a terminal's title": _text("\x1b]0;x\x07"),
    "bidi": _text("a: \u202eevil\u202c \u2066x\u2069"),
    "zero width": _text("\u200b\u200c\u200d\u2060\ufeff: 1"),
    "U+2028": _text("a: x\u2028b: y\u2029"),
    "next line": _text("a: x\x85b: y"),
    "not characters": _text("\ufffe\uffff\U0001ffff"),
    "private use": _text("\ue000\U0010fffd"),
    "marks on marks": _text("a" + "\u0301" * 5_000),
    "full-width braces": _text("｛＂a＂：1｝"),
    "digits of another script": _text('{"a": ١٢٣}'),
    "a workflow command": _text("::error file=x::gone\n##[group]z\n::add-mask::y"),
    "a percent sign": _text("%s%n%x%(a)s{0}{}{a.b}"),
    "a script": _text("<script>alert(1)</script>"),
    "a command": _text("$(touch x) `touch x` ; touch x"),
    "a key": _text(KEY),
    "a key as a name": _text(f"{KEY}: 1\n"),
    "a key as a value": _text(f"id: {KEY}\n"),
    "a key in JSON": lambda: json.dumps({KEY: KEY}).encode(),
    "a key in a list": lambda: json.dumps([KEY]).encode(),
    "a key in an assignment": _text(KEY + "\n"),
    "merge markers": _text("<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> other\n"),
    "a merge with its base": _text("<<<<<<< a\n||||||| b\n=======\n>>>>>>> c\n"),
    "a list": _text("[]"),
    "an object": _text("{}"),
    "a list of an object": _text("[{}]"),
    "an object that ends twice": _text("{}}"),
    "two objects": _text("{}{}"),
    "two objects on lines": _text("{}\n{}\n"),
    "an object and more": _text("{} x"),
    "a name without a value": _text('{"a"}'),
    "a name without a colon": _text('{"a" 1}'),
    "a comma at the end": _text('{"a": 1,}'),
    "a comma in a list": _text("[1,]"),
    "a comma alone": _text(","),
    "single quotes": _text("{'a': 1}"),
    "a comment in JSON": _text('{"a": 1} // x'),
    "a block comment": _text('/* x */{"a": 1}'),
    "a name twice": _text('{"a": 1, "a": 2}'),
    "a name twice, escaped": _text('{"a": 1, "\\u0061": 2}'),
    "a name twice, composed": _text('{"\u00e9": 1, "e\u0301": 2}'),
    "an empty name": _text('{"": 1}'),
    "a name of half a character": _text('{"\\ud800": 1}'),
    "a text of half a character": _text('{"id": "\\udc00"}'),
    "an escaped NUL": _text('{"id": "\\u0000"}'),
    "an escape that is none": _text('{"id": "\\x41"}'),
    "an escape cut off": _text('{"id": "\\u00'),
    "a text that does not end": _text('{"id": "a'),
    "a line end in a text": _text('{"id": "a\nb"}'),
    "true": _text("true"),
    "True": _text("True"),
    "null": _text("null"),
    "a tilde": _text("~"),
    "NaN": _text("NaN"),
    "Infinity": _text("-Infinity"),
    "inside: NaN": _text('{"a": NaN}'),
    "inside: Infinity": _text('{"a": [-Infinity]}'),
    "1e400": _text("1e400"),
    "inside: 1e400": _text('{"a": 1e400}'),
    "-0": _text("-0"),
    "01": _text("01"),
    "1.": _text("1."),
    ".5": _text(".5"),
    "0x1F": _text("0x1F"),
    "1_000": _text("1_000"),
    "a number of 5,000 digits": lambda: b"9" * 5_000,
    "inside: a number of 5,000 digits": lambda: b'{"a": ' + b"9" * 5_000 + b"}",
    "inside: a number of 4,300 digits": lambda: b'{"a": ' + b"9" * 4_300 + b"}",
    "inside: a fraction of 5,000 digits": lambda: b'{"a": 0.' + b"9" * 5_000 + b"}",
    "an exponent of 5,000 digits": lambda: b'{"a": 1e' + b"9" * 5_000 + b"}",
    "a text": _text('"text"'),
    "words": _text("just some words"),
    "HTML": _text("<!DOCTYPE html><html><body>502 Bad Gateway</body></html>"),
    "XML": _text('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
    "INI": _text("[section]\na=1\n"),
    "TOML": _text('[a]\nb = "c"\n'),
    "Python": _text("__import__('os').system('true')"),
    "a pickle": _bytes(b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00K\x01."),
    "a zip": _bytes(b"PK\x05\x06" + b"\0" * 18),
    "an ELF file": _bytes(b"\x7fELF" + b"\0" * 60),
    "a PNG": _bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 20),
    "SQLite": _bytes(b"SQLite format 3\0" + b"\0" * 84),
    "a pointer of Git LFS": _text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
    "a server's event": _text('data: {"choices": []}\n\ndata: [DONE]\n'),
    "gzip": lambda: gzip.compress(b"{}"),
    "a bomb of aliases": _text(_BOMB),
    "an alias of itself": _text("a: &a [*a]\n"),
    "an alias of nothing": _text("a: *b\n"),
    "an anchor": _text("id: &x a\n"),
    "a merge key": _text("<<: {id: a}\n"),
    "a merge of itself": _text("a: &a\n  <<: *a\n"),
    "a tag": _text("id: !!python/object/apply:os.system ['true']\n"),
    "a tag of its own": _text("!x {id: a}\n"),
    "a tag of binary": _text("id: !!binary aGk=\n"),
    "a set": _text("!!set {a, b}\n"),
    "an ordered mapping": _text("!!omap [a: 1]\n"),
    "a tag that is long": lambda: b"id: !" + b"a" * 50_000 + b" x\n",
    "an anchor that is long": lambda: b"id: &" + b"a" * 50_000 + b" x\n",
    "two documents": _text("id: a\n---\nid: b\n"),
    "a document that ends": _text("id: a\n...\nid: b\n"),
    "only marks": _text("---\n...\n---\n"),
    "a directive": _text("%YAML 1.2\n---\nid: a\n"),
    "a directive of the future": _text("%YAML 9.9\n---\nid: a\n"),
    "a directive of tags": _text("%TAG ! tag:example.org,2000:\n---\nid: !x a\n"),
    "an unknown directive": _text("%FOO bar\n---\nid: a\n"),
    "two directives": _text("%YAML 1.1\n%YAML 1.1\n---\nid: a\n"),
    "only comments": _text("# a\n# b\n"),
    "tabs": _text("id:\ta\n\tkind: x\n"),
    "a key that is a list": _text("[a, b]: 1\n"),
    "a key that is a mapping": _text("{a: 1}: 1\n"),
    "a key that is nothing": _text(": 1\n"),
    "a key that is true": _text("true: 1\n"),
    "a key that is a number": _text("1: 1\n"),
    "a key that is a date": _text("2027-01-01: 1\n"),
    "a key that is no": _text("no: 1\n"),
    "a key that is twice": _text("id: a\nid: b\n"),
    "a key that is twice in quotes": _text("id: a\n'id': b\n"),
    "a question that is long": _text("? |\n  a\n: b\n"),
    "a block without an end": _text("id: |\n"),
    "a block with a wrong sign": _text("id: |9x\n"),
    "a block that keeps": _text("id: |+\n\n\n\n"),
    "a quote that is open": _text("id: 'a\n"),
    "a bracket that is open": _text("id: [a\n"),
    "a brace that is closed": _text("id: }\n"),
    "a colon in a text": _text("id: a: b\n"),
    "an indentation that is wrong": _text("id: a\n  kind: b\n"),
    "an export alone": _text("export\n"),
    "an export of nothing": _text("export =\n"),
    "an assignment without a name": _text("=value\n"),
    "an assignment of NUL": _text("A=\0\n"),
    "an assignment with spaces": _text(" A B = c \n"),
    "an assignment with an open quote": _text("A='b\nB=c'\n"),
    "an assignment of an expansion": _text("A=$B\nB=${A:-$(true)}\n"),
    "an assignment twice": _text("A=1\nA=2\n"),
    **{
        f"trap: {word}": _text(f"id: {word}\nversion: {word}\nname: {word}\n")
        for word in (
            *(
                "no",
                "on",
                "off",
                "yes",
                "y",
                "N",
                "NO",
                "~",
                "22:30",
                "1:2:3",
                "010",
                "0o17",
                "0b1",
                "1.10",
                "1e3",
            ),
            *(
                "2027-01-01",
                "2027-01-01T00:00:00Z",
                "1_000",
                "0x1F",
                ".inf",
                "-.INF",
                ".NaN",
                "1e400",
                "+1",
                "<<",
                "=",
            ),
            *(
                "9" * 5_000,
                "-0",
                "-0.0",
                "0.1e-400",
                ".5",
                "5.",
                "1__0",
                "0x",
                "08",
                "null",
                "Null",
                "TRUE",
                "''",
                '""',
            ),
        )
    },
    **{
        f"nested {levels}": (lambda n=levels: b"[" * n + b"]" * n)
        for levels in (19, 20, 21, 39, 40, 41, 99, 100, 101)
    },
    **{
        f"nested {n} objects": (lambda n=n: b'{"a":' * n + b"1" + b"}" * n)
        for n in (20, 40, 100, 255, 300, 301)
    },
    **{f"nested {n} and open": (lambda n=n: b"[" * n) for n in (1_000, 100_000)},
    **{f"nested {n} closed": (lambda n=n: b"[" * n + b"]" * n) for n in (1_000, 100_000)},
    **{f"nested {n} mappings": (lambda n=n: b"{a: " * n + b"}" * n) for n in (20, 21, 1_000, 100_000)},
}

NEAR_THE_LIMIT = (*range(150, 350, 7), *range(880, 1_002, 3))
"""Levels at which a parser written in C still answers, and what walks over its result may not."""


def near_the_limit(levels: int, place: bytes = b"%s") -> tuple[bytes, ...]:
    """Lists and objects, that deep."""
    return (
        place % (b"[" * levels + b"]" * levels),
        place % (b'{"a":' * levels + b"1" + b"}" * levels),
    )


VALUES: tuple[object, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        2**31,
        2**53 + 1,
        2**63,
        2**64,
        -(2**63) - 1,
        10**30,
        10**308,
        10**309,
        10**400,
    ),
    *(int("9" * 4_299), 0.0, -0.0, 0.5, 1.0, 1e-320, 1e308, -1e308, 1e15, 1.5),
    *(
        "",
        " ",
        "a",
        "0",
        "1",
        "no",
        "NaN",
        "null",
        "\0",
        "\x1b[2J",
        "\x85",
        "\u202e",
        "\ud800",
        "\udc00",
        "\ufeff",
    ),
    *(
        "a/b",
        "../../etc/passwd",
        "/etc/passwd",
        "..",
        ".",
        "a\\b",
        "C:\\x",
        "con",
        "A",
        "é",
        "a b",
        "a\nb",
        "-a",
        ".a",
    ),
    *(
        "a" * 65,
        "a" * 100_000,
        "2027-02-30",
        "9999-12-31",
        "0000-00-00",
        "2027-1-1",
        "20270221",
        "1/0",
        "2/3",
    ),
    *(
        "1e9/1",
        "9" * 20,
        "http://[",
        "http://127.0.0.1:9/x",
        "file:///etc/passwd",
        "$..*",
        "$[",
        "(?!x)",
        "(",
        "a{1001}",
    ),
    *(
        "(a*)*b" * 20,
        "((((a{100}){100}){100}){100})",
        "\\pL{1,1000}",
        "[[:foo:]]",
        "{{ x }}",
        "{% for %}",
        "%s",
        KEY,
    ),
    *(
        "simulated/steady",
        "direct/x",
        "recorded/../x",
        "litellm_proxy/x",
        "x" * 3_000 + "/y",
        "openai/",
        "/",
        "//",
    ),
    *(
        [],
        [[]],
        [None],
        ["a"],
        ["a", "a"],
        [0],
        [1] * 2_000,
        [{}],
        {},
        {"": None},
        {"a": 1},
        {"a": {}},
        {"$ref": "#"},
    ),
    *(
        {"a" * 300: 1},
        {"\ud800": 1},
        {"\0": 1},
        {KEY: KEY},
        {f"k{n}": n for n in range(500)},
        {"type": "answer"},
    ),
    *({"__class__": "x"}, {"__proto__": 1}, {"model": "x"}, {"user": "x"}, {"role": "user", "content": "x"}),
)
"""Put in the place of every value of every valid document."""


def parsed(content: bytes) -> list[object] | None:
    """Return the JSON or YAML values of a document, one a line or one in all; None for what is neither."""
    try:
        return [json.loads(content)]
    except ValueError:
        pass
    try:
        return [json.loads(line) for line in content.split(b"\n") if line.strip()]
    except ValueError:
        pass
    try:
        found = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError):
        return None
    return [json.loads(json.dumps(found, default=str))] if isinstance(found, dict) else None


def places(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the way to every value in a value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for part, item in inner:
        yield from places(item, (*path, part))


def with_value(whole: object, path: tuple[str | int, ...], value: object) -> object:
    """Return a copy with another value at a place."""
    if not path:
        return value
    changed = copy.deepcopy(whole)
    target: object = changed
    for part in path[:-1]:
        target = target[part]  # type: ignore[index]  # a place that `places` found
    target[path[-1]] = value  # type: ignore[index]
    return changed


def without(whole: object, path: tuple[str | int, ...]) -> object:
    """Return a copy without a place."""
    changed = copy.deepcopy(whole)
    target: object = changed
    for part in path[:-1]:
        target = target[part]  # type: ignore[index]
    del target[path[-1]]  # type: ignore[attr-defined]
    return changed


def written(values: list[object]) -> bytes:
    """Write values as JSON, one a line."""
    return b"\n".join(json.dumps(value).encode() for value in values) + b"\n"


def spoilt(seed: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a document, cut off, turned round, written otherwise or given twice."""
    lines = seed.split(b"\n")
    yield "with CRLF", seed.replace(b"\n", b"\r\n")
    yield "with CR", seed.replace(b"\n", b"\r")
    yield "with mixed line ends", seed.replace(b"\n", b"\r\n", 1)
    yield "without its last byte", seed[:-1]
    yield "twice", seed + seed
    yield "behind a byte order mark", codecs.BOM_UTF8 + seed
    yield "behind a NUL", b"\0" + seed
    yield "before a NUL", seed + b"\0"
    yield "behind a blank line", b"\n" + seed
    yield "in UTF-16", seed.decode("latin-1").encode("utf-16")
    yield "packed", gzip.compress(seed)
    yield "unpacked", zlib.decompress(seed, wbits=31) if seed.startswith(b"\x1f\x8b") else seed[2:]
    yield "turned", b"\n".join(reversed(lines))
    yield "each line twice", b"\n".join(line for line in lines for _ in range(2))
    yield "in a merge", b"<<<<<<< a\n" + seed + b"=======\n" + seed + b">>>>>>> b\n"
    yield "in quotes", json.dumps(seed.decode("latin-1")).encode()
    yield "in a list", b"[" + seed + b"]"
    yield "in a code fence", b"```\n" + seed + b"\n```"
    yield "with a tab", seed.replace(b" ", b"\t", 1)
    yield "indented", b"".join(b"  " + line + b"\n" for line in lines)
    yield "of another version", seed.replace(b'schema_version": 1', b'schema_version": 99')
    step = max(1, len(seed) // 40)
    for end in sorted({*range(0, len(seed), step), *_interesting(seed)}):
        yield f"cut off at byte {end}", seed[:end]
    for number in range(0, len(lines), max(1, len(lines) // 20)):
        yield f"without line {number}", b"\n".join(lines[:number] + lines[number + 1 :])


def _interesting(seed: bytes) -> Iterator[int]:
    """Yield the places behind the first byte of each kind."""
    seen: set[int] = set()
    for place, byte in enumerate(seed[:100_000]):
        if byte not in seen:
            seen.add(byte)
            yield place
            yield place + 1
