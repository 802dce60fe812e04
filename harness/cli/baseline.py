"""`drift baseline`: what is accepted, since when, by whom and why."""

from typing import Annotated

import typer

from harness.cli.opening import open_project
from harness.cli.session import Session
from harness.core.baseline_state import state_of
from harness.core.batch import Baseline
from harness.core.canonical import canonical_json
from harness.errors import DamagedRecord, MissingBaseline, SetupError
from harness.ports import BaselineStore
from harness.reporting.counting import many

_BURST = ("batch of one evening", "batches of one evening")
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="List, show and verify what was accepted.",
)
SuiteArgument = Annotated[str, typer.Argument(help="The suite.")]
TargetArgument = Annotated[str, typer.Argument(help="The target.")]


@app.command("list")
def list_baselines(ctx: typer.Context) -> int:
    """List every baseline: nights, cases, and when it was last accepted."""
    session: Session = ctx.obj
    workshop = open_project(session)
    store, policy = workshop.baselines, workshop.project.config.decision_policy()
    found = [(suite, target, _loaded(store, suite, target)) for suite, target in store.names()]
    if session.json:
        session.put(canonical_json([_facts(baseline) for _, _, baseline in found]))
        return 0
    if not found:
        session.put("no baseline yet; `drift calibrate SUITE` gathers one")
    for suite, target, baseline in found:
        state = (
            "PROVISIONAL" if _is_burst(baseline) else state_of(baseline.night_count(), policy).value.upper()
        )
        last = baseline.acceptances[-1].at if baseline.acceptances else "never"
        size = f"{many(len(baseline.cases), 'case')}, {many(baseline.night_count(), 'night')}"
        session.put(f"{suite}/{target}  {size}, {state}, accepted {last}")
    return 0


@app.command("show")
def show(ctx: typer.Context, suite: SuiteArgument, target: TargetArgument) -> int:
    """Show one baseline, case by case."""
    session: Session = ctx.obj
    baseline = _baseline(session, suite, target)
    if session.json:
        session.put(canonical_json(_facts(baseline)))
        return 0
    session.put(f"{suite}/{target}  digest {baseline.digest[:8]}  encoder {baseline.encoder}")
    for case_id, case in sorted(baseline.cases.items()):
        texts = len({sample.text_digest for sample in case.samples})
        batches = (
            many(len(case.nights()), *_BURST) if _is_burst(baseline) else many(len(case.nights()), "night")
        )
        session.put(f"  {case_id}  {batches}, {len(case.samples)} samples, {texts} different texts")
    return 0


@app.command("log")
def log(ctx: typer.Context, suite: SuiteArgument, target: TargetArgument) -> int:
    """Show who accepted what, when and why."""
    session: Session = ctx.obj
    baseline = _baseline(session, suite, target)
    if session.json:
        session.put(
            canonical_json([acceptance.model_dump(mode="json") for acceptance in baseline.acceptances])
        )
        return 0
    for acceptance in baseline.acceptances:
        size = f"{many(len(acceptance.cases), 'case')} from {many(len(acceptance.runs), 'run')}"
        session.put(
            f"{acceptance.at}  {acceptance.by}\n  {acceptance.reason}\n  {size}; verdict then: {acceptance.verdict}"
        )
    return 0


@app.command("verify")
def verify(ctx: typer.Context) -> int:
    """Check every baseline to the byte and line by line; exit 4 names what is damaged."""
    session: Session = ctx.obj
    workshop = open_project(session)
    store, problems = workshop.baselines, []
    names = store.names()
    for suite, target in names:
        try:
            store.load(suite, target)
        except (DamagedRecord, SetupError) as error:
            problems.append(str(error))
    try:
        mutes = len(workshop.mutes.all())
    except (DamagedRecord, SetupError) as error:
        problems.append(str(error))
    if problems:
        raise DamagedRecord("\n".join(problems))
    beside = f", and {many(mutes, 'mute')}" if mutes else ""
    session.put(f"{many(len(names), 'baseline')} verified{beside}")
    return 0


def _baseline(session: Session, suite: str, target: str) -> Baseline:
    workshop = open_project(session)
    return _loaded(workshop.baselines, suite, target)


def _loaded(store: BaselineStore, suite: str, target: str) -> Baseline:
    baseline = store.load(suite, target)
    if baseline is None:
        raise MissingBaseline(
            f"nothing was accepted for {suite}/{target}; `drift calibrate {suite} --target {target}` gathers it"
        )
    return baseline


def _is_burst(baseline: Baseline) -> bool:
    return any(sample.burst for case in baseline.cases.values() for sample in case.samples)


def _facts(baseline: Baseline) -> dict[str, object]:
    return {
        "suite": baseline.suite,
        "target": baseline.target,
        "digest": baseline.digest,
        "nights": baseline.night_count(),
        "encoder": baseline.encoder,
        "cases": {case_id: len(case.samples) for case_id, case in baseline.cases.items()},
        "acceptances": [acceptance.model_dump(mode="json") for acceptance in baseline.acceptances],
    }
