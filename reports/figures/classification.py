"""Accuracy against the number of networks that vote."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter, ScalarFormatter

from robust_hypergan.reports.figures.style import MARKERS, kind_colours, styled
from robust_hypergan.reports.wording import shorten

SIDEWAYS = 1.04
"""Factor between the points of neighbouring kinds at one size, so that their intervals can be told apart."""


@styled
def draw_classification(table: pd.DataFrame, paper: Mapping[int, float]) -> Figure:
    """A line for each kind of networks, with intervals; hollow points are the paper's.

    Args:
        table: rows as in ``classification.csv``.
        paper: accuracy by number of networks.
    """
    colours = kind_colours(table["name"])
    figure = Figure(figsize=(7.2, 3.8), layout="constrained")
    axes = figure.subplots()
    for index, (name, colour) in enumerate(colours.items()):
        own = table[table["name"] == name].sort_values("networks")
        at = own["networks"].to_numpy(dtype=float) * SIDEWAYS ** (index - (len(colours) - 1) / 2)
        axes.vlines(at, own["ci_low"], own["ci_high"], color=colour, linewidth=1.1)
        marker = MARKERS[index % len(MARKERS)]
        axes.plot(at, own["accuracy"], color=colour, marker=marker, ms=5, label=shorten(str(name)))
    if paper:
        first = next(iter(colours.values()))
        axes.plot(
            list(paper), list(paper.values()), ls=":", color=first, marker="o", mfc="white", label="the paper"
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(sorted({*table["networks"], *paper})))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.set_xlabel("networks in the vote")
    axes.set_ylabel("test accuracy")
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(axis="y", color="#d8dee4", linewidth=0.6)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=4)
    return figure
