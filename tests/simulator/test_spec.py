"""Named models and their options."""

import pytest
from pydantic import ValidationError

from harness.errors import UsageError
from harness.simulator.spec import MODELS, PROFILES, DriftKind, ModelSpec, model_spec


def test_there_is_a_named_model_for_every_drift_and_profile() -> None:
    assert {drift.kind for spec in MODELS.values() for drift in spec.drift} == set(DriftKind)
    assert {spec.profile for spec in MODELS.values()} == set(PROFILES)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("stedy", {}, "unknown simulated model 'stedy', did you mean 'steady'"),
        ("steady", {"sed": 3}, "unknown option 'sed', did you mean 'seed'"),
        ("steady", {"profile": "typical"}, "unknown option 'profile'"),
        ("steady", {"drift": {"kind": "swop"}}, "unknown drift 'swop', did you mean 'swap'"),
        ("steady", {"drift": {"kind": "swap", "sise": 1}}, "unknown key, did you mean 'size'"),
        ("steady", {"drift": {"kind": "swap", "size": 30}}, "drift.0.size.*less than or equal to 1"),
        ("steady", {"drift": {"kind": "swap", "start": "tomorrow"}}, "expected a date such as"),
        ("steady", {"drift": "swap"}, "options.drift"),
        ("steady", {"faults": {"kind": "529x"}}, "unknown fault '529x', did you mean '529'"),
        ("steady", {"latency_ms": -1}, "options.latency_ms.*greater than or equal to 0"),
        ("steady", {"night_effect": 2}, "options.night_effect"),
    ],
)
def test_what_does_not_exist_is_named_with_what_was_meant(
    name: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        model_spec(name, options)


def test_every_error_of_the_options_is_told_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        model_spec("steady", {"seed": "x", "sleep": "maybe"})
    assert "options.seed" in str(caught.value) and "options.sleep" in str(caught.value)


def test_options_replace_what_the_name_says_and_none_takes_it_away() -> None:
    assert model_spec("swapped", {"drift": None}).drift == ()
    assert model_spec("swapped", {"drift": {"kind": "slow"}}).drift[0].kind is DriftKind.SLOW
    assert len(model_spec("steady", {"drift": [{"kind": "slow"}, {"kind": "swap"}]}).drift) == 2
    assert model_spec("steady", {"faults": [{"kind": 429}]}).faults[0].kind == "429"
    assert model_spec("steady", {"latency_ms": 0}).shape.latency_ms == 0


def test_an_unknown_profile_is_an_error() -> None:
    with pytest.raises(ValidationError, match="did you mean 'steady'"):
        ModelSpec(name="x", profile="steadi")
