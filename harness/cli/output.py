"""Where renderings go: the run's folder, stdout, a folder of the user's choice."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from harness.cli.session import Session
from harness.core.run import RunRecord
from harness.core.verdict import Verdict
from harness.errors import CannotWrite, HarnessError, MeasurementError, UnknownName, UsageError
from harness.flows.check import CheckResult, complaints
from harness.ports import RunStore
from harness.registry import did_you_mean
from harness.reporting import COLOURED, FORMATS
from harness.wiring.files import output_folder, write_file

FILE_NAMES = {
    "text": "report.txt",
    "json": "verdict.json",
    "html": "report.html",
    "markdown": "report.md",
    "comment": "comment.md",
    "junit": "junit.xml",
    "sarif": "drift.sarif",
    "github": "annotations.txt",
}
GITHUB = "github"
FORMATS_HELP = "text, json, html, markdown, comment, junit, sarif, github; several with --out."
OF_GITHUB = ("comment", "junit", "sarif")
"""What `--format github` writes beside its annotations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """Which formats go where."""

    on_stdout: str
    into_folder: tuple[str, ...]
    folder: Path | None
    redact: Callable[[str], str] = str
    """Takes secrets out of whatever is written."""

    @classmethod
    def of(cls, session: Session, formats: list[str] | None, folder: Path | None) -> "Outputs":
        """Read the options. Raises UsageError for an unknown format, several of them and no folder, or a folder to refuse."""
        asked = tuple(formats or (["json"] if session.json else ["text"]))
        for name in asked:
            if name not in FILE_NAMES:
                raise UnknownName(f"unknown format '{name}'{did_you_mean(name, tuple(FILE_NAMES))}")
        if folder is None and len(asked) > 1:
            raise UsageError("several formats need --out DIR")
        if folder is not None:
            folder = output_folder(session.folder, folder)
        into = (*asked, *(name for name in OF_GITHUB if GITHUB in asked and name not in asked))
        beside = "json" if session.json else GITHUB if GITHUB in asked else "text"
        return cls(
            on_stdout=asked[0] if folder is None else beside,
            into_folder=into if folder else (),
            folder=folder,
        )

    def through(self, redact: Callable[[str], str]) -> "Outputs":
        """Return the same, with everything passing `redact`."""
        return replace(self, redact=redact)

    @property
    def for_github(self) -> bool:
        """Say whether GitHub is told, too: its step summary and its step's outputs."""
        return self.on_stdout == GITHUB or GITHUB in self.into_folder


def write_verdict(runs: RunStore, record: RunRecord, verdict: Verdict) -> Path:
    """Put a run's verdict on disk. Raises OSError."""
    return runs.write(record.manifest.run, FILE_NAMES["json"], render("json", record, verdict))


def finish(session: Session, runs: RunStore, result: CheckResult, outputs: Outputs) -> int:
    """Write a run's page, say what happened, and return the exit code.

    It is the verdict's, which is on disk already, whatever comes of the page and of stdout.
    """
    record, verdict = result.record, result.verdict
    page: Path | None = None
    with told(session):
        page = runs.write(record.manifest.run, FILE_NAMES["html"], render("html", record, verdict))
    with told(session):
        put(session, record, verdict, outputs)
        if outputs.on_stdout in ("text", GITHUB):
            if page is not None:
                session.put(f"report {page}")
            session.put(f"exit {verdict.exit_code}")
    for complaint in complaints(record):
        session.warn(f"drift: {complaint}")
    return verdict.exit_code


@contextmanager
def told(session: Session) -> Iterator[None]:
    """Say on stderr what could not be written, and go on."""
    try:
        yield
    except (HarnessError, OSError) as error:
        where = (
            f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else error
        )
        code = error.code if isinstance(error, MeasurementError) else CannotWrite.code
        session.warn(
            f"drift: {where}; the verdict is on disk and its exit code stands, `drift report` renders it again  [{code}]"
        )


def put(session: Session, record: RunRecord, verdict: Verdict, outputs: Outputs) -> None:
    """Render to stdout and, where asked, into a folder."""
    if outputs.folder is not None:
        for name in outputs.into_folder:
            path = outputs.folder / FILE_NAMES[name]
            write_file(path, outputs.redact(render(name, record, verdict)))
            session.say(f"wrote {path}")
    shown = outputs.on_stdout
    coloured = session.colored and shown in COLOURED.names()
    said = COLOURED.load(shown)(record, verdict) if coloured else render(shown, record, verdict)
    session.put(outputs.redact(said))


def render(name: str, record: RunRecord, verdict: Verdict) -> str:
    """Render one format."""
    return FORMATS.load(name)(record, verdict)


def load_formats() -> None:
    """Import what a finished run is rendered with, so that it is there when the verdict is."""
    for name in ("json", "html", "text"):
        FORMATS.load(name)
