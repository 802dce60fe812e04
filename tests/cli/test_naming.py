"""What the command line may name: dates, nights, cases."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from harness.cli.naming import EARLIEST_NIGHT, date_named, night_named
from harness.errors import UsageError
from tests.cli.conftest import Drift, files_of

NOW = datetime(2026, 11, 21, 23, 59, tzinfo=UTC)


@pytest.mark.parametrize("named", ["2026-11-21", "2026-11-22", "2026-02-28", f"{EARLIEST_NIGHT}"])
def test_a_night_is_of_the_past_of_today_or_of_a_place_where_it_is_tomorrow_already(named: str) -> None:
    assert night_named(named, NOW) == named
    assert night_named(None, NOW) is None


@pytest.mark.parametrize("named", ["2026-11-23", "2099-01-01", "9999-12-31", "1999-12-31", "0001-01-01"])
def test_a_night_out_of_range_is_refused_with_the_range(named: str) -> None:
    with pytest.raises(UsageError, match=f"--night {named} .* 2000-01-01 to 2026-11-22"):
        night_named(named, NOW)


@pytest.mark.parametrize("named", ["tomorrow", "2026-02-30", "", "2026-11-21T03:17"])
def test_what_is_no_date_is_refused_by_the_name_of_its_option(named: str) -> None:
    with pytest.raises(UsageError, match=r"--since '.*' is not a date such as 2026-11-21"):
        date_named(named, "--since")
    with pytest.raises(UsageError, match=r"--night '.*' is not a date such as 2026-11-21"):
        night_named(named, NOW)


def test_a_date_is_written_in_one_way() -> None:
    assert date_named("20261121", "--night") == date(2026, 11, 21)
    assert night_named("20261121", NOW) == "2026-11-21"


@pytest.mark.parametrize(
    "command",
    [("check", "canary", "--scheduled"), ("check", "canary"), ("calibrate", "canary")],
    ids=" ".join,
)
@pytest.mark.parametrize("night", ["2099-01-01", "0001-01-15"])
def test_no_command_asks_for_a_night_that_has_yet_to_come(
    new_project: Path, drift: Drift, command: tuple[str, ...], night: str
) -> None:
    before = files_of(new_project)
    done = drift(*command, "--night", night)
    assert (done.code, done.out) == (2, "")
    assert f"--night {night} is not a night of 2000-01-01 to 2027-01-05" in done.err
    assert files_of(new_project) == before
    assert drift(*command, "--night", "2027-01-05").code == 0
