"""`drift calibrate`: gather nights for a baseline, or promote nights that ran."""

from collections.abc import Sequence
from typing import Annotated

import typer

from harness.cli.changed import put_change
from harness.cli.decided import decided
from harness.cli.running import PlanOnly, RunOptions, make_run
from harness.cli.session import Session
from harness.core.run import RunKind
from harness.core.verdict import enough_measured
from harness.errors import MeasurementError, UsageError
from harness.flows.accept import (
    Change,
    Decided,
    Signature,
    burst,
    first_of_each_night,
    is_quiet_night,
    promote,
)
from harness.registry import did_you_mean
from harness.wiring import Workshop, open_workshop

_NOTHING_NEW = "no new night"


def calibrate(
    ctx: typer.Context,
    suite: Annotated[str, typer.Argument(help="The suite, as named in drift.yaml.")] = "canary",
    target: Annotated[
        list[str] | None, typer.Option("--target", help="Only this target; may be given again.")
    ] = None,
    from_runs: Annotated[
        str | None,
        typer.Option("--from-runs", metavar="last:N", help="Promote the last N quiet scheduled nights."),
    ] = None,
    nights: Annotated[
        int | None,
        typer.Option(
            "--nights",
            metavar="N",
            min=2,
            max=28,
            help="Ask N batches now: a provisional baseline in one evening.",
        ),
    ] = None,
    samples: Annotated[
        int | None, typer.Option("--samples", min=1, max=50, help="Replies a case and batch.")
    ] = None,
    max_cost: Annotated[float | None, typer.Option("--max-cost", metavar="USD", min=0)] = None,
    night: Annotated[
        str | None, typer.Option("--night", metavar="DATE", help="The UTC date it counts for; else today.")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why; ten characters or more.")] = None,
) -> int:
    """Gather nights for a baseline, or promote nights that ran. Without options: one batch, now, as one night."""
    session: Session = ctx.obj
    if from_runs and nights:
        raise UsageError("--from-runs promotes nights that ran, --nights asks now: give one of them")
    workshop = open_workshop(session.folder, session.config, session.env_file)
    config = workshop.project.config
    if suite not in config.suites:
        raise UsageError(f"unknown suite '{suite}'{did_you_mean(suite, tuple(config.suites))}")
    names = tuple(target or config.suites[suite].targets)
    _check_targets(workshop, names)
    if from_runs:
        most = _how_many(from_runs)
        signature = _signature(
            workshop, reason or f"Promoted quiet nights ({from_runs}) with drift calibrate."
        )
        for name in names:
            change = _promote(workshop, suite, name, most, signature)
            put_change(session, change, done="quiet nights promoted", nothing=_NOTHING_NEW)
        return 0
    for name in names:
        _check_held(workshop, suite, name, burst=nights is not None)
    what = f"{nights} batches in one evening" if nights else "One more night gathered"
    # Made before anything is asked, because it refuses a reason that is too short.
    signature = _signature(workshop, reason or f"{what} with drift calibrate.")
    options = RunOptions(
        suite=suite,
        targets=names,
        samples=samples,
        night=night,
        max_cost_usd=max_cost,
        confirm=False,
        kind=RunKind.CALIBRATE,
        scheduled=nights is None,
        batches=nights or 1,
    )
    made = make_run(session, workshop, options)
    assert not isinstance(made, PlanOnly)
    run = Decided(record=made.record, verdict=made.verdict)
    for name in names:
        _accept(session, workshop, run, name, signature, nights)
    return 0


def _check_targets(workshop: Workshop, names: Sequence[str]) -> None:
    """Refuse, before anything is asked, a target that cannot get a baseline. Raises UsageError."""
    targets = workshop.project.config.targets
    for name in names:
        if name not in targets:
            raise UsageError(f"unknown target '{name}'{did_you_mean(name, tuple(targets))}")
        owner = targets[name].baseline_of
        if owner is not None:
            raise UsageError(f"'{name}' is compared with the baseline of '{owner}': calibrate that one")


def _check_held(workshop: Workshop, suite: str, name: str, *, burst: bool) -> None:
    """Refuse, before anything is asked, what the baseline that is held would not take. Raises UsageError."""
    held = workshop.baselines.load(suite, name)
    if held is None:
        return
    holds_burst = any(s.burst for case in held.cases.values() for s in case.samples)
    if burst and not holds_burst:
        raise UsageError(f"'{name}' has a baseline of real nights; add more with --from-runs")
    if holds_burst and not burst:
        raise UsageError(
            f"the baseline of '{name}' is a burst, which several real nights replace together: "
            f"let `drift check {suite} --scheduled` gather them, then promote them with --from-runs"
        )


def _accept(
    session: Session, workshop: Workshop, run: Decided, name: str, signature: Signature, nights: int | None
) -> None:
    if not _is_usable(run, name, burst=nights is not None):
        # It was asked and paid for, so this is no mistake of the command line.
        raise MeasurementError(
            f"{name}: not a quiet, fully measured night, so nothing was accepted. {run.verdict.headline}\n"
            f"Look at it with `drift review {run.verdict.run}`."
        )
    store, digests_only = workshop.baselines, _digests_only(workshop)
    if nights is None:
        change = promote([run], name, store, signature, digests_only=digests_only)
        put_change(session, change, done="one night added", nothing=_NOTHING_NEW)
        return
    change = burst(run, name, store, signature, nights=nights, digests_only=digests_only)
    done = f"{nights} batches of one evening, for gross changes only until 5 real nights replace them"
    put_change(session, change, done=done, nothing=_NOTHING_NEW)


def _is_usable(run: Decided, name: str, *, burst: bool) -> bool:
    if not burst:
        return is_quiet_night(run, name)
    coverage = next(target.coverage for target in run.verdict.targets if target.target == name)
    return enough_measured(coverage, run.verdict.policy)


def _promote(workshop: Workshop, suite: str, name: str, most: int, signature: Signature) -> Change:
    runs = workshop.runs
    found = []
    for run in runs.names():
        manifest = runs.manifest(run)
        if (
            manifest.suite.name == suite
            and manifest.scheduled
            and any(t.name == name for t in manifest.targets)
        ):
            found.append(decided(runs, run))
    quiet = [run for run in first_of_each_night(found) if is_quiet_night(run, name)][-most:]
    return promote(quiet, name, workshop.baselines, signature, digests_only=_digests_only(workshop))


def _signature(workshop: Workshop, reason: str) -> Signature:
    at = workshop.clock.now().isoformat(timespec="seconds")
    return Signature(by=workshop.who(), at=at, reason=reason)


def _digests_only(workshop: Workshop) -> bool:
    return workshop.project.config.store.text == "digest"


def _how_many(from_runs: str) -> int:
    word, _, number = from_runs.partition(":")
    if word != "last" or not number.isdigit() or int(number) < 1:
        raise UsageError(f"--from-runs '{from_runs}': expected last:N, such as last:14")
    return int(number)
