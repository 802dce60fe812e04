"""Golden baselines from the command line: gathered at once, or accepted from a run and topped up."""

from collections.abc import Mapping
from dataclasses import replace

from harness.cli.changed import put_change
from harness.cli.gathering import Gathering
from harness.cli.ordering import RunOptions
from harness.cli.planned import PlanOnly
from harness.cli.running import make_run
from harness.cli.session import Session
from harness.core.run import RunKind
from harness.errors import MeasurementError, UsageError
from harness.flows.baseline_change import Decided, Signature, is_whole
from harness.flows.golden_baseline import TaskWish, accept_tasks, runs_missing
from harness.reporting.counting import many
from harness.wiring import Workshop

_NOTHING_NEW = "the baseline already says so"


def gather_tasks(session: Session, workshop: Workshop, wanted: Gathering, signature: Signature) -> int:
    """Ask every task as often as a full baseline needs, and accept what comes back.

    Tasks whose baseline is of another question, prompt or model are asked anew. Raises UsageError, and
    MeasurementError where too little came back.
    """
    spec = workshop.project.config.suites[wanted.suite]
    if wanted.batches > 1:
        raise UsageError(
            f"'{wanted.suite}' is a golden suite, which has runs and no nights: give --samples, not --nights"
        )
    suite = workshop.suite(wanted.suite)
    ids = wanted.case_ids or tuple(case.id for case in suite.cases)
    samples = wanted.samples or spec.baseline_runs
    options = RunOptions(
        suite=wanted.suite,
        targets=wanted.targets,
        case_samples=dict.fromkeys(ids, samples),
        samples=samples,
        night=wanted.night,
        max_cost_usd=wanted.max_cost_usd,
        confirm=False,
        kind=RunKind.CALIBRATE,
    )
    run = _run(session, workshop, options)
    for name in wanted.targets:
        if not is_whole(run, name):
            raise MeasurementError(
                f"{name}: stopped early or too few answers, so nothing was accepted. {run.verdict.headline}"
            )
        wish = TaskWish(runs=(run,), target=name, case_ids=ids, digests_only=_digests_only(workshop))
        change = accept_tasks(wish, workshop.baselines, signature)
        done = f"{samples} runs a task, {many(len(change.cases), 'task')}"
        put_change(session, change, done=done, nothing=_NOTHING_NEW, in_nights=False)
    return 0


def accept_golden(
    session: Session,
    workshop: Workshop,
    wish: TaskWish,
    signature: Signature,
    *,
    provisional: bool,
    yes: bool,
) -> int:
    """Accept tasks of a run, after asking for the runs that a full baseline lacks, or provisionally without them."""
    shown = wish.runs[0]
    manifest = shown.record.manifest
    owner = next(target.baseline_of for target in manifest.targets if target.name == wish.target)
    full = _full_runs(workshop, manifest.suite.name)
    missing = runs_missing(wish, workshop.baselines.load(manifest.suite.name, owner), full)
    if missing and not provisional:
        wish = replace(wish, runs=(*wish.runs, _top_up(session, workshop, wish, missing, yes=yes)))
    change = accept_tasks(wish, workshop.baselines, signature)
    done = f"{many(len(change.cases), 'task')} accepted"
    if provisional and missing:
        done += f", provisionally: fewer than {full} runs gate with half the level"
    put_change(session, change, done=done, nothing=_NOTHING_NEW, in_nights=False)
    return 0


def _top_up(
    session: Session, workshop: Workshop, wish: TaskWish, missing: Mapping[str, int], *, yes: bool
) -> Decided:
    """Ask the tasks again until a full baseline is there. Raises UsageError where nobody agreed to pay for it."""
    shown = wish.runs[0].record.manifest
    calls = sum(missing.values())
    if not yes:
        session.warn(
            f"{many(calls, 'more run')} of {many(len(missing), 'task')} would make a full baseline; "
            "--yes asks for them, --provisional accepts without"
        )
        if session.no_input or not session.asks("Ask for them now?"):
            raise UsageError("nothing was accepted: say --yes or --provisional")
    options = RunOptions(
        suite=shown.suite.name,
        targets=(wish.target,),
        case_samples=missing,
        samples=max(missing.values()),
        confirm=False,
        kind=RunKind.CALIBRATE,
    )
    run = _run(session, workshop, options)
    short = [case for case, runs in missing.items() if _answers(run, wish.target, case) < runs]
    if short:
        raise MeasurementError(
            f"{', '.join(short)}: too few answers came back, so nothing was accepted; run it again, or say --provisional"
        )
    return run


def _answers(run: Decided, target: str, case: str) -> int:
    batch = run.record.batches.get(target)
    samples = batch.samples.get(case, ()) if batch is not None else ()
    return sum(sample.answer is not None for sample in samples)


def _run(session: Session, workshop: Workshop, options: RunOptions) -> Decided:
    made = make_run(session, workshop, options)
    assert not isinstance(made, PlanOnly)
    return Decided(record=made.record, verdict=made.verdict)


def _full_runs(workshop: Workshop, suite: str) -> int:
    spec = workshop.project.config.suites.get(suite)
    return spec.baseline_runs if spec is not None else 12


def _digests_only(workshop: Workshop) -> bool:
    return workshop.project.config.store.text == "digest"
