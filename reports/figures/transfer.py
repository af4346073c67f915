"""The mean fooled fraction against eps, beside the attack's success on its own source network."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from robust_hypergan.reports.figures.style import FAINT, Series, band_handle, mark_band, series_of, styled
from robust_hypergan.reports.wording import norm_text, shorten

LEGEND_COLUMNS = 3
MOST_BANDS = 4

FEWEST_EXAMPLES = 10
"""A mean over fewer examples that fooled the source is left to the table: its interval fills the panel."""


@styled
def draw_transfer(summary: pd.DataFrame) -> Figure:
    """Mean fooled fraction with its 95% interval against eps; a panel per norm, a line per attack.

    The dashed line of the same colour is the share of the initially correct examples that fooled the
    source network. Points at one eps are set apart sideways to stay readable.

    Args:
        summary: rows as in ``summary.csv``.
    """
    lines = series_of(summary)
    norms = list(dict.fromkeys(line.norm for line in lines))
    attacks = {line.attack: line for line in lines}
    legend_rows = math.ceil((len(attacks) + 2) / LEGEND_COLUMNS)
    size = (max(4.6 * len(norms), 7.2), 3.6 + 0.22 * legend_rows)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, len(norms), squeeze=False, sharey=True)[0]
    for axes, norm in zip(panels, norms, strict=True):
        _panel(axes, [line for line in lines if line.norm == norm])
        axes.set_xlabel(f"eps ({norm_text(norm)}, images in [0, 1])")
    panels[0].set_ylabel("share fooled")
    panels[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    handles: list[Artist] = [_handle(line) for line in attacks.values()]
    handles.append(Line2D([], [], color=FAINT, linestyle="--", linewidth=1, label="on the source network"))
    handles.append(band_handle())
    figure.legend(handles=handles, loc="outside lower center", ncols=LEGEND_COLUMNS, handlelength=2.2)
    return figure


def _panel(axes: Axes, lines: list[Series]) -> None:
    """One norm: every attack's line, source line and interval."""
    mark_band(axes, vertical=False)
    eps = np.unique(np.concatenate([line.rows["eps"].to_numpy(dtype=float) for line in lines]))
    span = float(np.ptp(eps)) or float(eps.max()) or 1.0
    gap = min(float(np.diff(eps).min(initial=span)) * 0.5 / len(lines), 0.008 * span)
    for index, line in enumerate(lines):
        _line(axes, line, offset=(index - (len(lines) - 1) / 2) * gap, crowded=len(lines) > MOST_BANDS)
    axes.set_xlim(eps.min() - 0.08 * span, eps.max() + 0.08 * span)
    axes.set_ylim(-0.02, 1.04)
    axes.grid(axis="y", color="#d8dee4", linewidth=0.6)
    axes.set_axisbelow(True)


def _line(axes: Axes, line: Series, *, offset: float, crowded: bool) -> None:
    """One attack: mean with interval, and the dashed success on the source; no shading when crowded."""
    rows = line.rows
    at = rows["eps"].to_numpy(dtype=float) + offset
    told = rows["source_fooled"] >= FEWEST_EXAMPLES
    mean, low, high = (
        rows[name].where(told).to_numpy(dtype=float) for name in ("fooled_mean", "ci_low", "ci_high")
    )
    on_source = rows["source_success"].to_numpy(dtype=float)
    mark = "_" if np.isfinite(on_source).sum() == 1 else ""  # a line through one point is invisible
    alpha = 0.4 if crowded else 0.7
    axes.plot(at, on_source, color=line.colour, marker=mark, ms=9, ls="--", lw=1, alpha=alpha)
    if not crowded:
        axes.fill_between(at, low, high, color=line.colour, alpha=0.15, linewidth=0)
    axes.vlines(at, low, high, color=line.colour, linewidth=0.9 if crowded else 1.3)
    axes.plot(at, mean, color=line.colour, marker=line.marker, lw=1.8, ms=4.5)


def _handle(line: Series) -> Line2D:
    """The legend's entry of an attack."""
    return Line2D([], [], color=line.colour, marker=line.marker, markersize=4.5, label=shorten(line.attack))
