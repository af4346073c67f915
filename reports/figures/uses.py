"""Accuracy against eps under each use of the ensemble."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from robust_hypergan.reports.figures.style import COLOURS, FAINT, MARKERS, styled
from robust_hypergan.reports.wording import norm_text, plural, shorten

PANELS_IN_A_ROW = 3


def use_names(uses: pd.DataFrame) -> list[str]:
    """What the uses are called, the smallest votes first: ``fixed draw``, ``mean vote of 10 networks``."""
    pairs = uses[["use", "networks"]].drop_duplicates().sort_values("networks", kind="stable")
    return [use_name(use, networks) for use, networks in pairs.itertuples(index=False)]


def use_name(use: str, networks: int) -> str:
    """One use."""
    return f"{use} of {plural(int(networks), 'network')}" if use == "mean vote" else str(use)


@styled
def draw_uses(uses: pd.DataFrame) -> Figure:
    """Accuracy with its 95% interval against eps: a panel per attack and norm, a line per use.

    At eps 0 stands the accuracy on the clean images that the cells were made of.

    Args:
        uses: rows as in ``uses.csv``.
    """
    named = uses.assign(name=[use_name(*pair) for pair in zip(uses["use"], uses["networks"], strict=True)])
    clean = named[named["images"] == "clean"].assign(eps=0.0)
    attacked = list(named[named["images"] == "adversarial"].groupby(["attack", "norm"], sort=False))
    lines = math.ceil(len(attacked) / PANELS_IN_A_ROW)
    columns = math.ceil(len(attacked) / lines)
    figure = Figure(figsize=(max(3.1 * columns + 0.6, 5.6), 2.7 * lines + 0.9), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False, sharey=True).ravel()
    for axes in grid[len(attacked) :]:
        axes.set_visible(False)
    names = use_names(uses)
    for axes, ((attack, norm), rows) in zip(grid, attacked, strict=False):
        _panel(axes, pd.concat([clean, rows]), names)
        axes.set_title(f"{shorten(str(attack))}, {norm_text(str(norm))}")
        axes.set_xlabel("eps")
    grid[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.supylabel("accuracy", fontsize=9)
    handles: list[Artist] = [Line2D([], [], label=name, **_look(index)) for index, name in enumerate(names)]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=3,
        handlelength=2.2,
    )
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, names: list[str]) -> None:
    for index, name in enumerate(names):
        line = rows[rows["name"] == name].sort_values("eps")
        axes.plot(line["eps"], line["accuracy"], **_look(index))
        axes.vlines(line["eps"], line["ci_low"], line["ci_high"], color=_look(index)["color"], linewidth=0.9)
    axes.set_ylim(-0.02, 1.04)
    axes.grid(axis="y", color="#d8dee4", linewidth=0.6)
    axes.set_axisbelow(True)


def _look(index: int) -> dict[str, Any]:
    """Colour, marker and dashes: the first, the source, is faint."""
    if index == 0:
        return {"color": FAINT, "linestyle": "--", "linewidth": 1.0}
    colour, marker = COLOURS[(index - 1) % len(COLOURS)], MARKERS[(index - 1) % len(MARKERS)]
    return {"color": colour, "marker": marker, "markersize": 4, "linewidth": 1.5}
