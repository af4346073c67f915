"""Transfer from network to network against how different the two are."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from robust_hypergan.reports.figures.style import kind_colours, kind_legend, marker, styled
from robust_hypergan.reports.statistics.pair_correlations import MEASURES

SHARES = ("disagreement", "error_iou")


@styled
def draw_pairs(pairs: pd.DataFrame, names: Sequence[str]) -> Figure:
    """A panel for each measure of diversity, a point for each ordered pair of networks.

    Args:
        pairs: rows as in ``pairs.csv``, with the column ``name`` for the kind of the networks.
        names: every kind that has a colour; a legend says which where there are several.
    """
    figure = Figure(figsize=(3.1 * len(MEASURES) + 0.6, 3.1), layout="constrained")
    colours = kind_colours(names)
    panels = figure.subplots(1, len(MEASURES), squeeze=False, sharey=True)[0]
    for axes, (measure, label) in zip(panels, MEASURES.items(), strict=True):
        for place, (name, colour) in enumerate(colours.items()):
            own = pairs[pairs["name"] == name]
            look = {"s": 12, "color": colour, "alpha": 0.45, "linewidths": 0, "marker": marker(place)}
            axes.scatter(own[measure], own["transfer_rate"], **look)
        axes.set_xlabel(label)
        axes.grid(color="#d8dee4", linewidth=0.6)
        axes.set_axisbelow(True)
        if measure in SHARES:
            axes.xaxis.set_major_formatter(PercentFormatter(1))
    panels[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    panels[0].set_ylabel("transfer rate from one to the other")
    if len(colours) > 1:
        kind_legend(figure, colours)
    return figure
