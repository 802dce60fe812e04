"""A reader under watch: a hang ends the test, and what comes out of it is held to what a user may be told."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.errors import MOST_PROBLEMS_SHOWN, HarnessError
from tests.fuzz.documents import KEY
from tests.fuzz.parsers import PARSERS, Content

MOST_SECONDS = 10.0
"""Of CPU; ten times what a parser may take, because the machine may be another one."""
MOST_CHARACTERS = 20_000
"""Of a message."""


class Hang(BaseException):
    """No `except Exception` stops it."""


@contextmanager
def watchdog(seconds: float = MOST_SECONDS) -> Iterator[None]:
    """Raise Hang in what takes more CPU than that. Of the process, so that a busy machine does no harm."""

    def bark(*_: object) -> None:
        raise Hang(f"over {seconds:g} s of CPU")

    before = signal.signal(signal.SIGPROF, bark)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def wrong_with(read: Callable[[], object]) -> str | None:
    """Run a reader, and say what is wrong with how it ended; None where it read or refused."""
    try:
        with watchdog():
            read()
    except HarnessError as error:
        return wrong_with_message(str(error))
    except (Exception, Hang) as error:  # noqa: BLE001  # to be told, with the input
        return f"{type(error).__name__}: {str(error)[:200]}"
    return None


def wrong_with_message(said: str) -> str | None:
    """Say what a message must not be or hold."""
    lines = said.split("\n")
    if not said.strip():
        return "an empty message"
    if KEY in said:
        return f"a key is shown: {said.replace(KEY, '<key>')[:200]}"
    if "Traceback" in said:
        return f"a traceback: {said[:200]}"
    if len(lines) > MOST_PROBLEMS_SHOWN + 1:
        return f"{len(lines)} lines: {said[:200]}"
    if len(said) > MOST_CHARACTERS:
        return f"{len(said)} characters: {said[:200]}"
    hidden = {char for line in lines for char in line if not char.isprintable()}
    return f"raw {sorted(map(ascii, hidden))}: {said[:200]!r}" if hidden else None


def wrong_with_parser(name: str, content: Content) -> str | None:
    """Have a parser read something in a folder of its own, and say what is wrong with how that ended."""
    with TemporaryDirectory() as folder:
        return wrong_with(lambda: PARSERS[name].read(content, Path(folder)))
