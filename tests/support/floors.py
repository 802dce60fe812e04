"""Signals with a scale of their own, as a night decides them."""

from harness.core.findings import Outcome
from harness.core.verdict import SignalFloor, SignalReading
from tests.support.records import make_reading

SPREAD = (0.2, -1.1, 0.7, 1.4, -0.4, 0.0, -0.9, 0.5, 1.0, -0.2, 0.3, -1.3, 0.8, -0.6)


def make_floor(tonight: float = 0.3, **fields: object) -> SignalFloor:
    """Make a floor of mean 0 whose edges lie at −2.5 and 2.5."""
    mean = sum(SPREAD) / len(SPREAD)
    known: dict[str, object] = {
        "nights": tuple(round(by - mean, 6) for by in SPREAD),
        "tonight": tonight,
        "low": -2.5,
        "high": 2.5,
        "cases": 20,
        "visible": 0.037,
    }
    return SignalFloor.model_validate({**known, **fields})


def make_floored(
    signal: str = "refusal", outcome: Outcome = Outcome.STABLE, *, away: float = 0.3, **fields: object
) -> SignalReading:
    """Make one signal of a night with a floor; `away` is tonight's y, beyond 2.5 outside its band."""
    given = {name: fields.pop(name) for name in ("cases", "visible", "slope", "low") if name in fields}
    again = fields.pop("again", None)
    floor = make_floor(away, confirmation=again, **given)
    return make_reading(signal, outcome, **{"floor": floor, **fields})


def floored_readings(**changed: SignalReading) -> tuple[SignalReading, ...]:
    """Read every signal of a quiet night, some of them otherwise."""
    names = ("refusal", "format", "quality", "embedding", "string", "length", "spread")
    return (*(changed.get(name) or make_floored(name) for name in names), make_reading("hash"))
