"""Statistics of predictive distributions of one variable: what holds where there are data, and where not."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from robust_hypergan.reports.statistics.differences import paired_difference_interval
from robust_hypergan.reports.statistics.intervals import Floats

MEASURES = ("rmse_inside", "coverage_inside", "coverage_outside", "sd_inside", "sd_outside", "growth")

REGRESSION_TABLES = {
    "regression": ["kind", "seed", "networks", "x", "mean", "sd"],
    "regression_data": ["seed", "x", "y"],
    "regression_summary": ["kind", "seed", "networks", *MEASURES],
    "regression_training": ["kind", "seed", "step", "loss", "sd_inside", "sd_outside"],
}
"""Columns of the tables of the study, by the stem of their file."""

BAND_WIDTH = 3.0
"""Half the width of the band that is drawn and that has to cover, in standard deviations, as in the paper."""


def target_function(x: pd.Series) -> pd.Series:
    """What the observations scatter around: x^3."""
    return x**3


def summarise_regression(predictions: pd.DataFrame, end: float) -> pd.DataFrame:
    """How every predictive distribution does inside and outside the data.

    Args:
        predictions: rows as in ``regression.csv``.
        end: the data lie in [-end, end].

    Returns:
        A row for each kind, seed and number of networks: ``rmse_inside`` of the mean against the function;
        ``coverage_inside`` and ``coverage_outside``, the share of the interval at which the function lies
        within 3 sd of the mean; ``sd_inside`` and ``sd_outside``, the mean sd; ``growth``, their ratio.
    """
    rows = []
    for (kind, seed, networks), own in predictions.groupby(["kind", "seed", "networks"], sort=False):
        error = (own["mean"] - target_function(own["x"])).abs()
        covered, inside = error <= BAND_WIDTH * own["sd"], own["x"].abs() <= end + 1e-6
        sd_inside, sd_outside = own["sd"][inside].mean(), own["sd"][~inside].mean()
        values = (
            np.sqrt((error[inside] ** 2).mean()),
            covered[inside].mean(),
            covered[~inside].mean(),
            sd_inside,
            sd_outside,
            sd_outside / sd_inside if sd_inside else np.nan,
        )
        rows.append((kind, seed, networks, *values))
    return pd.DataFrame(rows, columns=REGRESSION_TABLES["regression_summary"])


def over_seeds(summary: pd.DataFrame, measure: str) -> tuple[float, float, float]:
    """Mean over seeds with Student's 95% interval: of a share inside [0, 1], else geometric.

    Args:
        summary: rows of one kind and number of networks.
        measure: one of ``MEASURES``.

    Returns:
        Mean, lower and upper end; NaN ends with one seed.
    """
    if not measure.startswith("coverage"):
        return geometric_mean(summary[measure].to_numpy(dtype=float))
    mean, low, high = paired_difference_interval(summary[measure])
    return mean, float(np.clip(low, 0, 1)), float(np.clip(high, 0, 1))


def geometric_mean(values: Floats) -> tuple[float, float, float]:
    """Geometric mean of positive values with Student's 95% interval on the log scale; NaN ends for one."""
    mean, low, high = (float(np.exp(each)) for each in paired_difference_interval(np.log(values)))
    return mean, low, high


def change_outside(predictions: pd.DataFrame, kind: str, fewer: int, more: int, end: float) -> float:
    """Median relative change of the sd outside the data when more networks are drawn, over points and seeds.

    Args:
        predictions: rows as in ``regression.csv``.
        kind: of the networks.
        fewer: networks of the one ensemble.
        more: networks of the other.
        end: the data lie in [-end, end].
    """
    outside = predictions[(predictions["kind"] == kind) & (predictions["x"].abs() > end + 1e-6)]
    sd = outside.pivot_table(index=["seed", "x"], columns="networks", values="sd")
    return float((sd[more] / sd[fewer] - 1).abs().median())


def sampling_error(networks: int) -> float:
    """Median relative error of a standard deviation that M normal values estimate."""
    return float(stats.norm.ppf(0.75) / np.sqrt(2 * (networks - 1)))


def by_distance(predictions: pd.DataFrame, end: float, distances: tuple[float, ...]) -> pd.DataFrame:
    """The sd at distances from the data, the mean of both sides, for each kind at its largest ensemble.

    Returns:
        Columns ``kind``, ``seed``, ``distance`` and ``sd``.
    """
    rows = []
    for kind, own in predictions.groupby("kind", sort=False):
        largest = own[own["networks"] == own["networks"].max()]
        for distance in distances:
            there = (largest["x"].abs() - end - distance).abs() < 1e-6
            for seed, at in largest[there].groupby("seed", sort=False):
                rows.append((kind, seed, distance, at["sd"].mean()))
    return pd.DataFrame(rows, columns=["kind", "seed", "distance", "sd"])
