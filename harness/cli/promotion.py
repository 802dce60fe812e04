"""How far a new model is on its way to promotion: its nights since its baseline was accepted."""

from collections.abc import Iterator

from harness.cli.session import Session
from harness.core.canonical import canonical_json
from harness.core.history import NightEntry, entries_of
from harness.core.incidents import Incident, accepted_of, follow
from harness.core.upgrade.protocol import CLEAN_NIGHTS, Promotion, Standing, promotion_of
from harness.errors import HarnessError, UnknownName
from harness.flows.history import verdict_at_the_time
from harness.registry import did_you_mean
from harness.reporting.upgrade_promotion import promotion_text
from harness.wiring import Workshop

_CODES = {Standing.DRIFTED: 1, Standing.WAITING: 3, Standing.READY: 0}


def put_promotions(session: Session, workshop: Workshop, target: str | None) -> int:
    """Say of every suite and target how many clean nights there are, and return the exit code. Raises UsageError."""
    targets = workshop.project.config.targets
    if target is not None and target not in targets:
        raise UnknownName(f"unknown target '{target}'{did_you_mean(target, tuple(targets))}")
    found = tuple(_promotions(session, workshop, target))
    code = max((_CODES[one.standing] for one in found), key=(0, 3, 1).index, default=3)
    if session.json:
        facts = {
            "needed": CLEAN_NIGHTS,
            "exit_code": code,
            "promotions": [one.model_dump(mode="json") for one in found],
        }
        session.put(canonical_json(facts))
        return code
    if not found:
        whose = f"of '{target}' " if target is not None else ""
        session.put(
            f"no baseline {whose}was accepted from a comparison of two models: drift upgrade --from TARGET --to "
            "TARGET makes one, drift accept RUN accepts it"
        )
    else:
        session.put("\n".join(promotion_text(found)))
    session.put(f"exit {code}")
    return code


def _promotions(session: Session, workshop: Workshop, target: str | None) -> Iterator[Promotion]:
    store, targets = workshop.baselines, workshop.project.config.targets
    for suite, owner in store.names():
        if suite not in workshop.project.config.suites or workshop.is_golden(suite):
            continue  # nights are of canaries
        # A target with `baseline_of` is held against another's baseline, and accepted into it.
        held = [name for name, one in targets.items() if owner == (one.baseline_of or name) != name]
        wanted = [name for name in (owner, *held) if target in (None, name)]
        baseline = store.load(suite, owner) if wanted else None
        if baseline is None:
            continue
        for name in wanted:
            nights = _nights(session, workshop, suite, name)
            incidents: tuple[Incident, ...] = follow(nights, accepted_of(baseline, name))
            cases, today = len(workshop.suite(suite).cases), workshop.clock.now().date()
            found = promotion_of(baseline, name, nights, incidents, cases=cases, today=today)
            if found is not None:
                yield found


def _nights(session: Session, workshop: Workshop, suite: str, target: str) -> tuple[NightEntry, ...]:
    """Gather the nights that the run folders hold, and those that are remembered of others."""
    entries: dict[tuple[str, str], NightEntry] = {}
    try:
        for entry in workshop.history().nights(suite, target):
            entries[entry.run, entry.target] = entry
    except HarnessError as error:
        session.say(f"the history was not read: {error}")
    runs = workshop.runs
    for run in runs.names():
        try:
            manifest = runs.manifest(run)
            if not manifest.scheduled or manifest.suite.name != suite:
                continue
            verdict = verdict_at_the_time(run, runs, workshop.verdict)
        except HarnessError as error:
            session.warn(f"drift: a night was not read, so it does not count: {error}")
            continue
        for entry in entries_of(verdict, manifest) if verdict is not None else ():
            if entry.target == target:
                entries[entry.run, entry.target] = entry
    return tuple(entries.values())
