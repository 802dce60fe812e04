"""The scheduled runs among the run folders: one a night."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from harness.cli.decided import decided, noting_other_policies
from harness.cli.ordering import RunOptions
from harness.cli.session import Session
from harness.core.run import Manifest
from harness.errors import DamagedRecord
from harness.flows.baseline_change import Decided
from harness.ports import RunStore
from harness.wiring import Workshop
from harness.wiring.files import is_a_file
from harness.wiring.pruning import THINNED


def nights_before(
    session: Session, workshop: Workshop, suite: str, target: str, before: str | None = None
) -> Iterator[Decided]:
    """Decide the first scheduled run of every night, newest first, one when it is asked for.

    By this project's policy: a run folder may come from elsewhere, and its own may be more lenient.
    """
    runs, ours = workshop.runs, workshop.project.config.decision_policy()
    found = sorted(_first_runs(runs, suite, target).items(), reverse=True)
    nights = (
        decided(runs, run, ours)
        for night, run in found
        if (before is None or night < before) and not is_a_file(runs.path(run, THINNED))
    )
    return noting_other_policies(session, nights, ours)


def run_of_night(runs: RunStore, suite: str, target: str, night: str) -> str | None:
    """Name the run that counts for a night, or None where there is none yet."""
    # A night is at most the day after its run began, with which the run's name begins: older ones are not read.
    began = f"{date.fromisoformat(night) - timedelta(days=1):%Y%m%d}"
    return _first_runs(runs, suite, target, since=began).get(night)


def settle_night(session: Session, workshop: Workshop, options: RunOptions) -> RunOptions:
    """Say, before anything is asked, why a scheduled run would not count as its night.

    One with fewer samples than its suite's goes on as a run by hand, so that the night is still free.
    """
    spec = workshop.project.config.suites.get(options.suite)
    if not options.scheduled or options.resume is not None or spec is None:
        return options
    if options.samples is not None and options.samples < spec.samples:
        session.say(
            f"--samples {options.samples} is less than the {spec.samples} of every night: "
            "this run counts as one by hand, and enters no window and no baseline"
        )
        return replace(options, scheduled=False)
    night = options.night or f"{workshop.clock.now():%Y-%m-%d}"
    try:
        held = {
            target: run_of_night(workshop.runs, options.suite, target, night)
            for target in options.targets or spec.targets
        }
    except DamagedRecord as error:  # no reason to miss a night
        session.warn(f"NOTE   whether the night {night} has its run already is not known: {error}")
        return options
    taken = {target: run for target, run in held.items() if run is not None}
    if taken:
        whose = "" if len(taken) == len(held) else f" of {', '.join(taken)}"
        session.say(
            f"the night {night}{whose} has its run already ({', '.join(sorted(set(taken.values())))}): "
            "this one is decided like it, and enters no window and no baseline"
        )
    return options


def _first_runs(runs: RunStore, suite: str, target: str, since: str = "") -> dict[str, str]:
    first: dict[str, str] = {}
    for run in runs.names():
        if run < since:
            continue
        manifest = runs.manifest(run)
        if _asked(manifest, suite, target):
            first.setdefault(manifest.night, run)
    return first


def _asked(manifest: Manifest, suite: str, target: str) -> bool:
    return (
        manifest.suite.name == suite
        and manifest.scheduled
        and any(found.name == target for found in manifest.targets)
    )
