"""Remember a run, and make the history again from the run folders."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harness.core.decision import decide
from harness.core.history import NightEntry, counted, entries_of
from harness.core.incidents import Accepted, accepted_of
from harness.core.run import Manifest, RunEnd
from harness.core.verdict import Verdict
from harness.errors import DamagedRecord, SetupError
from harness.ports import BaselineStore, HistoryStore, RunStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What a history was made of."""

    runs: int
    nights: int
    unfinished: tuple[str, ...]
    """Runs that did not end: they have no verdict until they are resumed."""
    damaged: tuple[str, ...]
    """What keeps the other runs out, a sentence each."""


def remember(
    verdict: Verdict,
    manifest: Manifest,
    baselines: BaselineStore,
    history: HistoryStore,
    end: RunEnd | None = None,
) -> None:
    """Record a decided run, once its verdict is on disk; `end` says what it cost.

    Raises HarnessError where the history or a baseline cannot be used; that changes no verdict and no exit code.
    """
    entries = entries_of(verdict, manifest, end)
    history.record(entries, acceptances_for(entries, baselines))


def rebuild(
    runs: RunStore,
    verdict_of: Callable[[str], Verdict | None],
    baselines: BaselineStore,
    history: HistoryStore,
    end_of: Callable[[str], RunEnd | None] = lambda _run: None,
) -> Rebuilt:
    """Replace the history by what the run folders and the baselines hold. No call is made.

    A run counts as it was decided at the time; where its verdict cannot be read it is decided again. Raises
    HarnessError where the history cannot be written or a baseline is damaged; then it is as it was.
    """
    entries: list[NightEntry] = []
    unfinished, damaged = [], []
    names = runs.names()
    for run in names:
        try:
            verdict = verdict_at_the_time(run, runs, verdict_of)
            if verdict is None:
                unfinished.append(run)
            else:
                end = end_of(run) or (runs.journal_state(run).end if verdict_of(run) is None else None)
                entries.extend(entries_of(verdict, runs.manifest(run), end))
        except (DamagedRecord, SetupError) as error:
            damaged.append(str(error))
    history.rebuild(entries, acceptances_for(entries, baselines))
    return Rebuilt(
        runs=len(names) - len(unfinished) - len(damaged),
        nights=len(counted(entries)),
        unfinished=tuple(unfinished),
        damaged=tuple(damaged),
    )


def acceptances_for(entries: Iterable[NightEntry], baselines: BaselineStore) -> tuple[Accepted, ...]:
    """Return all acceptances of the baselines that these targets are compared with. Raises DamagedRecord."""
    owners = {
        (entry.suite, entry.target): entry.baseline_of
        for entry in sorted(entries, key=lambda entry: entry.run)
    }
    held = {(suite, owner): baselines.load(suite, owner) for (suite, _), owner in sorted(owners.items())}
    return tuple(
        one
        for (suite, target), owner in sorted(owners.items())
        for one in accepted_of(held[suite, owner], target)
    )


def verdict_at_the_time(
    run: str, runs: RunStore, verdict_of: Callable[[str], Verdict | None]
) -> Verdict | None:
    """Return how a run was decided at the time, else how it is decided now; None where it did not end.

    Raises HarnessError where neither its verdict nor the run can be read.
    """
    verdict = verdict_of(run)
    if verdict is not None and verdict.run == run:
        return verdict
    record = runs.load(run)
    return None if record.end is None else decide(record)
