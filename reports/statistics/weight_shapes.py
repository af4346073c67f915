"""What the distributions of single weights look like: moments, a test against the normal, humps."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import signal, stats

Floats = NDArray[np.float64]

FEWEST_NETWORKS = 50
"""With fewer, neither the test nor the humps say anything."""

SIGNIFICANT = 0.05

GRID, MARGIN, PROMINENCE = 200, 0.2, 0.1
"""Points of the density, how far it goes beyond the values, and what share of its peak makes a hump."""

COLUMNS = ["networks", "mean", "sd", "skew", "excess_kurtosis", "p_value", "humps"]


def weight_shapes(values: Floats) -> pd.DataFrame:
    """A row for each weight.

    ``p_value`` is that of D'Agostino & Pearson's (1973) omnibus test against a normal distribution;
    ``excess_kurtosis`` is 0 for one; ``humps`` are the maxima of a Gaussian kernel density (Scott's
    bandwidth) that rise above their surroundings by a tenth of the highest.

    Args:
        values: ``(M, W)`` of W weights in M networks.

    Returns:
        The columns :data:`COLUMNS`; with fewer than 50 networks, and for a weight that is the same in all of
        them, only the first three have values.
    """
    rows = []
    for own in values.T:
        spread = float(own.std(ddof=1)) if len(own) > 1 else float("nan")
        shape = (np.nan,) * 4
        if len(own) >= FEWEST_NETWORKS and spread > 1e-6 * np.abs(own).max():
            skew, kurtosis = float(stats.skew(own)), float(stats.kurtosis(own))
            shape = (skew, kurtosis, float(stats.normaltest(own).pvalue), float(humps(own)))
        rows.append((len(own), float(own.mean()), spread, *shape))
    return pd.DataFrame(rows, columns=COLUMNS)


def humps(values: Floats) -> int:
    """Maxima of the kernel density of ``(M,)`` values, see :func:`weight_shapes`."""
    margin = MARGIN * np.ptp(values)
    grid = np.linspace(values.min() - margin, values.max() + margin, GRID)
    density = stats.gaussian_kde(values)(grid)
    peaks, _ = signal.find_peaks(density, prominence=PROMINENCE * density.max())
    return len(peaks)


def share_not_normal(p_values: Floats) -> float:
    """Share of the weights whose distribution is not normal, with 5% of false discoveries among them.

    By Benjamini & Hochberg 1995; NaN where nothing was tested.
    """
    tested = p_values[~np.isnan(p_values)]
    if not tested.size:
        return float("nan")
    return float((stats.false_discovery_control(tested) < SIGNIFICANT).mean())
