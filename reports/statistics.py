"""Confidence intervals: one proportion, and the mean of a crossed examples x networks matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

Floats = NDArray[np.float64]


def wilson_interval(
    successes: ArrayLike, trials: ArrayLike, confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """Wilson score interval of each proportion ``successes / trials``.

    Source: Wilson 1927, JASA 22; recommended by Brown, Cai & DasGupta 2001, Statistical Science 16.

    Args:
        successes: whole numbers, any shape, 0 <= successes <= trials.
        trials: whole numbers that broadcast against ``successes``.
        confidence: nominal coverage in (0, 1).

    Returns:
        Lower and upper ends in [0, 1], in the broadcast shape; NaN where there were no trials.

    Raises:
        ValueError: when a count is not whole, negative, or above its number of trials.
    """
    k, n = np.broadcast_arrays(_whole(successes), _whole(trials))
    pairs, position = np.unique(np.stack([k.ravel(), n.ravel()]), axis=1, return_inverse=True)
    ends = np.array([_wilson(int(a), int(b), confidence) for a, b in pairs.T], dtype=float).reshape(-1, 2)
    low, high = ends[position.ravel()].T  # (pairs, 2) -> two of (k.size,)
    return low.reshape(k.shape), high.reshape(k.shape)


def crossed_mean_interval(
    row_means: ArrayLike, column_means: ArrayLike, confidence: float = 0.95
) -> tuple[float, float]:
    """Interval for the mean of a 0/1 matrix whose rows *and* columns are random samples.

    R examples meet C networks. Treating the R*C entries, or only the rows, as independent is too
    optimistic: one set of networks judges every example. In the crossed random-effects model the
    variance of the grand mean is, from the two-way analysis of variance without replication,

        Var(mean) = (MS_rows + MS_columns - MS_residual) / (R C)

    (Searle, Casella & McCulloch 1992, *Variance Components*, ch. 4; the same decomposition that Owen
    2007, "The pigeonhole bootstrap", Ann. Appl. Stat. 1, shows a two-way bootstrap to estimate from
    above). Entries are 0 or 1, so the total sum of squares is R C m (1 - m) and the marginal means
    are all that is needed: the matrix itself is never kept. The estimate is kept at or above each of
    its three parts. The interval is formed on the logit scale (delta method) with Satterthwaite's
    (1946) degrees of freedom, at least min(R, C) - 1.

    When the exceptions amount to less than one whole row or column (the mean is at or next to 0 or 1,
    or there is only one row), no variance can be trusted; the Wilson interval of min(R, C) trials,
    taken at the whole counts on either side of the mean, is returned instead.

    Args:
        row_means: (R,) mean of each example over the C networks, in [0, 1].
        column_means: (C,) mean of each network over the R examples, in [0, 1].
        confidence: nominal coverage in (0, 1).

    Returns:
        Lower and upper end in [0, 1]; ``(nan, nan)`` without rows or columns.

    Raises:
        ValueError: when the two sets of means cannot belong to one matrix.
    """
    rows, columns = np.asarray(row_means, dtype=float), np.asarray(column_means, dtype=float)
    if not (rows.size and columns.size):
        return float("nan"), float("nan")
    mean = float(rows.mean())
    if not np.isclose(mean, columns.mean(), rtol=0.0, atol=1e-6):
        raise ValueError(f"row means average {mean:.6f}, column means {columns.mean():.6f}: not one matrix")
    sample = min(rows.size, columns.size)
    if min(mean, 1 - mean) * sample < 1 - 1e-9:
        return _wilson_around(mean, sample, confidence)
    variance, freedom = _variance_of_mean(rows, columns)
    reach = stats.t.ppf((1 + confidence) / 2, freedom) * np.sqrt(variance) / (mean * (1 - mean))
    centre = special.logit(mean)
    return float(special.expit(centre - reach)), float(special.expit(centre + reach))


def paired_mean_interval(differences: ArrayLike, confidence: float = 0.95) -> tuple[float, float, float]:
    """Mean of paired differences with its t interval, the pairs being the sample.

    Args:
        differences: (n,) one difference a pair.
        confidence: nominal coverage in (0, 1).

    Returns:
        Mean, lower and upper end; NaN ends with fewer than two pairs, all NaN without any.
    """
    values = np.asarray(differences, dtype=float)
    if values.size == 0:
        return float("nan"), float("nan"), float("nan")
    mean = float(values.mean())
    if values.size == 1:
        return mean, float("nan"), float("nan")
    reach = stats.t.ppf((1 + confidence) / 2, values.size - 1) * values.std(ddof=1) / np.sqrt(values.size)
    return mean, float(mean - reach), float(mean + reach)


def paired_difference_interval(
    differences: ArrayLike, *network_means: ArrayLike, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Mean of paired differences with its interval, the pairs *and* the networks behind them being samples.

    The variance of the mean difference is the sum of that between the pairs, ``S^2 / n``, and of that
    between the networks of each side, ``S^2 / C``, which every pair shares; what single answers vary by is
    in both, so that the interval errs on the wide side. Student's t with Satterthwaite's (1946) degrees of
    freedom.

    Args:
        differences: (n,) one difference a pair.
        network_means: (C,) mean of each network over the pairs, for each independent set of networks; one
            set of differences if the same networks judged both sides.
        confidence: nominal coverage in (0, 1).

    Returns:
        Mean, lower and upper end; NaN ends if the pairs or a set of networks are fewer than two, all NaN
        without any pair.
    """
    samples = [np.asarray(each, dtype=float) for each in (differences, *network_means)]
    if samples[0].size == 0:
        return float("nan"), float("nan"), float("nan")
    mean = float(samples[0].mean())
    if min(each.size for each in samples) < 2:
        return mean, float("nan"), float("nan")
    parts = np.array([each.var(ddof=1) / each.size for each in samples])
    freedoms = np.array([each.size - 1 for each in samples])
    if not parts.sum():
        return mean, mean, mean
    freedom = parts.sum() ** 2 / (parts**2 / freedoms).sum()
    reach = stats.t.ppf((1 + confidence) / 2, freedom) * np.sqrt(parts.sum())
    return mean, float(mean - reach), float(mean + reach)


