"""How urgent a drift is: by what drifted, by the gates, and by the kind of case."""

import pytest

from harness.core.findings import Finding, Outcome, Severity
from harness.core.incidents import follow
from harness.core.policy import Gates, KindSeverities, Policy, Severities
from harness.core.severity import is_as_urgent, rated
from harness.core.suite import CaseKind
from tests.support.history import make_entry
from tests.support.records import make_case

CASES = [
    make_case("one", kind=CaseKind.REFUSAL),
    make_case("two", kind=CaseKind.TOOL),
]


def finding(signal: str, case: str | None, outcome: Outcome, **fields: object) -> Finding:
    known = {"signal": signal, "target": "sonnet", "case": case, "outcome": outcome}
    return Finding.model_validate({**known, "n_reference": 9, "n_candidate": 3, "because": ".", **fields})


@pytest.mark.parametrize(
    ("signal", "case", "outcome", "expected"),
    [
        ("contract", "two", Outcome.REGRESSED, "P0"),
        ("refusal", None, Outcome.REGRESSED, "P1"),
        ("string", None, Outcome.CHANGED, "P2"),
        ("string", None, Outcome.STABLE, None),
        ("string", "one", Outcome.CHANGED, None),
    ],
)
def test_what_drifted_says_how_urgent_it_is(signal, case, outcome, expected) -> None:
    assert rated([finding(signal, case, outcome)], CASES, Policy()).severity == expected


def test_what_the_gates_only_warn_of_is_the_least_urgent_whatever_its_kind() -> None:
    warns = Policy(
        gates=Gates(undirected_drift="warn", regression="warn"),
        severities=Severities(kinds=KindSeverities(refusal="P0")),
    )
    found = [finding("string", None, Outcome.CHANGED), finding("refusal", None, Outcome.REGRESSED)]
    assert rated(found, CASES, warns).severity == "P3"
    only = finding("refusal", None, Outcome.REGRESSED, severity=Severity.WARN)
    assert rated([only], CASES, Policy()).severity == "P3"


def test_a_kind_of_case_has_its_own_severity_up_and_down() -> None:
    own = Policy(severities=Severities(kinds=KindSeverities(refusal="P0", tool="P3")))
    whole = finding("string", None, Outcome.CHANGED)
    for case, expected in (("one", "P0"), ("two", "P3")):
        said = rated([whole, finding("string", case, Outcome.CHANGED)], CASES, own)
        assert said.severity == expected
    both = [whole, *(finding("string", case, Outcome.CHANGED) for case in ("one", "two"))]
    assert rated(both, CASES, own).severity == "P0"
    assert rated(both, CASES, own).kinds == ("refusal", "tool")
    unnamed = finding("refusal", None, Outcome.REGRESSED)
    assert rated([unnamed], CASES, own).severity == "P0", "refusals are a matter of the cases that probe them"


def test_the_worst_cases_are_broken_contracts_then_what_got_worse_then_the_least_likely() -> None:
    found = [
        finding("string", "three", Outcome.CHANGED, p_value=1e-9),
        finding("quality", "one", Outcome.REGRESSED, p_value=0.01),
        finding("contract", "two", Outcome.REGRESSED),
    ]
    assert rated(found, CASES, Policy()).worst == ("two", "one", "three")


def test_an_incident_is_as_urgent_as_the_worst_of_its_nights_and_names_their_kinds() -> None:
    nights = [
        make_entry(0),
        make_entry(1, "D", urgency="P2", kinds=("tool",), worst=("a",)),
        make_entry(2, "D", urgency="P1", kinds=("refusal",), worst=("b", "a")),
        make_entry(3, "D", urgency="P3"),
    ]
    (incident,) = follow(nights)
    assert (incident.severity, incident.kinds, incident.worst) == ("P1", ("refusal", "tool"), ("b", "a"))


def test_p0_is_more_urgent_than_p1() -> None:
    assert is_as_urgent("P0", "P1")
    assert not is_as_urgent("P2", "P1")
