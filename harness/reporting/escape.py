"""Text that a model or a stranger wrote, made safe to show: what no reader sees is written as an escape."""

import re
import unicodedata
from collections.abc import Iterator

# C0 but tab and line feed, C1, soft hyphen, joiners, bidirectional controls, line and paragraph separators,
# blank letters, variation selectors, lone surrogates, specials, tags.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u06dd\u070f\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_EMOJI_STYLE = re.compile("(?<=[\xa9\xae\u203c-\u3299\U0001f000-\U0001faff0-9#*])\ufe0f")
_SPACE = re.compile("[\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_COMMAND = re.compile(r"##(?=\w*\[)")
_COMMAND_START = re.compile(r"(?m)^([^\S\n]*):(?=:)")
_LAYOUT = str.maketrans({"\n": r"\n", "\t": r"\t"})


def code_point(char: str) -> str:
    """Write one character as an escape, such as ``\\x1b`` or ``\\u202e``."""
    number = ord(char)
    if number <= 0xFF:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


def visible(text: str) -> str:
    """Write what cannot be seen as escapes; tabs and line breaks stay, and so does an emoji's style mark."""
    text = text.replace("\r\n", "\n")
    if not _UNSEEN.search(text):
        return text
    styled = {match.start() for match in _EMOJI_STYLE.finditer(text)}
    return _UNSEEN.sub(lambda match: match[0] if match.start() in styled else code_point(match[0]), text)


def exact(text: str) -> str:
    """Write every character that could be taken for another, or for nothing, as an escape.

    That adds to `visible`: other spaces than the plain one, combining marks, carriage returns, and
    spaces at the end of a line.
    """
    return "\n".join("".join(_exact_line(line)) for line in text.split("\n"))


def one_line(text: str, most: int = 400) -> str:
    """Show `text` on one line of at most `most` characters, and say how many more there are."""
    shown = visible(text[:most]).translate(_LAYOUT).strip()
    left = len(text) - most
    return f"{shown} … ({left:,} more characters)" if left > 0 else shown


def log_safe(text: str) -> str:
    """Break what a CI log would take for a command: a line that starts with ``::``, and ``##[`` anywhere."""
    return _COMMAND_START.sub(r"\1\\x3a", _COMMAND.sub(r"\\x23#", text))


def differ_unseen(reference: str, candidate: str) -> bool:
    """Tell whether two texts differ, but in nothing that a reader could see."""
    return reference != candidate and _seen(reference) == _seen(candidate)


def columns(text: str) -> int:
    """Count the terminal columns that `text` takes: wide characters take two, combining ones none."""
    return sum(_width(char) for char in text)


def wrap(text: str, width: int, *, start: str = "", indent: str = "") -> Iterator[str]:
    """Break `text` at spaces into lines of at most `width` columns, the first after `start`, others after `indent`."""
    line, taken, empty = start, columns(start), True
    for word in text.split(" "):
        for piece in _pieces(word, width - columns(indent)):
            needed = columns(piece) + (0 if empty else 1)
            if taken + needed > width and (not empty or start != indent):
                yield line.rstrip()
                line, taken, empty = indent, columns(indent), True
                needed = columns(piece)
            line, taken, empty = line + ("" if empty else " ") + piece, taken + needed, False
    yield line.rstrip()


def _pieces(word: str, most: int) -> Iterator[str]:
    start, taken = 0, 0
    for place, char in enumerate(word):
        needed = _width(char)
        if taken + needed > most:
            yield word[start:place]
            start, taken = place, 0
        taken += needed
    yield word[start:]


def _width(char: str) -> int:
    if char.isascii():
        return 1
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _exact_line(line: str) -> Iterator[str]:
    kept = len(line.rstrip(" "))
    for place, char in enumerate(line):
        hidden = char != "\t" and unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp", "Mn", "Me"}
        other_space = char != " " and unicodedata.category(char) == "Zs"
        if hidden or other_space or place >= kept or _UNSEEN.match(char):
            yield code_point(char)
        else:
            yield char


def _seen(text: str) -> str:
    plain = _UNSEEN.sub("", unicodedata.normalize("NFC", text.replace("\r\n", "\n")))
    return "\n".join(line.rstrip() for line in _SPACE.sub(" ", plain).split("\n")).strip("\n")
