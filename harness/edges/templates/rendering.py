"""Working a template out, step by counted step, on plain data.

Nothing is compiled and no attribute of an object is ever looked up: `item.name` is a key of a mapping. A value
is copied into the prompt as it is.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import ge, gt, le, lt
from typing import Any, cast

from jinja2 import nodes

from harness.core.canonical import Json
from harness.edges.templates.checking import Template, checked
from harness.edges.templates.limits import MOST_RENDERED_BYTES, MOST_STEPS, MOST_VARIABLES
from harness.errors import MOST_PROBLEMS_SHOWN, DocumentError, Problem, ProblemCode
from harness.registry import did_you_mean

_MOST_NUMBER_BITS = 128
_CHARACTERS_A_STEP = 100
_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {"lt": lt, "lteq": le, "gt": gt, "gteq": ge}


def render(text: str, variables: Mapping[str, Json], *, file: str) -> str:
    """Return the text of a template with `variables` put in. Raises DocumentError."""
    template = checked(text, file=file)
    if len(variables) > MOST_VARIABLES:
        message = (
            f"{len(variables):,} variables, at most {MOST_VARIABLES} may be: put them into lists or mappings"
        )
        raise DocumentError((Problem(file=file, message=message, code=ProblemCode.BAD_TEMPLATE),))
    problems = tuple(_unknown(template, variables))
    if problems:
        raise DocumentError(problems)
    work = _Work(template=template)
    work.write(template.body, variables)
    return "".join(work.pieces)


def _unknown(template: Template, variables: Mapping[str, Json]) -> Iterator[Problem]:
    known = tuple(name for name in variables if len(name) <= 64)
    missing = sorted((offset, name) for name, offset in template.names.items() if name not in variables)
    for number, (offset, name) in enumerate(missing):
        # To guess is slow, and a hostile template names thousands.
        meant = did_you_mean(name, known) if number < MOST_PROBLEMS_SHOWN and len(name) <= 64 else ""
        tail = meant or "; give it in vars"
        yield template.source.problem(offset, f"unknown variable '{name[:64]}'{tail}")


@dataclass(slots=True, kw_only=True)
class _Work:
    """What one rendering has written and done so far."""

    template: Template
    pieces: list[str] = field(default_factory=list)
    size: int = 0
    steps: int = 0

    def write(self, body: Sequence[nodes.Node], scope: Mapping[str, Json]) -> None:
        """Write statements."""
        for node in body:
            match node:
                case nodes.Output():
                    for part in node.nodes:
                        data = isinstance(part, nodes.TemplateData)
                        self._add(
                            part, cast(nodes.TemplateData, part).data if data else self.value(part, scope)
                        )
                case nodes.If():
                    self.write(self._branch(node, scope), scope)
                case nodes.For():
                    self._loop(node, scope)
                case _:
                    raise _not_checked(node)

    def _branch(self, node: nodes.If, scope: Mapping[str, Json]) -> Sequence[nodes.Node]:
        for branch in (node, *node.elif_):
            if self.value(branch.test, scope):
                return branch.body
        return node.else_

    def _loop(self, node: nodes.For, scope: Mapping[str, Json]) -> None:
        items = self.value(node.iter, scope)
        if not _is_list(items):
            raise self._error(
                node.iter, f"a loop goes over a list, and this is {_kind(items)}: give a list in vars"
            )
        inner = dict(scope)
        for item in cast(Sequence[Json], items):
            self._step(node)
            inner[cast(nodes.Name, node.target).name] = item
            self.write(node.body, inner)
        if not items:
            self.write(node.else_, scope)

    def value(self, node: nodes.Node, scope: Mapping[str, Json]) -> Json:
        """Work an expression out."""
        self._step(node)
        match node:
            case nodes.Name(name=name):
                return scope[name]
            case nodes.Const(value=value):
                return cast(Json, value)
            case nodes.Neg():
                return -cast(float, self.value(node.node, scope))
            case nodes.Getattr():
                return self._entry(node, self.value(node.node, scope), node.attr)
            case nodes.Getitem():
                return self._entry(node, self.value(node.node, scope), self.value(node.arg, scope))
            case nodes.Not():
                return not self.value(node.node, scope)
            case nodes.And():
                left = self.value(node.left, scope)
                return self.value(node.right, scope) if left else left
            case nodes.Or():
                left = self.value(node.left, scope)
                return left or self.value(node.right, scope)
            case nodes.Compare():
                return self._compare(node, scope)
            case nodes.List() | nodes.Tuple():
                return [self.value(item, scope) for item in node.items]
            case _:
                raise _not_checked(node)

    def _entry(self, node: nodes.Expr, whole: Json, key: Json) -> Json:
        match whole, key:
            case Mapping(), str() if key in whole:
                return whole[key]
            case list() | tuple(), int() if not isinstance(key, bool) and -len(whole) <= key < len(whole):
                return cast(Json, whole[key])
        shown = f" {key[:60]!r}" if isinstance(key, str) else f", asked for by {_kind(key)}"
        raise self._error(node, f"{_kind(whole)} has no such entry{shown}: mend the name, or give it in vars")

    def _compare(self, node: nodes.Compare, scope: Mapping[str, Json]) -> bool:
        left = self.value(node.expr, scope)
        for operand in node.ops:
            right = self.value(operand.expr, scope)
            if not self._holds(operand, left, right):
                return False
            left = right
        return True

    def _holds(self, node: nodes.Operand, left: Json, right: Json) -> bool:
        match node.op:
            case "eq":
                return self._equal(node, left, right)
            case "ne":
                return not self._equal(node, left, right)
            case "in":
                return self._contains(node, left, right)
            case "notin":
                return not self._contains(node, left, right)
        both = (left, right)
        if not (all(isinstance(side, str) for side in both) or all(map(_is_number, both))):
            message = f"{_kind(left)} and {_kind(right)} have no order: compare numbers with numbers, text with text"
            raise self._error(node.expr, message)
        self._step(node.expr, min(_length(left), _length(right)))
        return _ORDERS[node.op](left, right)

    def _equal(self, node: nodes.Operand, left: Json, right: Json) -> bool:
        if _is_nested(left) and _is_nested(right):
            raise self._error(node.expr, "lists and mappings are not compared here: compare what is in them")
        self._step(node.expr, min(_length(left), _length(right)))
        return not _is_nested(left) and not _is_nested(right) and left == right

    def _contains(self, node: nodes.Operand, left: Json, right: Json) -> bool:
        match right:
            case str() if isinstance(left, str):
                self._step(node.expr, len(right))
                return left in right
            case Mapping() if not _is_nested(left):
                return left in right
            case list() | tuple():
                return any(self._equal(node, left, item) for item in right)
        message = f"'in' looks for text in text, or for anything in a list: {_kind(left)} in {_kind(right)} is neither"
        raise self._error(node.expr, message)

    def _add(self, node: nodes.Node, value: Json) -> None:
        if not isinstance(value, str):
            value = self._printed(node, value)
        if self.size + len(value) <= MOST_RENDERED_BYTES:
            try:
                self.size += len(value.encode())
            except UnicodeEncodeError as error:
                raise self._error(node, "the text holds half a character: delete it") from error
            self.pieces.append(value)
            if self.size <= MOST_RENDERED_BYTES:
                return
        raise self._error(node, f"here the prompt gets longer than {MOST_RENDERED_BYTES:,} bytes: shorten it")

    def _printed(self, node: nodes.Node, value: Json) -> str:
        match value:
            case bool():
                return str(value)
            case int() if value.bit_length() <= _MOST_NUMBER_BITS:
                return str(value)
            case float() if math.isfinite(value):
                return str(value)
            case int() | float():
                raise self._error(node, "a number too large to write: round it")
        advice = (
            "name an entry, or loop over it" if _is_nested(value) else "give text, or test it with {% if %}"
        )
        raise self._error(node, f"{_kind(value)} cannot be written into a prompt: {advice}")

    def _step(self, node: nodes.Node, characters: int = 0) -> None:
        self.steps += 1 + characters // _CHARACTERS_A_STEP
        if self.steps > MOST_STEPS:
            raise self._error(node, f"the template takes over {MOST_STEPS:,} steps: shorten its loops")

    def _error(self, node: nodes.Node, message: str) -> DocumentError:
        return self.template.source.error(node.lineno, message)


def _not_checked(node: nodes.Node) -> AssertionError:
    return AssertionError(f"{type(node).__name__} is allowed, and nothing works it out")


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)


def _is_nested(value: object) -> bool:
    return not isinstance(value, str | int | float | None)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _length(value: object) -> int:
    return len(value) if isinstance(value, str) else 0


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case str():
            return "text"
        case int() | float():
            return "a number"
        case list() | tuple():
            return "a list"
        case Mapping():
            return "a mapping"
    return "no plain data"
