"""Prompt templates: `{{ name }}`, `if`, `for`, comparisons and constants of Jinja2, and nothing else.

Whatever is accepted is rendered as Jinja2 renders it, so a prompt is tested as its application sends it. A
prompt without markup, which most are, is not parsed, and Jinja2 is not imported for it.
"""

from collections.abc import Mapping
from importlib import import_module

from harness.core.canonical import Json
from harness.edges.templates.limits import MOST_RENDERED_BYTES
from harness.errors import DocumentError, Problem, ProblemCode

_MARKUP = ("{{", "{%", "{#")


def render_prompt(text: str, variables: Mapping[str, Json], *, file: str) -> str:
    """Return the prompt in `text`, with `variables` put in; line ends become LF.

    Text in a variable is never taken for a template. `file` is what messages call the prompt. Raises
    DocumentError for a template that is wrong, too large or does too much, for a variable that is not given,
    and for a prompt that gets too long.
    """
    source = _with_lf(text)
    if _has_markup(source):
        rendered: str = import_module("harness.edges.templates.rendering").render(
            source, variables, file=file
        )
        return rendered
    problem = _problem(source)
    if problem:
        raise DocumentError((Problem(file=file, message=problem, code=ProblemCode.BAD_TEMPLATE),))
    return source


def variables_of(text: str, *, file: str) -> frozenset[str]:
    """Return the names of the variables that a prompt needs. Raises DocumentError for a template that is wrong."""
    source = _with_lf(text)
    if not _has_markup(source):
        return frozenset()
    return frozenset(import_module("harness.edges.templates.checking").checked(source, file=file).names)


def _problem(text: str) -> str:
    """Say what keeps a text from being sent; nothing, where it can be."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return "the prompt holds half a character: save it as UTF-8 again"
    return (
        f"the prompt is longer than {MOST_RENDERED_BYTES:,} bytes: shorten it"
        if size > MOST_RENDERED_BYTES
        else ""
    )


def _with_lf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _has_markup(text: str) -> bool:
    return any(mark in text for mark in _MARKUP)
