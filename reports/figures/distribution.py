"""The distribution of the fooled fraction over examples: the paper's Figure 4, in full."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, PercentFormatter
from numpy.typing import NDArray

from robust_hypergan.reports.figures.style import (
    FAINT,
    INK,
    Series,
    band_handle,
    darker,
    mark_band,
    series_of,
    spread,
    styled,
)
from robust_hypergan.reports.tables.summary import rows_of
from robust_hypergan.reports.wording import eps_text, norm_text, percent, shorten

MOST_EPS = 6
MEAN_DASHES = (0, (3, 2))
BINS = [edge / 20 for edge in range(21)]


@styled
def draw_histograms(examples: pd.DataFrame, summary: pd.DataFrame) -> Figure:
    """A histogram of the fooled fraction per cell: one row per attack and norm, one column per eps.

    Only examples that fooled the source count. At most six eps of each row are shown, evenly spaced.

    Args:
        examples: rows as in ``examples.csv``.
        summary: rows as in ``summary.csv``.
    """
    rows = series_of(summary)
    columns = max((min(len(one.rows), MOST_EPS) for one in rows), default=1)
    figure = Figure(figsize=(max(1.75 * columns + 1.1, 5.0), 1.55 * len(rows) + 0.95), layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False, sharex=True, sharey=True)
    for one, line in zip(rows, grid, strict=True):
        shown = spread(one.rows["eps"].tolist(), MOST_EPS)
        for axes in line[len(shown) :]:
            axes.set_visible(False)
        for axes, eps in zip(line, shown, strict=False):
            _histogram(axes, one, eps, examples)
        line[0].set_ylabel(f"{shorten(one.attack, 20)}\n{norm_text(one.norm)}", color=darker(one.colour))
    for column in grid.T:
        lowest = [axes for axes in column if axes.get_visible()][-1]
        lowest.tick_params(labelbottom=True)
    mean = Line2D([], [], color=INK, linewidth=1.2, linestyle=MEAN_DASHES, label="mean of the cell")
    figure.legend(handles=[band_handle(), mean], loc="outside upper right", ncols=2)
    figure.supxlabel("fooled fraction: share of the fresh networks that one example fools", fontsize=9)
    figure.supylabel("share of the examples", fontsize=9)
    return figure


@styled
def draw_ecdf(examples: pd.DataFrame, summary: pd.DataFrame) -> Figure:
    """The cumulative distribution of the fooled fraction: a panel per attack and norm, a line per eps.

    Arguments and choice of eps as in `draw_histograms`.
    """
    rows = series_of(summary)
    columns = min(len(rows), 3)
    lines = math.ceil(len(rows) / columns)
    figure = Figure(figsize=(3.2 * columns + 0.6, 2.7 * lines + 0.6), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False, sharey=True).ravel()
    for axes in grid[len(rows) :]:
        axes.set_visible(False)
    for axes, one in zip(grid, rows, strict=False):
        _cumulative(axes, one, examples)
    figure.legend(handles=[band_handle()], loc="outside upper right")
    figure.supxlabel("fooled fraction of an example", fontsize=9)
    figure.supylabel("share of the examples at or below", fontsize=9)
    return figure


def fooled_fractions(examples: pd.DataFrame, attack: str, norm: str, eps: float) -> NDArray[np.float64]:
    """The sorted fooled fractions of one cell's examples that fooled the source."""
    rows = rows_of(examples, attack, norm, eps)
    fooling = rows[rows["source_correct"].astype(bool) & rows["source_fooled"].astype(bool)]
    return np.sort(fooling["fooled_fraction"].to_numpy(dtype=float))


def shades(colour: str, amount: int) -> list[tuple[float, float, float]]:
    """``amount`` tints of a colour, the palest first and the colour itself last."""
    base = np.array(to_rgb(colour))
    strength = np.linspace(0.35, 1.0, amount) if amount > 1 else np.ones(1)
    return [tuple((1 - share) * np.ones(3) + share * base) for share in strength]


def _histogram(axes: Axes, one: Series, eps: float, examples: pd.DataFrame) -> None:
    values = fooled_fractions(examples, one.attack, one.norm, eps)
    mark_band(axes, vertical=True)
    axes.set_title(f"eps {eps_text(eps)}", color=FAINT, fontsize=8)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_locator(FixedLocator([0, 0.5, 1]))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    if not values.size:
        status = one.rows.loc[one.rows["eps"] == eps, "status"].iloc[0]
        text = "none fooled\nthe source" if status == "done" else str(status)
        axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=FAINT, fontsize=8)
        return
    axes.hist(values, BINS, weights=np.full(values.size, 1 / values.size), color=one.colour, alpha=0.85)
    axes.axvline(values.mean(), color=INK, linewidth=1.2, linestyle=MEAN_DASHES)
    left = values.mean() > 0.5
    axes.annotate(
        f"mean {percent(values.mean())}",
        (values.mean(), 0.62),
        xycoords=axes.get_xaxis_transform(),
        xytext=(-3 if left else 3, 0),
        textcoords="offset points",
        ha="right" if left else "left",
        fontsize=7.5,
        bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.8},
    )


def _cumulative(axes: Axes, one: Series, examples: pd.DataFrame) -> None:
    mark_band(axes, vertical=True)
    shown = spread(one.rows["eps"].tolist(), MOST_EPS)
    for eps, colour in zip(shown, shades(one.colour, len(shown)), strict=True):
        values = fooled_fractions(examples, one.attack, one.norm, eps)
        if values.size:
            axes.ecdf(values, color=colour, linewidth=1.6, label=f"eps {eps_text(eps)}")
    axes.set_title(one.name, color=darker(one.colour))
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(
            loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=1.0, fontsize=7, borderaxespad=0.4
        )
