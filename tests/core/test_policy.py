"""What of a policy decides, and what only limits the making of a run."""

from collections.abc import Iterator

import pytest

from harness.core.decision import decide
from harness.core.policy import OF_THE_MAKING, Policy
from tests.support.records import Night, make_record

OTHER = {
    "name": "mine",
    "confirm": False,
    "confirm_after": "1h",
    "limits.concurrency": 7,
    "gates.latency_ratio": 3.0,
    "gates.tokens_ratio": 3.0,
    "plain_rules": True,
}
"""Where another value than the field's own has to be of a kind."""


def fields(values: dict[str, object], path: str = "") -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from fields(value, f"{path}{name}.")
        else:
            yield path + name


FIELDS = tuple(fields(Policy().model_dump()))


def changed(field: str) -> Policy:
    """A policy that differs in one field."""
    held = Policy().model_dump(mode="json")
    *parents, name = field.split(".")
    part = held
    for parent in parents:
        part = part[parent]
    before = part[name]
    if field in OTHER:
        part[name] = OTHER[field]
    elif parents[:1] == ["severities"]:
        part[name] = "P2" if before != "P2" else "P1"
    else:
        part[name] = "warn" if before == "fail" else before / 2 if isinstance(before, float) else 2 * before
    return Policy.model_validate(held)


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_decides_or_is_named_as_one_that_does_not(field: str) -> None:
    assert changed(field) != Policy()
    assert (changed(field).deciding() == Policy().deciding()) == (field in OF_THE_MAKING)


def test_no_field_is_named_that_is_not_there() -> None:
    assert set(FIELDS) >= OF_THE_MAKING


@pytest.mark.parametrize("field", sorted(OF_THE_MAKING))
def test_what_does_not_decide_changes_nothing_that_is_accepted(field: str) -> None:
    record = make_record(Night(nights=6))
    verdict, other = decide(record), decide(record, changed(field))
    assert other.shown == verdict.shown
    assert other.targets == verdict.targets
    assert decide(record, changed("alpha")).shown != verdict.shown