def difference_interval(
    first: tuple[float, float, float], second: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Difference of two estimates from their own intervals (Zou & Donner 2008, Statistics in Medicine 27).

    The two are taken as independent, which is conservative where both rise and fall together.

    Args:
        first: estimate, lower and upper end.
        second: likewise.

    Returns:
        First minus second, with the lower and upper end.
    """
    (mean, low, high), (other, other_low, other_high) = first, second
    difference = mean - other
    below = np.hypot(mean - low, other_high - other)
    above = np.hypot(high - mean, other - other_low)
    return difference, float(difference - below), float(difference + above)


def _variance_of_mean(rows: Floats, columns: Floats) -> tuple[float, float]:
    """Variance of the grand mean and its degrees of freedom, from (R,) and (C,) marginal means."""
    count_rows, count_columns = rows.size, columns.size
    entries, mean = count_rows * count_columns, rows.mean()
    squares_rows = count_columns * np.square(rows - mean).sum()
    squares_columns = count_rows * np.square(columns - mean).sum()
    squares_residual = max(entries * mean * (1 - mean) - squares_rows - squares_columns, 0.0)
    freedoms = np.array([count_rows - 1, count_columns - 1, (count_rows - 1) * (count_columns - 1)])
    shares = np.array([squares_rows, squares_columns, squares_residual]) / freedoms / entries
    variance = max(shares[0] + shares[1] - shares[2], shares.max())
    satterthwaite = variance**2 / (shares**2 / freedoms).sum()
    return float(variance), float(max(satterthwaite, freedoms.min()))


def _wilson_around(mean: float, trials: int, confidence: float) -> tuple[float, float]:
    """Hull of the Wilson intervals at the whole counts on either side of ``mean * trials``."""
    count = round(mean * trials, 6)
    low, _ = _wilson(int(np.floor(count)), trials, confidence)
    _, high = _wilson(int(np.ceil(count)), trials, confidence)
    return low, high


def _wilson(successes: int, trials: int, confidence: float) -> tuple[float, float]:
    """One Wilson interval; NaN without trials."""
    if trials == 0 and successes == 0:
        return float("nan"), float("nan")
    ends = stats.binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    return float(ends.low), float(ends.high)


def _whole(counts: ArrayLike) -> NDArray[np.int64]:
    """The counts as integers, or a ValueError that shows one that is not whole."""
    values = np.asarray(counts)
    whole = np.asarray(values, dtype=np.int64)
    if not np.array_equal(whole, values):
        raise ValueError(f"counts must be whole numbers, got {values[whole != values].ravel()[0]}")
    return whole
