"""Wrong labels as heat maps: the source's against those of the fresh networks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from robust_hypergan.reports.figures.style import styled
from robust_hypergan.reports.wording import eps_text, norm_text, shorten

MOST_PANELS = 4
MOST_NAMES = 20


def shown_cells(counts: pd.DataFrame) -> list[tuple[str, str, float, pd.DataFrame]]:
    """Attack, norm, eps and rows of the cells that are drawn: the middle eps of the first attacks."""
    shown = []
    for (attack, norm), rows in counts.groupby(["attack", "norm"], sort=False):
        eps = np.unique(rows["eps"])
        middle = float(eps[len(eps) // 2])
        shown.append((str(attack), str(norm), middle, rows[rows["eps"] == middle]))
    return shown[:MOST_PANELS]


@styled
def draw_confusion(counts: pd.DataFrame, classes: Sequence[str]) -> Figure:
    """A heat map for each of `shown_cells`; every row adds up to 1.

    Args:
        counts: rows as in ``confusion.csv``.
        classes: their names; empty if unknown.
    """
    cells = shown_cells(counts)
    columns = min(len(cells), 2)
    lines = math.ceil(len(cells) / columns)
    figure = Figure(figsize=(3.7 * columns + 0.8, 3.3 * lines + 0.4), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes in grid[len(cells) :]:
        axes.set_visible(False)
    labels = sorted({*counts["source_label"], *counts["fresh_label"]})
    names = [shorten(classes[label], 10) if label < len(classes) else str(label) for label in labels]
    for axes, (attack, norm, eps, rows) in zip(grid, cells, strict=False):
        _heat_map(axes, rows, labels, names)
        axes.set_title(f"{shorten(attack)}, {norm_text(norm)} eps {eps_text(eps)}")
    shown = list(grid[: len(cells)])
    bar = figure.colorbar(shown[0].images[0], ax=shown, shrink=0.8)
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.supxlabel("wrong label of the fresh networks", fontsize=9)
    figure.supylabel("wrong label of the source", fontsize=9)
    return figure


def _heat_map(axes: Axes, rows: pd.DataFrame, labels: list[int], names: list[str]) -> None:
    table = rows.pivot_table(index="source_label", columns="fresh_label", values="count", aggfunc="sum")
    values = table.reindex(index=labels, columns=labels).fillna(0.0).to_numpy(dtype=float)
    totals = values.sum(1, keepdims=True)
    axes.imshow(
        np.divide(values, totals, out=np.zeros_like(values), where=totals > 0), "Blues", vmin=0, vmax=1
    )
    if len(labels) <= MOST_NAMES:
        slanted = any(len(name) > 2 for name in names)
        axes.set_xticks(range(len(labels)), names, rotation=60 if slanted else 0)
        axes.set_yticks(range(len(labels)), names)
