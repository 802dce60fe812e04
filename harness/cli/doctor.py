"""`drift doctor`: what would go wrong tonight, found by day."""

import asyncio
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from harness.cli.opening import open_project
from harness.cli.session import Session
from harness.core.baseline_state import knowledge
from harness.core.batch import Baseline
from harness.core.canonical import canonical_json
from harness.core.plan import Request, make_plan
from harness.core.replies import Answer
from harness.core.run import RunTarget
from harness.core.self_test import over_budget_note
from harness.core.suite import Case
from harness.core.verdict import BaselineState
from harness.errors import HarnessError
from harness.flows.closing import close_providers
from harness.flows.prepare import prices, unreadable_references
from harness.ports import Encoder, Provider
from harness.wiring import Workshop

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What could be made; None where it could not, and that was said."""

    workshop: Workshop
    providers: Mapping[str, Provider] | None
    encoder: Encoder | None


def doctor(
    ctx: typer.Context,
    online: Annotated[
        bool, typer.Option("--online", help="Also ask every target once; this costs a few tokens.")
    ] = False,
) -> int:
    """Check keys, prices, encoder, baselines and git before a night does. Exit 2 where something is wrong."""
    session: Session = ctx.obj
    workshop = open_project(session)
    found: list[Finding] = []
    parts = _Parts(
        workshop=workshop, providers=_providers(workshop, found), encoder=_encoder(workshop, found)
    )
    for look in (_keys, _parameters, _prices, _suites, _baselines, _git, _last_run):
        found += look(parts)
    if online and any(finding.health is Health.BAD for finding in found):
        found.append(Finding(health=Health.NOTE, what="no target was asked: mend what is wrong first"))
    elif online and parts.providers is not None:
        found += asyncio.run(_answers(workshop, parts.providers))
    if session.json:
        session.put(canonical_json([{"health": f.health.value, "what": f.what} for f in found]))
    else:
        for finding in found:
            session.put(f"{finding.health.value:<5} {finding.what}")
    return 2 if any(finding.health is Health.BAD for finding in found) else 0


def _providers(workshop: Workshop, found: list[Finding]) -> Mapping[str, Provider] | None:
    today = workshop.clock.now().date()
    try:
        return workshop.providers(workshop.project.config.targets, night=today, run="doctor")
    except HarnessError as error:
        found.append(Finding(health=Health.BAD, what=f"targets: {error}"))
        return None


def _encoder(workshop: Workshop, found: list[Finding]) -> Encoder | None:
    try:
        encoder = workshop.encoder()
    except HarnessError as error:
        found.append(Finding(health=Health.BAD, what=f"encoder: {error}"))
        return None
    found.append(Finding(health=Health.GOOD, what=f"encoder {encoder.digest}"))
    return encoder


def _keys(parts: _Parts) -> Iterator[Finding]:
    for name, target in parts.workshop.project.config.targets.items():
        for variable in target.secret_names():
            there = bool(parts.workshop.environment.get(variable))
            said = (
                f"{name}: {variable} is set"
                if there
                else f"{name}: {variable} is not set; export it, or name a file with --env-file"
            )
            yield Finding(health=Health.GOOD if there else Health.BAD, what=said)
    heartbeat = parts.workshop.project.config.heartbeat.url_env
    if heartbeat is not None:
        there = bool(parts.workshop.environment.get(heartbeat, "").strip())
        yield Finding(
            health=Health.GOOD if there else Health.BAD,
            what=f"heartbeat: {heartbeat} is {'set' if there else 'not set, so that no word would be sent'}",
        )


def _parameters(parts: _Parts) -> Iterator[Finding]:
    for name, target in parts.workshop.project.config.targets.items():
        if parts.providers is not None and parts.providers[name].traits.costs and not target.params:
            yield Finding(
                health=Health.NOTE,
                what=f"{name}: no sampling parameter is stated; a library's default can change overnight",
            )


def _prices(parts: _Parts) -> Iterator[Finding]:
    targets = parts.workshop.project.config.targets
    known = prices(targets, parts.providers) if parts.providers is not None else {}
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


def _suites(parts: _Parts) -> Iterator[Finding]:
    workshop = parts.workshop
    today = f"{workshop.clock.now():%Y-%m-%d}"
    for name in workshop.project.config.suites:
        try:
            suite = workshop.suite(name)
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


def _baselines(parts: _Parts) -> Iterator[Finding]:
    config, store = parts.workshop.project.config, parts.workshop.baselines
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
            try:
                cases = parts.workshop.suite(suite).cases
            except HarnessError:
                continue  # said above; a baseline stands somehow only beside its cases
            yield _standing(parts, name, f"baseline {suite}/{owner}", cases, baseline)
            tested = baseline.tested_under(config.decision_policy())
            if tested is not None and tested.exceeds:
                said = (
                    f"baseline {suite}/{owner}: {over_budget_note(tested)}; see drift calibrate {suite} --aa"
                )
                yield Finding(health=Health.NOTE, what=said)


def _standing(parts: _Parts, name: str, what: str, cases: Sequence[Case], baseline: Baseline) -> Finding:
    """Say how a baseline stands, as tonight's verdict will."""
    config = parts.workshop.project.config
    policy, target = config.decision_policy(), config.targets[name]
    asked = RunTarget(
        name=name, target=target, baseline_of=target.baseline_of or name, provider="", provider_version=""
    )
    encoder = parts.encoder
    unreadable = encoder is not None and bool(unreadable_references(encoder.digest, {name: baseline}))
    found = knowledge(cases, asked, baseline, policy)
    nights = f"{what}: {found.nights} night{'' if found.nights == 1 else 's'}"
    if unreadable or found.baseline is BaselineState.STALE:
        why = "it was measured by another encoder" if unreadable else "too many cases are new or have changed"
        return Finding(health=Health.BAD, what=f"{nights}, STALE: {why}; calibrate anew, or undo the change")
    taken = "in one evening, " if found.burst else ""
    return Finding(health=Health.GOOD, what=f"{nights}, {taken}{found.state.value.upper()}")


