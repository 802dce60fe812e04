"""Hand-made inputs for single parsers: what only they can fall for."""

import json
from collections.abc import Callable, Mapping

from tests.fuzz.documents import (
    CONFIG,
    KEY,
    LABEL,
    PREFERENCE,
    RECORDED,
    RESPONSES,
    SCORE,
    mute,
    run_bytes,
    text,
    told,
    upgrade_bytes,
)
from tests.support.hostile_files import ENDLESS_SCHEMAS, MALFORMED_SCHEMAS, nested

Inputs = Mapping[str, bytes]


def _many(name: str, make: Callable[[str], bytes], values: tuple[str, ...]) -> Inputs:
    return {f"{name}: {ascii(value)[:60]} ({number})": make(value) for number, value in enumerate(values)}


def _raw(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


# --- cases ----------------------------------------------------------------------------------------


def case_with(**fields: object) -> bytes:
    """A case with other fields; JSON is YAML."""
    known: dict[str, object] = {
        "id": "a",
        "kind": "structure",
        "why": "A reason that is long enough.",
        "review_by": "2027-02-21",
        "messages": [{"role": "user", "content": "Say it."}],
    }
    return text({**known, **fields})


def _task(**fields: object) -> bytes:
    known: dict[str, object] = {
        "id": "a",
        "task": "Answer a question about a refund.",
        "prompt": "prompts/p.md",
        "input": {"vars": {"name": "Ada", "items": []}, "turns": [{"user": "Hello?"}]},
        "review_by": "2027-02-21",
    }
    return text({**known, **fields})


IDS = (
    *(
        "A",
        "a b",
        "a/b",
        "../a",
        "..",
        ".",
        ".a",
        "-a",
        "_a",
        "a.",
        "a..b",
        "a:b",
        "a\\b",
        "a%2fb",
        "a\0b",
        "a\nb",
    ),
    *(
        "con",
        "nul",
        "aux",
        "prn",
        "com1",
        "lpt9",
        "con.txt",
        "clock$",
        "é",
        "ａ",
        "a\u0301",
        "\u0131",
        "ß",
        "ﬁ",
        "ſ",
    ),
    *(
        "a\u200b",
        "\u202ea",
        "a" * 64,
        "a" * 65,
        "a" * 100_000,
        "",
        " ",
        "a ",
        "~",
        "a@b",
        "$a",
        "${a}",
        "{{a}}",
        "a'b",
    ),
    *(
        'a"b',
        "a<b>",
        "a;b",
        "a|b",
        "a&b",
        "a*",
        "a?",
        "[a]",
        "identity",
        "acceptances",
        "self-test",
        "0",
        "0x1",
        KEY,
    ),
)
PATHS = (
    *("../t.json", "../../../../etc/passwd", "/etc/passwd", "/dev/zero", "/dev/stdin", "/proc/self/environ"),
    *(
        "/proc/self/mem",
        "/proc/self/fd/0",
        "tools",
        "tools/",
        ".",
        "..",
        "",
        " ",
        "/",
        "//",
        "tools/../tools/t.json",
    ),
    *("tools/./t.json", "tools//t.json", "TOOLS/T.JSON", "tools\\t.json", "C:\\t.json", "file:///etc/passwd"),
    *(
        "http://127.0.0.1:9/t.json",
        "~/t.json",
        "$HOME/t.json",
        "t\0.json",
        "t\n.json",
        "\u202e.json",
        "\ud800.json",
    ),
    *("a" * 300 + ".json", "a/" * 3_000 + "t.json", "tools/t.json ", "tools/t.json/x", ".git/config", ".env"),
    *(
        "tools/*.json",
        "con",
        "nul.json",
        "a.yaml",
        "./a.yaml",
        KEY,
        f"{KEY}.json",
        "-",
        "--help",
        "|true",
        "%00",
    ),
)
PATTERNS = (
    *(
        "(a*)*b",
        "(a+)+$",
        "(a|aa)+$",
        "(.*)*x",
        "(.*a){30}",
        "((a{1,100}){1,100}){1,100}",
        "a{1000}",
        "a{1001}",
        "a{0}",
    ),
    *(
        "a{2,1}",
        "a{99999999999}",
        "(" * 1_000 + "a" + ")" * 1_000,
        "[" * 500,
        "(" * 500,
        "\\",
        "\\x",
        "\\u0041",
        "\\1",
    ),
    *(
        "(?=a)",
        "(?<=a)",
        "(?!a)",
        "(?P<a>x)(?P=a)",
        "(?P<a>x)(?P<a>y)",
        "(?>a)",
        "a++",
        "(?#x)",
        "(?i",
        "(?z)",
        "*",
        "+",
    ),
    *(
        "?",
        "{",
        "}",
        "a**",
        "[z-a]",
        "[]",
        "[^]",
        "[[:foo:]]",
        "\\p{Foo}",
        "\\pL{1,1000}",
        "\\p{Greek}{500}",
        "(\\pL{1,100}|)",
    ),
    *(
        ".{1,1000}.{1,1000}",
        "(?s).*" * 200,
        "x*" * 5_000,
        "|" * 50_000,
        "a|" * 50_000,
        "[a-z]" * 50_000,
        "\\C",
        "\\Q" + "a" * 9,
    ),
    *(
        "\0",
        "\ud800",
        "\U0001f600{900}",
        "^" * 10_000,
        "$" * 10_000,
        "\\b" * 10_000,
        "(?:a?){500}a{500}",
        "[\\pL\\pN]{1,999}",
    ),
    *("a" * 300_000, KEY, f"({KEY}", "(?i)" + "é" * 5_000, "", " ", "\n", "(?m)^$", "(a{0,1000}){0,1000}"),
)
JSON_PATHS = (
    *(
        "$",
        "$.",
        "$..",
        "$..*",
        "$..*..*..*..*",
        "$[",
        "$[]",
        "$[*]",
        "$[0",
        "$['a",
        "$[?(@.a)]",
        "$[?(@.a==1)]",
        "$[(@.length-1)]",
    ),
    *(
        "$[0:1:0]",
        "$[::-1]",
        "$[-1]",
        "$[99999999999999999999]",
        "$[0:99999999999999999999]",
        "$[1,2,3]",
        "$['a','b']",
        "a",
        "",
    ),
    *(
        "*",
        "@",
        "@.a",
        "$.a.`parent`",
        "$.a.`parent`.`parent`",
        "$.`this`",
        "$.`len`",
        "$.`sorted`",
        "$.`foo`",
        "$.a|$.b",
    ),
    *(
        "$.a where b",
        "$.a wherenot b",
        "$.a & $.b",
        "($.a)",
        "(" * 200 + "$" + ")" * 200,
        ("$.a" + "|$.a" * 90),
        "$" + ".a" * 240,
    ),
    *(
        "$" + "..a" * 150,
        "$" + "[*]" * 150,
        "$" + ".*" * 240,
        "$.a[",
        "$.a]",
        "$.\0",
        "$.\ud800",
        "$.é",
        "$['\\x']",
        "$.a\n.b",
    ),
    *(
        "$.a.b.c where $.d",
        "$..a where $..b where $..c",
        "$.1",
        "$.'a'",
        '$."a"',
        "$.a-b",
        "$.a+b",
        "$[a]",
        "$.`sub(/a/, b)`",
        KEY,
    ),
    *(
        "$.`split(a, 0, -1)`",
        "$.a[?b]",
        "$.a[/b]",
        "$.a[\\b]",
        "x" * 501,
        "$[-99999999999:]",
        "$[:]",
        "$[:-0]",
        "$[1:2:3:4]",
    ),
)


def _check(value: object) -> bytes:
    return case_with(expect={"checks": [value]})


CASES: Inputs = {
    **_many("id", lambda v: case_with(id=v), IDS),
    **_many("tool", lambda v: case_with(tools=[v]), PATHS),
    **_many("schema's file", lambda v: case_with(expect={"json_schema": v}), PATHS),
    **_many("prompt's file", lambda v: _task(prompt=v), PATHS),
    **_many("pattern", lambda v: _check({"matches": v}), PATTERNS),
    **_many(
        "pattern in a call",
        lambda v: case_with(expect={"calls": {"items": [{"name": "t", "args": {"a": {"match": v}}}]}}),
        PATTERNS[::4],
    ),
    **_many("path", lambda v: _check({"path": v, "equals": 1}), JSON_PATHS),
    **{
        f"schema: {name}": case_with(expect={"json_schema": schema})
        for name, schema in ENDLESS_SCHEMAS.items()
    },
    **_many(
        "pattern in a schema", lambda v: case_with(expect={"json_schema": {"pattern": v}}), PATTERNS[1::4]
    ),
    **_many(
        "reference",
        lambda v: case_with(expect={"json_schema": {"$ref": v}}),
        (
            "#",
            "##",
            "#/",
            "#a",
            "#/$defs",
            "#/%ff",
            "#/~2",
            "a",
            "http://[",
            "data:,x",
            "#" * 500,
            "#/" * 5_000,
            "\ud800",
            "%",
            "?",
            KEY,
        ),
    ),
    **{
        f"format {v!r}": case_with(expect={"json_schema": {"format": v}})
        for v in ("regex", "date", "x", 1, None, "\0", KEY)
    },
    "a type that is a key": case_with(expect={"json_schema": {"type": KEY}}),
    "a thousand required": case_with(expect={"json_schema": {"required": [f"k{n}" for n in range(1_500)]}}),
    "required twice": case_with(expect={"json_schema": {"required": ["a"] * 1_500}}),
    "an enum of equals": case_with(expect={"json_schema": {"enum": [1] * 1_900}}),
    "a dialect of its own": case_with(
        expect={"json_schema": {"$schema": "http://json-schema.org/draft-04/schema#"}}
    ),
    "a vocabulary": case_with(expect={"json_schema": {"$vocabulary": {"http://127.0.0.1:9/x": True}}}),
    "101 checks": case_with(expect={"checks": [{"contains": "a"}] * 101}),
    "100 large patterns": case_with(
        expect={"checks": [{"matches": f"\\pL{{1,90}}x{n}"} for n in range(100)]}
    ),
    "201 patterns": case_with(expect={"checks": [{"matches": "a", "not_matches": "b"}] * 101}),
    "a check of nothing": _check({}),
    "a check of a path alone": _check({"path": "$"}),
    "bounds crossed": case_with(expect={"length": {"min": 5, "max": 1}}),
    "min without a path": _check({"min": 1}),
    "a fraction as a count": case_with(samples=1.0),
    "true as a count": case_with(samples=True),
    "minus zero as a count": b'{"id": "a", "samples": -0}',
    "a count as a text": case_with(samples="3"),
    "a million samples": case_with(samples=10**6),
    "a count of 300 digits": case_with(samples=10**300),
    "no messages": case_with(messages=[]),
    "50,000 messages": case_with(messages=[{"role": "user", "content": "x"}] * 4_999),
    "a role that is none": case_with(messages=[{"role": "root", "content": "x"}]),
    "content in parts": case_with(messages=[{"role": "user", "content": [{"type": "text", "text": "x"}]}]),
    "messages and a task": case_with(task="Do it.", prompt="prompts/p.md"),
    "5,000 tools": case_with(tools=["tools/t.json"] * 5_000),
    "3,000 schemas in one": case_with(tools=[{"name": "a", "parameters": json.loads(nested(35))}] * 100),
    "5,000 unknown keys": case_with(**{f"k{n}": n for n in range(5_000)}),
    "unknown keys, much alike": case_with(**{f"message{n}": n for n in range(5_000)}),
    "a tool of 5,000 unknown keys": case_with(tools=[{"name": "a", **{f"k{n}": n for n in range(5_000)}}]),
    "5,000 signals": case_with(signals=[f"s{n}" for n in range(4_000)]),
    "a signal of 100 KB": case_with(signals=["string", "a" * 100_000]),
    "a signal that is a key": case_with(signals=["string", KEY]),
    "a kind of 100 KB": case_with(kind="a" * 100_000),
    "a name of 100 KB": case_with(**{"k" * 100_000: 1}),
    "2,000 wrong values": case_with(messages=[{"role": 1, "content": 1}] * 1_000),
    "variables that nobody asks for": _task(
        input={"vars": {f"v{n}": n for n in range(300)}, "turns": [{"user": "x"}]}
    ),
    "a variable that is a key": _task(input={"vars": {KEY: KEY}, "turns": [{"user": "x"}]}),
    "a variable that nests": _task(
        input={"vars": {"name": json.loads("[" * 15 + "]" * 15), "items": []}, "turns": [{"user": "x"}]}
    ),
    "a thousand turns": _task(input={"vars": {"name": "a", "items": []}, "turns": [{"user": "x"}] * 1_000}),
    "no turns": _task(input={"vars": {"name": "a", "items": []}, "turns": []}),
    "a prompt that is a mapping": _task(prompt={"path": "x", "text": "y", "rendered": "z"}),
    "dates": case_with(review_by="2027-13-45"),
    "a year of 5 digits": case_with(review_by="12027-01-01"),
    "a date in other digits": case_with(review_by="２０２７-01-01"),
    "the same key 180,000 times": b"a: 1\n" * 180_000,
    "the same question 200,000 times": b"? a\n" * 200_000,
}
SCHEMAS: Inputs = {name: _raw(schema) for name, schema in MALFORMED_SCHEMAS.items()} | {
    "lists behind one another": b"[]" * 450_000,
    "numbers behind one another": b"1," * 450_000,
    "objects behind one another": b'{"a":1}\n' * 100_000,
}

# --- templates ------------------------------------------------------------------------------------

TEMPLATES: Inputs = _many(
    "template",
    _raw,
    (
        *("{{ 'a' * 10**9 }}", "{{ 'a'*1000000000 }}", "{{ 10**10**10 }}", "{{ name * n }}", "{{ [1]*10**9 }}", "{{ 9" + "9" * 5_000 + " }}"),
        *("{% for a in items %}" * 21 + "x" + "{% endfor %}" * 21, "{% for a in items %}" * 20 + "x" * 900 + "{% endfor %}" * 20),
        *("{% for i in range(10**9) %}x{% endfor %}", "{% for a in items recursive %}{{ loop(items) }}{% endfor %}"),
        *("{{ ''.__class__.__mro__ }}", "{{ name.__class__ }}", "{{ name['__class__'] }}", "{{ name|attr('__class__') }}"),
        *("{{ items.append(1) }}", "{{ items.pop }}", "{{ rows[0].items }}", "{{ rows[0]['items'] }}", "{{ self }}", "{{ loop }}"),
        *("{{ cycler }}", "{{ namespace() }}", "{{ lipsum(n=10**9) }}", "{{ joiner }}", "{{ dict(a=1) }}", "{{ caller() }}"),
        *("{% set a = 1 %}", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{% include '/etc/passwd' %}", "{% import 'os' as o %}"),
        *("{% extends 'x' %}", "{% block a %}{% endblock %}", "{% call m() %}{% endcall %}", "{% filter upper %}x{% endfilter %}"),
        *("{% do x %}", "{% autoescape false %}{% endautoescape %}", "{% with a=1 %}{% endwith %}", "{% debug %}", "{% trans %}{% endtrans %}"),
        *("{% raw %}{{ x }}{% endraw %}", "{% raw %}", "{% endraw %}", "{%- raw -%} x {%- endraw -%}", "{% raw %}{% raw %}{% endraw %}"),
        *("{{", "}}", "{%", "%}", "{#", "#}", "{# #", "{{}}", "{%%}", "{{ }}", "{% %}", "{%-%}", "{{-}}", "{%+ if n %}{%+ endif %}", "{{+1}}"),
        *("{{ ( }}", "{{ ) }}", "{{ [ }}", "{{ ] }}", "{{ { }}", "{{ 'a }}", '{{ "a }}', "{{ 'a\\' }}", "{{ '\\x' }}", "{{ '\\N{FOO}' }}"),
        *("{{ '\\ud800' }}", "{{ '\\0' }}", "{{ '\\u202e' }}", "{{ 1e400 }}", "{{ 1e-400 }}", "{{ -1e308 }}", "{{ 0x1F }}", "{{ 0b1 }}", "{{ 1_0 }}"),
        *("{{ 08 }}", "{{ 1.e }}", "{{ 1..2 }}", "{{ .5 }}", "{{ ١ }}", "{{ ² }}", "{{ name٠ }}", "{{ é }}", "{{ ａ }}", "{{ a\u200b }}", "{{ 🙂 }}"),
        *("{{ " + "(" * 300 + "1" + ")" * 300 + " }}", "{{ " + "not " * 300 + "1 }}", "{{ " + "-" * 300 + "1 }}", "{{ " + "[" * 300 + "]" * 300 + " }}"),
        *("{{ name" + ".a" * 300 + " }}", "{{ name" + "[0]" * 99 + " }}", "{{ 1" + " and 1" * 300 + " }}", "{{ 1" + " < 1" * 99 + " }}"),
        *("{% if 1 %}" + "{% elif 1 %}" * 1_900 + "{% endif %}", "{% if n %}" * 2_100, "{{ n }}" * 2_100, "{% endif %}" * 50, "{% else %}"),
        *("{% if %}{% endif %}", "{% for in %}{% endfor %}", "{% for a, b in items %}{% endfor %}", "{% for a in items if a %}{% endfor %}"),
        *("{% for loop in items %}{% endfor %}", "{% for a in name %}{{ a }}{% endfor %}", "{% for a in 5 %}{% endfor %}", "{% for a in 'abc' %}x{% endfor %}"),
        *("{% for a in [1,2] %}{{ a }}{% endfor %}", "{% for a in (items) %}{{ a }}{% endfor %}", "{{ (1,2) }}", "{{ {} }}", "{{ {'a': 1}.a }}", "{{ [1][0] }}"),
        *("{{ name if n else n }}", "{{ name ~ n }}", "{{ name | upper }}", "{{ n is defined }}", "{{ n in items }}", "{{ n in n }}", "{{ name < n }}"),
        *("{{ items == items }}", "{{ rows[0] == rows[0] }}", "{{ name[0] }}", "{{ name[:1] }}", "{{ items[9] }}", "{{ items[-9] }}", "{{ items['a'] }}"),
        *("{{ items[true] }}", "{{ items[1.0] }}", "{{ rows[0][0] }}", "{{ rows[0][rows] }}", "{{ rows[0][none] }}", "{{ none }}", "{{ true }}", "{{ None.x }}"),
        *("{{ a" * 500, "{{ a }}" + "\n" * 90_000, "{% if n" + " " * 90_000 + "%}{% endif %}", "{{ '" + "a" * 90_000 + "' }}", "{{ " + "a" * 90_000 + " }}"),
        *(f"{{{{ {KEY.replace('-', '_')} }}}}", f"{{{{ '{KEY}' }}}}", f"{{% {KEY} %}}", f"{{{{ name['{KEY}'] }}}}", f"{{{{ items.{KEY} }}}}"),
        *("\r{{ n }}\r\n{% if n %}\r{% endif %}\n", "{%- if n -%} \n x \n {%- endif -%}", "{{- n -}}", "{{ n }}\0", "\ud800{{ n }}", "\ufeff{{ n }}"),
        *("{#" + "a" * 90_000 + "#}", "{# {# #} #}", "{#-  -#}", "{{ '{{' }}", "{{ '}}' }}", "{% if '%}' %}{% endif %}", "# for a in items:\n", "## x"),
    ),
)  # fmt: skip

# --- configurations -------------------------------------------------------------------------------


def _config(**fields: object) -> bytes:
    known: dict[str, object] = {
        "version": 1,
        "targets": {"steady": {"model": "simulated/steady"}},
        "suites": {"canary": {"path": "suite/", "targets": ["steady"]}},
    }
    return text({**known, **fields})


def _target(**fields: object) -> bytes:
    return _config(targets={"steady": {"model": "simulated/steady", **fields}})


CONFIGS: Inputs = {
    **_many("model", lambda v: _target(model=v), ("", "/", "//", "a", "a/", "/a", "simulated/", "simulated/../x", "recorded/../../x", "recorded//etc/passwd", "openai", "OPENAI/x", "openai/" + "x" * 100_000, "x" * 100_000, "x" * 100_000 + "/y", "\u202e/x", "simulated/\0", "gpt-4", "anthropic\\claude", KEY, f"openai/{KEY}", "litellm/x", "direct/", "sk/" * 9_000)),
    **_many("api_base", lambda v: _target(model="direct/x", api_base=v), ("", "x", "ftp://x", "file:///etc/passwd", "http://[", "http://user:pass@host/", "http://x/?api_key=abcdefgh12345", "javascript:x", "http://" + "a" * 100_000, "http://a:99999/", "http://\u0661/", "//x", "http:///")),
    **_many("key_env", lambda v: _target(model="direct/x", key_env=v), ("", "a b", "A=B", "A\nB", KEY, "PATH", "x" * 100_000, "$A", "1A", "é")),
    **_many("suite's path", lambda v: _config(suites={"canary": {"path": v, "targets": ["steady"]}}), PATHS),
    **_many("target's name", lambda v: _config(targets={v: {"model": "simulated/steady"}}), IDS),
    **_many("suite's name", lambda v: _config(suites={v: {"path": "suite/", "targets": ["steady"]}}), IDS[:20]),
    **_many("encoder", lambda v: _config(encoder={"name": v}), ("", "/", "hashed/x", "x", "litellm/x", "litellm/x/y/z", "litellm/" + "x" * 50_000 + "/y", "sentence-transformers/../x", "x" * 100_000, "sk/" * 9_000, KEY)),
    "2,000 unknown providers": _config(targets={f"t{n}": {"model": f"provider{n}/x"} for n in range(2_000)}),
    "2,000 unknown targets": _config(suites={"canary": {"path": "suite/", "targets": [f"t{n}" for n in range(2_000)]}}),
    "2,000 suites of no target": _config(suites={f"s{n}": {"path": "suite/", "targets": ["x"]} for n in range(2_000)}),
    "3,000 targets": _config(targets={f"t{n}": {"model": "simulated/steady"} for n in range(3_000)}),
    "5,000 unknown keys": _config(**{f"k{n}": n for n in range(5_000)}),
    "5,000 parameters": _target(params={f"k{n}": n for n in range(5_000)}),
    "5,000 parameters that steer": _target(params={f"aws_{n}": n for n in range(5_000)}),
    "5,000 options": _target(options={f"k{n}": n for n in range(5_000)}),
    "1,000 faults": _target(options={"faults": [{"kind": f"{n}", "rate": 5} for n in range(1_000)]}),
    "a fault that is none": _target(options={"faults": [{"kind": "x"}]}),
    "faults that are none": _target(options={"faults": {"a": 1}}),
    "30 for 0.30": _config(limits={"min_coverage": 30}),
    "a share by nothing": _config(limits={"min_coverage": "1/0"}),
    "a share of a power": _config(limits={"min_coverage": "1e9999/1"}),
    "a share in other digits": _config(limits={"min_coverage": "٢/٣"}),
    "a share that is long": _config(limits={"min_coverage": "1/" + "9" * 100_000}),
    "a cost of 1e308": _config(limits={"max_cost_usd": 1e308}),
    "a cost below nothing": _config(limits={"max_cost_usd": -1}),
    "minutes without end": _config(limits={"max_minutes": 10**300}),
    "a gate that is true": _config(gates={"regression": True}),
    "a baseline of itself": _target(baseline_of="steady"),
    "baselines in a circle": _config(targets={"a": {"model": "simulated/steady", "baseline_of": "steady"}, "steady": {"model": "simulated/steady", "baseline_of": "a"}}),
    "a key as a header": _target(model="direct/x", options={"headers": {"Authorization": f"Bearer {KEY}"}}),
    "a header with a line end": _target(model="direct/x", options={"headers": {"A": "b\r\nC: d"}}),
    "a price below nothing": _target(price={"input_usd_per_million": -1, "output_usd_per_million": 1}),
    "a judge that is none": _config(judge={"target": "x"}),
    "a judge of 10^9 anchors": _config(judge={"target": "steady", "anchors": 10**9}),
    "a URL in place of its name": _config(history={"url_env": "postgresql://u:p@h/d"}),
    "version 2": _config(version=2),
    "version true": _config(version=True),
    "version 1.0": CONFIG.replace("version: 1", "version: 1.0").encode(),
    "affects everything": _config(suites={"canary": {"path": "suite/", "targets": ["steady"], "affects": ["**"] * 3_000}}),
}  # fmt: skip

# --- records --------------------------------------------------------------------------------------


def _label(**fields: object) -> bytes:
    return text({**LABEL, **fields})


LABELS: Inputs = {
    "5,000 wrong lines": b'{"id": 1}\n' * 5_000,
    "5,000 lines of an unknown key": _label(x=1) + b"\n" + (_label(x=1) + b"\n") * 4_999,
    "5,000 lines that are no object": b"[]\n" * 5_000,
    "5,000 times one id": (_label() + b"\n") * 5_000,
    "5,001 lines": (_label() + b"\n") * 5_001,
    "5,000 good lines": b"".join(_label(id=f"l{n}") + b"\n" for n in range(5_000)),
    "carriage returns": _label() + b"\r" + _label(id="b"),
    "CRLF": _label() + b"\r\n" + _label(id="b") + b"\r\n",
    "U+2028 between": _label() + "\u2028".encode() + _label(id="b"),
    "an id of 100 KB": _label(id="a" * 100_000),
    "an id that is a key, twice": _label(id=KEY) + b"\n" + _label(id=KEY),
    "a label that is a key": _label(label=KEY),
    "a task of 100 KB": _label(task="a" * 100_000),
    "a label of 100.0": _label(label=100.0),
    "a label of 10^300": _label(label=10**300),
    "a list of labels": text([LABEL]),
    "two on a line": _label() + _label(id="b"),
}


def _recorded(**fields: object) -> bytes:
    return text({**RECORDED, **fields})


RECORDINGS: Inputs = {
    "a file of one line of 5 MB": b'{"case": "' + b"a" * 5_000_000 + b'"}',
    "a line of a million lists": b'{"case": "a", "text": "b", "x": [' + b"[]," * 1_300_000 + b"1]}",
    "a line of a million objects": b'{"case": "a", "text": "b", "x": [' + b"{}," * 1_300_000 + b"1]}",
    "200 models": b"\n".join(_recorded(model=f"m{n}", sample=n) for n in range(200)),
    "models that are keys": _recorded(model=KEY) + b"\n" + _recorded(model="b", sample=1),
    "models that steer": _recorded(model="\x1b[2J") + b"\n" + _recorded(model="b\n::error::", sample=1),
    "a model of 100 KB": _recorded(model="a" * 100_000) + b"\n" + _recorded(model="b", sample=1),
    "a case that steers, twice": (_recorded(case="\x1b[2J\n::error::") + b"\n") * 2,
    "a case that is a key, twice": (_recorded(case=KEY) + b"\n") * 2,
    "a case of 100 KB, twice": (_recorded(case="a" * 100_000) + b"\n") * 2,
    "a sample of 4,000 digits": b'{"case": "a", "text": "b", "sample": ' + b"9" * 4_000 + b"}",
    "a latency of 4,000 digits": b'{"case": "a", "text": "b", "latency": ' + b"9" * 4_000 + b"}",
    "a key where text is wanted": _recorded(text=None, tool_calls=[{"name": KEY, "arguments": {}}], refusal=KEY),
    **{
        f"{name} = {value!r:.40}": _recorded(**{name: value})
        for name, values in {
            "case": (None, 1, "", [], {}, True),
            "round": ("x", None, 1, [], KEY, "a" * 50_000, [[[]]]),
            "sample": (-1, 1.0, True, None, "0", 10**300, []),
            "text": (None, 1, [], {}, {"choices": []}, {"choices": [{}]}, RESPONSES["openai"], [KEY]),
            "tool_calls": (1, "x", {}, [1], [None], [{}], [{"name": 1}], [{"function": 1}], [{"name": "a", "arguments": "{"}], [{"name": "a", "arguments": [1]}], [{"name": "a", "arguments": {"b": 1e308}}]),
            "usage": (1, [], {"prompt_tokens": -1}, {"prompt_tokens": 10**300}, {"prompt_tokens": "5"}, {"prompt_tokens": True}),
            "latency_ms": (-1, "1", True, 1e308, 10**400, [], 0),
            "logprobs": (1, [], {"content": 1}, {"content": [1]}, {"content": [{"token": "a", "logprob": 1}]}, {"content": [{"token": 1, "logprob": -1, "top_logprobs": 5}]}, {"content": [{"token": "a", "logprob": -1, "top_logprobs": "abc"}]}),
            "model": (1, [], {}, "", "\0"),
            "messages": (1, [], [1], [{}], [{"role": "x", "content": "y"}], [{"role": "user", "content": 1}], [{"role": "user", "content": KEY}]),
            "finish_reason": (1, [], None, "x", {}),
            "refusal": (1, [], "", KEY),
            "response_id": (1, {}, "a" * 50_000),
        }.items()
        for value in values
    },
}  # fmt: skip


def _completion(**fields: object) -> bytes:
    return text({"t": "completion", "key": "k", "completion": {"type": "answer", "text": "x", **fields}})


JOURNAL_LINES: Inputs = {
    "a type that is none": text({"t": "x"}),
    "no type": text({"key": "k"}),
    "a type that is a list": text({"t": [[[[]]]]}),
    "a key that is a list": text({"t": "intent", "key": [[1]]}),
    "a key of 1 MB": text({"t": "intent", "key": "a" * 1_000_000}),
    "10,000 intents": b"\n".join(text({"t": "intent", "key": f"k{n}"}) for n in range(10_000)),
    "10,000 times one intent": b"\n".join([text({"t": "intent", "key": "k"})] * 10_000),
    "a completion of nothing": text({"t": "completion", "key": "k"}),
    "a completion that is none": text({"t": "completion", "key": "k", "completion": {"type": "x"}}),
    "a failure that is none": text(
        {"t": "completion", "key": "k", "completion": {"type": "failure", "kind": "x"}}
    ),
    "an end of nothing": text({"t": "end", "end": {}}),
    "an end before the first": text(
        {"t": "end", "end": {"finished_at": "x", "duration_s": -1, "cost_usd": 1e308}}
    ),
    "latency of 400 digits": _completion(latency_ms=10**400),
    "latency of 4,299 digits": _completion(latency_ms=int("9" * 4_299)),
    "latency of 1e308": _completion(latency_ms=1e308),
    "infinity": _completion(latency_ms=0.0).replace(b"0.0", b"1e999"),
    "tokens of 400 digits": _completion(usage={"input_tokens": 10**400}),
    "tokens below nothing": _completion(usage={"input_tokens": -1}),
    "attempts of nothing": _completion(attempts=0),
    "attempts of 400 digits": _completion(attempts=10**400),
    "logprobs above 0": _completion(logprobs=[{"token": "a", "logprob": 1}]),
    "100,000 calls": _completion(tool_calls=[{"name": "a", "arguments": {}}] * 50_000),
    "deep arguments": b'{"t":"completion","key":"k","completion":{"type":"answer","text":"x","tool_calls":[{"name":"a","arguments":{"a":'
    + b"[" * 280
    + b"]" * 280
    + b"}}]}}",
    "half a character": _completion(text="\ud800"),
    "a NUL": _completion(text="\0", model_served="\x1b[2J"),
    "a name twice": b'{"t":"intent","t":"end","key":"k"}',
    "a name that is a key": text({"t": KEY}),
}

# --- what comes back ------------------------------------------------------------------------------

_GOOD = json.dumps(SCORE)
JUDGE_REPLIES: Inputs = {
    **_many(
        "reply",
        _raw,
        (
            *(f"{_GOOD} ", f"\n{_GOOD}\n", f"x{_GOOD}", f"{_GOOD}x", f"{_GOOD}{_GOOD}", f"[{_GOOD}]", f"```json\n{_GOOD}\n```", f"`{_GOOD}`"),
            *(f"Here it is: {_GOOD}", f"{_GOOD}\nHope this helps!", f"<json>{_GOOD}</json>", f"\ufeff{_GOOD}", f"{_GOOD},", f"({_GOOD})"),
            *(_GOOD.replace("80", v) for v in ("80.0", "80.5", "8e1", "-1", "101", "1e2", "NaN", "Infinity", "-Infinity", "true", "null", '"80"', "[80]", "{}", "08", "+80", "0x50", "80_0", "9" * 5_000, "-0", "1e400")),
            *(_GOOD.replace('"Both criteria are met."', v) for v in ("null", "1", "[]", "{}", '""', '" "', '"\\ud800"', '"\\u0000"', '"' + "a" * 4_001 + '"', '"' + "a" * 100_000 + '"')),
            *('{"score": 80}', '{"rationale": "x"}', '{"rationale": "x", "score": 80, "x": 1}', '{"score": 80, "rationale": "x", "score": 90}'),
            *('{"Score": 80, "rationale": "x"}', '{"score ": 80, "rationale": "x"}', '{"\\u0073core": 80, "rationale": "x"}', "{'score': 80}"),
            *(json.dumps(PREFERENCE).replace('"A"', v) for v in ('"B"', '"C"', '"a"', '"neither"', '"NEITHER"', "null", "1", "true", "[]", '["A"]', "{}", '{"A": 1}', '"A "', '""')),
            *('{"score":' * 2_000 + "1" + "}" * 2_000, "[" * 7_000, "{" * 7_000, '"' * 7_000, "1" * 7_999, "\\" * 7_999, " " * 7_999, " " * 8_001),
        ),
    ),
    "1 MB of braces": b"{}\n" * 300_000,
    "1 MB of tags": b"<a b " * 200_000,
    "1 MB of underscores": b"_" * 1_000_000,
    "1 MB of labels": b"a a a a a:\n" * 90_000,
    "1 MB of a label": b"a " * 500_000 + b":",
    "1 MB of colons": b":" * 1_000_000,
    "a list of a million texts": b"[" + b'"",' * 1_000_000 + b'""]',
    "a hundred thousand fences": b"```\n" * 100_000,
}  # fmt: skip


def _response(**fields: object) -> bytes:
    whole = json.loads(json.dumps(RESPONSES["openai"]))
    choice = whole["choices"][0]
    for name, value in fields.items():
        place = choice["message"] if name in ("content", "refusal", "tool_calls") else choice
        place = whole if name in ("choices", "usage", "model", "id", "error", "system_fingerprint") else place
        place[name] = value
    return text(whole)


_ODD: tuple[object, ...] = (None, 0, -1, 1.5, 10**30, True, "", "x", [], [None], [[]], [1], {}, {"a": 1}, KEY)
RESPONSE_BODIES: Inputs = {
    **{
        f"{name} = {value!r:.40}": _response(**{name: value})
        for name in ("choices", "usage", "model", "id", "error", "system_fingerprint", "message", "finish_reason", "logprobs", "content", "refusal", "tool_calls")
        for value in _ODD
    },
    "100,000 choices": _response(choices=[{"message": {"content": "x"}}] * 100_000),
    "100,000 calls": _response(tool_calls=[{"function": {"name": "a", "arguments": "{}"}}] * 50_000),
    "100,000 parts": _response(content=[{"type": "text", "text": "x"}] * 100_000),
    "parts of every kind": _response(content=[{"type": "text", "text": 1}, {"type": "image_url"}, "x", None, 1]),
    "a part without a text": _response(content=[{}]),
    "100,000 logprobs": _response(logprobs={"content": [{"token": "a", "logprob": -1}] * 100_000}),
    "tokens of 30 digits": _response(usage={"prompt_tokens": 10**30, "completion_tokens": -5}),
    "tokens as text": _response(usage={"prompt_tokens": "5", "completion_tokens": [1]}),
    "arguments cut off": _response(tool_calls=[{"function": {"name": "a", "arguments": '{"a": '}}]),
    "arguments of infinity": _response(tool_calls=[{"function": {"name": "a", "arguments": '{"a": 1e400}'}}]),
    "arguments of NaN": _response(tool_calls=[{"function": {"name": "a", "arguments": '{"a": NaN}'}}]),
    "arguments that are a list": _response(tool_calls=[{"function": {"name": "a", "arguments": "[1]"}}]),
    "arguments that are a number": _response(tool_calls=[{"function": {"name": "a", "arguments": 5}}]),
    "arguments twice": _response(tool_calls=[{"function": {"name": "a", "arguments": '{"a": 1, "a": 2}'}}]),
    "arguments of half a character": _response(tool_calls=[{"function": {"name": "\ud800", "arguments": '{"\\ud800": "\\udc00"}'}}]),
    "deep arguments": _response(tool_calls=[{"function": {"name": "a", "arguments": '{"a":' * 990 + "1" + "}" * 990}}]),
    "a call without a function": _response(tool_calls=[{"type": "function"}, None]),
    "a name of half a character": _response(model="\ud800", id="\udc00", content="\ud800x"),
    "an error that is deep": b'{"error": ' + b"[" * 900 + b"]" * 900 + b"}",
    "an error with a status": _response(error={"code": 429, "message": ["x"]}, choices=[]),
    "an error with a huge status": _response(error={"code": 10**30}, choices=[]),
    "an error that is a text": b'{"error": "gone"}',
    "an error that holds a key": text({"error": {"message": f"bad key {KEY}"}}),
    "details that are none": text({"error": {"details": 5, "innererror": [], "code": {}, "type": []}}),
    "details that are odd": text({"error": {"details": [None, {"reason": []}, {"retryDelay": 5}, {"retryDelay": "s"}, {"retryDelay": "1e400s"}, {"violations": {"a": [1]}}]}}),
    "a list of errors": b'[{"error": null}, 5]',
    "a list of nothing": b"[]",
    "a server's events": b'data: {"choices": [{"delta": {}}]}\n\ndata: [DONE]\n',
    "no content": b'{"choices": [{"message": {}}]}',
    "candidates of nothing": b'{"candidates": []}',
    "candidates that are none": b'{"candidates": 5, "promptFeedback": "x"}',
    "a byte order mark": b"\xef\xbb\xbf" + text(RESPONSES["openai"]),
}  # fmt: skip
HEADERS: Inputs = _many(
    "header",
    lambda v: v.encode("latin-1"),
    (
        *("", " ", "0", "-1", "1e400", "1e-400", "NaN", "inf", "1_000", "0x10", "9" * 5_000, "1,2", "1;2", "1 2", "+1", "\xb2", "soon"),
        *("Fri, 21 Nov 2026 03:17:05 GMT", "Fri, 99 Nov 2026 03:17:05 GMT", "Fri, 21 Nov 99999999999 03:17:05 GMT", "21 Nov 26", "Nov", ","),
        *("Fri, 21 Nov 2026 99:99:99 GMT", "Fri, 21 Nov 2026 03:17:05 +9999", "Fri, 21 Nov 2026 03:17:05 -99999999999", "Fri, 21 Nov 0000 03:17:05 GMT"),
        *("1 Jan 0001 00:00:00 +2359", "31 Dec 9999 23:59:59 -2359", "Fri,", "Fri, 21", "Fri, 21 Nov", "0 0 0 0:0:0 0", "1 1 1 1 1 1 1 1", "+", "-", ":"),
        *("a" * 100_000, "1 " * 50_000, "\t", "\x00", "\x1b[2J", "\x85", "None", "none", "0.0", "00", " 0 ", "true", "1; mode=x", KEY, "(" * 5_000, "\\"),
        *("Fri, 21 Nov 2026 03.17.05 GMT", "Fri, 21-Nov-2026 03:17:05 GMT", "20261121T031705Z", "2026-11-21", "3:17", "::", "12:34:56", "a, b c d e"),
    ),
)  # fmt: skip

# --- what other jobs hand over --------------------------------------------------------------------

EVENTS: Inputs = {
    f"number {value!r:.40}": text({"pull_request": {"number": value}})
    for value in (None, 0, -1, 1.0, 1.5, True, "7", [7], {}, 2**31, 10**300)
} | {
    f"pull request {value!r}": text({"pull_request": value}) for value in (None, 1, "x", [], [{"number": 7}])
}


def _manifest(**fields: object) -> bytes:
    return text({**json.loads(run_bytes()["manifest.json"]), **fields})


MANIFESTS: Mapping[str, Callable[[], bytes]] = {
    f"{name} = {value!r:.40}": (lambda name=name, value=value: _manifest(**{name: value}))
    for name, values in {
        "schema_version": (0, 1, 3, "1", True, None, [], KEY, "\x1b[2J" * 9, 10**300),
        "run": ("../x", "", "x", None, "\x1b[2J", KEY, "a" * 50_000),
        "night": ("tonight", "", None, 20261121, "2026-11-31", "9999-99-99"),
        "samples": (0, -1, 10**9, 1.5, "3", None, True),
        "targets": ([], None, {}, [None], [{}]),
        "suite": ({}, None, [], {"name": "canary", "cases": {}}, {"name": "canary", "cases": [None]}),
        "drift": (1,),
    }.items()
    for value in values
}

# --- incidents and upgrades -----------------------------------------------------------------------


def _mute(**fields: object) -> bytes:
    return text({**json.loads(mute()), **fields})


MUTES: Inputs = {
    f"{name} = {value!r:.40} ({number})": _mute(**{name: value})
    for name, values in {
        "until": (None, "", "2026-11-04", "2027-02-04", "9999-12-31", "0001-01-01", "2026-13-45", 20261121, "２０２６-11-21"),
        "at": ("", "yesterday", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2026-11-05", None, 7, KEY),
        "reason": ("", " " * 20, "a" * 1_001, "\u200b" * 20, "\x1b[2J" * 5, KEY, None, ["a" * 20]),
        "incident": ("", "a" * 201, "../x", KEY, "\x1b[2J", None),
        "covers": (None, {}, [], {"signals": [], "cases": [], "severity": "P9"}, {"signals": ["a"] * 9_999, "cases": [], "severity": "P1"}),
        "schema_version": (0, 2, "1", True, 1.0, None, 10**300, KEY, "\x1b[2J"),
        "by": ("", KEY, "\x1b[2J", None),
        "sum": ("", "0" * 64, None, 7),
    }.items()
    for number, value in enumerate(values)
}  # fmt: skip


def _told(**fields: object) -> bytes:
    return text({**json.loads(told().splitlines()[0]), **fields}) + b"\n"


TOLD: Inputs = {
    f"{name} = {value!r:.40} ({number})": _told(**{name: value})
    for name, values in {
        "stage": ("", "opened ", "reopened", None, ["opened"], KEY),
        "severity": ("", "P9", "p1", None, "\x1b[2J", KEY),
        "signals": ((), [""], ["\ud800"], "refusal", [None], ["s"] * 50_000),
        "muted_until": ("", "2026-13-45", "9999-12-31", 7),
        "schema_version": (0, 2, "1", True, None),
        "at": ("", "9999", "\x00", None),
        "key": ("", KEY, "a" * 100_000, None),
    }.items()
    for number, value in enumerate(values)
} | {"closed before it opened": _told(stage="closed") + _told(), "10,000 times": _told() * 10_000}


def _upgrade(**fields: object) -> bytes:
    manifest = json.loads(upgrade_bytes()["manifest.json"])
    return text({**manifest, "upgrade": {**manifest["upgrade"], **fields}})


UPGRADES: Inputs = {
    f"{name} = {value!r:.40} ({number})": _upgrade(**{name: value})
    for name, values in {
        "reference": ("", "../x", "nobody", "sonnet-next", KEY, None),
        "candidate": ("", "../x", "nobody", "sonnet", KEY, None),
        "suites": ({}, None, {"refusal-01": "../x"}, {"nobody": "canary"}, {"refusal-01": None}, {KEY: KEY}),
        "task_encoder": ("", None, 7),
        "prices": ({}, None, {"sonnet": None}, {"sonnet": {"input_usd_per_million": -1, "output_usd_per_million": 1}}, {"x": {}}),
        "prompts": ({}, [], {"reference": "v1", "reference_commit": "--help", "candidate": "v2", "candidate_commit": "x"}),
    }.items()
    for number, value in enumerate(values)
}  # fmt: skip

_SMALL = {label: body for label, body in RESPONSE_BODIES.items() if len(body) < 100_000}
BY_PARSER: Mapping[str, Inputs] = {
    "case": CASES,
    "schema": SCHEMAS,
    "tool": {"a name that is long": text({"name": "a" * 65}), "no name": text({}), **{f"name {v!r:.40}": text({"name": v}) for v in (*IDS, 1, None, [])}},
    # That a key is not shown is seen to where a case names the template.
    "template": {label: one for label, one in TEMPLATES.items() if KEY not in label},
    "prompt": TEMPLATES,
    "config": CONFIGS,
    "labels": LABELS,
    "recording": RECORDINGS,
    "journal line": JOURNAL_LINES,
    "judge reply": JUDGE_REPLIES,
    "response, direct": RESPONSE_BODIES,
    "response, litellm": _SMALL,
    "error response": _SMALL,
    "headers": HEADERS,
    "event": EVENTS,
    "mute": MUTES,
    "told": TOLD,
    "upgrade manifest": UPGRADES,
}  # fmt: skip
