"""The training curves: loss, adversarial terms, accuracy."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, NullFormatter, PercentFormatter

from robust_hypergan.reports.figures.style import COLOURS, FAINT, styled

LOSSES = {"loss": "classification loss"}
GAME = {"adversarial_loss": "adversarial loss (mixer)", "discriminator_loss": "discriminator loss"}


@styled
def draw_training(training: pd.DataFrame) -> Figure:
    """Three panels over the steps: classification loss (log scale), the two adversarial losses, accuracy.

    Pale lines are the rows, strong ones their running median; a short training has the rows alone.

    Args:
        training: rows as in ``training.csv``.
    """
    figure = Figure(figsize=(9.6, 2.9), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    _curves(left, training, LOSSES)
    _curves(middle, training, GAME)
    _accuracy(right, training)
    for axes, title in (
        (left, "classification loss"),
        (middle, "adversarial game on the codes"),
        (right, "accuracy"),
    ):
        axes.set_title(title)
        axes.set_xlabel("training step")
    if (training["loss"].dropna() > 0).all() and training["loss"].notna().any():
        left.set_yscale("log")
        left.yaxis.set_major_formatter(FormatStrFormatter("%g"))
        left.yaxis.set_minor_formatter(NullFormatter())
    if middle.get_legend_handles_labels()[0]:
        middle.legend(loc="best")
    return figure


def median_window(training: pd.DataFrame) -> int:
    """Rows of the running median: a fiftieth of the training, at least 1, which is the rows themselves."""
    return max(len(training) // 50, 1)


def _curves(axes: Axes, training: pd.DataFrame, names: dict[str, str]) -> None:
    """Each column as a pale line with its running median; nothing where a column is empty."""
    window = median_window(training)
    for (name, label), colour in zip(names.items(), COLOURS, strict=False):
        rows = training[["step", name]].dropna()
        if rows.empty:
            continue
        steps, values = rows["step"].to_numpy(dtype=float), rows[name].to_numpy(dtype=float)
        smooth = rows[name].rolling(window, center=True, min_periods=1).median().to_numpy(dtype=float)
        axes.plot(steps, values, color=colour, alpha=0.25, linewidth=0.7)
        axes.plot(steps, smooth, color=colour, linewidth=1.6, label=label)
    if not axes.has_data():
        _say_nothing_recorded(axes)


def _accuracy(axes: Axes, training: pd.DataFrame) -> None:
    """The accuracies as points on a line."""
    rows = training[["step", "accuracy"]].dropna()
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    if rows.empty:
        _say_nothing_recorded(axes)
        return
    steps, values = rows["step"].to_numpy(dtype=float), rows["accuracy"].to_numpy(dtype=float)
    axes.plot(steps, values, color=COLOURS[2], marker="o", markersize=3.5, linewidth=1.4)
    axes.set_ylim(max(0.0, float(np.min(values)) - 0.02), 1.005)
    axes.annotate(
        f"{100 * values[-1]:.1f}%",
        (steps[-1], values[-1]),
        xytext=(0, -10),
        textcoords="offset points",
        ha="right",
        fontsize=8,
    )


def _say_nothing_recorded(axes: Axes) -> None:
    axes.text(0.5, 0.5, "not recorded", transform=axes.transAxes, ha="center", va="center", color=FAINT)
