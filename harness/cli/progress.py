"""How a run shows that it is going on: a bar on a terminal, a line a case on CI, silence in a pipe."""

import os
import sys
from collections import Counter
from typing import TYPE_CHECKING

from harness.cli.session import Session
from harness.core.plan import Request
from harness.core.replies import Answer, Failure

if TYPE_CHECKING:
    from rich.progress import Progress as Bar


class RunProgress:
    """Tells stderr how a run goes."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._on_ci = bool(os.environ.get("CI"))
        self._missing: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._bar: Bar | None = None

    def expect(self, requests: tuple[Request, ...]) -> None:
        """Count the calls of every case, to say when a case is done."""
        self._missing = Counter(f"{request.target_name} {request.case.id}" for request in requests)

    def started(self, calls: int, note: str) -> None:
        """Begin a round."""
        if sys.stderr.isatty() and not self._session.quiet and not self._on_ci:
            from rich.console import Console
            from rich.progress import Progress as Bar

            self.stop()
            self._bar = Bar(
                console=Console(stderr=True, no_color=self._session.color == "never" or None), transient=True
            )
            self._bar.add_task(f"{calls} calls {note}".strip(), total=calls)
            self._bar.start()

    def finished_call(self, request: Request, completion: Answer | Failure) -> None:
        """Report one call."""
        name = f"{request.target_name} {request.case.id}"
        failed = isinstance(completion, Failure)
        self._failed[name] += failed
        self._missing[name] -= 1
        if self._bar is not None:
            self._bar.advance(self._bar.task_ids[0])
        if self._session.verbose:
            self._session.say(
                f"{name} #{request.sample} {completion.kind if isinstance(completion, Failure) else 'answered'}"
            )
        elif self._on_ci and self._missing[name] == 0:
            failures = f", {self._failed[name]} failed" if self._failed[name] else ""
            self._session.say(f"{name} done{failures}")

    def note(self, text: str) -> None:
        """Say something once."""
        self._session.say(text)

    def stop(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
