"""The interval of an accuracy that several networks, or several votes, share."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from robust_hypergan.reports.statistics.intervals import wilson_score, zero_one_variance


def effective_wilson_interval(
    row_means: ArrayLike, column_means: ArrayLike, confidence: float = 0.95
) -> tuple[float, float]:
    """Wilson's interval for the mean of a crossed 0/1 matrix, at its effective number of trials.

    R images meet C networks (or votes). The variance V of the mean m of all R C entries is that of the
    crossed random-effects model, from the marginal means alone (as in
    :mod:`robust_hypergan.reports.statistics.intervals`); m (1 - m) / V is the number of independent trials
    that would give the same variance (Kish 1965, *Survey Sampling*), at which Wilson's interval is
    taken, as Korn & Graubard (1998, Survey Methodology 24) do with the exact one: their number is lessened by
    the squared ratio of Student's quantiles for R - 1 and for the variance's degrees of freedom, if those are
    fewer. It stays sensible at and next to 0 and 1. With one column the images are the only sample: R trials.

    Args:
        row_means: (R,) mean of each image over the networks, in [0, 1].
        column_means: (C,) mean of each network over the images, in [0, 1].
        confidence: nominal coverage in (0, 1).

    Returns:
        Lower and upper end in [0, 1]; ``(nan, nan)`` without rows or columns.
    """
    rows, columns = np.asarray(row_means, dtype=float), np.asarray(column_means, dtype=float)
    if not (rows.size and columns.size):
        return float("nan"), float("nan")
    mean = float(rows.mean())
    spread = mean * (1 - mean)
    trials = float(rows.size)
    if columns.size > 1 and rows.size > 1 and spread > 0:
        variance, level = zero_one_variance(rows, columns), (1 + confidence) / 2
        rows_alone, both = (stats.t.ppf(level, freedom) for freedom in (rows.size - 1, variance.freedom))
        trials = min(1.0, (rows_alone / both) ** 2) * spread / variance.total
    low, high = wilson_score(mean, trials, confidence)
    return float(low), float(high)
