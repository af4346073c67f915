"""Accuracy against diversity against transfer: a line for each training, a panel for each attack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from robust_hypergan.reports.figure_style import BAND_COLOUR, FAINT, INK, MARKERS, styled
from robust_hypergan.reports.wording import count, shorten

GRID = "#d8dee4"
COLOURS = "viridis"
SIZES = (22.0, 70.0)
"""Areas of the marks of the first and the last state of a training."""

PERCENT = FuncFormatter(lambda value, _: f"{100 * value:.4g}%")


def attacks_of(states: pd.DataFrame) -> list[str]:
    """The attacks of states, as :func:`robust_hypergan.reports.tradeoff.by_state` gives them."""
    return [name.removeprefix("transfer ") for name in states if _is_transfer(str(name))]


@styled
def draw_tradeoff(states: pd.DataFrame, chosen: tuple[str, int]) -> Figure:
    """The vote's accuracy against the disagreement of two networks, coloured by how far attacks carry.

    Args:
        states: as :func:`robust_hypergan.reports.tradeoff.by_state` gives them.
        chosen: name and step of the state that is marked.
    """
    attacks = attacks_of(states)
    figure = Figure(figsize=(4.3 * len(attacks) + 0.9, 4.3), layout="constrained")
    panels = figure.subplots(1, len(attacks), squeeze=False, sharex=True, sharey=True)[0]
    scale = _scale(states, attacks)
    for axes, attack in zip(panels, attacks, strict=True):
        for index, (name, own) in enumerate(states.groupby("name", sort=False)):
            _line(axes, own, f"transfer {attack}", MARKERS[index % len(MARKERS)], scale)
            _say(axes, own.iloc[-1], shorten(str(name)))
        _frame(axes, states, chosen)
        axes.set_title(f"coloured by the transfer of {shorten(attack)}")
    panels[0].set_ylabel("accuracy of the mean vote")
    figure.supxlabel("disagreement of two networks (more diverse \N{RIGHTWARDS ARROW})", fontsize=9)
    bar = figure.colorbar(ScalarMappable(scale, COLOURS), ax=panels, format=PERCENT, pad=0.02)
    bar.set_label("share of the other networks that an example fools")
    bar.outline.set_visible(False)
    return figure


def _is_transfer(column: str) -> bool:
    return column.startswith("transfer ") and not column.endswith(("_low", "_high"))


def _scale(states: pd.DataFrame, attacks: Sequence[str]) -> Normalize:
    """The colours' range: the transfers', to the next tenths."""
    values = states[[f"transfer {attack}" for attack in attacks]].to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    if not values.size:
        return Normalize(0, 1)
    return Normalize(np.floor(10 * values.min()) / 10, max(0.1, np.ceil(10 * values.max()) / 10))


def _line(axes: Axes, own: pd.DataFrame, colour: str, marker: str, scale: Normalize) -> None:
    """One training: a line through its states, whose marks grow, with their intervals."""
    across, up = own["disagreement"], own["vote"]
    axes.plot(across, up, color=FAINT, linewidth=1.0, zorder=2)
    look: dict[str, Any] = {"colors": FAINT, "linewidth": 0.7, "alpha": 0.6, "zorder": 2}
    axes.hlines(up, own["disagreement_low"], own["disagreement_high"], **look)
    axes.vlines(across, own["vote_low"], own["vote_high"], **look)
    axes.scatter(
        across,
        up,
        s=np.linspace(*SIZES, len(own)) if len(own) > 1 else SIZES[1],
        c=own[colour],
        cmap=COLOURS,
        norm=scale,
        marker=marker,
        edgecolors=INK,
        linewidths=0.7,
        plotnonfinite=True,
        zorder=3,
    )


def _say(axes: Axes, end: pd.Series, text: str) -> None:
    place = (float(end["disagreement"]), float(end["vote"]))
    axes.annotate(text, place, (6, 6), textcoords="offset points", fontsize=7.5, color=INK)


def _frame(axes: Axes, states: pd.DataFrame, chosen: tuple[str, int]) -> None:
    """The axes, the votes that are as good as the best, and the chosen state."""
    name, step = chosen
    row = states.xs(name, level="name").xs(step, level="step").iloc[0]
    equal = states.loc[states["vote_loss_low"] <= 0, "vote"]
    axes.axhspan(equal.min(), equal.max(), color=BAND_COLOUR, zorder=0, linewidth=0)
    place = (float(row["disagreement"]), float(row["vote"]))
    axes.plot(*place, "o", markersize=15, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.6)
    axes.annotate(
        f"chosen: {shorten(name)}, step {count(step)}",
        place,
        (0, -26),
        textcoords="offset points",
        ha="center",
        weight="bold",
    )
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PERCENT)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
