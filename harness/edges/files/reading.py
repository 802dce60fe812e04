"""The text of one file that somebody else may have written: regular, inside the project, small, in UTF-8."""

import os
import re
import stat
from pathlib import Path

from harness.edges.files.secrets import escaped
from harness.errors import DocumentError, Problem, ProblemCode

MOST_BYTES = 1_000_000
_TOO_LARGE = "is larger than 1 MB: split it into several files"

FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What no text may hold, however it is written."""
_UNREADABLE = re.compile("(?!\r\n)[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_DELETE = "the file holds the character {}: delete it, or save the file as UTF-8 again"
_RESAVE = {
    "\r": "the file holds a carriage return without a line feed: save it with LF line ends",
    "\ufeff": "the file holds a byte order mark: save it as UTF-8 without one",
    "\u2028": "U+2028 is a line end to YAML: write it as \\u2028 in double quotes",
    "\u2029": "U+2029 is a line end to YAML: write it as \\u2029 in double quotes",
}


def shown_path(path: Path, *, root: Path) -> str:
    """Return a path as messages show it: relative to `root`."""
    return escaped(Path(os.path.relpath(root / path, root)).as_posix())


def place_below(path: Path, *, root: Path) -> Path | None:
    """Return a path as seen from `root`, written in one way; None where its name leads out of it."""
    place = Path(os.path.relpath(root / path, root))
    return None if ".." in place.parts else place


def refuse_links(path: Path, *, root: Path) -> None:
    """Raise DocumentError naming the first link on the way from `root` to `path`.

    Whoever compares files by their names, as git does, never sees what changes behind a link.
    """
    for place in _links(root / path):
        if place.parent.resolve().is_relative_to(root.resolve()):
            kind = "folder" if place.is_dir() else "file"
            raise whole_file(
                shown_path(place, root=root), f"is a link: put the {kind} itself there", ProblemCode.LINK
            )


def refuse_hidden(path: Path, *, root: Path) -> None:
    """Raise DocumentError for a file below a name that begins with a dot, which nobody means to send to a model.

    Of a link, the file that it leads to counts as well.
    """
    places = [place_below(path, root=root)]
    if _links(root / path):
        places.append(place_below((root / path).resolve(), root=root.resolve()))
    for place in places:
        hidden = next((part for part in place.parts if part.startswith(".")), None) if place else None
        if hidden is not None:
            name = shown_path(path, root=root)
            raise whole_file(
                name, f"lies below '{escaped(hidden)}', which begins with a dot: move it", ProblemCode.HIDDEN
            )


def read_text(path: Path, *, root: Path) -> str:
    """Return the text of the file at `path`; a relative one is taken from `root`.

    Raises DocumentError where it leads out of `root`, is not a regular file of at most `MOST_BYTES`, or not
    UTF-8.
    """
    name = shown_path(path, root=root)
    try:
        content = _read(root / path, root=root, name=name)
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links; a NUL or half a character in it
        reason = error.strerror if isinstance(error, OSError) else "its path leads nowhere"
        raise whole_file(
            name, f"cannot be read ({reason}): check its name and its permissions", ProblemCode.UNREADABLE
        ) from error
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        message = f"byte 0x{content[error.start]:02x} is not UTF-8: save the file as UTF-8"
        raise DocumentError(
            (at_offset(before, len(before), file=name, message=message, code=ProblemCode.ENCODING),)
        ) from error


def refuse_unreadable(text: str, *, file: str) -> None:
    """Raise DocumentError for a text that is too long, or holds characters that nobody sees."""
    if len(text) > MOST_BYTES or len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise whole_file(file, _TOO_LARGE, ProblemCode.TOO_LARGE)
    first: dict[str, int] = {}
    for match in _UNREADABLE.finditer(text):
        first.setdefault(match[0], match.start())  # one problem per character: a binary file has thousands
    if first:
        raise DocumentError(
            tuple(
                at_offset(
                    text,
                    offset,
                    file=file,
                    message=_RESAVE.get(char, _DELETE.format(escaped(char))),
                    code=ProblemCode.ENCODING,
                )
                for char, offset in first.items()
            )
        )


def whole_file(file: str, message: str, code: ProblemCode) -> DocumentError:
    """Return an error about a file as a whole."""
    return DocumentError((Problem(file=file, message=message, code=code),))


def at_offset(text: str, offset: int, *, file: str, message: str, code: ProblemCode) -> Problem:
    """Return a problem at a character of a text."""
    start = text.rfind("\n", 0, offset)
    line = text.count("\n", 0, offset) + 1
    return Problem(file=file, line=line, column=offset - start, message=message, code=code)


def _links(path: Path) -> list[Path]:
    """List every part of a path that is a link, the outermost first."""
    return [place for place in reversed((path, *path.parents)) if place.is_symlink()]


def _read(path: Path, *, root: Path, name: str) -> bytes:
    target = path.resolve(strict=True)
    if not target.is_relative_to(root.resolve(strict=True)):
        raise whole_file(
            name, "lies outside the repository, or links out of it: move it in", ProblemCode.OUTSIDE
        )
    with open(target, "rb", opener=_open_at_once) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise whole_file(name, "is not a regular file: name a file", ProblemCode.UNREADABLE)
        if status.st_size > MOST_BYTES:
            raise whole_file(name, _TOO_LARGE, ProblemCode.TOO_LARGE)
        # The kernel's own files say that they are empty, and may keep who reads them waiting.
        return file.read(status.st_size) if status.st_size else b""


def _open_at_once(path: str, flags: int) -> int:
    # Without O_NONBLOCK a named pipe waits for its writer, before anything can be asked about it.
    # Windows has neither.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))
