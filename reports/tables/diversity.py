"""The tables of the diversity study: what it measures of networks and pairs, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from robust_hypergan.reports.statistics.jackknife import (
    LOG,
    LOGIT,
    UP_TO_ONE,
    Jackknife,
    jackknife,
    mean_over_pairs,
    relative_sd,
)

SUMMARY = ["measure", "networks", "pairs", "mean", "ci_low", "ci_high"]

DIVERSITY_TABLES: dict[str, list[str]] = {
    "networks": ["name", "kind", "network", "accuracy"],
    "norms": ["name", "layer", "network", "l2_norm"],
    "elements": ["name", "layer", "weights", "element_sd", "element_rms"],
    "pairs": ["name", "first", "second", "disagreement", "error_iou", "cka", "symmetric_kl"],
    "layers": [
        *("name", "layer", "weights", "networks", "mean", "sd", "relative_sd", "ci_low", "ci_high"),
        *("min", "max", "element_sd", "element_relative_sd"),
    ],
    "diversity": ["name", "kind", *SUMMARY],
    "filters": ["name", "layer", "filter", "channel", "network", "row", "column", "value"],
    "weights": [
        *("name", "layer", "parameter", "element"),
        *("networks", "mean", "sd", "skew", "excess_kurtosis", "p_value", "humps"),
    ],
    "weight_histograms": ["name", "parameter", "element", "low", "high", "count"],
    "along_training": ["name", "step", *SUMMARY],
}
"""Columns of each table, by the stem of its file."""

PAIR_SCALES = {"disagreement": LOGIT, "error_iou": LOGIT, "cka": UP_TO_ONE, "symmetric_kl": LOG}
"""The measures of pairs, each with the scale on which its interval is symmetric."""


def layer_table(norms: pd.DataFrame, elements: pd.DataFrame) -> pd.DataFrame:
    """``layers.csv``, the statistics of the paper's Tables 3 and 4, from ``norms.csv`` and ``elements.csv``.

    ``relative_sd`` is the standard deviation of the norms over their mean, with its interval;
    ``element_relative_sd`` the mean over the weights of each one's standard deviation over the networks, over
    the root mean square of all.
    """
    sizes = {(row["name"], row["layer"]): row for row in elements.to_dict("records")}
    rows = []
    for key, own in norms.groupby(["name", "layer"], sort=False):
        name, layer = map(str, key)
        values = own["l2_norm"].to_numpy(dtype=float)
        element = sizes[name, layer]
        spread = relative_sd(values[:, None])
        sd = float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
        rms = element["element_rms"]
        relative = element["element_sd"] / rms if rms else float("nan")  # a layer of zeros
        rows.append(
            (
                *(name, layer, int(element["weights"]), len(values), values.mean(), sd),
                *(spread.estimate, *spread.interval(), values.min(), values.max()),
                *(element["element_sd"], relative),
            )
        )
    return pd.DataFrame(rows, columns=DIVERSITY_TABLES["layers"])


def diversity_table(networks: pd.DataFrame, norms: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """``diversity.csv`` from ``networks.csv``, ``norms.csv``, ``pairs.csv``: a row for each name and measure.

    The intervals are over further networks of the same kind, on the same images.
    """
    rows = []
    for (name, kind), own in networks.groupby(["name", "kind"], sort=False):
        of_norms, of_pairs = norms[norms["name"] == name], pairs[pairs["name"] == name]
        for measure, count, found in _measured(own, of_norms, of_pairs):
            rows.append((name, kind, measure, found.networks, count, found.estimate, *found.interval()))
    return pd.DataFrame(rows, columns=DIVERSITY_TABLES["diversity"])


def norm_spread(norms: pd.DataFrame) -> Jackknife:
    """The relative standard deviation of the norms, averaged over the layers, of one name's rows."""
    matrix = norms.pivot_table(index="network", columns="layer", values="l2_norm", sort=False)
    return relative_sd(matrix.to_numpy(dtype=float))


def pair_mean(pairs: pd.DataFrame, measure: str) -> tuple[int, Jackknife]:
    """How many pairs of one name a measure was taken of, and its mean over them."""
    measured = pairs[pairs[measure].notna()]
    matrix = _symmetric(measured, measure)
    return len(measured), mean_over_pairs(matrix, PAIR_SCALES[measure])


def _measured(
    networks: pd.DataFrame, norms: pd.DataFrame, pairs: pd.DataFrame
) -> Iterator[tuple[str, float, Jackknife]]:
    accuracy = networks["accuracy"].to_numpy(dtype=float)
    mean = jackknife(lambda kept: float(accuracy[kept].mean()), len(accuracy), UP_TO_ONE)
    yield "accuracy", float("nan"), mean
    yield "relative_sd", float("nan"), norm_spread(norms)
    for measure in PAIR_SCALES:
        if measure in pairs and pairs[measure].notna().any():
            yield measure, *pair_mean(pairs, measure)


def _symmetric(pairs: pd.DataFrame, measure: str) -> NDArray[np.float64]:
    names = sorted({*pairs["first"], *pairs["second"]})
    matrix = np.zeros((len(names), len(names)))
    rows, columns = (np.searchsorted(names, pairs[side]) for side in ("first", "second"))
    matrix[rows, columns] = matrix[columns, rows] = pairs[measure]
    return matrix
