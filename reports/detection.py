"""How well a score detects: area under the ROC curve with DeLong's interval, and false alarms."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from robust_hypergan.reports.columns import CELL, EVIDENCE_TABLES
from robust_hypergan.reports.statistics import wilson_interval

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
        The area, lower and upper end; all NaN without positives or negatives.
    """
    high, low = np.asarray(positives, dtype=float), np.asarray(negatives, dtype=float)
    if not (high.size and low.size):
        return float("nan"), float("nan"), float("nan")
    ranks = stats.rankdata(np.concatenate([high, low]))
    above = (ranks[: high.size] - stats.rankdata(high)) / low.size  # (m,) share of negatives below each
    below = 1 - (ranks[high.size :] - stats.rankdata(low)) / high.size  # (n,) share of positives above each
    area = float(above.mean())
    smaller = min(high.size, low.size)
    variance = sum(part.var(ddof=1) / part.size for part in (above, below)) if smaller > 1 else 0.0
    if variance == 0 or not 0 < area < 1:
        first, _ = wilson_interval(int(np.floor(area * smaller)), smaller, confidence)
        _, last = wilson_interval(int(np.ceil(area * smaller)), smaller, confidence)
        return area, float(first), float(last)
    reach = stats.norm.ppf((1 + confidence) / 2) * np.sqrt(variance) / (area * (1 - area))
    centre = special.logit(area)
    return area, float(special.expit(centre - reach)), float(special.expit(centre + reach))


def false_alarms(positives: ArrayLike, negatives: ArrayLike, detected: float = 0.95) -> float:
    """Share of the negatives at or above the highest threshold that finds ``detected`` of the positives.

    NaN without positives or negatives.
    """
    high, low = np.asarray(positives, dtype=float), np.asarray(negatives, dtype=float)
    if not (high.size and low.size):
        return float("nan")
    found = int(np.ceil(round(detected * high.size, 9)))
    return float((low >= np.sort(high)[high.size - found]).mean())


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
