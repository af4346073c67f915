"""How much the fresh networks differ: the fooled fraction of each one."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from robust_hypergan.reports.figure_style import (
    INK,
    Series,
    band_handle,
    darker,
    mark_band,
    series_of,
    spread,
    styled,
)
from robust_hypergan.reports.tables import rows_of
from robust_hypergan.reports.wording import eps_text

MOST_EPS = 8
GOLDEN = (math.sqrt(5) - 1) / 2


@styled
def draw_networks(networks: pd.DataFrame, summary: pd.DataFrame) -> Figure:
    """A strip of points per cell, one point per fresh network, over the strip's violin; median in ink.

    The height is the share of the examples which fooled the source that also fool this network. A panel
    per attack and norm; at most eight eps in each, evenly spaced.

    Args:
        networks: rows as in ``networks.csv``.
        summary: rows as in ``summary.csv``.
    """
    panels = series_of(summary)
    columns = min(len(panels), 3)
    lines = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(3.4 * columns + 0.6, 2.6 * lines + 0.6), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False, sharey=True).ravel()
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    fresh = networks[networks["role"] == "fresh"]
    for axes, panel in zip(grid, panels, strict=False):
        _panel(axes, panel, fresh)
    figure.legend(handles=[band_handle()], loc="outside upper right")
    figure.supxlabel("eps", fontsize=9)
    figure.supylabel("examples that fool the network", fontsize=9)
    return figure


def _panel(axes: Axes, panel: Series, fresh: pd.DataFrame) -> None:
    """One attack and norm: a strip per eps."""
    mark_band(axes, vertical=False)
    shown = spread(panel.rows["eps"].tolist(), MOST_EPS)
    for position, eps in enumerate(shown):
        values = rows_of(fresh, panel.attack, panel.norm, eps)["fooled_fraction"].to_numpy(dtype=float)
        _strip(axes, position, values[np.isfinite(values)], panel.colour)
    axes.set_title(panel.name, color=darker(panel.colour))
    axes.set_xticks(range(len(shown)), [eps_text(eps) for eps in shown])
    axes.set_xlim(-0.6, len(shown) - 0.4)
    axes.set_ylim(-0.02, 1.04)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def _strip(axes: Axes, position: int, values: NDArray[np.float64], colour: str) -> None:
    """A violin, its points set apart by a fixed low-discrepancy sequence, and the median."""
    if not values.size:
        return
    if np.ptp(values) > 0:
        bodies = axes.violinplot(values, [position], widths=0.8, showextrema=False)["bodies"]
        for body in bodies:  # type: ignore[attr-defined]  # matplotlib types a list as one collection
            body.set(facecolor=colour, alpha=0.25, linewidth=0)
    sideways = (np.arange(values.size) * GOLDEN % 1 - 0.5) * 0.35
    axes.scatter(position + sideways, values, s=3, color=colour, alpha=0.35, linewidths=0, rasterized=True)
    axes.hlines(np.median(values), position - 0.3, position + 0.3, color=INK, linewidth=1.4)
