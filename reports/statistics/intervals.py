"""Confidence intervals: one proportion, and the mean of a crossed examples x networks matrix."""

from __future__ import annotations

from dataclasses import dataclass

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
    if (k < 0).any() or (k > n).any():
        raise ValueError("successes must lie between 0 and the number of trials")
    with np.errstate(invalid="ignore"):  # no trials: NaN
        return wilson_score(k / n, n, confidence)


def wilson_score(share: ArrayLike, trials: ArrayLike, confidence: float) -> tuple[Floats, Floats]:
    """Wilson's formula, at a ``share`` of the ``trials`` that need not be a whole count."""
    p, n = np.asarray(share, dtype=float), np.asarray(trials, dtype=float)
    z = stats.norm.ppf((1 + confidence) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):  # no trials: NaN
        centre = p + z**2 / (2 * n)
        reach = z * np.sqrt(p * (1 - p) / n + (z / (2 * n)) ** 2)
        low, high = (centre - reach) / (1 + z**2 / n), (centre + reach) / (1 + z**2 / n)
    return np.where(p == 0, 0.0, low), np.where(p == 1, 1.0, high)


@dataclass(frozen=True)
class CrossedVariance:
    """The parts of the variance of a crossed R x C mean, from the two-way analysis of variance.

    Attributes:
        rows: mean square of the rows over R C: what the rows contribute, with the residual's share.
        columns: likewise.
        residual: mean square of what neither explains over R C.
        shape: R and C.
    """

    rows: float
    columns: float
    residual: float
    shape: tuple[int, int]

    @property
    def total(self) -> float:
        """Variance of the mean, kept at or above each of its parts."""
        return max(self.rows + self.columns - self.residual, self.rows, self.columns, self.residual)

    @property
    def without_columns(self) -> float:
        """What is left of it with any number of columns: the rows alone are a sample."""
        return max(self.rows - self.residual, 0.0)

    @property
    def freedom(self) -> float:
        """Satterthwaite's (1946) degrees of freedom of the total, at least min(R, C) - 1."""
        rows, columns = self.shape[0] - 1, self.shape[1] - 1
        parts = self.rows**2 / rows + self.columns**2 / columns + self.residual**2 / (rows * columns)
        return max(self.total**2 / parts if parts else 0.0, min(rows, columns))


def crossed_variance(rows: Floats, columns: Floats, squares: float) -> CrossedVariance:
    """The variance of a mean to which every entry of an R x C matrix contributes.

    Args:
        rows: (R,) each row's contribution to the mean, less its expectation; they add up to 0.
        columns: (C,) likewise.
        squares: sum of the squares of the R C entries' own contributions.
    """
    (count_rows, count_columns), scale = (rows.size, columns.size), rows.size * columns.size
    by_rows, by_columns = np.square(rows).sum(), np.square(columns).sum()
    residual = max(squares - by_rows / count_columns - by_columns / count_rows, 0.0)
    return CrossedVariance(
        float(by_rows * count_rows / (count_rows - 1)),
        float(by_columns * count_columns / (count_columns - 1)),
        float(residual * scale / ((count_rows - 1) * (count_columns - 1))),
        (count_rows, count_columns),
    )


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

    Where the exceptions amount to less than one whole row and few rows carry them (or likewise columns;
    see `is_concentrated`), no variance can be trusted; the Wilson interval of as many trials as there
    are rows (or columns, the fewer) is returned instead. ``benchmarks/interval_coverage.py`` measures
    the coverage.

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
    mean = _common_mean(rows, columns)
    doubtful = [axis.size for axis in (rows, columns) if is_concentrated(axis)]
    if doubtful:
        return _ends(wilson_score(mean, min(doubtful), confidence))
    variance = zero_one_variance(rows, columns)
    return logit_interval(mean, student_reach(variance.total, variance.freedom, confidence))


def unlimited_columns_interval(
    row_means: ArrayLike, column_means: ArrayLike, confidence: float = 0.95
) -> tuple[float, float]:
    """What :func:`crossed_mean_interval` would shrink to with any number of columns, the mean staying.

    Args:
        row_means: (R,) as there.
        column_means: (C,) as there.
        confidence: nominal coverage in (0, 1).
    """
    rows, columns = np.asarray(row_means, dtype=float), np.asarray(column_means, dtype=float)
    if not (rows.size and columns.size):
        return float("nan"), float("nan")
    mean = _common_mean(rows, columns)
    if is_concentrated(rows):
        return _ends(wilson_score(mean, rows.size, confidence))
    if columns.size == 1 or not 0 < mean < 1:
        return mean, mean
    variance = zero_one_variance(rows, columns).without_columns
    return logit_interval(mean, student_reach(variance, rows.size - 1, confidence))


def zero_one_variance(rows: Floats, columns: Floats) -> CrossedVariance:
    """:func:`crossed_variance` of a 0/1 matrix from its marginal means, (R,) and (C,)."""
    mean, entries = rows.mean(), rows.size * columns.size
    return crossed_variance(
        (rows - mean) / rows.size, (columns - mean) / columns.size, float(mean * (1 - mean) / entries)
    )


def is_concentrated(means: Floats) -> bool:
    """Whether marginal means leave less than one whole exception, and few carry what there is.

    Exceptions are the rarer of 0 and 1. Those that carry them are counted by (sum)^2 / sum of squares,
    Kish's (1965) effective number; too few are less than 0.7 of all, or than 6.
    """
    share = means if means.mean() <= 0.5 else 1 - means
    if share.sum() >= 1 - 1e-9:
        return False
    carriers = share.sum() ** 2 / np.square(share).sum() if share.any() else 0.0
    return bool(carriers < max(6.0, 0.7 * means.size))


def student_reach(variance: float, freedom: float, confidence: float) -> float:
    """Half the width of Student's interval of a mean."""
    return float(stats.t.ppf((1 + confidence) / 2, freedom) * np.sqrt(variance))


def logit_interval(mean: float, reach: float) -> tuple[float, float]:
    """An interval of a mean in (0, 1) formed on the logit scale (delta method), inside (0, 1)."""
    reach_of_logit = reach / (mean * (1 - mean))
    ends = special.logit(mean) + np.array([-reach_of_logit, reach_of_logit])
    return tuple(special.expit(ends).tolist())


def _common_mean(rows: Floats, columns: Floats) -> float:
    mean = float(rows.mean())
    if not np.isclose(mean, columns.mean(), rtol=0.0, atol=1e-6):
        raise ValueError(f"row means average {mean:.6f}, column means {columns.mean():.6f}: not one matrix")
    return mean


def _ends(pair: tuple[Floats, Floats]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])


def _whole(counts: ArrayLike) -> NDArray[np.int64]:
    """The counts as integers, or a ValueError that shows one that is not whole."""
    values = np.asarray(counts)
    whole = np.asarray(values, dtype=np.int64)
    if not np.array_equal(whole, values):
        raise ValueError(f"counts must be whole numbers, got {values[whole != values].ravel()[0]}")
    return whole