def _git(parts: _Parts) -> Iterator[Finding]:
    if shutil.which("git") is None:
        yield Finding(health=Health.NOTE, what="git is not installed; baselines belong in git")
        return
    changed = parts.workshop.uncommitted("baselines", "drift.yaml")
    if changed is None:
        yield Finding(
            health=Health.NOTE, what="this folder is not in a git repository; baselines belong in git"
        )
    elif changed:
        yield Finding(health=Health.NOTE, what="baselines or drift.yaml have changes that are not committed")
    else:
        yield Finding(health=Health.GOOD, what="git: baselines and drift.yaml are committed")


def _last_run(parts: _Parts) -> Iterator[Finding]:
    workshop, runs = parts.workshop, parts.workshop.runs
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


async def _answers(workshop: Workshop, providers: Mapping[str, Provider]) -> list[Finding]:
    """Ask the first case of the first suite once, of every target: parameters accepted, model known."""
    config = workshop.project.config
    suite = workshop.suite(next(iter(config.suites)))
    requests = make_plan(suite.cases[:1], config.targets, samples=1).requests[: len(config.targets)]
    try:
        return [await _answer(providers[r.target_name], r, config.limits.timeout_s) for r in requests]
    finally:
        await close_providers(providers.values())


async def _answer(provider: Provider, request: Request, timeout_s: float) -> Finding:
    name = request.target_name
    try:
        await provider.prepare()
        completion = await provider.complete(request, deadline_s=timeout_s)
    except HarnessError as error:
        return Finding(health=Health.BAD, what=f"{name}: {error}")
    if isinstance(completion, Answer):
        return Finding(health=Health.GOOD, what=f"{name}: answers, served {completion.model_served}")
    return Finding(health=Health.BAD, what=f"{name}: {completion.kind.value}: {completion.detail}")
