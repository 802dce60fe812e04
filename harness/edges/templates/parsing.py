"""From text to Jinja2's syntax tree, under limits that keep its recursive parser from falling over.

Jinja2 numbers lines. Here each token's line number is its offset in the source, and so each node's `lineno`
is, too, which is how messages know the column.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.lexer import TokenStream
from jinja2.parser import Parser

from harness.edges.templates.limits import (
    MOST_NESTED,
    MOST_NUMBER_LENGTH,
    MOST_TAGS,
    MOST_TEMPLATE_BYTES,
    MOST_TOKENS,
    MOST_TOKENS_IN_TAG,
)
from harness.errors import DocumentError, Problem, ProblemCode
from harness.registry import did_you_mean

# Only its lexer and its parser are used: nothing is compiled, and nothing is HTML.
_LANGUAGE = Environment(keep_trailing_newline=True, autoescape=False)  # noqa: S701
_TAGS = ("if", "elif", "else", "endif", "for", "endfor")
_OPENING = ("variable_begin", "block_begin")
_CLOSING = ("variable_end", "block_end")
_DEEPER = frozenset({"(", "[", "{", "-", "+", "not", "else"})
_PLAIN_BRACES = "text with such braces goes between {% raw %} and {% endraw %}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The text of a template, and what messages call it."""

    text: str
    file: str

    def problem(self, offset: int, message: str) -> Problem:
        """Return a problem at a character of the text."""
        start = self.text.rfind("\n", 0, offset)
        line = self.text.count("\n", 0, offset) + 1
        return Problem(
            file=self.file, line=line, column=offset - start, message=message, code=ProblemCode.BAD_TEMPLATE
        )

    def error(self, offset: int, message: str) -> DocumentError:
        """Return an error at a character of the text."""
        return DocumentError((self.problem(offset, message),))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    offset: int
    kind: str
    text: str


def parse(source: Source) -> Sequence[nodes.Node]:
    """Return the nodes of a template, in order; the `lineno` of each is an offset. Raises DocumentError."""
    if len(source.text.encode("utf-8", "surrogatepass")) > MOST_TEMPLATE_BYTES:
        message = (
            f"the template is larger than {MOST_TEMPLATE_BYTES:,} bytes: shorten it, or put text into vars"
        )
        raise DocumentError((Problem(file=source.file, message=message, code=ProblemCode.BAD_TEMPLATE),))
    if sum(source.text.count(mark) for mark in ("{{", "{%", "{#")) > MOST_TAGS:
        message = f"the template has over {MOST_TAGS:,} tags: use a loop, or {_PLAIN_BRACES}"
        raise DocumentError((Problem(file=source.file, message=message, code=ProblemCode.BAD_TEMPLATE),))
    tokens = tuple(_tokens(source))
    problems = tuple(_shape_problems(tokens, source))
    if problems:
        raise DocumentError(problems)
    parser = Parser(_LANGUAGE, "")
    raw = ((token.offset, token.kind, token.text) for token in tokens)
    try:
        parser.stream = TokenStream(_LANGUAGE.lexer.wrap(raw), None, None)
        return parser.subparse()
    except TemplateSyntaxError as error:
        raise source.error(error.lineno, _told(error)) from error


def _tokens(source: Source) -> Iterator[_Token]:
    """Yield what Jinja2's lexer finds. Raises DocumentError where it finds nothing, or too much."""
    offset = 0
    try:
        for number, (_, kind, text) in enumerate(_LANGUAGE.lexer.tokeniter(source.text, None)):
            # The lexer leaves out white space before a tag that begins with a minus, and nothing else.
            offset = source.text.index(text, offset)
            if number >= MOST_TOKENS:
                raise source.error(
                    offset, f"more than {MOST_TOKENS:,} words and signs in tags: shorten the template"
                )
            yield _Token(offset=offset, kind=kind, text=text)
            offset += len(text)
    except TemplateSyntaxError as error:
        raise source.error(min(offset, len(source.text) - 1), _told(error)) from error


def _told(error: TemplateSyntaxError) -> str:
    message = (error.message or "cannot be read")[:200].rstrip(".")
    return f"{message}: mend the tag; {_PLAIN_BRACES}"


def _tags(tokens: Sequence[_Token]) -> Iterator[Sequence[_Token]]:
    """Yield every tag: its first braces, then its words and signs."""
    tag: list[_Token] = []
    for token in tokens:
        if token.kind in _OPENING:
            tag = [token]
        elif token.kind in _CLOSING:
            yield tag
            tag = []
        elif tag and token.kind != "whitespace":
            tag.append(token)
    if tag:
        yield tag  # it has no end, which the parser says


def _shape_problems(tokens: Sequence[_Token], source: Source) -> Iterator[Problem]:
    """Find tags that are unknown or too long, and what is nested too deeply for a parser that calls itself."""
    depth = 0
    for opening, *words in _tags(tokens):
        if len(words) > MOST_TOKENS_IN_TAG:
            message = (
                f"{len(words):,} words and signs in one tag, at most {MOST_TOKENS_IN_TAG} may be: split it"
            )
            yield source.problem(opening.offset, message)
        elif sum(word.text in _DEEPER for word in words) > MOST_NESTED:
            message = f"over {MOST_NESTED} parentheses, brackets, signs and 'not' in one tag: split it"
            yield source.problem(opening.offset, message)
        for word in words:
            # Jinja2 takes the digits of every script for a number, and Python does not.
            if word.kind in ("integer", "float") and not word.text.isascii():
                yield source.problem(word.offset, "a number in digits other than 0 to 9: write it with those")
            elif word.kind in ("integer", "float") and len(word.text) > MOST_NUMBER_LENGTH:
                message = f"a number of {len(word.text):,} characters, at most {MOST_NUMBER_LENGTH} may be: round it"
                yield source.problem(word.offset, message)
        if opening.kind != "block_begin" or not words or words[0].kind != "name":
            continue
        name = words[0].text
        if name not in _TAGS:
            message = f"the tag '{name[:40]}' is not allowed in a prompt{did_you_mean(name, _TAGS)}"
            yield source.problem(words[0].offset, message)
        depth += {"if": 1, "for": 1, "endif": -1, "endfor": -1}.get(name, 0)
        if depth > MOST_NESTED:
            message = (
                f"over {MOST_NESTED} blocks within each other: write the text out, or make it several prompts"
            )
            yield source.problem(opening.offset, message)
            return
