"""`drift agree`: whether two targets answer the cases that matter alike."""

from typing import Annotated

import typer

from harness.cli.naming import MOST_USD
from harness.cli.opening import open_project
from harness.cli.planned import PlanOnly, plan_json, plan_text
from harness.cli.running import RunOptions, make_run
from harness.cli.session import Session
from harness.core.alike import FEWEST_REPLIES, AgreementResult, Said, say_alike
from harness.core.canonical import canonical_json
from harness.core.measures import MeasuredCase, Vectors
from harness.core.run import RunKind, RunRecord
from harness.core.sides import make_comparison, pair_sides, run_side, texts_of
from harness.errors import MeasurementError, UsageError
from harness.flows.check import complaints
from harness.reporting.alike import alike_text
from harness.wiring import Workshop

SAMPLES = 5
SEED = 20230613


def agree(
    ctx: typer.Context,
    case: Annotated[
        list[str] | None, typer.Argument(metavar="CASE…", help="Cases, by id or GLOB.", show_default=False)
    ] = None,
    targets: Annotated[
        tuple[str, str] | None, typer.Option("--targets", metavar="A B", help="The two targets to ask.")
    ] = None,
    suite: Annotated[str, typer.Option("--suite", help="The suite that the cases are of.")] = "canary",
    samples: Annotated[
        int | None,
        typer.Option(
            "--samples", min=FEWEST_REPLIES, max=50, help=f"Replies a case and target; {SAMPLES} unless said."
        ),
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
    resume: Annotated[
        str | None,
        typer.Option("--resume", metavar="RUN", help="Go on with a stopped run; `last` is the newest."),
    ] = None,
) -> int:
    """Ask two targets the same cases, and say case by case whether they answer alike.

    Exits 1 where a case disagrees, 3 where one could not be told, else 0. Each text is judged by itself, at 5 in 100.
    """
    session: Session = ctx.obj
    workshop = open_project(session)
    if resume is None and (not case or targets is None):
        raise UsageError("name the cases and two targets: drift agree 'refusal-*' --targets A B")
    if targets is not None and targets[0] == targets[1]:
        raise UsageError(f"--targets names '{targets[0]}' twice; a target agrees with itself")
    if resume is not None:
        kind = workshop.runs.manifest(workshop.runs.resolve(resume)).kind
        if kind is not RunKind.AGREE:
            raise UsageError(f"run {resume} was made by `drift {kind.value}`; resume it with that")
    result = make_run(
        session,
        workshop,
        RunOptions(
            suite=suite,
            targets=targets or (),
            case_globs=tuple(case or ()),
            samples=samples or SAMPLES,
            case_samples=_samples(workshop, suite, samples or SAMPLES),
            kind=RunKind.AGREE,
            max_cost_usd=max_cost,
            plan_only=plan,
            resume=resume,
            confirm=False,
        ),
    )
    if isinstance(result, PlanOnly):
        session.put(plan_json(result) if session.json else plan_text(result))
        return 0
    found = _compared(session, workshop, result.record)
    code = 3 if result.record.end is None or result.record.end.stopped else found.exit_code
    code = 1 if found.exit_code == 1 else code
    for complaint in complaints(result.record):
        session.warn(f"drift: {complaint}")
    redact = workshop.redactor.redact_values
    if session.json:
        facts = {**found.model_dump(mode="json"), "exit_code": code, "run": result.record.manifest.run}
        session.put(redact(canonical_json(facts)))
    else:
        session.put(f"{redact(alike_text(found))}\nrun {result.record.manifest.run}\nexit {code}")
    return code


def _samples(workshop: Workshop, suite: str, samples: int) -> dict[str, int]:
    """Ask every case so often, whatever its file says: both sides need as many."""
    return {case.id: samples for case in workshop.suite(suite).cases}


def _compared(session: Session, workshop: Workshop, record: RunRecord) -> AgreementResult:
    names = tuple(target.name for target in record.manifest.targets)
    one, other = (run_side(record, name, name) for name in names)
    pairing = pair_sides(one, other)
    comparison = make_comparison(one, other, pairing, {})
    vectors = _vectors(session, workshop, texts_of((one, other), pairing))
    by_case = {measured.case.id: measured for measured in comparison.cases}
    cases = []
    for case in record.manifest.suite.cases:
        answers = [side.answers.get(case.id, ()) for side in (one, other)]
        measured = by_case.get(case.id)
        if measured is None:  # a side gave no answer to it at all
            measured = MeasuredCase(case=case, reference=(), candidate=())
        said = Said(measured=measured, reference=answers[0], candidate=answers[1])
        cases.append(say_alike(said, vectors, (names[0], names[1]), seed=SEED))
    return AgreementResult(reference=names[0], candidate=names[1], cases=tuple(cases))


def _vectors(session: Session, workshop: Workshop, texts: dict[str, str]) -> Vectors:
    encoder = workshop.encoder()
    try:
        encoder.prepare()
        return workshop.vectors(encoder).vectors(texts, encoder)
    except MeasurementError as error:
        session.warn(f"NOTE   texts are compared letter by letter, not in meaning: {error}")
        return {}
