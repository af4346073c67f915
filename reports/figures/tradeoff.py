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
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from robust_hypergan.reports.figures.style import FAINT, INK, MARKERS, styled
from robust_hypergan.reports.wording import count, shorten

GRID = "#d8dee4"
COLOURS = "viridis"
SIZES = (22.0, 70.0)
"""Areas of the marks of the first and the last state of a training."""

RING: dict[str, Any] = {
    "marker": "o",
    "markersize": 15,
    "linestyle": "none",
    "markerfacecolor": "none",
    "markeredgecolor": INK,
    "markeredgewidth": 1.6,
}
"""Around the chosen state."""

PERCENT = FuncFormatter(lambda value, _: f"{100 * value:.4g}%")


def attacks_of(states: pd.DataFrame) -> list[str]:
    """The attacks of states, as :func:`robust_hypergan.reports.tables.tradeoff.by_state` gives them."""
    return [name.removeprefix("transfer ") for name in map(str, states) if _is_transfer(name)]


@styled
def draw_tradeoff(states: pd.DataFrame, chosen: tuple[str, int]) -> Figure:
    """The vote's accuracy against the share of errors that two networks do not share, coloured by transfer.

    Args:
        states: as :func:`robust_hypergan.reports.tables.tradeoff.by_state` gives them.
        chosen: name and step of the state that is marked.
    """
    attacks = attacks_of(states)
    figure = Figure(figsize=(4.3 * len(attacks) + 0.9, 4.6), layout="constrained")
    panels = figure.subplots(1, len(attacks), squeeze=False, sharex=True, sharey=True)[0]
    scale, best = _scale(states, attacks), float(states["vote"].max())
    trainings = {str(name): own for name, own in states.groupby("name", sort=False)}
    for axes, attack in zip(panels, attacks, strict=True):
        for index, own in enumerate(trainings.values()):
            _line(axes, own, f"transfer {attack}", MARKERS[index % len(MARKERS)], scale, best)
        _mark(axes, states, chosen)
        axes.set_title(f"coloured by the transfer of {shorten(attack)}")
        axes.set_xlabel("errors that two networks do not share (more diverse \N{RIGHTWARDS ARROW})")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PERCENT)
        axes.grid(color=GRID, linewidth=0.6)
        axes.set_axisbelow(True)
    panels[0].set_ylabel("accuracy of the mean vote")
    bar = figure.colorbar(ScalarMappable(scale, COLOURS), ax=panels, format=PERCENT, pad=0.02)
    bar.set_label("share of the other networks that an example fools")
    _legend(figure, list(trainings), chosen)
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


def _line(axes: Axes, own: pd.DataFrame, colour: str, marker: str, scale: Normalize, best: float) -> None:
    """One training: a line through its states, whose marks grow, with their intervals."""
    across, up = 1 - own["error_iou"], own["vote"]
    axes.plot(across, up, color=FAINT, linewidth=1.0, zorder=2)
    look: dict[str, Any] = {"colors": FAINT, "linewidth": 0.7, "alpha": 0.6, "zorder": 1}
    axes.hlines(up, 1 - own["error_iou_high"], 1 - own["error_iou_low"], **look)
    axes.vlines(across, best - own["vote_loss_high"], best - own["vote_loss_low"], **look)
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


def _mark(axes: Axes, states: pd.DataFrame, chosen: tuple[str, int]) -> None:
    """The chosen state, and the best vote."""
    name, step = chosen
    row = states.xs(name, level="name").xs(step, level="step").iloc[0]
    axes.plot(1 - row["error_iou"], row["vote"], **RING)
    axes.axhline(states["vote"].max(), color=INK, linewidth=0.9, linestyle="--", zorder=0)


def _legend(figure: Figure, names: Sequence[str], chosen: tuple[str, int]) -> None:
    """Marks of the trainings, the ring and the dashed line."""
    look: dict[str, Any] = {"linestyle": "none", "markerfacecolor": "none", "markeredgecolor": INK}
    handles = [
        Line2D([], [], marker=MARKERS[index % len(MARKERS)], ms=7, label=shorten(name), **look)
        for index, name in enumerate(names)
    ]
    handles.append(Line2D([], [], **RING, label=f"chosen: {shorten(chosen[0])}, step {count(chosen[1])}"))
    handles.append(Line2D([], [], color=INK, linewidth=0.9, linestyle="--", label="the best vote"))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(6, len(handles)))
