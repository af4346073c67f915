"""Runs, or kinds of networks, side by side: who is fooled, and how it spreads over the examples."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from robust_hypergan.reports.figures.style import kind_colours, kind_legend, marker, styled
from robust_hypergan.reports.figures.transfer import FEWEST_EXAMPLES
from robust_hypergan.reports.wording import eps_text, norm_text, shorten


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
    panels = figure.subplots(len(attacks), 2, squeeze=False, sharex="row", sharey=True)
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
            _lines(own, fresh, lines, shift, colour, marker(index))
        level = float(rows["eps"].iloc[0])
        if (rows["eps"] == level).all():
            for axes in (own, fresh):
                axes.set_xticks([level], [eps_text(level)])
                axes.set_xlim(level - 0.08 * span, level + 0.08 * span)
        _say_if_empty(fresh, rows)
    kind_legend(figure, colours)
    return figure


@styled
def draw_spread(table: pd.DataFrame) -> Figure:
    """How the fooled fraction spreads over the examples: a panel per attack and norm, a bar per run and eps.

    The thin line runs from the 5% to the 95% quantile, the thick one over the middle half; the mark is the
    median.

    Args:
        table: rows as in ``beside.csv`` or ``comparison.csv``.
    """
    colours = kind_colours(table["name"])
    attacks = list(table.groupby(["attack", "norm"], sort=False))
    figure = Figure(figsize=(7.2, 2.1 * len(attacks) + 0.7), layout="constrained")
    panels = figure.subplots(len(attacks), 1, squeeze=False)[:, 0]
    for axes, ((attack, norm), rows) in zip(panels, attacks, strict=True):
        levels = sorted(rows["eps"].unique())
        for index, (name, colour) in enumerate(colours.items()):
            own = rows[(rows["name"] == name) & (rows["source_fooled"] >= FEWEST_EXAMPLES)]
            shift = 0.7 * ((index + 0.5) / len(colours) - 0.5)
            at = [levels.index(eps) + shift for eps in own["eps"]]
            axes.vlines(at, own["q05"], own["q95"], color=colour, linewidth=1)
            axes.vlines(at, own["q25"], own["q75"], color=colour, linewidth=4, alpha=0.6)
            axes.plot(at, own["fooled_median"], color=colour, marker=marker(index), ls="", ms=5)
        axes.set_xlim(-0.5, len(levels) - 0.5)
        _say_if_empty(axes, rows)
        axes.set_title(shorten(str(attack)), loc="left")
        axes.set_xticks(range(len(levels)), [eps_text(eps) for eps in levels])
        axes.set_xlabel(f"eps ({norm_text(str(norm))}, images in [0, 1])")
        axes.set_ylim(-0.04, 1.04)
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    kind_legend(figure, colours)
    return figure


def _lines(own: Axes, fresh: Axes, rows: pd.DataFrame, shift: float, colour: str, mark: str) -> None:
    """One run in both panels; a mean over too few examples is left to the table."""
    at = rows["eps"].to_numpy(dtype=float) + shift
    told = rows["source_fooled"] >= FEWEST_EXAMPLES
    mean, low, high = (
        rows[column].where(told).to_numpy(dtype=float) for column in ("fooled_mean", "ci_low", "ci_high")
    )
    success = rows["source_success"].to_numpy(dtype=float)
    own.plot(at, success, color=colour, marker=mark, lw=1.6, ms=4)
    fresh.vlines(at, low, high, color=colour, linewidth=1.2)
    fresh.plot(at, mean, color=colour, marker=mark, lw=1.6, ms=4)


def _say_if_empty(axes: Axes, rows: pd.DataFrame) -> None:
    if not (rows["source_fooled"] >= FEWEST_EXAMPLES).any():
        text = f"fewer than {FEWEST_EXAMPLES} examples\nfooled their source network"
        axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center")
