"""Fooled fractions against eps over several trainings, and FGSM minus PGD."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator, PercentFormatter

from robust_hypergan.reports.figures.style import (
    FAINT,
    attack_colours,
    band_handle,
    mark_band,
    marker,
    styled,
)
from robust_hypergan.reports.wording import eps_text, shorten

PANELS = {"fooled_mean": "over those that fool the source", "fooled_mean_all": "over all initially correct"}


@styled
def draw_adversarial(table: pd.DataFrame, means: pd.DataFrame) -> Figure:
    """Two panels, conditional on fooling the source and not; a colour for each attack.

    Args:
        table: rows as in ``adversarial.csv``.
        means: their means over trainings, with ``M_low`` and ``M_high``.
    """
    colours = attack_colours(table["attack"])
    figure = Figure(figsize=(7.2, 3.6), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (measure, title) in zip(panels, PANELS.items(), strict=True):
        for index, (attack, colour) in enumerate(colours.items()):
            for _, own in table[table["attack"] == attack].groupby(["name", "source"], sort=False):
                axes.plot(own["eps"], own[measure], color=colour, lw=0.6, alpha=0.35)
            own = means[means["attack"] == attack]
            low, high = own[f"{measure}_low"].clip(0, 1), own[f"{measure}_high"].clip(0, 1)
            axes.fill_between(own["eps"], low, high, color=colour, alpha=0.16, lw=0)
            label = shorten(str(attack)) if axes is panels[0] else None
            axes.plot(own["eps"], own[measure], color=colour, marker=marker(index), ms=4, lw=1.8, label=label)
        axes.set_title(title, loc="left")
        _eps_axis(axes, sorted(set(table["eps"])))
        axes.set_ylim(-0.02, 1.04)
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    mark_band(panels[0], vertical=False)
    panels[0].set_ylabel("mean share of fresh networks fooled")
    handles, _ = panels[0].get_legend_handles_labels()
    figure.legend(handles=[*handles, band_handle()], loc="outside lower center", ncols=4)
    return figure


@styled
def draw_order(pairs: pd.DataFrame, orders: pd.DataFrame, measures: Mapping[str, str]) -> Figure:
    """FGSM minus PGD against eps, a panel for each way to compare.

    Args:
        pairs: rows as in ``adversarial_pairs.csv``.
        orders: their means over trainings.
        measures: columns of both, with a title each.
    """
    figure = Figure(figsize=(7.2, 3.2), layout="constrained")
    panels = figure.subplots(1, len(measures), sharey=True)
    for axes, (measure, title) in zip(panels, measures.items(), strict=True):
        axes.axhline(0, color=FAINT, lw=0.8)
        for _, own in pairs.groupby(["name", "source"], sort=False):
            axes.plot(own["eps"], own[measure], color="#0072B2", lw=0.6, alpha=0.35)
        axes.vlines(
            orders["eps"], orders[f"{measure}_low"], orders[f"{measure}_high"], color="#0072B2", lw=1.1
        )
        axes.plot(orders["eps"], orders[measure], color="#0072B2", marker="o", ms=4, lw=1.8)
        axes.set_title(title, loc="left")
        axes.set_ylim(-1, 1)
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=""))
        _eps_axis(axes, sorted(set(pairs["eps"])))
    panels[0].set_ylabel("FGSM minus PGD, points")
    return figure


def _eps_axis(axes: Axes, levels: list[float]) -> None:
    """Logarithmic, a label wherever there is room for one."""
    axes.set_xscale("log")
    shown = [eps for eps in (0.01, 0.03, 0.1, 0.3, 1.0) if levels[0] <= eps <= levels[-1]] or levels
    axes.xaxis.set_major_locator(FixedLocator(shown))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda eps, _: eps_text(eps)))
    axes.set_xlabel("eps (L∞, images in [0, 1])")
    axes.grid(axis="y", color="#d8dee4", linewidth=0.6)
    axes.set_axisbelow(True)
