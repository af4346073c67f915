"""Kinds of networks side by side: a panel for each attack or use, a line for each kind in its one colour."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter, ScalarFormatter
from numpy.typing import NDArray

from robust_hypergan.reports.figures.style import kind_colours, kind_legend, marker, styled
from robust_hypergan.reports.wording import eps_text, shorten

SIDEWAYS = 0.01
"""Between the points of neighbouring kinds, as a part of the axis: their intervals can be told apart."""

ROOM = 5
"""On either side of kinds that stand side by side at one value."""


TITLE = 40
"""Characters in a line of a panel's title."""


@styled
def draw_kinds(
    points: pd.DataFrame,
    names: Sequence[str],
    *,
    x: str,
    y: str,
    columns: int = 3,
    share: bool = True,
    doubling: bool = False,
) -> Figure:
    """Lines with 95% intervals. With one value of ``at``, or none (NaN), the kinds stand side by side.

    Args:
        points: ``name`` (of the kind), ``panel`` (its title), ``at``, ``value`` in [0, 1], ``low``, ``high``.
        names: every kind of the run, in its order, for colours and marks that are the same in every figure.
        x: what ``at`` is.
        y: what ``value`` is.
        columns: panels in a row, at most.
        share: write the values as percentages.
        doubling: a logarithmic axis of base 2.
    """
    figure, panels = _panels(points, columns)
    colours = kind_colours(names)
    for axes, rows in panels:
        for index, (name, colour) in enumerate(colours.items()):
            own = rows[rows["name"] == name].sort_values("at")
            at = _places(own["at"], rows["at"], index - (len(names) - 1) / 2, doubling)
            axes.vlines(at, own["low"], own["high"], color=colour, linewidth=1.1)
            axes.plot(at, own["value"], color=colour, marker=marker(index), lw=1.5, ms=4)
        axes.set_ylim(-0.02, 1.04)
        axes.grid(axis="y", color="#d8dee4", linewidth=0.6)
        axes.set_axisbelow(True)
        _mark_places(axes, sorted(rows["at"].dropna().unique()), x, doubling)
    if share:
        figure.axes[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.supylabel(y, fontsize=9)
    kind_legend(figure, colours)
    return figure


@styled
def draw_kinds_cumulative(values: pd.DataFrame, names: Sequence[str], *, x: str, columns: int = 3) -> Figure:
    """Empirical distributions: the share of a kind's values at or below the one on the axis.

    Args:
        values: ``name``, ``panel``, ``value``.
        names: as in `draw_kinds`.
        x: what ``value`` is.
        columns: panels in a row, at most.
    """
    figure, panels = _panels(values, columns)
    colours = kind_colours(names)
    for axes, rows in panels:
        axes.set_xlabel(x)
        for name, colour in colours.items():
            own = rows.loc[rows["name"] == name, "value"].dropna()
            if len(own):
                axes.ecdf(own, color=colour, linewidth=1.5)
        axes.set_xlim(0, float(values["value"].max()) or 1.0)
    figure.axes[0].set_ylim(0, 1)
    figure.axes[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.supylabel("share of the images at or below", fontsize=9)
    kind_legend(figure, colours)
    return figure


def _panels(table: pd.DataFrame, columns: int) -> tuple[Figure, Iterator[tuple[Axes, pd.DataFrame]]]:
    """A figure with a titled panel for each ``panel``, in their order, and the rows that belong into each."""
    groups = list(table.groupby("panel", sort=False))
    columns = min(columns, len(groups))
    lines = math.ceil(len(groups) / columns)
    figure = Figure(figsize=(max(3.1 * columns + 0.6, 5.6), 2.6 * lines + 0.8), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False, sharey=True).ravel()
    for axes in grid[len(groups) :]:
        axes.remove()
    for axes, (title, _) in zip(grid, groups, strict=False):
        axes.set_title("\n".join(textwrap.wrap(shorten(str(title), 3 * TITLE), TITLE)))
    return figure, ((axes, rows) for axes, (_, rows) in zip(grid, groups, strict=False))


def _places(own: pd.Series, every: pd.Series, place: float, doubling: bool) -> NDArray[np.float64]:
    """Where a kind's points stand: beside those of the other kinds at the same value."""
    at = own.to_numpy(dtype=float)
    if every.nunique() < 2:
        return np.full(at.size, place)
    if doubling:
        return np.asarray(at * (1 + 2 * SIDEWAYS) ** place)
    return np.asarray(at + SIDEWAYS * float(every.max() - every.min()) * place)


def _mark_places(axes: Axes, levels: Sequence[float], x: str, doubling: bool) -> None:
    """Ticks at the values, where they would not be found otherwise."""
    if levels:
        axes.set_xlabel(x)
    if len(levels) < 2:
        axes.set_xticks([0.0] * len(levels), [eps_text(level) for level in levels])
        axes.set_xlim(-ROOM, ROOM)
    elif doubling:
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_locator(FixedLocator(levels))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(ScalarFormatter())
