"""What is done for several targets: one that fails keeps no other from it, and nothing that went wrong is lost."""

import pytest

from harness.cli.together import for_each
from harness.errors import DamagedRecord, HarnessError, Interrupted, MeasurementError, SetupError, UsageError


def failing(errors: dict[str, HarnessError], done: list[str], failed: tuple[HarnessError, ...] = ()) -> None:
    def do(target: str) -> None:
        if target in errors:
            raise errors[target]
        done.append(target)

    for_each(("one", "two", "three"), do, failed)


def test_where_nothing_fails_everything_is_done() -> None:
    done: list[str] = []
    failing({}, done)
    assert done == ["one", "two", "three"]


def test_one_error_is_raised_as_it_is_after_the_others_are_done() -> None:
    done: list[str] = []
    error = MeasurementError("one: too little")
    with pytest.raises(MeasurementError) as caught:
        failing({"one": error}, done)
    assert (caught.value, done) == (error, ["two", "three"])


@pytest.mark.parametrize(
    ("errors", "worst"),
    [
        ((MeasurementError, DamagedRecord), DamagedRecord),
        ((MeasurementError, UsageError), UsageError),
        ((DamagedRecord, SetupError), SetupError),
    ],
)
def test_several_are_told_together_and_end_in_the_code_that_comes_first(
    errors: tuple[type[HarnessError], type[HarnessError]], worst: type[HarnessError]
) -> None:
    done: list[str] = []
    raised = {"one": errors[0]("one: said"), "three": errors[1]("three: said")}
    with pytest.raises(worst, match=r"^zero: said\none: said\nthree: said$"):
        failing(raised, done, failed=(MeasurementError("zero: said"),))
    assert done == ["two"]


def test_a_signal_is_no_failure_of_one_target() -> None:
    done: list[str] = []
    with pytest.raises(Interrupted):
        failing({"one": Interrupted("stopped", exit_code=130)}, done)
    assert done == []
