"""Say the same at another length."""

import hashlib
import json
import re

from harness.simulator.answers import Wording

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_PADDING = (
    "That is the short version of it.",
    "It helps to keep the context in mind while reading this.",
    "The same holds in most comparable situations.",
    "A few details depend on the circumstances, but the main point stays.",
    "This follows directly from what was given.",
    "Taken together, that covers what was asked.",
    "More background is available on request.",
    "It is worth checking this once against the original material.",
)


def lengthen(wording: Wording, size: float) -> Wording:
    """Make prose longer by the share `size`, with sentences that say nothing; indent JSON. 0: as it was.

    What is neither (a number, a list, a label) keeps its form, and so do tool calls.
    """
    if size == 0 or not wording.text:
        return wording
    if (value := _json(wording.text)) is not None:
        text = json.dumps(value, ensure_ascii=False, indent=max(1, round(8 * size)))
        return _with_text(wording, max(wording.text, text, key=len))
    if not wording.text.rstrip().endswith((".", "!", "?")):
        return wording
    wanted = len(wording.text) * (1 + size)
    first = hashlib.blake2b(wording.text.encode(), digest_size=1).digest()[0]
    text = wording.text
    for turn in range(64):
        if len(text) >= wanted:
            break
        text += " " + _PADDING[(first + turn) % len(_PADDING)]
    return _with_text(wording, text)


def shorten(wording: Wording, size: float) -> Wording:
    """Make prose shorter by about the share `size`, from its end and never below one sentence; pack JSON."""
    if size == 0 or not wording.text:
        return wording
    if (value := _json(wording.text)) is not None:
        return _with_text(wording, json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    sentences = _SENTENCE_END.split(wording.text)
    while len(sentences) > 1 and len(" ".join(sentences)) > len(wording.text) * (1 - size):
        sentences.pop()
    return _with_text(wording, wording.text if "\n" in wording.text.strip() else " ".join(sentences))


def _with_text(wording: Wording, text: str) -> Wording:
    return Wording(weight=wording.weight, text=text, tool_calls=wording.tool_calls)


def _json(text: str) -> object:
    """Return the object or array that a text is, or None."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        value: object = json.loads(text)
    except ValueError:
        return None
    return value
