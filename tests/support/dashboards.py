"""Pages over many nights to be looked at: a scripted year, a young project, one in which all texts are a stranger's."""

from collections.abc import Sequence

from harness.core.findings import Outcome
from harness.core.history import NightEntry, counted
from harness.core.incidents import follow
from harness.core.night_facts import Facts, GoldenCounts
from harness.reporting.dashboard_model import DashboardSource
from tests.support.hostile import HOSTILE
from tests.support.stories import night_of
from tests.support.year import NIGHTS, acceptance, accepted, entries


def pull_request(number: int, regressed: Sequence[str] = (), accepted_: Sequence[str] = ()) -> NightEntry:
    """Make what is remembered of a run on a pull request."""
    night = next(entry for entry in entries(1) if entry.target == "sonnet")
    run = f"{night_of(number).replace('-', '')}T101500Z-golden-{number:04x}{len(regressed)}"
    counts = GoldenCounts(
        pull_request=True,
        tasks=20,
        regressed=tuple(regressed),
        accepted=tuple(accepted_),
        exit_code=1 if regressed else 0,
    )
    return night.model_copy(
        update={
            "run": run,
            "suite": "golden",
            "night": night_of(number),
            "scheduled": False,
            "outcome": Outcome.REGRESSED if regressed else Outcome.STABLE,
            "facts": Facts(golden=counts, run_cost_usd=0.1),
        }
    )


def pull_requests() -> tuple[NightEntry, ...]:
    """Make a year of pull requests: three stopped for five tasks, one pushed twice, two accepted changes."""
    return (
        *(pull_request(number) for number in range(3, 360, 4)),
        pull_request(30, ["refund-late", "refund-policy"]),
        pull_request(31, ["refund-late"]),
        pull_request(200, ["tone"]),
        pull_request(320, ["escalate", "cancel"]),
        pull_request(33, (), ["tone"]),
        pull_request(201, (), ["refund-policy"]),
    )


def a_year() -> DashboardSource:
    """The scripted year of two targets."""
    nights = counted(entries())
    return DashboardSource(
        nights=nights,
        pull_requests=pull_requests(),
        incidents=follow(nights, [accepted()]),
        acceptances={("canary", "gpt"): (acceptance(),)},
        since=night_of(0),
        until=night_of(NIGHTS - 1),
        pages={nights[-1].run: f"{nights[-1].run}/report.html"},
    )


def young() -> DashboardSource:
    """A project of three quiet nights."""
    nights = counted(entries(3))
    return DashboardSource(
        nights=nights,
        pull_requests=(),
        incidents=(),
        acceptances={},
        since=night_of(-300),
        until=night_of(2),
        pages={},
    )


def hostile() -> DashboardSource:
    """A month in which everything that a stranger can write into a history is hostile."""
    source = []
    for place, entry in enumerate(entries(45)):
        bad = HOSTILE[place % len(HOSTILE)]
        readings = tuple(
            one.model_copy(update={"signal": f"{one.signal}{bad}", "unit": bad}) for one in entry.readings
        )
        facts = entry.facts.model_copy(
            update={
                "headline": f"{bad} {'long ' * 500}",
                "versions": {bad: bad, "drift": bad},
                "encoder": bad,
            }
        )
        source.append(
            entry.model_copy(
                update={
                    "readings": readings,
                    "facts": facts,
                    "served": (bad,),
                    "fingerprints": (bad, bad),
                    "signals": tuple(f"{signal}{bad}" for signal in entry.signals),
                }
            )
        )
    nights = counted(source)
    reason = acceptance().model_copy(update={"reason": "".join(HOSTILE)})
    return DashboardSource(
        nights=nights,
        pull_requests=[pull_request(number, HOSTILE) for number in range(10)],
        incidents=follow(nights, [accepted()]),
        acceptances={("canary", "gpt"): (reason,), ("canary", "sonnet"): (reason,)},
        since=night_of(0),
        until=night_of(44),
        pages={},
    )
