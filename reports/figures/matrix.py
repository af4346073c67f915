"""The transfer matrix: who fools whom, source by source."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from robust_hypergan.reports.figures.style import INK, spread, styled
from robust_hypergan.reports.tables.summary import rows_of
from robust_hypergan.reports.wording import eps_text, norm_text, shorten

MOST_EPS = 3
"""Panels of one attack, at evenly spaced eps."""

MOST_NUMBERS = 12
"""With more sources than these the cells are coloured but hold no numbers."""

VOTES = {"source vote": "vote of\nthese", "fresh vote": "vote of\nfresh", "fresh": "fresh,\nmean"}


@styled
def draw_matrix(matrix: pd.DataFrame, summary: pd.DataFrame) -> Figure:
    """Heat maps of ``matrix.csv``, a row of panels per attack: a row per source that was attacked.

    A column per source that its successful examples were tried on (on the diagonal, framed, the white-box
    success), then the two mean votes and the mean of the fresh networks.

    Args:
        matrix: rows as in ``matrix.csv``.
        summary: rows as in ``source_summary.csv``, for the standard deviation between sources.
    """
    attacks = [
        (str(attack), str(norm), spread(sorted(rows["eps"].unique()), MOST_EPS))
        for (attack, norm), rows in matrix.groupby(["attack", "norm"], sort=False)
    ]
    sources = int(matrix["source"].nunique())
    columns = max(len(eps) for _, _, eps in attacks)
    side = 0.36 * min(sources, 2 * MOST_NUMBERS)
    size = (columns * max(side + 2.0, 3.0) + 0.8, len(attacks) * max(side + 1.3, 2.2) + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(attacks), columns, squeeze=False)
    for (attack, norm, shown), row in zip(attacks, panels, strict=True):
        for axes, eps in zip(row, shown, strict=False):
            own = rows_of(summary, attack, norm, eps)["between_sd"]
            between = float(own.iloc[0]) if len(own) else math.nan
            name = f"{shorten(attack, 18)}, {norm_text(norm)} eps {eps_text(eps)}"
            axes.set_title(
                f"{name}\nbetween sources: sd {100 * between:.1f} points" if between >= 0 else name
            )
            _panel(axes, rows_of(matrix, attack, norm, eps), numbers=sources <= MOST_NUMBERS)
        for axes in row[len(shown) :]:
            axes.set_visible(False)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, *, numbers: bool) -> None:
    names = [f"{index:.0f}" for index in rows[rows["role"] == "source"]["network"].unique()]
    columns = [*names, *VOTES]
    keyed = rows.assign(
        column=[_column(role, index) for role, index in zip(rows["role"], rows["network"], strict=True)]
    )
    table = keyed.pivot_table(index="source", columns="column", values="fooled_fraction", dropna=False)
    values = table.reindex(columns=columns).to_numpy(dtype=float)  # (sources, sources + 3)
    axes.imshow(values, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(
        range(len(columns)), [VOTES.get(name, name) for name in columns] if numbers else [""] * len(columns)
    )
    axes.set_yticks(range(len(table)), [f"{index:.0f}" for index in table.index])
    axes.tick_params(length=0, labelsize=7)
    axes.set_xlabel("tried on")
    axes.set_ylabel("made against source")
    axes.axvline(len(names) - 0.5, color="white", linewidth=3)
    for place, index in enumerate(table.index):
        column = columns.index(f"{index:.0f}")
        axes.add_patch(Rectangle((column - 0.5, place - 0.5), 1, 1, fill=False, edgecolor=INK, linewidth=1))
    if numbers:
        for (y, x), value in np.ndenumerate(values):
            text = "" if math.isnan(value) else f"{100 * value:.0f}"
            axes.text(x, y, text, ha="center", va="center", fontsize=7, color="white" if value > 0.6 else INK)


def _column(role: str, index: float) -> str:
    return f"{index:.0f}" if role == "source" else role
