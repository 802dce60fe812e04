"""`drift notify`: tell GitHub what a run found, and anybody else of incidents."""

from dataclasses import dataclass
from typing import Annotated

import typer

from harness.cli import notify_incidents
from harness.cli.decided import decided
from harness.cli.opening import open_project
from harness.cli.session import Session
from harness.core.run import Manifest
from harness.core.verdict import Verdict
from harness.errors import UsageError, one_line
from harness.reporting.comment import comment, marker, nothing_asked
from harness.reporting.issue import Stand, issue_texts
from harness.reporting.points import Point, points_of
from harness.wiring import run_named
from harness.wiring.files import is_a_file
from harness.wiring.notify import (
    MOST_NUMBER,
    IssueWish,
    Redactor,
    Where,
    keep_comment,
    keep_issue,
    open_github,
    plain_redactor,
    pull_request_number,
    surroundings,
    verdict_file,
)

LABEL = "drift"

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Tell people what a run found. Exits 3 where that fails; the check's own verdict stays what it is.",
)
app.command("webhook")(notify_incidents.webhook)
app.command("apprise")(notify_incidents.apprise)

Run = Annotated[
    str, typer.Argument(help="A run, the start of its name, its folder, `last`, or a verdict.json.")
]
Repo = Annotated[
    str | None, typer.Option("--repo", metavar="OWNER/NAME", help="The repository; else GITHUB_REPOSITORY.")
]
TokenEnv = Annotated[
    str, typer.Option("--token-env", metavar="NAME", help="The variable that holds the token.")
]
ApiUrl = Annotated[
    str | None, typer.Option("--api-url", metavar="URL", help="The API; else GITHUB_API_URL. https only.")
]
Author = Annotated[
    str | None,
    typer.Option(
        "--author", metavar="LOGIN", help="Who ours are by; else the token's user, or github-actions[bot]."
    ),
]


@app.command("github-pr")
def github_pr(
    ctx: typer.Context,
    run: Run = "last",
    repo: Repo = None,
    pr: Annotated[
        int | None,
        typer.Option("--pr", metavar="N", min=1, max=MOST_NUMBER, help="The pull request; else the event's."),
    ] = None,
    unchanged: Annotated[
        str | None,
        typer.Option(
            "--unchanged",
            metavar="SUITE",
            help="No run: nothing that the suite asks is changed. Updates a comment that is there.",
        ),
    ] = None,
    token_env: TokenEnv = "GITHUB_TOKEN",  # noqa: S107  # a name
    api_url: ApiUrl = None,
    author: Author = None,
) -> int:
    """Keep one comment of a pull request up to date."""
    session: Session = ctx.obj
    where = Where(repository=repo, api_url=api_url, token_env=token_env)
    around = surroundings(session.folder, session.env_file, session.clock)
    number = pr or pull_request_number(around.environment)
    if unchanged is not None:
        now = around.clock.now()
        body, own = nothing_asked(unchanged, f"{now:%Y%m%dT%H%M%SZ}-{unchanged}"), marker(unchanged)
        redactor = plain_redactor()
    else:
        told = _told(session, run)
        body, own, redactor = comment(told.verdict, told.manifest), marker(told.verdict.suite), told.redactor
    with open_github(where, around.environment, around.clock, redactor) as github:
        kept = keep_comment(github, number, own, body, author=author, make=unchanged is None)
        session.say(f"#{number} of {one_line(github.repository)}: comment {kept.value}")
    return 0


@app.command("github-issue")
def github_issue(
    ctx: typer.Context,
    run: Run = "last",
    repo: Repo = None,
    label: Annotated[
        str, typer.Option("--label", metavar="NAME", help="The label by which issues are found.")
    ] = LABEL,
    token_env: TokenEnv = "GITHUB_TOKEN",  # noqa: S107  # a name
    api_url: ApiUrl = None,
    author: Author = None,
) -> int:
    """Keep one issue for each suite and target: opened by drift, updated, closed on recovery."""
    session: Session = ctx.obj
    if not label.strip() or "," in label or len(label) > 50 or not label.isprintable():
        raise UsageError("--label takes one label of at most 50 characters, without a comma")
    where = Where(repository=repo, api_url=api_url, token_env=token_env)
    around = surroundings(session.folder, session.env_file, session.clock)
    told = _told(session, run)
    with open_github(where, around.environment, around.clock, told.redactor) as github:
        for text in issue_texts(told.verdict, told.points):
            name = f"{one_line(told.verdict.suite)} on {one_line(text.target)}"
            if text.stand is Stand.UNKNOWN:
                session.say(f"{name}: not decided, so no issue is touched")
                continue
            wish = IssueWish(
                marker=text.marker,
                title=text.title,
                body=text.body,
                is_open=text.stand is Stand.OPEN,
                recovered=text.recovered,
                label=label.strip(),
            )
            session.say(f"{name}: issue {keep_issue(github, wish, author=author).value}")
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What is to be told."""

    verdict: Verdict
    manifest: Manifest | None
    redactor: Redactor

    @property
    def points(self) -> tuple[Point, ...]:
        """What the verdict has to say; nothing where only the verdict is there."""
        return points_of(self.verdict, self.manifest) if self.manifest is not None else ()


def _told(session: Session, run: str) -> _Told:
    """Read a run of this project as it was decided, or a verdict that lies anywhere."""
    file = session.folder / run
    if run.endswith(".json") and is_a_file(file):
        return _Told(verdict=verdict_file(file), manifest=None, redactor=plain_redactor())
    workshop = open_project(session)
    runs = workshop.runs
    name = runs.resolve(run_named(run, session.folder))
    verdict = workshop.verdict(name)
    if verdict is None:
        verdict = decided(runs, name).verdict
    return _Told(verdict=verdict, manifest=runs.manifest(name), redactor=workshop.redactor)
