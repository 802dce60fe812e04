"""Several targets, of which one fails: the others get what they came for, and nothing is lost of what is wrong."""

from collections.abc import Callable, Iterable

from harness.errors import HarnessError, Interrupted

_FROM_WORST = (70, 2, 1, 4, 3)


def for_each(targets: Iterable[str], do: Callable[[str], None], failed: Iterable[HarnessError] = ()) -> None:
    """Do something for every target; raise then all that failed, as the error whose exit code comes first.

    What `failed` before is told with it. A signal ends it at once.
    """
    errors = list(failed)
    for target in targets:
        try:
            do(target)
        except Interrupted:
            raise
        except HarnessError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        worst = min(errors, key=lambda error: _FROM_WORST.index(error.exit_code))
        raise type(worst)("\n".join(map(str, errors)))
