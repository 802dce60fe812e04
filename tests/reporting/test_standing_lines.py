"""What `drift status` and `drift gate` say of a model that was taken away."""

from dataclasses import replace
from datetime import UTC, datetime

from harness.core.standing import tracks_of
from harness.reporting.standing import gate_lines, status_lines
from tests.support.history import make_entry

(TRACK,) = tracks_of([("canary", "sonnet")], [make_entry(0)], [], [], datetime(2026, 12, 1, tzinfo=UTC))
HINT = "the suite does not name sonnet"


def test_a_target_that_its_suite_names_no_more_is_late_and_says_how_to_end_that() -> None:
    gone = replace(TRACK, asked=False)
    for said, named in (
        (status_lines([gone], 36, 30), status_lines([TRACK], 36, 30)),
        (gate_lines([gone], "P1", 36), gate_lines([TRACK], "P1", 36)),
    ):
        assert HINT in "\n".join(said)
        assert HINT not in "\n".join(named)
    lines = [*status_lines([gone], 36, 30), *gate_lines([gone], "P1", 36)]
    assert max(map(len, lines)) <= 80


def test_a_target_that_runs_by_itself_and_is_on_time_is_told_nothing() -> None:
    alone = replace(TRACK, asked=False, age_h=3.0, told_age_h=3.0)
    assert HINT not in "\n".join([*status_lines([alone], 36, 30), *gate_lines([alone], "P1", 36)])
