"""Where a series goes over to another level: PELT, by the library ruptures. Needs the extra `trends`.

Killick, Fearnhead and Eckley, "Optimal detection of changepoints with a linear computational cost", Journal of the
American Statistical Association 107 (2012), 1590-1598: the segmentation that minimises the cost of its segments plus
a penalty for each change, found exactly by pruning. The cost is the sum of squared distances to a segment's mean,
which is twice the negative log-likelihood of normal noise of variance 1; so numbers are divided by the noise first.
The noise is the median absolute difference of neighbours over 0.6745·√2, which a change of level does not widen. The
penalty is `PENALTY`·log n a change: section 2 of the paper names p·log n (the Schwarz criterion, p the parameters that a
change adds: its level and its place, so 2); it is raised to 4, because a night after night series is not independent.
A change point says when, not whether: whether a night drifted is for its own verdict.
"""

import math
from collections.abc import Sequence

import numpy as np
import ruptures

PENALTY = 4.0
FEWEST = 10
"""Numbers that it takes to look at all."""
SHORTEST = 3
"""Numbers that a level lasts at least."""
_TO_DEVIATION = 0.6745 * math.sqrt(2.0)


def change_points(values: Sequence[float]) -> tuple[int, ...]:
    """Return the places in `values` at which a new level begins, ascending; empty for under `FEWEST` numbers."""
    if len(values) < FEWEST:
        return ()
    series = np.asarray(values, dtype=np.float64)
    noise = float(np.median(np.abs(np.diff(series)))) / _TO_DEVIATION
    spread = float(np.ptp(series))
    if spread <= 0.0:
        return ()
    # Half of all neighbours equal: the noise is not known, and taken as a hundredth of the range.
    scaled = series / max(noise, spread / 100.0)
    fitted = ruptures.KernelCPD(kernel="linear", min_size=SHORTEST).fit(scaled.reshape(-1, 1))
    found = fitted.predict(pen=PENALTY * math.log(len(values)))
    return tuple(int(place) for place in found[:-1])
