"""The fooled fraction of fresh networks against the number of networks that the attacker holds."""

from __future__ import annotations

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter, ScalarFormatter

from robust_hypergan.reports.figures.style import FAINT, MARKERS, attack_colours, styled
from robust_hypergan.reports.wording import eps_text, norm_text, shorten

SIDEWAYS = 1.03
"""Factor between the points of neighbouring attacks at one K, so that their intervals can be told apart."""


@styled
def draw_coverage(coverage: pd.DataFrame) -> Figure:
    """A line per attack on a logarithmic axis of K; dashed, the networks that were attacked.

    Args:
        coverage: rows as in ``coverage.csv``, at least one.
    """
    colours = attack_colours(coverage["attack"])
    figure = Figure(figsize=(7.2, 3.6 + 0.22 * (1 + len(colours) // 3)), layout="constrained")
    axes = figure.subplots()
    handles: list[Artist] = []
    for index, (attack, colour) in enumerate(colours.items()):
        rows = coverage[coverage["attack"] == attack].sort_values("held")
        at = rows["held"].to_numpy(dtype=float) * SIDEWAYS ** (index - (len(colours) - 1) / 2)
        marker = MARKERS[index % len(MARKERS)]
        axes.plot(at, rows["attacked_mean"], color=colour, ls="--", lw=1, alpha=0.5)
        axes.vlines(at, rows["fooled_low"], rows["fooled_high"], color=colour, linewidth=1.1)
        axes.plot(at, rows["fooled_mean"], color=colour, marker=marker, lw=1.8, ms=4.5)
        handles.append(Line2D([], [], color=colour, marker=marker, ms=4.5, label=shorten(attack, 36)))
    handles.append(Line2D([], [], color=FAINT, ls="--", lw=1, label="on the attacked networks"))
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(sorted(set(coverage["held"]))))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(ScalarFormatter())
    first = coverage.iloc[0]
    place = f"{norm_text(str(first['norm']))} eps {eps_text(float(first['eps']))}"
    axes.set_xlabel(f"networks that the attacker holds ({place})")
    axes.set_ylabel("share fooled")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_ylim(-0.02, 1.04)
    axes.grid(axis="y", color="#d8dee4", linewidth=0.6)
    axes.set_axisbelow(True)
    figure.legend(handles=handles, loc="outside lower center", ncols=3, handlelength=2.2)
    return figure
