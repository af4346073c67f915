"""Transfer from network to network against how different the two are."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from robust_hypergan.reports.figure_style import COLOURS, styled
from robust_hypergan.reports.pair_correlations import MEASURES

SHARES = ("disagreement", "error_iou")


@styled
def draw_pairs(pairs: pd.DataFrame) -> Figure:
    """A panel for each measure of diversity, a point for each ordered pair of networks.

    Args:
        pairs: rows as in ``pairs.csv``.
    """
    figure = Figure(figsize=(3.1 * len(MEASURES) + 0.6, 3.1), layout="constrained")
    panels = figure.subplots(1, len(MEASURES), squeeze=False, sharey=True)[0]
    for axes, (measure, label) in zip(panels, MEASURES.items(), strict=True):
        axes.scatter(pairs[measure], pairs["transfer_rate"], s=12, color=COLOURS[0], alpha=0.45, linewidths=0)
        axes.set_xlabel(label)
        axes.grid(color="#d8dee4", linewidth=0.6)
        axes.set_axisbelow(True)
        if measure in SHARES:
            axes.xaxis.set_major_formatter(PercentFormatter(1))
    panels[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    panels[0].set_ylabel("transfer rate from one to the other")
    return figure
