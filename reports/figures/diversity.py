"""How different networks are: a row for each kind, a panel for each measure; and along training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from robust_hypergan.reports.figures.style import BAND_COLOUR, INK, MARKERS, styled
from robust_hypergan.reports.wording import shorten

GRID = "#d8dee4"


class Measure(NamedTuple):
    """How a measure is called, and what its values are."""

    label: str
    direction: str
    share: bool


MEASURES = {
    "accuracy": Measure("accuracy of single networks", "", True),
    "relative_sd": Measure("relative sd of the norms", "more diverse \N{RIGHTWARDS ARROW}", True),
    "disagreement": Measure("disagreement of two networks", "more diverse \N{RIGHTWARDS ARROW}", True),
    "error_iou": Measure("overlap of the errors (IoU)", "\N{LEFTWARDS ARROW} more diverse", False),
    "cka": Measure("likeness of the features (CKA)", "\N{LEFTWARDS ARROW} more diverse", False),
    "symmetric_kl": Measure("symmetric KL divergence, nats", "more diverse \N{RIGHTWARDS ARROW}", False),
}

P_DIFF = {"trained": (0.76, 0.87), "generated": (0.93, 0.95)}
"""Overlap of errors on CIFAR-10 of networks trained for p-diff and of those it generates: Wang et al. 2024,
*Neural Network Diffusion*, arXiv:2402.13144."""

PERCENT = FuncFormatter(lambda value, _: f"{100 * value:.4g}%")

ALONG = ("accuracy", "relative_sd", "disagreement")


@styled
def draw_measures(diversity: pd.DataFrame, colours: Mapping[str, str]) -> Figure:
    """Each measure with its 95% interval, a row for each name.

    Args:
        diversity: rows as in ``diversity.csv``.
        colours: of each name.
    """
    names = list(dict.fromkeys(diversity["name"]))
    figure = Figure(figsize=(3.1 * 3, 2 * (0.3 * len(names) + 1.3)), layout="constrained")
    grid = figure.subplots(2, 3, sharey=True).ravel()
    for axes, measure in zip(grid, MEASURES, strict=True):
        rows = diversity[diversity["measure"] == measure].set_index("name")
        if measure == "error_iou":
            _mark_p_diff(axes)
        for place, name in enumerate(names):
            if name in rows.index:
                _dot(axes, rows.loc[name], place, colours[name])
        _finish(axes, measure)
    grid[0].set_yticks(range(len(names)), [shorten(name) for name in names])
    grid[0].set_ylim(len(names) - 0.5, -0.5)
    return figure


@styled
def draw_weights(layers: pd.DataFrame, colours: Mapping[str, str]) -> Figure:
    """How far layers' norms, and their single weights, differ from network to network.

    Args:
        layers: rows as in ``layers.csv``.
        colours: of each name.
    """
    layers = layers[layers["relative_sd"].notna()]
    names, places = list(dict.fromkeys(layers["name"])), list(dict.fromkeys(layers["layer"]))
    figure = Figure(figsize=(8.4, 0.18 * len(names) * len(places) + 1.5), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for index, name in enumerate(names):
        own = layers[layers["name"] == name]
        height = [
            places.index(each) + (index - (len(names) - 1) / 2) * 0.7 / len(names) for each in own["layer"]
        ]
        look = {"color": colours[name], "markersize": 4.5, "linestyle": "none"}
        marker = MARKERS[index % len(MARKERS)]
        left.hlines(height, own["ci_low"], own["ci_high"], color=colours[name], linewidth=1.2)
        left.plot(own["relative_sd"], height, marker=marker, **look)
        right.plot(own["element_relative_sd"], height, marker=marker, **look, label=shorten(name))
    labels = ("sd of a layer's norm / its mean", "mean sd of a weight / rms of the layer")
    for axes, label in zip((left, right), labels, strict=True):
        axes.set_xlabel(label)
        axes.set_xlim(left=0)
        axes.locator_params(axis="x", nbins=7)
        axes.xaxis.set_major_formatter(PERCENT)
        axes.grid(axis="x", color=GRID, linewidth=0.6)
        axes.set_axisbelow(True)
        for place in range(len(places) - 1):
            axes.axhline(place + 0.5, color=GRID, linewidth=0.6)
    left.set_yticks(range(len(places)), [shorten(place) for place in places])
    left.set_ylim(len(places) - 0.5, -0.5)
    figure.legend(loc="outside lower center", ncols=5)
    return figure


@styled
def draw_along(along: pd.DataFrame, colours: Mapping[str, str]) -> Figure:
    """Accuracy, spread of the norms and disagreement after each snapshot, a line for each name.

    Args:
        along: rows as in ``along_training.csv``.
        colours: of each name.
    """
    names = list(dict.fromkeys(along["name"]))
    figure = Figure(figsize=(3.1 * len(ALONG), 3.1), layout="constrained")
    for axes, measure in zip(figure.subplots(1, len(ALONG)), ALONG, strict=True):
        for index, name in enumerate(names):
            own = along[(along["name"] == name) & (along["measure"] == measure)].sort_values("step")
            marker = MARKERS[index % len(MARKERS)]
            axes.fill_between(
                own["step"], own["ci_low"], own["ci_high"], color=colours[name], alpha=0.18, linewidth=0
            )
            axes.plot(
                own["step"], own["mean"], color=colours[name], marker=marker, markersize=3.5, linewidth=1.4
            )
        axes.set_title(MEASURES[measure].label)
        axes.set_xlabel("step of the training")
        axes.yaxis.set_major_formatter(PERCENT)
        axes.grid(color=GRID, linewidth=0.6)
        axes.set_axisbelow(True)
        if measure != "accuracy":
            axes.set_ylim(bottom=0)
    handles = [
        Line2D(
            [],
            [],
            color=colours[name],
            marker=MARKERS[index % len(MARKERS)],
            markersize=4,
            label=shorten(name),
        )
        for index, name in enumerate(names)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=5)
    return figure


def _dot(axes: Axes, row: pd.Series, place: int, colour: str) -> None:
    axes.hlines(place, row["ci_low"], row["ci_high"], color=colour, linewidth=1.6)
    axes.plot(row["mean"], place, marker="o", color=colour, markersize=5)


def _finish(axes: Axes, measure: str) -> None:
    found = MEASURES[measure]
    axes.set_title(found.label)
    axes.set_xlabel(found.direction, fontsize=8)
    axes.grid(axis="x", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.locator_params(axis="x", nbins=5)
    if found.share:
        axes.xaxis.set_major_formatter(PERCENT)


def _mark_p_diff(axes: Axes) -> None:
    for text, (low, high) in P_DIFF.items():
        axes.axvspan(low, high, color=BAND_COLOUR, zorder=0, linewidth=0)
        axes.text(
            high,
            0.97,
            f"p-diff, {text} (CIFAR-10)",
            rotation=90,
            ha="right",
            va="top",
            fontsize=6,
            color=INK,
            transform=axes.get_xaxis_transform(),
        )
