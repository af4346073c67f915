"""How much the fresh networks differ: the fooled fraction of each one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from robust_hypergan.reports.figures.style import (
    INK,
    Series,
    band_handle,
    darker,
    kind_colours,
    kind_legend,
    mark_band,
    series_of,
    spread,
    styled,
)
from robust_hypergan.reports.tables.summary import rows_of
from robust_hypergan.reports.wording import eps_text, norm_text, shorten

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


@styled
def draw_networks_of_kinds(networks: pd.DataFrame, names: Sequence[str]) -> Figure:
    """The same for several kinds of networks: a row per attack and norm, and at each eps a strip per kind.

    Args:
        networks: rows as in ``networks.csv``, with the column ``name`` for the kind.
        names: every kind of the run, in its order.
    """
    colours = kind_colours(names)
    fresh = networks[networks["role"] == "fresh"]
    attacks = list(fresh.groupby(["attack", "norm"], sort=False))
    figure = Figure(figsize=(7.2, 2.2 * len(attacks) + 0.7), layout="constrained")
    panels = figure.subplots(len(attacks), 1, squeeze=False)[:, 0]
    for axes, ((attack, norm), rows) in zip(panels, attacks, strict=True):
        levels = sorted(rows["eps"].unique())
        width = 0.8 / len(names)
        for index, (name, colour) in enumerate(colours.items()):
            own = rows[(rows["name"] == name) & rows["fooled_fraction"].notna()]
            for place, eps in enumerate(levels):
                values = own.loc[own["eps"] == eps, "fooled_fraction"].to_numpy(dtype=float)
                _strip(axes, place + width * (index - (len(names) - 1) / 2), values, colour, width)
        axes.set_title(shorten(str(attack)), loc="left")
        axes.set_xlabel(f"eps ({norm_text(str(norm))}, images in [0, 1])")
        axes.set_xticks(range(len(levels)), [eps_text(eps) for eps in levels])
        axes.set_ylim(-0.02, 1.04)
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.supylabel("examples that fool the network", fontsize=9)
    kind_legend(figure, colours, marks=False)
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


def _strip(axes: Axes, position: float, values: NDArray[np.float64], colour: str, width: float = 0.8) -> None:
    """A violin, its points set apart by a fixed low-discrepancy sequence, and the median."""
    if not values.size:
        return
    if np.ptp(values) > 0:
        bodies = axes.violinplot(values, [position], widths=width, showextrema=False)["bodies"]
        for body in bodies:  # type: ignore[attr-defined]  # matplotlib types a list as one collection
            body.set(facecolor=colour, alpha=0.25, linewidth=0)
    sideways = (np.arange(values.size) * GOLDEN % 1 - 0.5) * 0.44 * width
    axes.scatter(position + sideways, values, s=3, color=colour, alpha=0.35, linewidths=0, rasterized=True)
    axes.hlines(np.median(values), position - 0.38 * width, position + 0.38 * width, color=INK, linewidth=1.4)
