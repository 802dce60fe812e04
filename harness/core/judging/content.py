"""Whether an answer says anything at all; what does not fails before any judge sees it.

Judges, also the best of them, pass ":", "Thought process:" or a lone "Solution" for right answers (Zhao et al.,
"One Token to Fool LLM-as-a-Judge", arXiv 2507.08794).
"""

import json
import re
import unicodedata
from enum import StrEnum

from harness.core.canonical import normalise

CONTENT_VERSION = "content-1"
_LONGEST_LABEL = 80


class Emptiness(StrEnum):
    """Why an answer says nothing."""

    EMPTY = "empty"
    FORMAT_ONLY = "format_only"


def emptiness(text: str) -> Emptiness | None:
    """Say why an answer says nothing: it is empty, or nothing but form; None where it says something.

    Form is punctuation, markup, code fences, tags, JSON without a value, labels ("Thought process:") and the
    openers that are known to fool judges. A number, a word, a truth value or an emoji is something.
    """
    seen = normalise(text).translate(_BLANKS).strip()
    if not seen:
        return Emptiness.EMPTY
    unfenced = "\n".join(line for line in seen.split("\n") if not _FENCE.match(line)).strip()
    if _says_something(unfenced) and _holds_a_value(unfenced):
        return None
    return Emptiness.FORMAT_ONLY


_BLANKS = dict.fromkeys([0x00AD, 0x034F, 0x115F, 0x1160, 0x2800, 0x3164, 0xFE0E, 0xFE0F, 0xFFA0])
_FENCE = re.compile(r"^\s*(?:```|~~~)[\w+.#-]{0,40}\s*$")
_TAG = re.compile(r"</?[A-Za-z_][\w.:-]{0,40}(?:\s[^<>]{0,200})?/?>")
_LABEL = re.compile(r"^\W*(?:[^\W\d]+[\W_]+){0,4}[^\W\d]+\s*[:：][\W_]*$")
_MARKUP = re.compile(r"[*_#>`~|]+")
_OPENERS = frozenset(
    {
        "thought process",
        "let's solve this problem step by step",
        "let's think step by step",
        "let us solve this problem step by step",
        "let us think step by step",
        "solution",
        "answer",
        "final answer",
        "respuesta",
        "solución",
        "解",
        "解答",
        "答案",
        "かいせつ",
        "解説",
    }
)


def _says_something(text: str) -> bool:
    bare = "\n".join(map(_bare, text.split("\n")))
    if not any(map(_is_content, bare)):
        return False
    return len(bare) > _LONGEST_LABEL or _plain(bare) not in _OPENERS


def _bare(line: str) -> str:
    """Return what is left of a line without its form."""
    line = _MARKUP.sub(" ", _TAG.sub(" ", line))
    return "" if len(line) <= _LONGEST_LABEL and _LABEL.match(line) else line


def _plain(text: str) -> str:
    return " ".join(text.replace("’", "'").split()).strip(" .:!…").casefold()


def _is_content(char: str) -> bool:
    # A tick or an emoji is an answer; a line drawn with box characters is not.
    return char.isalnum() or (unicodedata.category(char) == "So" and not "\u2500" <= char <= "\u25ff")


def _holds_a_value(text: str) -> bool:
    """Say of JSON whether any of its values says something; what is no JSON holds one, being text."""
    if not text.startswith(("{", "[", '"', "null")):
        return True
    try:
        values: list[object] = [json.loads(text)]
    except (ValueError, RecursionError):
        return True
    while values:
        match values.pop():
            case None:
                pass
            case str() as said:
                if _says_something(said):
                    return True
            case dict() as members:
                values.extend(members.values())
            case list() as items:
                values.extend(items)
            case _:
                return True
    return False
