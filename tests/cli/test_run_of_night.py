"""Whether a night has its run already: known without reading a year of run folders."""

from dataclasses import dataclass, field
from typing import cast

from harness.cli.nights import run_of_night
from harness.core.run import Manifest
from harness.ports import RunStore
from tests.support.records import make_record

NIGHT = "2026-11-21"


@dataclass
class Runs:
    """Run folders by their names, each of a night; remembers which were read."""

    nights: dict[str, str]
    read: list[str] = field(default_factory=list)

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.nights))

    def manifest(self, run: str) -> Manifest:
        self.read.append(run)
        made = {"run": run, "night": self.nights[run], "scheduled": True}
        return make_record().manifest.model_copy(update=made)


def asked(**nights: str) -> tuple[str | None, Runs]:
    runs = Runs({f"{began.removeprefix('r')}-canary-0000": night for began, night in nights.items()})
    return run_of_night(cast(RunStore, runs), "canary", "sonnet", NIGHT), runs


def test_runs_that_began_before_the_day_before_are_not_read() -> None:
    found, runs = asked(r20251121T031700Z="2025-11-21", r20261119T031700Z="2026-11-19")
    assert found is None
    assert runs.read == []


def test_a_run_of_the_evening_before_counts_for_a_night_that_was_named() -> None:
    found, _ = asked(r20261119T031700Z="2026-11-19", r20261120T230000Z=NIGHT, r20261121T031700Z=NIGHT)
    assert found == "20261120T230000Z-canary-0000"


def test_a_night_that_was_played_later_counts() -> None:
    found, _ = asked(r20270104T031700Z=NIGHT)
    assert found == "20270104T031700Z-canary-0000"
