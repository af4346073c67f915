"""Predictive entropy of clean, adversarial and outlying images: the paper's Figure 3, for attacks as well."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from robust_hypergan.reports.figures.distribution import shades
from robust_hypergan.reports.figures.style import FAINT, INK, attack_colours, darker, spread, styled
from robust_hypergan.reports.wording import eps_text, norm_text, shorten

MOST_EPS = 4
PANELS_IN_A_ROW = 3


@styled
def draw_entropy(uncertainty: pd.DataFrame) -> Figure:
    """Empirical distributions of the entropy, a panel per attack: clean dashed, the others solid.

    Args:
        uncertainty: rows as in ``uncertainty.csv``.
    """
    clean = uncertainty.loc[uncertainty["inputs"] == "clean", "entropy"]
    outliers = uncertainty.loc[uncertainty["inputs"] == "outlier", "entropy"]
    attacked = list(
        uncertainty[uncertainty["inputs"] == "adversarial"].groupby(["attack", "norm"], sort=False)
    )
    colours = attack_colours(str(attack) for (attack, _), _ in attacked)
    lines = math.ceil(len(attacked) / PANELS_IN_A_ROW)
    columns = math.ceil(len(attacked) / lines)
    figure = Figure(figsize=(max(3.2 * columns + 0.6, 5.6), 2.7 * lines + 0.7), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for axes in grid[len(attacked) :]:
        axes.set_visible(False)
    for axes, ((attack, norm), rows) in zip(grid, attacked, strict=False):
        colour = colours[str(attack)]
        axes.ecdf(clean, color=INK, linestyle="--", linewidth=1.2)
        if len(outliers):
            axes.ecdf(outliers, color=FAINT, linewidth=1.8)
        _curves(axes, rows, colour)
        axes.set_title(f"{shorten(str(attack))}, {norm_text(str(norm))}", color=darker(colour))
    grid[0].set(ylim=(0, 1), xlim=(0, None))
    grid[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    handles = [Line2D([], [], color=INK, linestyle="--", linewidth=1.2, label="clean")]
    if len(outliers):
        handles.append(Line2D([], [], color=FAINT, linewidth=1.8, label="outliers"))
    figure.legend(handles=handles, loc="outside upper right", ncols=2)
    figure.supxlabel("predictive entropy (nats)", fontsize=9)
    figure.supylabel("share of the images at or below", fontsize=9)
    return figure


def _curves(axes: Axes, rows: pd.DataFrame, colour: str) -> None:
    """A curve for each of at most four eps of an attack, evenly spaced."""
    shown = spread([float(eps) for eps in np.unique(rows["eps"])], MOST_EPS)
    for eps, shade in zip(shown, shades(colour, len(shown)), strict=True):
        values = rows.loc[rows["eps"] == eps, "entropy"]
        axes.ecdf(values, color=shade, linewidth=1.5, label=f"eps {eps_text(eps)}")
    axes.legend(loc="lower right", fontsize=7, handlelength=1.0)
