"""Differences: of pairs, of two estimates, and the exact test of their signs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

FEWEST_PAIRS = 10
"""The spread of differences of shares is not known from fewer: all may be equal by chance."""


def paired_difference_interval(
    differences: ArrayLike, *network_means: ArrayLike, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Mean of paired differences with its interval, the pairs *and* the networks behind them being samples.

    Without networks the pairs alone are the sample, and the networks held fixed.

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
    return _around(float(samples[0].mean()), samples, confidence)


def independent_difference_interval(
    first: ArrayLike, second: ArrayLike, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Difference of the means of two independent samples, with the interval of Welch 1947, Biometrika 34.

    Args:
        first: (m,) one sample.
        second: (n,) the other.
        confidence: nominal coverage in (0, 1).

    Returns:
        First mean minus second, lower and upper end; NaN ends if either has fewer than two values.
    """
    one, other = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    return _around(float(one.mean() - other.mean()), [one, other], confidence)


def _around(mean: float, samples: Sequence[np.ndarray], confidence: float) -> tuple[float, float, float]:
    """Student's t around what varies as the means of all samples together, with Satterthwaite's freedom."""
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


def sign_test(more: int, fewer: int) -> float:
    """Chance of at least ``more`` out of ``more + fewer`` differences when both signs are equally likely.

    The exact one-sided test of McNemar 1947, Psychometrika 12, for two treatments of the same examples.

    Args:
        more: examples that differ in the one direction.
        fewer: in the other.
    """
    if more + fewer == 0:
        return 1.0
    return float(stats.binomtest(more, more + fewer, alternative="greater").pvalue)
