"""Chance that depends on what is asked and on nothing else: no clock, no order of calls, no shared state."""

import hashlib
import math
import random
import struct
from collections.abc import Sequence
from typing import NamedTuple

_SEPARATOR = "\x1f"


class Draws(NamedTuple):
    """Uniform numbers within (0, 1) of one call, one for each thing that chance decides about it."""

    pick: float
    decline: float
    refusal: float
    format: float
    quality: float
    swap: float
    misrouting: float
    served: float
    rule: float
    latency: float


def draw(*parts: str) -> Draws:
    """Return the numbers that belong to `parts`, from BLAKE2b: 32 bits each."""
    words = struct.unpack("<10I", _digest(parts, 40))
    return Draws(*((word + 0.5) / 2**32 for word in words))


def uniform(*parts: str) -> float:
    """Return one number within (0, 1) that belongs to `parts`."""
    return (int.from_bytes(_digest(parts, 4), "little") + 0.5) / 2**32


def identifier(*parts: str) -> str:
    """Return 24 hexadecimal digits that belong to `parts`."""
    return _digest(parts, 12).hex()


def generator(*parts: str) -> random.Random:
    """Return a generator that belongs to `parts`: for tables, too slow for calls."""
    return random.Random(_digest(parts, 16))


def sharpened(weights: Sequence[float], modal: float) -> tuple[float, ...]:
    """Return shares proportional to a power of `weights` such that the largest is `modal`.

    Earlier weights count a little more than equal later ones, so that there always is one largest. With n
    weights the largest share is at least 1/n.
    """
    logs = [math.log(weight) - 0.2 * rank for rank, weight in enumerate(weights)]
    low, high = 0.0, 64.0
    for _ in range(48):
        power = (low + high) / 2
        low, high = (power, high) if max(_softmax(logs, power)) < modal else (low, power)
    return _softmax(logs, high)


def flattened(shares: Sequence[float], size: float) -> tuple[float, ...]:
    """Make rare things a little less rare: shares to the power 1 - 0.4 `size`, summing to 1."""
    if size == 0:
        return tuple(shares)
    powers = [share ** (1 - 0.4 * size) for share in shares]
    return tuple(power / sum(powers) for power in powers)


def night_shares(shares: Sequence[float], correlation: float, rng: random.Random) -> tuple[float, ...]:
    """Draw the shares of one night from the Dirichlet distribution around `shares`.

    Two samples of a night then agree more than two of different nights, by `correlation`; counts are
    Dirichlet-multinomial, with variance 1 + (k - 1) · correlation times the multinomial's (Mosimann 1962).
    """
    if correlation <= 0 or len(shares) == 1:
        return tuple(shares)
    if correlation >= 1:
        return _all_on(rng.choices(range(len(shares)), shares)[0], len(shares))
    concentration = (1 - correlation) / correlation
    gammas = [rng.gammavariate(max(share * concentration, 1e-9), 1.0) for share in shares]
    total = sum(gammas)
    if total <= 0:
        return _all_on(rng.choices(range(len(shares)), shares)[0], len(shares))
    return tuple(gamma / total for gamma in gammas)


def logit_deviation(correlation: float) -> float:
    """Return the standard deviation of a shared logit that correlates yes-or-no samples by `correlation`.

    From the latent-variable intraclass correlation σ²/(σ² + π²/3) (Snijders & Bosker 2012, section 17.3.2).
    """
    bounded = min(max(correlation, 0.0), 0.99)
    return math.sqrt(bounded / (1 - bounded) * math.pi**2 / 3)


def night_deviation(call_deviation: float, correlation: float) -> float:
    """Return the standard deviation of what calls of a night share, from what each adds on its own.

    Values of one night then correlate by `correlation`, bounded at .99.
    """
    bounded = min(max(correlation, 0.0), 0.99)
    return call_deviation * math.sqrt(bounded / (1 - bounded))


def shifted(rate: float, logits: float) -> float:
    """Move a rate on the logit scale; 0 and 1 stay."""
    if rate in (0, 1):
        return rate
    return 1 / (1 + (1 - rate) / rate * math.exp(-logits))


def _all_on(index: int, length: int) -> tuple[float, ...]:
    return tuple(float(place == index) for place in range(length))


def _softmax(logs: Sequence[float], power: float) -> tuple[float, ...]:
    top = max(logs)
    raised = [math.exp(power * (log - top)) for log in logs]
    total = sum(raised)
    return tuple(value / total for value in raised)


def _digest(parts: Sequence[str], size: int) -> bytes:
    return hashlib.blake2b(_SEPARATOR.join(parts).encode("utf-8", "surrogatepass"), digest_size=size).digest()
