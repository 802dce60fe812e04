"""Text that nobody else's words can act in: for GitHub Markdown."""

import re

from harness.reporting.escape import visible

ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$^-])")
_JOINER = "\u2060"
_TRIGGER = re.compile(r"@(?=\w)|(?<=\bGH)-(?=\d)|#(?=\d)|:(?=//)|\bwww(?=\.)", re.IGNORECASE)
_TEXT = 1_200


def inline(text: str) -> str:
    """Write text so that it is only text: no markup, HTML, mention, reference, link or table cell."""
    shown = _TRIGGER.sub(
        lambda match: match[0] + _JOINER, visible(text).replace("\n", " ").replace("\t", " ")
    )
    return _SPECIAL.sub(r"\\\1", shown.translate(ENTITIES))


def code(text: str) -> str:
    """Write text as a code span that it cannot leave, also inside a table."""
    shown = visible(text).replace("\n", " ").replace("|", "\u2502")
    ticks = "`" * (_longest_run(shown) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") or not shown else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}"


def fenced(text: str, most: int = _TEXT) -> str:
    """Write text in a fence that it cannot close, cut to `most` characters, saying what was left out."""
    shown = visible(text[:most])
    left = len(text) - most
    fence = "`" * max(3, _longest_run(shown) + 1)
    more = f"\n\n{left:,} more characters are not shown." if left > 0 else ""
    return f"{fence}text\n{shown}\n{fence}{more}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
