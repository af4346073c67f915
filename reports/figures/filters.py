"""Filters of many networks side by side, and what the values of single weights look like."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator
from scipy import stats

from robust_hypergan.reports.figures.style import FAINT, INK, styled
from robust_hypergan.reports.wording import MINUS, shorten

FILTER = ["layer", "filter", "channel"]
WEIGHT = ["parameter", "element"]
MAP = "RdBu_r"


@styled
def draw_filters(filters: pd.DataFrame) -> Figure:
    """A block for each filter, a tile for each network; one scale of colours for a filter, symmetric about 0.

    Args:
        filters: one name's rows as in ``filters.csv``.
    """
    chosen = list(filters.groupby(FILTER, sort=False))
    columns, lines = _grid(filters["network"].nunique())
    size = (2.55 * len(chosen), 0.85 + 2.35 * lines / columns)
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(wspace=0.08))
    for axes, ((layer, number, channel), own) in zip(
        figure.subplots(1, len(chosen), squeeze=False)[0], chosen, strict=True
    ):
        shape = (own["network"].nunique(), int(own["row"].max()) + 1, int(own["column"].max()) + 1)
        tiles = own.sort_values(["network", "row", "column"])["value"].to_numpy(dtype=float).reshape(shape)
        most = float(np.abs(tiles).max())
        picture = axes.imshow(_mosaic(tiles), cmap=MAP, vmin=-most, vmax=most, interpolation="nearest")
        axes.set_title(f"{shorten(str(layer))}, filter {number}\nof channel {channel}")
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_visible(False)
        bar = figure.colorbar(
            picture, ax=axes, orientation="horizontal", shrink=0.85, aspect=30, pad=0.03, ticks=MaxNLocator(4)
        )
        bar.outline.set_visible(False)
    return figure


@styled
def draw_single_weights(
    histograms: pd.DataFrame, weights: pd.DataFrame, colours: Mapping[str, str]
) -> Figure:
    """Histograms of single weights over the networks with the normal curve of the same mean and sd.

    A row for each name, a column for each weight.

    Args:
        histograms: rows as in ``weight_histograms.csv``.
        weights: rows as in ``weights.csv``.
        colours: of each name.
    """
    names = list(dict.fromkeys(histograms["name"]))
    chosen = [tuple(each) for each in histograms[WEIGHT].drop_duplicates().itertuples(index=False)]
    figure = Figure(figsize=(1.65 * len(chosen), 1.55 * len(names) + 0.4), layout="constrained")
    grid = figure.subplots(len(names), len(chosen), squeeze=False)
    moments = weights.set_index(["name", *WEIGHT])[["mean", "sd", "excess_kurtosis", "humps"]]
    for line, name in zip(grid, names, strict=True):
        for axes, weight in zip(line, chosen, strict=True):
            own = histograms[(histograms["name"] == name) & _is(histograms, weight)]
            if own.empty:
                axes.set_axis_off()
                continue
            mean, sd, kurtosis, humps = moments.loc[(name, *weight)]
            _histogram(axes, own, (mean, sd), colours[name])
            axes.set_xlabel(f"kurtosis {_signed(kurtosis)}, {_humps(humps)}", fontsize=7)
        line[0].set_ylabel(shorten(name, 18))
    for axes, (parameter, element) in zip(grid[0], chosen, strict=True):
        axes.set_title(f"{shorten(str(parameter), 18)}\n[{element}]", fontsize=8)
    return figure


def _histogram(axes: Axes, own: pd.DataFrame, normal: tuple[float, float], colour: str) -> None:
    widths = own["high"] - own["low"]
    axes.bar(
        own["low"],
        own["count"] / (own["count"].sum() * widths),
        widths,
        align="edge",
        color=colour,
        alpha=0.55,
    )
    grid = np.linspace(own["low"].min(), own["high"].max(), 100)
    axes.plot(grid, stats.norm.pdf(grid, *normal), color=INK, linewidth=0.9, linestyle="--")
    axes.set_yticks([])
    axes.locator_params(axis="x", nbins=3)
    axes.tick_params(labelsize=7)
    axes.spines["left"].set_color(FAINT)


def _mosaic(tiles: np.ndarray) -> np.ma.MaskedArray:
    """Tiles ``(M, h, w)`` in a square grid with a gap between them; what is no tile is masked."""
    count, height, width = tiles.shape
    columns, lines = _grid(count)
    mosaic = np.full((lines * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
    for index, tile in enumerate(tiles):
        top, left = index // columns * (height + 1), index % columns * (width + 1)
        mosaic[top : top + height, left : left + width] = tile
    return np.ma.masked_invalid(mosaic)


def _grid(count: int) -> tuple[int, int]:
    columns = math.ceil(math.sqrt(count))
    return columns, math.ceil(count / columns)


def _is(histograms: pd.DataFrame, weight: tuple[object, ...]) -> pd.Series:
    return (histograms["parameter"] == weight[0]) & (histograms["element"] == weight[1])


def _signed(value: float) -> str:
    return f"{round(value, 1) + 0.0:+.1f}".replace("-", MINUS)


def _humps(count: float) -> str:
    return "1 hump" if count == 1 else f"{count:.0f} humps"
