"""`drift doctor`: what would go wrong tonight, found by day."""

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

import typer

from harness.cli.session import Session
from harness.core.canonical import canonical_json
from harness.core.decision import state_of
from harness.core.plan import make_plan
from harness.core.replies import Answer
from harness.core.suite import Suite
from harness.errors import HarnessError
from harness.flows.prepare import prices
from harness.wiring import Workshop, open_workshop

STALE_AFTER_H = 36


class Health(StrEnum):
    """How a thing is."""

    GOOD = "ok"
    NOTE = "note"
    BAD = "FAIL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    health: Health
    what: str


def doctor(
    ctx: typer.Context,
    online: Annotated[
        bool, typer.Option("--online", help="Also ask every target once; this costs a few tokens.")
    ] = False,
) -> int:
    """Check keys, prices, encoder, baselines and git before a night does. Exit 2 where something is wrong."""
    session: Session = ctx.obj
    workshop = open_workshop(session.folder, session.config, session.env_file)
    found = [
        *_keys(workshop),
        *_prices(workshop),
        *_encoder(workshop),
        *_suites(workshop),
        *_baselines(workshop),
    ]
    found += [*_git(workshop), *_last_run(workshop)]
    if online and any(finding.health is Health.BAD for finding in found):
        found.append(Finding(health=Health.NOTE, what="no target was asked: mend what is wrong first"))
    elif online:
        found += asyncio.run(_answers(workshop))
    if session.json:
        session.put(canonical_json([{"health": f.health.value, "what": f.what} for f in found]))
    else:
        for finding in found:
            session.put(f"{finding.health.value:<5} {finding.what}")
    return 2 if any(finding.health is Health.BAD for finding in found) else 0


def _keys(workshop: Workshop) -> Iterator[Finding]:
    for name, target in workshop.project.config.targets.items():
        for variable in target.secret_names():
            there = bool(workshop.environment.get(variable))
            said = (
                f"{name}: {variable} is set"
                if there
                else f"{name}: {variable} is not set; export it, or name a file with --env-file"
            )
            yield Finding(health=Health.GOOD if there else Health.BAD, what=said)
        if target.provider != "simulated" and not target.params:
            yield Finding(
                health=Health.NOTE,
                what=f"{name}: no sampling parameter is stated; a library's default can change overnight",
            )


def _prices(workshop: Workshop) -> Iterator[Finding]:
    targets = workshop.project.config.targets
    try:
        providers = workshop.providers(targets, night=date(2026, 1, 1), run="doctor")
        known = prices(targets, providers)
    except HarnessError as error:
        yield Finding(health=Health.BAD, what=f"targets: {error}")
        return
    for name, price in known.items():
        if price is None:
            yield Finding(
                health=Health.BAD,
                what=f"{name}: the price of '{targets[name].model}' is not known; set targets.{name}.price in drift.yaml",
            )
        else:
            yield Finding(
                health=Health.GOOD,
                what=f"{name}: ${price.input_usd_per_million:g} in, ${price.output_usd_per_million:g} out, a million tokens",
            )


def _encoder(workshop: Workshop) -> Iterator[Finding]:
    try:
        yield Finding(health=Health.GOOD, what=f"encoder {workshop.encoder().digest}")
    except HarnessError as error:
        yield Finding(health=Health.BAD, what=f"encoder: {error}")


def _suites(workshop: Workshop) -> Iterator[Finding]:
    today = f"{workshop.clock.now():%Y-%m-%d}"
    for name in workshop.project.config.suites:
        try:
            suite: Suite = workshop.suite(name)
        except HarnessError as error:
            yield Finding(
                health=Health.BAD, what=f"suite {name}: {str(error).splitlines()[0]}; see drift validate"
            )
            continue
        yield Finding(health=Health.GOOD, what=f"suite {name}: {len(suite.cases)} cases")
        for case in suite.cases:
            if case.review_by < today:
                yield Finding(
                    health=Health.NOTE,
                    what=f"{name}/{case.id}: past its review date {case.review_by}; does it still earn its place?",
                )


def _baselines(workshop: Workshop) -> Iterator[Finding]:
    config, store = workshop.project.config, workshop.baselines
    for suite, spec in config.suites.items():
        for name in spec.targets:
            owner = config.targets[name].baseline_of or name
            try:
                baseline = store.load(suite, owner)
            except HarnessError as error:
                yield Finding(health=Health.BAD, what=f"baseline {suite}/{owner}: {error}")
                continue
            if baseline is None:
                yield Finding(
                    health=Health.NOTE, what=f"baseline {suite}/{owner}: none yet, so nights are LEARNING"
                )
                continue
            nights = baseline.night_count()
            state = state_of(nights, config.decision_policy()).value.upper()
            yield Finding(health=Health.GOOD, what=f"baseline {suite}/{owner}: {nights} nights, {state}")


def _git(workshop: Workshop) -> Iterator[Finding]:
    if shutil.which("git") is None:
        yield Finding(health=Health.NOTE, what="git is not installed; baselines belong in git")
        return
    changed = workshop.uncommitted("baselines", "drift.yaml")
    if changed is None:
        yield Finding(
            health=Health.NOTE, what="this folder is not in a git repository; baselines belong in git"
        )
    elif changed:
        yield Finding(health=Health.NOTE, what="baselines or drift.yaml have changes that are not committed")
    else:
        yield Finding(health=Health.GOOD, what="git: baselines and drift.yaml are committed")


def _last_run(workshop: Workshop) -> Iterator[Finding]:
    runs = workshop.runs
    try:
        scheduled = [manifest for manifest in map(runs.manifest, runs.names()) if manifest.scheduled]
    except HarnessError as error:
        yield Finding(health=Health.BAD, what=f"a run folder is damaged: {error}")
        return
    if not scheduled:
        yield Finding(
            health=Health.NOTE, what="no scheduled run yet; cron calls `drift check canary --scheduled`"
        )
        return
    age_h = (workshop.clock.now() - datetime.fromisoformat(scheduled[-1].started_at)).total_seconds() / 3600
    late = age_h > STALE_AFTER_H
    yield Finding(
        health=Health.NOTE if late else Health.GOOD,
        what=f"last scheduled run {age_h:.0f} h ago ({scheduled[-1].run})",
    )


async def _answers(workshop: Workshop) -> list[Finding]:
    """Ask the first case of the first suite once, of every target: parameters accepted, model known."""
    config = workshop.project.config
    suite = workshop.suite(next(iter(config.suites)))
    providers = workshop.providers(config.targets, night=workshop.clock.now().date(), run="doctor")
    found = []
    for request in make_plan(suite.cases[:1], config.targets, samples=1).requests[: len(config.targets)]:
        provider = providers[request.target_name]
        await provider.prepare()
        completion = await provider.complete(request, deadline_s=config.limits.timeout_s)
        if isinstance(completion, Answer):
            found.append(
                Finding(
                    health=Health.GOOD,
                    what=f"{request.target_name}: answers, served {completion.model_served}",
                )
            )
        else:
            found.append(
                Finding(
                    health=Health.BAD,
                    what=f"{request.target_name}: {completion.kind.value}: {completion.detail}",
                )
            )
    for provider in {id(p): p for p in providers.values()}.values():
        await provider.aclose()
    return found
