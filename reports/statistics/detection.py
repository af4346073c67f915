"""How well a score detects: area under the ROC curve with DeLong's interval, and false alarms."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special, stats

from robust_hypergan.reports.columns import CELL, EVIDENCE_TABLES
from robust_hypergan.reports.statistics.intervals import wilson_interval

SCORES = ("entropy", "mutual_information")
KIND = ["inputs", "data", *CELL]


def auroc_interval(
    positives: ArrayLike, negatives: ArrayLike, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Probability that a positive scores higher than a negative, ties counting half, with its interval.

    Source: DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44, from mid-ranks as in Sun & Xu 2014, IEEE
    Signal Processing Letters 21; the interval is formed on the logit scale. Positives and negatives are taken
    as independent, which is conservative where a positive is a changed negative. At exactly 0 or 1 DeLong's
    variance vanishes, and Wilson's interval of the smaller of the two samples is returned.

    Args:
        positives: (m,) scores of what should score high.
        negatives: (n,) scores of the rest.
        confidence: nominal coverage in (0, 1).

    Returns:
        The area, lower and upper end; all NaN without positives or negatives, or where a score is NaN.
    """
    high, low = _scores(positives, negatives)
    if not (high.size and low.size):
        return float("nan"), float("nan"), float("nan")
    placements = _placements(high, low)
    area = float(placements[0].mean())
    smaller = min(high.size, low.size)
    variance = _delong_variance(*placements)
    if variance == 0 or not 0 < area < 1:
        first, _ = wilson_interval(int(np.floor(area * smaller)), smaller, confidence)
        _, last = wilson_interval(int(np.ceil(area * smaller)), smaller, confidence)
        return area, float(first), float(last)
    reach = stats.norm.ppf((1 + confidence) / 2) * np.sqrt(variance) / (area * (1 - area))
    centre = special.logit(area)
    return area, float(special.expit(centre - reach)), float(special.expit(centre + reach))


def auroc_difference_interval(
    first: tuple[ArrayLike, ArrayLike], second: tuple[ArrayLike, ArrayLike], confidence: float = 0.95
) -> tuple[float, float, float]:
    """Difference of the areas of two scores of the same images, with its interval.

    Source: DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44, for correlated areas: what is easy for both
    scores is no evidence for either.

    Args:
        first: (m,) scores of the positives, (n,) of the negatives.
        second: other scores of the same images in the same order.
        confidence: nominal coverage in (0, 1).

    Returns:
        First area minus second, lower and upper end; all NaN without positives or negatives, or where a
        score is NaN.

    Raises:
        ValueError: the two are not of as many images.
    """
    (high, low), (other_high, other_low) = _scores(*first), _scores(*second)
    if (high.size, low.size) != (other_high.size, other_low.size) and high.size and other_high.size:
        raise ValueError("the two scores are of different images")
    if not (high.size and low.size and other_high.size and other_low.size):
        return float("nan"), float("nan"), float("nan")
    above, below = (
        own - other
        for own, other in zip(_placements(high, low), _placements(other_high, other_low), strict=True)
    )
    difference = float(above.mean())
    reach = stats.norm.ppf((1 + confidence) / 2) * np.sqrt(_delong_variance(above, below))
    return difference, float(difference - reach), float(difference + reach)


def false_alarms(positives: ArrayLike, negatives: ArrayLike, detected: float = 0.95) -> float:
    """Share of the negatives at or above the highest threshold that finds ``detected`` of the positives.

    NaN without positives or negatives, or where a score is NaN.
    """
    high, low = _scores(positives, negatives)
    if not (high.size and low.size):
        return float("nan")
    found = int(np.ceil(round(detected * high.size, 9)))
    return float((low >= np.sort(high)[high.size - found]).mean())


