"""`drift calibrate`: gather nights for a baseline, or promote nights that ran."""

from collections.abc import Sequence
from typing import Annotated

import typer

from harness.cli.changed import put_change
from harness.cli.gathering import Gathering, gather, resume_gathering
from harness.cli.golden import gather_tasks
from harness.cli.naming import MOST_USD, ids_named, night_named
from harness.cli.nights import nights_before
from harness.cli.opening import open_project
from harness.cli.self_test import run_self_test
from harness.cli.session import Session
from harness.cli.together import for_each
from harness.errors import UnknownName, UsageError
from harness.flows.baseline_change import Signature
from harness.flows.nights import newest_quiet_nights
from harness.flows.promote import promote
from harness.registry import did_you_mean
from harness.wiring import Workshop


def calibrate(
    ctx: typer.Context,
    suite: Annotated[str, typer.Argument(help="The suite, as named in drift.yaml.")] = "canary",
    target: Annotated[
        list[str] | None, typer.Option("--target", help="Only this target; may be given again.")
    ] = None,
    case: Annotated[
        list[str] | None,
        typer.Option("--case", metavar="GLOB", help="Only cases that match; no other case's is touched."),
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
    max_cost: Annotated[float | None, typer.Option("--max-cost", metavar="USD", min=0, max=MOST_USD)] = None,
    night: Annotated[
        str | None, typer.Option("--night", metavar="DATE", help="The UTC date it counts for; else today.")
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(
            "--resume", metavar="RUN", help="Go on with one that stopped; `last` is the newest calibration."
        ),
    ] = None,
    only_errors: Annotated[
        bool, typer.Option("--only-errors", help="With --resume: ask again what failed.")
    ] = False,
    reason: Annotated[str | None, typer.Option("--reason", help="Why; ten characters or more.")] = None,
    aa: Annotated[
        bool,
        typer.Option(
            "--aa",
            help="The suite against itself: how often this gate would cry wolf. Asks nobody; "
            "--from-runs last:N adds nights that ran.",
        ),
    ] = False,
) -> int:
    """Gather nights for a baseline, or promote nights that ran. Without options: one batch, now, as one night."""
    session: Session = ctx.obj
    if aa and (case or nights or samples or night or resume or only_errors or reason or max_cost is not None):
        raise UsageError("--aa asks nobody and accepts nothing: beside it only --target and --from-runs")
    if from_runs and nights:
        raise UsageError("--from-runs promotes nights that ran, --nights asks now: give one of them")
    if only_errors and resume is None:
        raise UsageError("--only-errors asks again what failed in an earlier run: name it with --resume RUN")
    if resume is not None and (target or case or from_runs or nights or samples or night):
        raise UsageError("--resume goes on with a run as it was planned: give it alone")
    workshop = open_project(session)
    night = night_named(night, workshop.clock.now())
    if resume is not None:
        signature = _signature(workshop, reason or "Gathered with drift calibrate, in several attempts.")
        return resume_gathering(
            session, workshop, resume, signature, only_errors=only_errors, max_cost=max_cost
        )
    suites = workshop.project.config.suites
    if suite not in suites:
        raise UnknownName(f"unknown suite '{suite}'{did_you_mean(suite, tuple(suites))}")
    names = tuple(target or suites[suite].targets)
    if aa:
        last = _how_many(from_runs) if from_runs else None
        return run_self_test(session, workshop, suite, _owners(workshop, names), last=last)
    _check_targets(workshop, names)
    ids = [found.id for found in workshop.suite(suite).cases] if case else []
    case_ids = ids_named(ids, case, f"'{suite}'") if case else None
    if from_runs:
        most = _how_many(from_runs)
        signature = _signature(
            workshop, reason or f"Promoted quiet nights ({from_runs}) with drift calibrate."
        )
        digests_only = workshop.project.config.store.text == "digest"

        def promote_nights(name: str) -> None:
            ran = nights_before(session, workshop, suite, name)
            found = newest_quiet_nights(ran, name, most)
            store = workshop.baselines
            change = promote(found, name, store, signature, digests_only=digests_only, case_ids=case_ids)
            put_change(session, change, done="quiet nights promoted", nothing="no new night")

        for_each(names, promote_nights)
        return 0
    what = f"{nights} batches in one evening" if nights else "One more night gathered"
    # Made before anything is asked, because it refuses a reason that is too short.
    signature = _signature(workshop, reason or f"{what} with drift calibrate.")
    gathering = Gathering(
        suite=suite,
        targets=names,
        case_ids=case_ids,
        batches=nights or 1,
        samples=samples,
        night=night,
        max_cost_usd=max_cost,
    )
    if workshop.is_golden(suite):
        return gather_tasks(session, workshop, gathering, signature)
    return gather(session, workshop, gathering, signature)


def _owners(workshop: Workshop, names: Sequence[str]) -> list[str]:
    """Return whose baselines targets are compared with. Raises UsageError."""
    targets = workshop.project.config.targets
    for name in names:
        if name not in targets:
            raise UnknownName(f"unknown target '{name}'{did_you_mean(name, tuple(targets))}")
    return [targets[name].baseline_of or name for name in names]


def _check_targets(workshop: Workshop, names: Sequence[str]) -> None:
    """Refuse, before anything is asked, a target that cannot get a baseline. Raises UsageError."""
    targets = workshop.project.config.targets
    for name in names:
        if name not in targets:
            raise UnknownName(f"unknown target '{name}'{did_you_mean(name, tuple(targets))}")
        owner = targets[name].baseline_of
        if owner is not None:
            raise UsageError(f"'{name}' is compared with the baseline of '{owner}': calibrate that one")


def _signature(workshop: Workshop, reason: str) -> Signature:
    at = workshop.clock.now().isoformat(timespec="seconds")
    return Signature(by=workshop.who(), at=at, reason=reason)


def _how_many(from_runs: str) -> int:
    word, _, number = from_runs.partition(":")
    if word != "last" or not number.isdigit() or int(number) < 1:
        raise UsageError(f"--from-runs '{from_runs}': expected last:N, such as last:14")
    return int(number)
