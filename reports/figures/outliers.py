"""Uncertainty of inliers and outliers: the paper's Figure 3, and how well uncertainty tells the two apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter
from numpy.typing import NDArray

from robust_hypergan.reports.figures.style import FAINT, INK, MARKERS, kind_colours, styled
from robust_hypergan.reports.tables.outliers import SCORES
from robust_hypergan.reports.wording import plural, shorten

GRID = "#d8dee4"
OUTLIERS, INLIERS = ("-", 1.7), ("--", 1.1)
"""Style and width of their lines, as in the paper's Figure 3."""

SIDEWAYS = 1.07
"""Factor on the number of networks between neighbouring kinds, so that their intervals can be told apart."""


@styled
def draw_entropy_cdf(cdf: pd.DataFrame) -> Figure:
    """Distributions of the entropy: outliers solid, inliers dashed; a row of panels for each set of outliers.

    Args:
        cdf: rows as in ``entropy_cdf.csv``; a column of panels for each number of networks.
    """
    outliers = cdf[cdf["role"] == "outlier"]
    sets, sizes = list(outliers["data"].unique()), sorted(cdf["asked"].unique())
    figure, grid = _panels(len(sets), len(sizes), "all")
    colours = kind_colours(cdf["name"])
    for panels, data in zip(grid, sets, strict=True):
        for axes, asked in zip(panels, sizes, strict=True):
            own = cdf[(cdf["asked"] == asked) & ((cdf["data"] == data) | (cdf["role"] == "inlier"))]
            for (name, role), rows in own.groupby(["name", "role"], sort=False):
                line, width = INLIERS if role == "inlier" else OUTLIERS
                axes.plot(rows["entropy"], rows["share"], line, color=colours[str(name)], linewidth=width)
            axes.set_title(f"{shorten(str(data))}, {plural(int(asked), 'network')}")
            axes.grid(color=GRID, linewidth=0.6)
    grid[0, 0].set(ylim=(0, 1), xlim=(0, None))
    grid[0, 0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.supxlabel("predictive entropy (nats)", fontsize=9)
    figure.supylabel("share of the images at or below", fontsize=9)
    handles = axes.plot([], [], OUTLIERS[0], color=INK, linewidth=OUTLIERS[1], label="outliers")
    handles += axes.plot([], [], INLIERS[0], color=INK, linewidth=INLIERS[1], label="inliers")
    names = [Line2D([], [], color=colour, lw=1.7, label=shorten(name)) for name, colour in colours.items()]
    _legend(figure, [*handles, *names])
    return figure


@styled
def draw_detectors(ood: pd.DataFrame, measure: str, ends: tuple[str, str], label: str) -> Figure:
    """A measure of detection against the number of networks, with intervals.

    Args:
        ood: rows as in ``ood.csv``: a row of panels for each set of outliers, a column for each score.
        measure: the column that is drawn.
        ends: columns of its interval.
        label: what it is.
    """
    sets = list(ood["data"].unique())
    figure, grid = _panels(len(sets), len(SCORES), "row")
    colours = kind_colours(ood["name"])
    for line, data in zip(grid, sets, strict=True):
        for axes, (score, text) in zip(line, SCORES.items(), strict=True):
            rows = ood[(ood["data"] == data) & (ood["score"] == score)].dropna(subset=[measure])
            _lines(axes, rows.drop_duplicates(["name", "networks"]), measure, ends, colours)
            axes.set_title(f"{shorten(str(data))}: {text}")
    sizes = sorted(ood["networks"].unique())
    for axes in grid.ravel():
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(sizes))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_xlim(sizes[0] / 1.5, sizes[-1] * 1.5)
        if measure == "fpr95":
            axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.supxlabel("networks", fontsize=9)
    figure.supylabel(label, fontsize=9)
    _legend(figure, [*grid[0, 0].lines])
    return figure


