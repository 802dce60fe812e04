"""Where renderings go: the run's folder, stdout, a folder of the user's choice."""

from dataclasses import dataclass
from pathlib import Path

from harness.cli.session import Session
from harness.core.run import RunRecord
from harness.core.verdict import Verdict
from harness.errors import UsageError
from harness.flows.check import CheckResult
from harness.ports import RunStore
from harness.registry import did_you_mean
from harness.reporting import FORMATS
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


def finish(session: Session, runs: RunStore, result: CheckResult, outputs: Outputs) -> int:
    """Write a run's renderings, say what happened, and return the exit code. The verdict goes to disk first."""
    record, verdict = result.record, result.verdict
    run = record.manifest.run
    runs.write(run, FILE_NAMES["json"], render("json", record, verdict))
    page = runs.write(run, FILE_NAMES["html"], render("html", record, verdict))
    put(session, record, verdict, outputs)
    if outputs.on_stdout == "text":
        session.put(f"report {page}")
        session.put(f"exit {verdict.exit_code}")
    return verdict.exit_code


def put(session: Session, record: RunRecord, verdict: Verdict, outputs: Outputs) -> None:
    """Render to stdout and, where asked, into a folder."""
    if outputs.folder is not None:
        for name in outputs.into_folder:
            path = outputs.folder / FILE_NAMES[name]
            write_file(path, render(name, record, verdict))
            session.say(f"wrote {path}")
    session.put(render(outputs.on_stdout, record, verdict))


def render(name: str, record: RunRecord, verdict: Verdict) -> str:
    """Render one format."""
    return FORMATS.load(name)(record, verdict)
