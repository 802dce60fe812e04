"""Where renderings go: the run's folder, stdout, a folder of the user's choice."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.cli.session import Session
from harness.core.run import RunRecord
from harness.core.verdict import Verdict
from harness.errors import HarnessError, UsageError
from harness.flows.check import CheckResult, complaints
from harness.ports import RunStore
from harness.registry import did_you_mean
from harness.reporting import FORMATS
from harness.reporting.text import render_in_colour
from harness.wiring.files import write_file

FILE_NAMES = {"text": "report.txt", "json": "verdict.json", "html": "report.html", "markdown": "report.md"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """Which formats go where."""

    on_stdout: str
    into_folder: tuple[str, ...]
    folder: Path | None

    @classmethod
    def of(cls, session: Session, formats: list[str] | None, folder: Path | None) -> "Outputs":
        """Read the options. Raises UsageError for an unknown format, or several of them and no folder."""
        asked = tuple(formats or (["json"] if session.json else ["text"]))
        for name in asked:
            if name not in FILE_NAMES:
                raise UsageError(f"unknown format '{name}'{did_you_mean(name, tuple(FILE_NAMES))}")
        if folder is None and len(asked) > 1:
            raise UsageError("several formats need --out DIR")
        if folder is not None:
            folder = session.folder / folder
            if folder.exists() and not folder.is_dir():
                raise UsageError(f"--out {folder} is a file; name a folder")
        return cls(
            on_stdout=asked[0] if folder is None else "json" if session.json else "text",
            into_folder=asked if folder else (),
            folder=folder,
        )


def write_verdict(runs: RunStore, record: RunRecord, verdict: Verdict) -> Path:
    """Put a run's verdict on disk. Raises OSError."""
    return runs.write(record.manifest.run, FILE_NAMES["json"], render("json", record, verdict))


def finish(session: Session, runs: RunStore, result: CheckResult, outputs: Outputs) -> int:
    """Write a run's page, say what happened, and return the exit code.

    It is the verdict's, which is on disk already, whatever comes of the page and of stdout.
    """
    record, verdict = result.record, result.verdict
    page: Path | None = None
    with _told(session):
        page = runs.write(record.manifest.run, FILE_NAMES["html"], render("html", record, verdict))
    with _told(session):
        put(session, record, verdict, outputs)
        if outputs.on_stdout == "text":
            if page is not None:
                session.put(f"report {page}")
            session.put(f"exit {verdict.exit_code}")
    for complaint in complaints(record):
        session.warn(f"drift: {complaint}")
    return verdict.exit_code


@contextmanager
def _told(session: Session) -> Iterator[None]:
    """Say on stderr what could not be written, and go on."""
    try:
        yield
    except (HarnessError, OSError) as error:
        where = (
            f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else error
        )
        session.warn(f"drift: {where}; the verdict is on disk, `drift report` renders it again")


def put(session: Session, record: RunRecord, verdict: Verdict, outputs: Outputs) -> None:
    """Render to stdout and, where asked, into a folder."""
    if outputs.folder is not None:
        for name in outputs.into_folder:
            path = outputs.folder / FILE_NAMES[name]
            write_file(path, render(name, record, verdict))
            session.say(f"wrote {path}")
    colour = session.colored and outputs.on_stdout == "text"
    session.put(render_in_colour(record, verdict) if colour else render(outputs.on_stdout, record, verdict))


def render(name: str, record: RunRecord, verdict: Verdict) -> str:
    """Render one format."""
    return FORMATS.load(name)(record, verdict)