def _lines(
    axes: Axes, rows: pd.DataFrame, measure: str, ends: tuple[str, str], colours: dict[str, str]
) -> None:
    for place, (name, colour) in enumerate(colours.items()):
        own = rows[rows["name"] == name].sort_values("networks")
        at = own["networks"] * SIDEWAYS ** (place - (len(colours) - 1) / 2)
        axes.vlines(at, own[ends[0]], own[ends[1]], color=colour, linewidth=1.1)
        mark = MARKERS[place % len(MARKERS)]
        axes.plot(at, own[measure], color=colour, marker=mark, lw=1.2, ms=4, label=shorten(name))
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)


@styled
def draw_differences(differences: pd.DataFrame) -> Figure:
    """Differences of the area under the ROC curve with their intervals, a panel for each set of outliers.

    Args:
        differences: rows as in ``ood_differences.csv``, of one number of networks and one score.
    """
    names, reference = list(differences["name"].unique()), str(differences["reference"].iloc[0])
    colours = kind_colours([reference, *names])
    figure, panels = _names_below_each_other(list(differences["data"].unique()), names)
    for data, axes in panels.items():
        axes.axvline(0, color=FAINT, linewidth=0.9)
        for row in differences[differences["data"] == data].to_dict("records"):
            place, colour = -names.index(row["name"]), colours[row["name"]]
            axes.hlines(place, row["ci_low"], row["ci_high"], color=colour, linewidth=1.8)
            axes.plot(row["difference"], place, "o", color=colour, ms=5)
    said = f"AUROC of {shorten(reference)} less that of the other; right of 0: {shorten(reference)} better"
    figure.supxlabel(said, fontsize=9)
    return figure


@styled
def draw_trainings(trainings: pd.DataFrame) -> Figure:
    """The area under the ROC curve of every training, a panel for each set of outliers.

    Args:
        trainings: rows as in ``ood_trainings.csv``, of one number of networks and one score.
    """
    names = list(trainings["name"].unique())
    colours = kind_colours(names)
    figure, panels = _names_below_each_other(list(trainings["data"].unique()), names)
    for (data, name), own in trainings.groupby(["data", "name"], sort=False):
        axes, place, colour = panels[str(data)], -names.index(name), colours[str(name)]
        axes.plot(own["auroc"], np.full(len(own), place), "o", color=colour, ms=5, alpha=0.7, mew=0)
        axes.plot(own["auroc"].mean(), place, "|", color=colour, ms=14, mew=1.8)
    figure.supxlabel("AUROC", fontsize=9)
    return figure


def _names_below_each_other(sets: Sequence[str], names: Sequence[str]) -> tuple[Figure, dict[str, Axes]]:
    """A panel for each set of outliers, by its name; the n-th of the names stands at height -n in each."""
    size = (max(3.2 * len(sets) + 1.0, 5.6), 0.36 * len(names) + 1.1)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, len(sets), squeeze=False, sharey=True)[0]
    for axes, data in zip(panels, sets, strict=True):
        axes.set_title(shorten(str(data)))
        axes.grid(axis="x", color=GRID, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.margins(x=0.12)
        axes.locator_params(axis="x", nbins=5)
    panels[0].set_yticks([-place for place in range(len(names))], [shorten(name) for name in names])
    panels[0].set_ylim(-len(names) + 0.4, 0.6)
    return figure, dict(zip(map(str, sets), panels, strict=True))


def _panels(lines: int, columns: int, sharey: Literal["all", "row"]) -> tuple[Figure, NDArray[np.object_]]:
    """A grid of panels that share their horizontal axis, ``[lines, columns]``."""
    figure = Figure(figsize=(max(2.9 * columns + 0.5, 5.6), 2.3 * lines + 0.9), layout="constrained")
    return figure, figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=sharey)


def _legend(figure: Figure, handles: Sequence[Artist]) -> None:
    figure.legend(handles=list(handles), loc="outside upper center", ncols=min(7, len(handles)))