def false_alarms_interval(
    positives: ArrayLike, negatives: ArrayLike, detected: float = 0.95, confidence: float = 0.95
) -> tuple[float, float]:
    """Interval of :func:`false_alarms`, in which both the threshold and the share above it are uncertain.

    Of m positives, Binomial(m, ``detected``) lie above the threshold that truly finds ``detected`` of all:
    the distribution-free argument for the interval of a quantile (David & Nagaraja 2003, *Order Statistics*,
    7.1). At each threshold that this leaves possible, the share of the negatives above it has the
    distribution of Jeffreys' interval (Brown, Cai & DasGupta 2001, Statistical Science 16); the interval is
    the middle of the mixture.

    Args:
        positives: (m,) scores of what should score high.
        negatives: (n,) scores of the rest.
        detected: share of the positives in (0, 1).
        confidence: nominal coverage in (0, 1).

    Returns:
        Lower and upper end in [0, 1], around the estimate; NaN without positives or negatives, or where a
        score is NaN.
    """
    high, low = _scores(positives, negatives)
    if not (high.size and low.size):
        return float("nan"), float("nan")
    few, many = stats.binom.interval(1 - 1e-9, high.size, detected)
    found = np.arange(max(few, 1), many + 1).astype(int)  # (F,) positives above a possible threshold
    weights = stats.binom.pmf(found, high.size, detected)
    alarms = low.size - np.searchsorted(np.sort(low), np.sort(high)[high.size - found])  # (F,)

    def chance(share: float) -> float:
        below = special.betainc(alarms + 0.5, low.size - alarms + 0.5, share)
        return float(below @ weights / weights.sum())

    estimate, tail = false_alarms(high, low, detected), (1 - confidence) / 2
    first, last = (
        optimize.brentq(lambda share, q=q: chance(share) - q, 0, 1, xtol=1e-9) for q in (tail, 1 - tail)
    )
    return min(float(first), estimate), max(float(last), estimate)


def detection_table(uncertainty: pd.DataFrame) -> pd.DataFrame:
    """``detection.csv`` from ``uncertainty.csv``: each kind of image against the clean ones, by each score.

    Adversarial images are counted twice: ``all``, and those after which the mean vote is wrong (``vote
    wrong``), which alone need detecting.
    """
    clean = uncertainty[uncertainty["inputs"] == "clean"]
    others = uncertainty[uncertainty["inputs"] != "clean"]
    rows = []
    for key, images in others.groupby(KIND, sort=False, dropna=False):
        subsets = {"all": images}
        if images["vote_wrong"].notna().any():
            subsets["vote wrong"] = images[images["vote_wrong"] == 1]
        for subset, chosen in subsets.items():
            for score in SCORES:
                found = _detected(chosen[score].to_numpy(float), clean[score].to_numpy(float))
                rows.append((*key, subset, score, *found))
    return pd.DataFrame(rows, columns=EVIDENCE_TABLES["detection"])


def _detected(positives: NDArray[np.float64], negatives: NDArray[np.float64]) -> tuple[float, ...]:
    estimate = auroc_interval(positives, negatives)
    return positives.size, negatives.size, *estimate, false_alarms(positives, negatives)


def _scores(positives: ArrayLike, negatives: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both as arrays; empty ones where a score is NaN, for then nothing can be ranked."""
    high, low = np.asarray(positives, dtype=float), np.asarray(negatives, dtype=float)
    return (high[:0], low[:0]) if np.isnan(high).any() or np.isnan(low).any() else (high, low)


def _placements(
    high: NDArray[np.float64], low: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share of the negatives below each positive (m,), and of the positives above each negative (n,)."""
    ranks = stats.rankdata(np.concatenate([high, low]))
    above = (ranks[: high.size] - stats.rankdata(high)) / low.size
    below = 1 - (ranks[high.size :] - stats.rankdata(low)) / high.size
    return above, below


def _delong_variance(above: NDArray[np.float64], below: NDArray[np.float64]) -> float:
    """Of an area, or of a difference of areas, from the placements; 0 with fewer than two of either."""
    if min(above.size, below.size) < 2:
        return 0.0
    return float(above.var(ddof=1) / above.size + below.var(ddof=1) / below.size)
