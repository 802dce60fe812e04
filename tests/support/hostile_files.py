"""Case files, schemas and answers made to hang, to crash or to fill the memory."""

import json
import random
from collections.abc import Mapping

HEAD = """\
id: a
kind: structure
why: A reason that is long enough.
review_by: "2027-02-21"
messages: [{role: user, content: "Say it."}]
"""


def doubling(links: int, keyword: str = "allOf") -> dict[str, object]:
    """Make a schema that applies itself 2^links times to one value."""
    twice: dict[str, object] = {}
    for link in range(links):
        inner = {"$ref": f"#/$defs/d{link + 1}"}
        both: object = {"x": inner, "y": inner} if keyword == "dependentSchemas" else [inner, inner]
        twice[f"d{link}"] = {keyword: both}
    return {"$ref": "#/$defs/d0", "$defs": {**twice, f"d{links}": {}}}


def nested(levels: int, keyword: str = "items") -> str:
    """Make a schema of that many levels, as text: no parser has to like it."""
    return f'{{"{keyword}":' * levels + "{}" + "}" * levels


ENDLESS_SCHEMAS: Mapping[str, dict[str, object]] = {
    "doubling": doubling(40),
    "doubling, few links": doubling(12),
    "doubling by dependentSchemas": {"unevaluatedProperties": False, **doubling(40, "dependentSchemas")},
    "doubling below": {
        "properties": {"a": doubling(40)["$defs"], "b": {"items": {"$ref": "#/$defs/d0"}}},
        **doubling(40),
    },
    "a thousand links": {
        "$ref": "#/$defs/d0",
        "$defs": {**{f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(600)}, "d600": {}},
    },
    "itself": {"$ref": "#"},
    "itself, by two": {
        "$ref": "#/$defs/a",
        "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}},
    },
    "itself, in a branch": {"anyOf": [{"type": "null"}, {"not": {"$ref": "#"}}]},
    "itself, out of reach": {"$defs": {"a": {"if": {"$ref": "#/$defs/a"}}}},
    "many values": {"properties": {f"p{n}": {"type": "string"} for n in range(20_000)}},
    "a long list": {"enum": [{"a": n} for n in range(50_000)]},
    "deep": json.loads(nested(90)),
    "deep in no keyword": json.loads(nested(90, "unknown")),
    "a large pattern": {"pattern": "(\\pL{1,100}|" * 40 + "x" + ")" * 40},
    "many patterns": {"patternProperties": {f"\\pL{{1,3}}x{n}": {} for n in range(300)}},
}

MALFORMED_SCHEMAS: Mapping[str, str] = {
    "a wrong type": '{"type": 1}',
    "a wrong reference": '{"$ref": 1}',
    "a wrong id": '{"$id": 1}',
    "no address": '{"$id": "http://[", "$ref": "x"}',
    "a reference to a number": '{"$ref": "#/enum/0", "enum": [5]}',
    "a reference past a list": '{"$ref": "#/enum/x", "enum": [5]}',
    "a reference to a constant": '{"$ref": "#/const", "const": {"type": 7}}',
    "a reference to the parts of a text": '{"$ref": "#/title/0", "title": "abc"}',
    "a remote reference": '{"$ref": "http://127.0.0.1:9/x"}',
    "the standard": '{"$ref": "https://json-schema.org/draft/2020-12/schema"}',
    "a file": '{"$ref": "file:///etc/passwd"}',
    "a missing anchor": '{"$ref": "#gone"}',
    "a missing dynamic anchor": '{"$dynamicRef": "#gone"}',
    "two of a name": '{"$defs": {"a": {"$anchor": "x"}, "b": {"$anchor": "x"}}, "$ref": "#x"}',
    "two references": '{"$defs": {"a": {"$anchor": "x"}}, "$ref": "#/$defs/a", "$dynamicRef": "#x"}',
    "no multiple": '{"multipleOf": 0}',
    "half a character": '{"pattern": "\\ud800"}',
    "a control character": '{"title": "\\u0000"}',
    "NaN": '{"minimum": NaN}',
    "Infinity": '{"maximum": -Infinity}',
    "a number no one can hold": '{"minimum": 1e999}',
    "a number of 5,000 digits": '{"minimum": ' + "9" * 5000 + "}",
    "a name twice": '{"type": "string", "type": "number"}',
    "a byte order mark": '\ufeff{"type": "string"}',
    "a list": '["type"]',
    "nothing": "",
    "cut off": '{"type": ',
    "too deep for a parser": nested(60_000),
    "deep": nested(400),
    "a comment": '{"type": "string"} // said',
    "an escape that does not exist": '{"title": "\\x"}',
}

RANDOM_AB = random.Random(1).randbytes(4_000_000).translate(b"ab" * 128).decode()
"""4 MB that a pattern such as a[ab]{900}c has to try at every place."""
WIDE = json.dumps([1] * 330_000)
OBJECTS = json.dumps([{"a": number} for number in range(60_000)])
KEYS = json.dumps({f"k{number}": number for number in range(60_000)})
DEEP_AND_WIDE = "[" * 60 + ",".join(["1"] * 400_000) + "]" * 60
MARKS = "\u0f71\u0f72\u0f74" * 440_000
HIDDEN_MARKS = ("\u0f74" * 30 + "\u200b") * 40_000
