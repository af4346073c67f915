"""Predictive distributions of one variable: the paper's Figure 2, the band's width, and its course."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from robust_hypergan.reports.figures.style import FAINT, INK, kind_colours, styled
from robust_hypergan.reports.statistics.regression import BAND_WIDTH, target_function
from robust_hypergan.reports.wording import MINUS, number, plural, shorten

FUNCTION_COLOUR, OBSERVATION_COLOUR = "#111827", "#c1121f"


@styled
def draw_predictions(
    predictions: pd.DataFrame,
    data: pd.DataFrame,
    panels: Sequence[Sequence[tuple[str, int]]],
    names: Mapping[str, str],
    *,
    inside: bool = False,
) -> Figure:
    """Mean and band of ensembles of one training: a panel each, in rows.

    Args:
        predictions: rows of one seed, as in ``regression.csv``.
        data: its observations.
        panels: kind and number of networks, row by row.
        names: what the kinds are called.
        inside: only where the data lie, and as the difference from the target function.
    """
    if inside:
        predictions = predictions[predictions["x"].abs() <= data["x"].abs().max()]
        predictions = predictions.assign(mean=predictions["mean"] - target_function(predictions["x"]))
        data = data.assign(y=data["y"] - target_function(data["x"]))
    lines, columns = len(panels), max(map(len, panels))
    figure = Figure(figsize=(max(2.3 * columns + 0.6, 6.6), 2.3 * lines + 0.7), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
    colours = kind_colours(predictions["kind"])
    for line, own in zip(grid, panels, strict=True):
        for axes, (kind, networks) in zip(line, own, strict=False):
            rows = predictions[(predictions["kind"] == kind) & (predictions["networks"] == networks)]
            _panel(axes, rows.sort_values("x"), data, colours[kind], inside)
            axes.set_title(f"{shorten(names.get(kind, kind))}\n{plural(networks, 'network')}")
        for axes in line[len(own) :]:
            axes.set_visible(False)
        line[0].set_ylabel(f"y {MINUS} x³" if inside else "y")
    for axes in grid[-1]:
        axes.set_xlabel("x")
    x = predictions["x"]
    grid[0][0].set_xlim(float(x.min()), float(x.max()))
    if not inside:
        reach = 1.25 * float(target_function(x).abs().max())
        grid[0][0].set_ylim(-reach, reach)
    handles = [
        Line2D([], [], color=FUNCTION_COLOUR, lw=1.2, ls="--", label="target function x³"),
        Line2D([], [], color=OBSERVATION_COLOUR, marker="o", ms=3, ls="", label="observations"),
        Line2D([], [], color=FAINT, lw=1.6, label="mean of the networks"),
        Patch(color=FAINT, alpha=0.3, lw=0, label=f"±{BAND_WIDTH:.0f} standard deviations"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, data: pd.DataFrame, colour: str, inside: bool) -> None:
    x, mean, reach = rows["x"], rows["mean"], BAND_WIDTH * rows["sd"]
    axes.fill_between(x, mean - reach, mean + reach, color=colour, alpha=0.28, lw=0)
    axes.plot(x, mean, color=colour, lw=1.6)
    axes.plot(x, 0 * x if inside else target_function(x), color=FUNCTION_COLOUR, lw=1.0, ls="--")
    axes.plot(data["x"], data["y"], ls="", marker="o", ms=2.6, color=OBSERVATION_COLOUR, zorder=3)
    for end in (data["x"].min(), data["x"].max()):
        axes.axvline(end, color="#d8dee4", lw=0.8, zorder=0)


@styled
def draw_widths(predictions: pd.DataFrame, names: Mapping[str, str], end: float) -> Figure:
    """The sd of each kind's largest ensemble against x: geometric mean over seeds, thin single seeds.

    Args:
        predictions: rows as in ``regression.csv``.
        names: what the kinds are called.
        end: the data lie in [-end, end].
    """
    figure = Figure(figsize=(7.2, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.axvspan(-end, end, color="#eef1f4", lw=0, zorder=0)
    axes.text(0, 0.985, "data", transform=axes.get_xaxis_transform(), ha="center", va="top", color=FAINT)
    for kind, colour in kind_colours(predictions["kind"]).items():
        own = predictions[predictions["kind"] == kind]
        sd = own[own["networks"] == own["networks"].max()].pivot_table(index="x", columns="seed", values="sd")
        axes.plot(sd.index, sd.to_numpy(), color=colour, lw=0.6, alpha=0.35)
        label = f"{names.get(kind, kind)}, {plural(int(own['networks'].max()), 'network')}"
        axes.plot(sd.index, np.exp(np.log(sd).mean(axis=1)), color=colour, lw=2, label=label)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axes.set_xlim(predictions["x"].min(), predictions["x"].max())
    axes.set_xlabel("x")
    axes.set_ylabel("standard deviation of the networks")
    axes.grid(axis="y", color="#d8dee4", linewidth=0.6)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


@styled
def draw_course(training: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    """The mean sd inside and outside the data while HyperGANs train, a panel each.

    Args:
        training: rows as in ``regression_training.csv``.
        names: what the kinds are called.
    """
    figure = Figure(figsize=(7.2, 3.2), layout="constrained")
    places = {"sd_inside": "inside the data", "sd_outside": "outside the data"}
    colours = kind_colours(training["kind"])
    for axes, (column, title) in zip(figure.subplots(1, 2), places.items(), strict=True):
        for kind, colour in colours.items():
            own = training[training["kind"] == kind]
            sd = own.pivot_table(index="step", columns="seed", values=column)
            axes.plot(sd.index, sd.to_numpy(), color=colour, lw=0.6, alpha=0.35)
            axes.plot(sd.index, np.exp(np.log(sd).mean(axis=1)), color=colour, lw=2)
        axes.set_title(title, color=INK)
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
        axes.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: number(value)))
        axes.tick_params(axis="y", which="minor", labelsize=7)
        axes.set_xlabel("step")
        axes.grid(axis="y", which="both", color="#d8dee4", linewidth=0.6)
        axes.set_axisbelow(True)
    figure.supylabel("mean standard deviation", fontsize=9)
    handles = [
        Line2D([], [], color=colour, lw=2, label=names.get(kind, kind)) for kind, colour in colours.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure
