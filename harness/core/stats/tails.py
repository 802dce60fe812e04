"""Tails of the distributions that decide, from `scipy.special`."""

from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]


def student_tail(t: float, degrees: float) -> float:
    """Return P(T ≥ t) of Student's t with `degrees` of freedom; t may be infinite."""
    return float(special.stdtr(degrees, -t))


def student_tails(t: Floats, degrees: float) -> Floats:
    """Return P(T ≥ t) of every t."""
    return np.asarray(special.stdtr(degrees, -t))


def student_quantile(p: float, degrees: float) -> float:
    """Return the t with P(T ≤ t) = p, for 0 < p < 1."""
    return float(special.stdtrit(degrees, p))


def beta_binomial_tail(count: int, trials: int, a: float, b: float) -> float:
    """Return P(X ≥ count) for X ~ BetaBinomial(trials, a, b), with a, b > 0.

    The share of `trials` further events that is expected after a − .5 events and b − .5 non-events, with
    the uncertainty of that rate in it (Jeffreys' prior). Summed over the shorter tail in logarithms.
    """
    if count <= 0:
        return 1.0
    if count > trials:
        return 0.0
    upper = _log_mass(np.arange(count, trials + 1), trials, a, b)
    return float(min(1.0, np.exp(special.logsumexp(upper))))


def binomial_masses(trials: int, rate: float) -> Floats:
    """Return P(X = 0), …, P(X = trials) for X ~ Binomial(trials, rate), with rate in 0..1."""
    count = np.arange(trials + 1)
    choose = special.gammaln(trials + 1) - special.gammaln(count + 1) - special.gammaln(trials - count + 1)
    return cast(Floats, np.exp(choose + special.xlogy(count, rate) + special.xlog1py(trials - count, -rate)))


def _log_mass(values: NDArray[np.int_], trials: int, a: float, b: float) -> Floats:
    choose = special.gammaln(trials + 1) - special.gammaln(values + 1) - special.gammaln(trials - values + 1)
    return cast(Floats, choose + special.betaln(values + a, trials - values + b) - special.betaln(a, b))
