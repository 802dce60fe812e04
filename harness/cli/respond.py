"""`drift respond`: ask again now, and say what to do about an incident."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.incidents import incident_named, open_incident_named
from harness.cli.naming import MOST_USD
from harness.cli.opening import open_project
from harness.cli.output import Outputs, finish
from harness.cli.planned import PlanOnly, plan_json, plan_text
from harness.cli.running import RunOptions, make_run
from harness.cli.session import Session
from harness.core.canonical import canonical_json
from harness.core.history import NightEntry
from harness.core.incidents import Incident
from harness.core.response import options_of, served_before
from harness.core.response import respond as advise
from harness.core.run import RunRecord
from harness.core.verdict import TargetVerdict, Verdict, exit_code_of
from harness.errors import HarnessError, UnknownName, UsageError
from harness.flows.check import CheckResult
from harness.registry import did_you_mean
from harness.reporting.litellm_config import litellm_config
from harness.reporting.postmortem import IncidentFacts, postmortem
from harness.reporting.response import response_facts, response_text
from harness.wiring import Workshop
from harness.wiring.files import output_folder, write_file

CONFIG_NAME, POSTMORTEM_NAME, ADVICE_NAME = "litellm.yaml", "postmortem.md", "advice.txt"
NIGHTS_BEFORE = 14


def respond(
    ctx: typer.Context,
    incident: Annotated[
        str, typer.Argument(metavar="ID", help="The incident, as `drift history` and the report name it.")
    ],
    samples: Annotated[int | None, typer.Option("--samples", min=1, max=50, help="Replies a case.")] = None,
    fallback: Annotated[
        str | None,
        typer.Option("--fallback", metavar="TARGET", help="Ask this target, too: it may take over."),
    ] = None,
    max_cost: Annotated[
        float | None,
        typer.Option(
            "--max-cost", metavar="USD", min=0, max=MOST_USD, help="Cap, instead of limits.max_cost_usd."
        ),
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what would be asked and what it may cost; ask nothing.")
    ] = False,
    post_mortem: Annotated[
        bool, typer.Option("--postmortem", help="Fill in a post-mortem from what is known; ask nothing.")
    ] = False,
    write: Annotated[
        Path | None, typer.Option("--write", metavar="DIR", help="Write what is printed into this folder.")
    ] = None,
) -> int:
    """Run the whole suite now, say what to do about an incident, and print a LiteLLM configuration for it.

    The configuration is to be applied by hand; nothing but the run folder is written without --write.
    """
    session: Session = ctx.obj
    workshop = open_project(session)
    folder = output_folder(session.folder, write) if write is not None else None
    if post_mortem:
        if fallback is not None or samples is not None or plan:
            raise UsageError("--postmortem asks nothing: give it without --fallback, --samples and --plan")
        text = workshop.redactor.redact_values(
            postmortem(_facts(workshop, incident_named(workshop, incident)))
        )
        _out(session, folder, POSTMORTEM_NAME, text)
        return 0
    found = open_incident_named(workshop, incident)
    targets = workshop.project.config.targets
    for name in (found.target, fallback):
        if name is not None and name not in targets:
            raise UnknownName(f"unknown target '{name}'{did_you_mean(name, tuple(targets))}")
    if fallback == found.target:
        raise UsageError(f"--fallback {fallback} is the target of the incident; name another one")
    result = make_run(
        session,
        workshop,
        RunOptions(
            suite=found.suite,
            targets=(found.target, *([fallback] if fallback is not None else [])),
            samples=samples,
            max_cost_usd=max_cost,
            plan_only=plan,
        ),
    )
    if isinstance(result, PlanOnly):
        session.put(plan_json(result) if session.json else plan_text(result))
        return 0
    return _say(session, workshop, found, result, folder)


def _say(
    session: Session, workshop: Workshop, incident: Incident, result: CheckResult, folder: Path | None
) -> int:
    record, verdict = result.record, result.verdict
    config = workshop.project.config
    outputs = Outputs(on_stdout="text", into_folder=(), folder=None).through(workshop.redactor.redact_values)
    if not session.json:
        finish(session, workshop.runs, result, outputs)
    asked = {target.target for target in verdict.targets}
    others = dict.fromkeys((*(asked - {incident.target}), *config.suites[incident.suite].targets))
    history = workshop.history()
    nights = history.nights(incident.suite)
    target = next(one for one in verdict.targets if one.target == incident.target)
    response = advise(
        incident=incident,
        target=target,
        verdict=verdict,
        cases=record.manifest.suite.cases,
        before=served_before([n for n in nights if n.target == incident.target], incident),
        options=options_of(
            [name for name in others if name != incident.target and name in config.targets],
            history.incidents(),
            _by_target(nights),
            verdict,
        ),
    )
    lead = response.advice[0]
    proxy = workshop.redactor.redact_values(litellm_config(incident.target, lead, config.targets))
    code = exit_code_of(target, verdict.policy)
    if session.json:
        said = {"incident": incident.id, "run": verdict.run, "exit_code": code, "litellm": proxy}
        session.put(canonical_json({**said, **response_facts(response)}))
        if folder is not None:
            _keep(session, folder, CONFIG_NAME, proxy)
        return code
    text = workshop.redactor.redact_values(response_text(incident, response))
    session.put(f"\n{text}\n")
    if folder is not None:
        _keep(session, folder, ADVICE_NAME, f"{text}\n")
    _out(session, folder, CONFIG_NAME, proxy)
    session.put(f"exit {code}")
    return code


def _by_target(nights: Sequence[NightEntry]) -> dict[str, list[NightEntry]]:
    found: dict[str, list[NightEntry]] = {}
    for night in nights:
        found.setdefault(night.target, []).append(night)
    return found


def _facts(workshop: Workshop, incident: Incident) -> IncidentFacts:
    """Read what is known of an incident; what cannot be read any more is left out, and shows as such."""
    nights = workshop.history().nights(incident.suite, incident.target)
    before = [night for night in nights if night.night < incident.opened][-NIGHTS_BEFORE:]
    during = [night for night in nights if incident.opened <= night.night <= (incident.closed or night.night)]
    baseline = workshop.baselines.load(incident.suite, nights[-1].baseline_of if nights else incident.target)
    verdicts: dict[str, TargetVerdict] = {}
    costs: dict[str, float | None] = {}
    for run in incident.runs:
        record, verdict = _read(workshop, run)
        costs[run] = record.end.cost_usd if record is not None and record.end is not None else None
        if verdict is not None:
            verdicts.update((run, one) for one in verdict.targets if one.target == incident.target)
    return IncidentFacts(
        incident=incident,
        nights=[*before, *during],
        verdicts=verdicts,
        costs_usd=costs,
        mutes=[mute for mute in workshop.mutes.all() if mute.incident == incident.id],
        acceptances=[
            one
            for one in (baseline.acceptances if baseline is not None else ())
            if one.at[:10] >= incident.opened
        ],
    )


def _read(workshop: Workshop, run: str) -> tuple[RunRecord | None, Verdict | None]:
    try:
        return workshop.runs.load(run), workshop.verdict(run)
    except HarnessError:
        return None, None


def _out(session: Session, folder: Path | None, name: str, text: str) -> None:
    if folder is None:
        session.put(text)
    else:
        _keep(session, folder, name, text)


def _keep(session: Session, folder: Path, name: str, text: str) -> None:
    write_file(folder / name, text)
    session.say(f"wrote {folder / name}")
