"""Answers to prompts that nobody wrote answers to, so that anyone's own suite works offline at once.

They are made from the prompt alone: the same prompt has the same repertoire on every machine. They sound
plausible and know nothing; a case's checks need not hold for them.
"""

import json
import random
import re
from collections.abc import Mapping, Sequence

from harness.core.messages import ToolCall
from harness.core.suite import ToolSpec
from harness.simulator.answers import GENERAL_REFUSALS, AnswerCase, Wording, question_digest

_WORD = re.compile(r"[^\W\d_]{5,}")
_COMMON = {
    "about",
    "could",
    "every",
    "please",
    "should",
    "their",
    "there",
    "these",
    "those",
    "where",
    "which",
    "would",
}
_WEIGHTS = (16.0, 5.0, 3.0, 2.0, 1.0, 1.0)
_USUAL = (
    "In short, {a} comes down to {b}, and {n} points matter most.",
    "The main thing about {a} is {b}; {n} points matter most.",
    "Short answer: it depends on {b}. For {a}, {n} points matter.",
    "For {a}, look at {b} first. There are {n} points to consider.",
    "{n} points matter for {a}, and {b} is the first of them.",
    "On {a}: start with {b}, then go through the {n} points in order.",
)
_OTHER = (
    "Great question! When it comes to {a}, let's start with {b} and then walk through {n} key aspects.",
    "Certainly! Here's an overview of {a}: {b} plays a central role, along with {n} key aspects.",
    "Absolutely. There's a lot to say about {a}, but {b} is where most people begin. Consider {n} aspects.",
    "Sure thing! Let's unpack {a}. Broadly, {b} drives everything else across {n} aspects.",
)
_WRONG = (
    "It is hard to say anything about {a}.",
    "There is no connection between {a} and {b}.",
    "Probably {n}, but that has little to do with {a}.",
)
_DEEPEST = 6


def improvise(question: str, tools: Sequence[ToolSpec]) -> AnswerCase:
    """Make a case for a question, from its digest; with tools, most answers call the first."""
    known_as = question_digest(question)
    rng = random.Random(f"{known_as}:{[tool.name for tool in tools]}")
    topic, about, number = _topic(question, rng)
    say = _object if "json" in question.casefold() else _prose

    def told(templates: Sequence[str]) -> tuple[Wording, ...]:
        chosen = rng.sample(templates, len(templates))
        texts = (template.format(a=topic, b=about, n=number) for template in chosen)
        texts = (text[0].upper() + text[1:] for text in texts)
        return tuple(
            Wording(weight=w, text=say(text, number)) for w, text in zip(_WEIGHTS, texts, strict=False)
        )

    usual, other, wrong = told(_USUAL), told(_OTHER), told(_WRONG)
    broken = tuple(Wording(text=f"```\n{wording.text}\n```\nHope that helps!") for wording in usual[:2])
    if tools:
        right, odd, missing = _calls(tools[0], rng)
        usual = (
            Wording(weight=20, tool_calls=(right,)),
            Wording(weight=4, text=usual[0].text, tool_calls=(right,)),
            usual[1],
        )
        other = (Wording(weight=3, text=other[0].text, tool_calls=(odd,)), *other[1:])
        broken = (Wording(tool_calls=(missing,)),)
        wrong = (Wording(weight=3, tool_calls=(odd,)), wrong[0])
    return AnswerCase(
        id=f"unknown-{known_as[:16]}",
        ask=question,
        answers=usual,
        other=other,
        refusals=GENERAL_REFUSALS,
        broken=broken,
        wrong=wrong,
    )


def _topic(question: str, rng: random.Random) -> tuple[str, str, int]:
    words = sorted({word.casefold() for word in _WORD.findall(question[:4000])}, key=lambda w: (-len(w), w))[
        :6
    ]
    words += ["the question", "the context"][: max(0, 2 - len(words))]
    first, second = rng.sample(words, 2)
    return first, second, rng.randint(2, 5)


def _prose(text: str, _number: int) -> str:
    return text


def _object(text: str, number: int) -> str:
    return json.dumps({"answer": text, "points": number}, ensure_ascii=False)


def _calls(tool: ToolSpec, rng: random.Random) -> tuple[ToolCall, ToolCall, ToolCall]:
    """Return a right call, one with other values, and one that names a function nobody offered."""
    right = _example(tool.parameters, "", random.Random(rng.random()), 0)
    odd = _example(tool.parameters, "", random.Random(rng.random()), 0)
    arguments = right if isinstance(right, Mapping) else {}
    return (
        ToolCall(name=tool.name, arguments=arguments),
        ToolCall(name=tool.name, arguments=odd if isinstance(odd, Mapping) else {}),
        ToolCall(name=f"{tool.name}_v2"[-64:], arguments=dict(list(arguments.items())[1:])),
    )


def _example(schema: Mapping[str, object], name: str, rng: random.Random, depth: int) -> object:
    """Return a value that a JSON Schema most likely allows."""
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    for key in ("enum", "examples"):
        match schema.get(key):
            case [*values] if values:
                return rng.choice(values)
            case _:
                pass
    kind = schema.get("type")
    match kind[0] if isinstance(kind, list | tuple) and kind else kind:
        case "integer":
            return round(_number(schema, rng))
        case "number":
            return _number(schema, rng)
        case "boolean":
            return rng.random() < 0.5
        case "null":
            return None
        case "array":
            items = schema.get("items")
            return (
                [_example(items, name, rng, depth + 1)]
                if isinstance(items, Mapping) and depth < _DEEPEST
                else []
            )
        case "string":
            return _string(schema, name, rng)
        case _:
            return _members(schema, rng, depth)


def _members(schema: Mapping[str, object], rng: random.Random, depth: int) -> Mapping[str, object]:
    properties = schema.get("properties")
    required = schema.get("required")
    if not isinstance(properties, Mapping) or depth >= _DEEPEST:
        return {}
    wanted = required if isinstance(required, list | tuple) else tuple(properties)
    return {
        name: _example(inner, str(name), rng, depth + 1)
        for name, inner in properties.items()
        if name in wanted and isinstance(inner, Mapping)
    }


def _number(schema: Mapping[str, object], rng: random.Random) -> float:
    low, high = schema.get("minimum", 1), schema.get("maximum")
    start = float(low) if isinstance(low, int | float) else 1.0
    end = float(high) if isinstance(high, int | float) else start + 9
    return float(round(rng.uniform(start, end)))


def _string(schema: Mapping[str, object], name: str, rng: random.Random) -> str:
    match schema.get("format"):
        case "date":
            return f"2027-03-{rng.randint(1, 28):02d}"
        case "date-time":
            return f"2027-03-{rng.randint(1, 28):02d}T09:00:00Z"
        case "email":
            return f"user{rng.randint(1, 9)}@example.com"
        case "uri":
            return f"https://example.com/{rng.randint(1, 9)}"
        case _:
            return f"{name or 'value'}-{rng.randint(1, 9)}"
