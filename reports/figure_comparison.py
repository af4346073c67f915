"""Runs, or kinds of networks, side by side: what an attack does to the source, and how far it carries."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from robust_hypergan.reports.figure_style import MARKERS, kind_colours, styled
from robust_hypergan.reports.figure_transfer import FEWEST_EXAMPLES, LEGEND_COLUMNS
from robust_hypergan.reports.wording import norm_text, shorten


@styled
def draw_comparison(table: pd.DataFrame) -> Figure:
    """Two panels per attack and norm, a line per run: success on the source network, and the mean fooled
    fraction of the fresh networks with its 95% interval, both against eps.

    Points at one eps are set apart sideways to stay readable.

    Args:
        table: rows as in ``beside.csv`` or ``comparison.csv``.
    """
    colours = kind_colours(table["name"])
    attacks = list(table.groupby(["attack", "norm"], sort=False))
    figure = Figure(figsize=(7.2, 2.5 * len(attacks) + 0.7), layout="constrained")
    panels = figure.subplots(len(attacks), 2, squeeze=False, sharey=True)
    for (own, fresh), ((attack, norm), rows) in zip(panels, attacks, strict=True):
        for axes in (own, fresh):
            axes.set_ylim(-0.02, 1.04)
            axes.grid(axis="y", color="#d8dee4", linewidth=0.6)
            axes.set_axisbelow(True)
            axes.set_xlabel(f"eps ({norm_text(str(norm))}, images in [0, 1])")
        own.set_title(f"{shorten(str(attack))}: source network fooled", loc="left")
        fresh.set_title("mean share of fresh networks fooled", loc="left")
        own.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        span = float(rows["eps"].max() - rows["eps"].min()) or float(rows["eps"].max())
        for index, (name, colour) in enumerate(colours.items()):
            lines = rows[rows["name"] == name].sort_values("eps")
            shift = 0.008 * span * (index - (len(colours) - 1) / 2)
            _lines(own, fresh, lines, shift, colour, MARKERS[index % len(MARKERS)])
    handles = [
        Line2D([], [], color=colour, marker=MARKERS[index % len(MARKERS)], ms=4.5, label=shorten(name))
        for index, (name, colour) in enumerate(colours.items())
    ]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=max(LEGEND_COLUMNS, min(5, len(handles)))
    )
    return figure


def _lines(own: Axes, fresh: Axes, rows: pd.DataFrame, shift: float, colour: str, marker: str) -> None:
    """One run in both panels; a mean over too few examples is left to the table."""
    at = rows["eps"].to_numpy(dtype=float) + shift
    told = rows["source_fooled"] >= FEWEST_EXAMPLES
    mean, low, high = (
        rows[column].where(told).to_numpy(dtype=float) for column in ("fooled_mean", "ci_low", "ci_high")
    )
    success = rows["source_success"].to_numpy(dtype=float)
    own.plot(at, success, color=colour, marker=marker, lw=1.6, ms=4)
    fresh.vlines(at, low, high, color=colour, linewidth=1.2)
    fresh.plot(at, mean, color=colour, marker=marker, lw=1.6, ms=4)
