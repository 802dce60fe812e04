"""What a step of GitHub Actions is told beside its log: a summary, outputs, and files for other actions."""

import os
from collections.abc import Mapping
from pathlib import Path

from harness.cli.output import FILE_NAMES, OF_GITHUB, Outputs, render
from harness.cli.session import Session
from harness.core.run import RunRecord
from harness.core.verdict import Verdict
from harness.errors import one_line
from harness.ports import RunStore
from harness.reporting.markdown_text import inline
from harness.wiring.files import append_text


def tell_run(session: Session, runs: RunStore, record: RunRecord, verdict: Verdict, outputs: Outputs) -> None:
    """Write the files for GitHub into the run's folder where no other was named, and tell the step of the run.

    Raises OSError, HarnessError.
    """
    if not outputs.for_github:
        return
    run = record.manifest.run
    if outputs.folder is None:
        for name in OF_GITHUB:
            session.say(f"wrote {runs.write(run, FILE_NAMES[name], render(name, record, verdict))}")
    folder = outputs.folder or runs.path(run, FILE_NAMES["comment"]).parent
    _tell(
        outputs.redact(render("comment", record, verdict)),
        {
            "run": run,
            "exit-code": str(verdict.exit_code),
            "outcome": verdict.outcome.value,
            "folder": str(folder),
        },
    )


def tell_nothing_asked(said: str, outputs: Outputs) -> None:
    """Tell the step that nothing was asked, and why. Raises OSError."""
    if outputs.for_github:
        _tell(inline(said), {"run": "", "exit-code": "0", "outcome": "unchanged", "folder": ""})


def _tell(summary: str, outputs: Mapping[str, str]) -> None:
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        append_text(Path(path), f"{summary}\n\n")
    if path := os.environ.get("GITHUB_OUTPUT"):
        append_text(Path(path), "".join(f"{key}={one_line(value)}\n" for key, value in outputs.items()))
