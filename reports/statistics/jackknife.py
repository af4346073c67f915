"""Intervals for what many networks give together: each network is left out once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Floats = NDArray[np.float64]

FEWEST_NETWORKS = 3
"""With fewer there is no interval: leaving one of two out leaves no pair."""


ROUNDING = 1e-12
"""A relative spread up to this is that of equal numbers."""


class Scale(NamedTuple):
    """Where an interval is symmetric: a map to the whole line, and back."""

    forward: Callable[[Floats], Floats]
    back: Callable[[Floats], Floats]


PLAIN = Scale(np.positive, np.positive)
UP_TO_ONE = Scale(np.positive, lambda values: np.minimum(values, 1.0))
LOG = Scale(np.log, np.exp)
LOGIT = Scale(special.logit, special.expit)


@dataclass(frozen=True)
class Jackknife:
    """An estimate from K networks, and how it varies when one is left out.

    Attributes:
        estimate: from all networks.
        variance: of the estimate on its scale; NaN if it can't be told.
        networks: K.
        scale: where the interval is symmetric.
    """

    estimate: float
    variance: float
    networks: int
    scale: Scale

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Student's interval with K - 1 degrees of freedom; NaN if it can't be told."""
        centre = self.scale.forward(np.array([self.estimate])) if self.variance >= 0 else np.nan
        reach = stats.t.ppf((1 + confidence) / 2, max(1, self.networks - 1)) * np.sqrt(self.variance)
        low, high = self.scale.back(centre + np.array([-reach, reach])).tolist()
        return low, high

    def ratio_to(self, other: Jackknife) -> Jackknife:
        """The ratio of two estimates from independent networks, both on the logarithmic scale."""
        return Jackknife(
            self.estimate / other.estimate if other.estimate else float("nan"),
            self.variance + other.variance,
            min(self.networks, other.networks),
            LOG,
        )


def jackknife(
    statistic: Callable[[NDArray[np.int64]], float], networks: int, scale: Scale = PLAIN
) -> Jackknife:
    """The delete-one jackknife over networks, which alone are taken as a random sample.

    Pairs of networks share networks and are not independent; a mean over pairs is a U-statistic of the
    networks, for which the jackknife's variance is consistent, and too large rather than too small (Arvesen
    1969, Annals of Mathematical Statistics 40; Efron & Stein 1981, Annals of Statistics 9).

    Args:
        statistic: of the networks at these positions.
        networks: K; with fewer than three there is no interval.
        scale: where the interval is symmetric; where it leads to infinity there is none.
    """
    every = np.arange(networks)
    few = networks < FEWEST_NETWORKS
    left_out = [] if few else [statistic(np.delete(every, index)) for index in range(networks)]
    return _from_left_out(float(statistic(every)), np.array(left_out), networks, scale)


def _from_left_out(estimate: float, left_out: Floats, networks: int, scale: Scale) -> Jackknife:
    """From the estimate of all networks and those that leave out one each, none if there are too few."""
    if networks < FEWEST_NETWORKS:
        return Jackknife(estimate, float("nan"), networks, scale)
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = scale.forward(left_out)
        moved = np.where(np.isfinite(moved), moved, np.nan)
    variance = (networks - 1) * float(np.var(moved))
    return Jackknife(estimate, variance, networks, scale)


def mean_over_pairs(matrix: Floats, scale: Scale = PLAIN) -> Jackknife:
    """The mean of a symmetric matrix ``(K, K)`` off its diagonal; NaN for a single network."""
    rows = np.asarray(matrix, dtype=float).sum(0) - np.diag(matrix)
    count, total = len(rows), float(rows.sum())
    estimate = total / (count * (count - 1)) if count > 1 else float("nan")
    left = total - 2 * rows
    left[np.abs(left) <= ROUNDING * abs(total)] = 0.0
    left_out = left / ((count - 1) * (count - 2)) if count > 2 else left
    return _from_left_out(estimate, left_out, count, scale)


def relative_sd(values: Floats) -> Jackknife:
    """Standard deviation over the mean of each column of ``(K, L)`` positive values, averaged over columns.

    NaN for a single network; 0 without an interval where all networks are the same.
    """

    def spread(kept: NDArray[np.int64]) -> float:
        if len(kept) < 2:
            return float("nan")
        own = values[kept]
        relative = float((own.std(axis=0, ddof=1) / own.mean(axis=0)).mean())
        return relative if relative > ROUNDING else 0.0

    return jackknife(spread, len(values), LOG)
