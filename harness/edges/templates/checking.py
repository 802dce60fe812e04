"""The allow-list: which nodes of Jinja2's syntax tree a prompt may have, and which variables it needs."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jinja2 import nodes

from harness.edges.templates.parsing import Source, parse
from harness.errors import DocumentError, Problem

_RESERVED = frozenset({"loop", "self", "super", "caller", "varargs", "kwargs"})
_DICT_METHODS = frozenset(name for name in dir(dict) if not name.startswith("_"))
_UNREADABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

_COMPUTE = "work it out beforehand, and put the result into vars"
_REFUSED: Mapping[type[nodes.Node], str] = {
    nodes.Filter: f"a filter ('|') is not allowed in a prompt: {_COMPUTE}",
    nodes.Test: "a test ('is') is not allowed in a prompt: every variable is given, so compare its value",
    nodes.Call: f"a call is not allowed in a prompt: {_COMPUTE}",
    nodes.BinExpr: f"arithmetic is not allowed in a prompt: {_COMPUTE}",
    nodes.UnaryExpr: f"a sign may only stand before a number: {_COMPUTE}",
    nodes.Concat: "'~' is not allowed in a prompt: write the parts one after the other",
    nodes.CondExpr: "an 'if' within an expression is not allowed in a prompt: write {% if %} … {% else %} … {% endif %}",
    nodes.Slice: f"a slice is not allowed in a prompt: {_COMPUTE}",
    nodes.List: "a list may only stand after 'in', and holds constants: put it into vars",
    nodes.Tuple: "a ',' may only stand between constants in brackets after 'in': write one expression",
    nodes.Dict: "a mapping is not allowed in a prompt: put it into vars",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A template that holds nothing but what a prompt may do."""

    source: Source
    body: Sequence[nodes.Node]
    names: Mapping[str, int]
    """The variables it needs, each with the offset of its first use."""


def checked(text: str, *, file: str) -> Template:
    """Parse a template. Raises DocumentError for what is no template, and for all that a prompt may not do."""
    source = Source(text=text, file=file)
    body = parse(source)
    names: dict[str, int] = {}
    problems: list[Problem] = []
    for found in _body(body, frozenset()):
        if found.refused:
            problems.append(source.problem(found.offset, found.refused))
        else:
            names[found.name] = min(found.offset, names.get(found.name, found.offset))
    if problems:
        raise DocumentError(tuple(problems))
    return Template(source=source, body=body, names=names)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A variable that is used, or what is wrong at a place."""

    offset: int
    name: str = ""
    refused: str = ""


def _body(body: Sequence[nodes.Node], bound: frozenset[str]) -> Iterator[_Found]:
    """Look through statements, where the names in `bound` belong to loops around them."""
    for node in body:
        match node:
            case nodes.Output():
                for part in node.nodes:
                    if not isinstance(part, nodes.TemplateData):
                        yield from _expression(part, bound)
            case nodes.If():
                yield from _expression(node.test, bound)
                yield from _body(node.body, bound)
                yield from _body(node.elif_, bound)
                yield from _body(node.else_, bound)
            case nodes.For():
                yield from _loop(node, bound)
            case _:
                yield _refused(node)


def _loop(node: nodes.For, bound: frozenset[str]) -> Iterator[_Found]:
    inner = bound
    match node.target:
        case nodes.Name(name=name) if name not in _RESERVED:
            inner = bound | {name}
        case nodes.Name(name=name):
            yield _Found(
                offset=node.target.lineno, refused=f"'{name}' is a word of Jinja2: rename the variable"
            )
        case _:
            yield _Found(
                offset=node.target.lineno,
                refused="a loop has one variable: take its parts as item[0] or item.name",
            )
    if node.test is not None:
        yield _Found(
            offset=node.test.lineno,
            refused="an 'if' in a loop's head is not allowed: write {% if %} inside the loop",
        )
    if node.recursive:
        yield _Found(
            offset=node.lineno, refused="a recursive loop is not allowed in a prompt: write the levels out"
        )
    if isinstance(node.iter, nodes.Name | nodes.Getattr | nodes.Getitem):
        yield from _expression(node.iter, bound)
    else:
        yield _Found(offset=node.iter.lineno, refused="a loop goes over a list in vars: name one")
    yield from _body(node.body, inner)
    yield from _body(node.else_, bound)


def _expression(node: nodes.Node, bound: frozenset[str]) -> Iterator[_Found]:
    match node:
        case nodes.Name(name=name) if name in _RESERVED:
            yield _Found(
                offset=node.lineno,
                refused=f"'{name}' is a word of Jinja2, not allowed in a prompt: rename the variable",
            )
        case nodes.Name(name=name):
            if name not in bound:
                yield _Found(offset=node.lineno, name=name)
        case nodes.Const():
            yield from _constant(node)
        case nodes.Neg(node=nodes.Const(value=int() | float() as value)) if not isinstance(value, bool):
            yield from _expression(node.node, bound)
        case nodes.Getattr():
            yield from _attribute(node)
            yield from _expression(node.node, bound)
        case nodes.Getitem():
            yield from _expression(node.node, bound)
            yield from _expression(node.arg, bound)
        case nodes.Not():
            yield from _expression(node.node, bound)
        case nodes.And() | nodes.Or():
            yield from _expression(node.left, bound)
            yield from _expression(node.right, bound)
        case nodes.Compare():
            yield from _expression(node.expr, bound)
            for operand in node.ops:
                yield from _operand(operand, bound)
        case _:
            yield _refused(node)


def _operand(node: nodes.Operand, bound: frozenset[str]) -> Iterator[_Found]:
    match node.expr:
        case nodes.List(items=items) | nodes.Tuple(items=items) if node.op in ("in", "notin"):
            for item in items:
                yield from _expression(item, bound) if _is_constant(item) else [_refused(node.expr)]
        case other:
            yield from _expression(other, bound)


def _is_constant(node: nodes.Node) -> bool:
    return isinstance(node.node if isinstance(node, nodes.Neg) else node, nodes.Const)


def _constant(node: nodes.Const) -> Iterator[_Found]:
    match node.value:
        case str() as text if _UNREADABLE.search(text):
            yield _Found(
                offset=node.lineno,
                refused="a constant with a control character or half a character: delete it",
            )
        case float() as number if not math.isfinite(number):
            yield _Found(offset=node.lineno, refused="a number too large to hold: write a smaller one")


def _attribute(node: nodes.Getattr) -> Iterator[_Found]:
    if node.attr.startswith("_"):
        yield _Found(
            offset=node.lineno, refused="a name with '_' in front is not allowed after '.': rename the key"
        )
    elif node.attr in _DICT_METHODS:
        # Jinja2 would take the method and print it.
        advice = f"in Jinja2 '.{node.attr}' is not the key '{node.attr}': write ['{node.attr}']"
        yield _Found(offset=node.lineno, refused=advice)


def _refused(node: nodes.Node) -> _Found:
    for kind, message in _REFUSED.items():
        if isinstance(node, kind):
            return _Found(offset=node.lineno, refused=message)
    name = type(node).__name__
    return _Found(
        offset=node.lineno, refused=f"'{name}' is not allowed in a prompt: use if, for and comparisons"
    )
