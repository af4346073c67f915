"""How sure networks are of inliers and outliers, tabulated from the scores of every image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from robust_hypergan.reports.statistics.detection import (
    auroc_difference_interval,
    auroc_interval,
    false_alarms,
    false_alarms_interval,
)

Floats = NDArray[np.float64]

SCORES = {
    "entropy": "predictive entropy",
    "mutual_information": "mutual information",
    "variance": "variance of the softmax",
}
"""What may tell outliers from inliers, each higher for what the networks are less sure of."""

NETWORKS = ["name", "kind", "asked", "networks"]
"""What names the networks: so many were asked for, and so many of this kind there are at most."""

OUTLIER_TABLES: dict[str, list[str]] = {
    "entropy": [
        *NETWORKS,
        "data",
        "role",
        "examples",
        "mean",
        "median",
        "accuracy",
        "ks_right",
        "ks_right_p",
        "ks_left",
        "ks_left_p",
    ],
    "entropy_cdf": [*NETWORKS, "data", "role", "entropy", "share"],
    "ood": [
        *NETWORKS,
        "data",
        "score",
        "outliers",
        "inliers",
        "auroc",
        "ci_low",
        "ci_high",
        "fpr95",
        "fpr95_low",
        "fpr95_high",
    ],
    "ood_differences": [
        "reference",
        "reference_networks",
        *NETWORKS,
        "data",
        "score",
        "difference",
        "ci_low",
        "ci_high",
    ],
    "ood_trainings": [*NETWORKS, "training", "data", "score", "auroc"],
}
"""Columns of the tables, by the stem of their file.

