"""What checking one answer may cost, counted before it is spent: neither a rule nor an answer can hang a run."""

MOST_STEPS = 60_000_000
"""A quarter of a second. The same answer takes the same steps on every machine, so its grades do not depend on one."""


class TooLarge(ValueError):
    """Checking would take more steps than one answer is given."""


class Effort:
    """The steps left for one answer; a step is one instruction of a pattern on one byte, some 4 ns at worst."""

    def __init__(self, steps: int = MOST_STEPS) -> None:
        self._left = steps

    def spend(self, steps: int) -> None:
        """Take `steps` off; where fewer are left, raise TooLarge and leave them to what costs less."""
        if steps > self._left:
            raise TooLarge("too large to check")
        self._left -= steps
