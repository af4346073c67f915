"""Runs side by side: a row for each run and cell, with the difference from the first run and its interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from robust_hypergan.reports.columns import COMPARISON_COLUMNS
from robust_hypergan.reports.statistics.differences import (
    FEWEST_PAIRS,
    difference_interval,
    paired_difference_interval,
)
from robust_hypergan.reports.tables.run import Run
from robust_hypergan.reports.tables.summary import rows_of

FROM_SUMMARY = COMPARISON_COLUMNS[2 : COMPARISON_COLUMNS.index("networks") + 1]
FROM_ACCURACY = ("single_mean", "vote_10", "vote_100", "vote_all")

Key = tuple[str, str, float]


def compare_runs(runs: Mapping[str, Run]) -> pd.DataFrame:
    """One row per run and cell that did not fail, with the columns ``COMPARISON_COLUMNS``.

    ``difference`` is the run's mean fooled fraction minus the first run's. Where both ran on the same
    data it is taken over the ``pairs`` examples that fooled the source network of both, with an interval
    that counts these examples, and the networks of both, as samples (`paired_difference_interval`);
    ``same_networks`` says whether the fresh networks were the same, to the bit, and are paired too.
    Elsewhere, and with fewer than ``FEWEST_PAIRS`` of them or without any spread, it is the difference of
    the two means as independent estimates (`difference_interval`), and ``pairs`` is 0. One network says
    nothing about others: a run that has but one fresh network has no interval.

    Args:
        runs: by the names that the rows get; the others are compared with the first.
    """
    summaries = {name: run.summary for name, run in runs.items()}
    reference = next(iter(runs))
    rows = []
    for name, run in runs.items():
        for row in summaries[name][summaries[name]["status"] == "done"].to_dict("records"):
            told = {"name": name, "kind": run.record.kind} | _described(row, run)
            if name != reference:
                told |= _difference((run, row), (runs[reference], summaries[reference]))
            rows.append(told)
    table = pd.DataFrame(rows, columns=COMPARISON_COLUMNS)
    return table.astype({"same_networks": float})


def _described(row: Mapping[Any, Any], run: Run) -> dict[str, Any]:
    """What the run itself says about one cell."""
    own = {name: row[name] for name in FROM_SUMMARY}
    if row["networks"] < 2:
        own |= {"ci_low": math.nan, "ci_high": math.nan}
    accuracy = {name: run.record.accuracy.get(name, math.nan) for name in FROM_ACCURACY}
    return own | accuracy | {"training_seconds": run.record.seconds.get("training", math.nan)}


def _difference(ours: tuple[Run, Mapping[Any, Any]], theirs: tuple[Run, pd.DataFrame]) -> dict[str, Any]:
    """Ours minus theirs on the cell of our row; nothing where they have no such cell."""
    (run, row), (reference, summary) = ours, theirs
    key = (str(row["attack"]), str(row["norm"]), float(row["eps"]))
    found = rows_of(summary, *key)
    if found.empty or found["status"].iloc[0] != "done":
        return {}
    other = found.iloc[0]
    same_networks = "sha256" in run.record.fresh and run.record.fresh == reference.record.fresh
    pairs, (value, low, high) = 0, (math.nan,) * 3
    if run.record.data_sha256 and run.record.data_sha256 == reference.record.data_sha256:
        differences = (_fooling(run, key) - _fooling(reference, key)).dropna()  # aligned by example
        networks = [_fresh(each, key) for each in (run, reference)]
        pairs = len(differences)
        columns = [(networks[0] - networks[1]).dropna()] if same_networks else networks
        value, low, high = paired_difference_interval(differences, *columns)
    if pairs < FEWEST_PAIRS or low == high:
        pairs = 0
        value, low, high = difference_interval(_estimate(row), _estimate(other))
    if min(row["networks"], other["networks"]) < 2:
        low = high = math.nan
    told = {"difference": value, "difference_low": low, "difference_high": high}
    return told | {"pairs": pairs, "same_networks": same_networks}


def _estimate(row: Mapping[Any, Any] | pd.Series) -> tuple[float, float, float]:
    return float(row["fooled_mean"]), float(row["ci_low"]), float(row["ci_high"])


def _fooling(run: Run, key: Key) -> pd.Series:
    """Fooled fraction of the examples that fooled the source, by example."""
    rows = rows_of(run.examples, *key)
    fooling = rows[rows["source_correct"].astype(bool) & rows["source_fooled"].astype(bool)]
    return fooling.set_index("example")["fooled_fraction"]


def _fresh(run: Run, key: Key) -> pd.Series:
    """Fooled fraction of the fresh networks, by network."""
    rows = rows_of(run.networks, *key)
    return rows[rows["role"] == "fresh"].set_index("network")["fooled_fraction"]