``entropy.csv``: a row for each networks and data set; ``ks_right`` is the one-sided Kolmogorov-Smirnov
distance by which the outliers' distribution lies right of the inliers' (higher entropy), ``ks_left`` the
other way, each with its asymptotic p-value. ``entropy_cdf.csv``: the distributions themselves, on a grid of
shares. ``ood.csv``: a row for each networks, outliers and score. ``ood_differences.csv``: the area of the
reference less that of others. All these are of the first training of each name; ``ood_trainings.csv`` has the
areas of every training, from 1.
"""

OUTLIER_GALLERY = [
    "row",
    "name",
    "networks",
    "data",
    "role",
    "rank",
    "image",
    "entropy",
    "label",
    "predicted",
    "probability",
]
"""``gallery.csv``: a row for each image of ``gallery.safetensors``, where they are ``images``, uint8
(G, C, H, W); ``image`` is its place in the split, ``probability`` that of the predicted class in the mean."""

SHARES = np.linspace(0, 1, 257)
"""The shares at which a distribution is written down."""


@dataclass(frozen=True)
class ScoredImages:
    """What some networks make of inliers and outliers. Letters: n images of a data set.

    Attributes:
        name: of the networks.
        kind: theirs.
        asked: how many networks were asked for.
        networks: how many there were, at most as many.
        training: which of the trainings of this name, from 1.
        accuracy: share of the inliers that their mean vote classifies correctly.
        scores: by data set, the inliers first, and by the names of :data:`SCORES`: (n,), NaN where a score is
            not defined. The images of a data set are the same for all networks.
    """

    name: str
    kind: str
    asked: int
    networks: int
    training: int
    accuracy: float
    scores: Mapping[str, Mapping[str, Floats]]

    @property
    def inliers(self) -> Mapping[str, Floats]:
        """The scores of the inliers."""
        return next(iter(self.scores.values()))

    @property
    def outliers(self) -> dict[str, Mapping[str, Floats]]:
        """The scores of each set of outliers."""
        return dict(list(self.scores.items())[1:])

    @property
    def key(self) -> dict[str, object]:
        """The columns that name the networks."""
        return {name: getattr(self, name) for name in NETWORKS}


def references_of(networks: pd.DataFrame) -> list[str]:
    """The names that others are compared with: of the HyperGANs, else the first of all.

    Args:
        networks: rows with ``name`` and ``kind``.
    """
    own = networks[networks["kind"] == "hypergan"]
    return [str(name) for name in (own if len(own) else networks.head(1))["name"].unique()]


def reference_of(networks: pd.DataFrame) -> str:
    """The first of :func:`references_of`."""
    return references_of(networks)[0]


def outlier_tables(scored: Sequence[ScoredImages]) -> dict[str, pd.DataFrame]:
    """The tables of :data:`OUTLIER_TABLES`, by stem."""
    rows = {"entropy": _entropies, "entropy_cdf": _distributions, "ood": _detectors}
    first = [each for each in scored if each.training == 1]
    tables = {stem: [row for each in first for row in make(each)] for stem, make in rows.items()}
    tables["ood_differences"] = list(_differences(first))
    tables["ood_trainings"] = [row for each in scored for row in _areas(each)]
    return {stem: pd.DataFrame(tables[stem], columns=columns) for stem, columns in OUTLIER_TABLES.items()}


def _entropies(each: ScoredImages) -> Iterator[dict[str, object]]:
    inliers = each.inliers["entropy"]
    for role, data, entropy in _sets(each):
        row = {"data": data, "role": role, "examples": entropy.size, "mean": entropy.mean()}
        row |= {"median": np.median(entropy)}
        if role == "inlier":
            row |= {"accuracy": each.accuracy}
        else:
            right = stats.ks_2samp(entropy, inliers, alternative="less", method="asymp")
            left = stats.ks_2samp(entropy, inliers, alternative="greater", method="asymp")
            row |= {"ks_right": right.statistic, "ks_right_p": right.pvalue}
            row |= {"ks_left": left.statistic, "ks_left_p": left.pvalue}
        yield each.key | row


def _distributions(each: ScoredImages) -> Iterator[dict[str, object]]:
    for role, data, entropy in _sets(each):
        values = np.quantile(entropy, SHARES, method="inverted_cdf")
        for value, share in zip(values, SHARES, strict=True):
            yield each.key | {"data": data, "role": role, "entropy": value, "share": share}


def _sets(each: ScoredImages) -> Iterator[tuple[str, str, Floats]]:
    for place, (data, scores) in enumerate(each.scores.items()):
        yield "outlier" if place else "inlier", data, scores["entropy"]


def _detectors(each: ScoredImages) -> Iterator[dict[str, object]]:
    for data, outliers in each.outliers.items():
        for score in SCORES:
            high, low = outliers[score], each.inliers[score]
            auroc, *ends = auroc_interval(high, low)
            alarms = (false_alarms(high, low), *false_alarms_interval(high, low))
            row = {"data": data, "score": score, "outliers": high.size, "inliers": low.size, "auroc": auroc}
            row |= dict(zip(("ci_low", "ci_high"), ends, strict=True))
            yield each.key | row | dict(zip(("fpr95", "fpr95_low", "fpr95_high"), alarms, strict=True))


def _areas(each: ScoredImages) -> Iterator[dict[str, object]]:
    for data, outliers in each.outliers.items():
        for score in SCORES:
            area, *_ = auroc_interval(outliers[score], each.inliers[score])
            yield each.key | {"training": each.training, "data": data, "score": score, "auroc": area}


def _differences(scored: Sequence[ScoredImages]) -> Iterator[dict[str, object]]:
    reference = reference_of(pd.DataFrame([each.key for each in scored]))
    ours = {each.asked: each for each in scored if each.name == reference}
    for each in scored:
        if each.name == reference:
            continue
        own = ours[each.asked]
        for data, outliers in each.outliers.items():
            for score in SCORES:
                first = own.outliers[data][score], own.inliers[score]
                found = auroc_difference_interval(first, (outliers[score], each.inliers[score]))
                row = {
                    "reference": reference,
                    "reference_networks": own.networks,
                    "data": data,
                    "score": score,
                }
                yield each.key | row | dict(zip(("difference", "ci_low", "ci_high"), found, strict=True))
