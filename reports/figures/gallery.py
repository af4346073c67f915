"""Pictures: clean, adversarial, their difference, and what the networks make of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from robust_hypergan.reports.figures.style import FAINT, INK, attack_colours, darker, spread, styled
from robust_hypergan.reports.tables.run import Gallery
from robust_hypergan.reports.wording import TIMES, eps_text, norm_text, percent, shorten

MOST_PICTURES = 12
MOST_ANSWERS = 4
TRUE_COLOUR = "#8c959f"

Image = NDArray[np.float32]


@styled
def draw_gallery(gallery: Gallery, classes: Sequence[str], attacks: Sequence[str]) -> Figure:
    """Two columns of rows: clean, adversarial, magnified difference, and bars of the fresh networks' answers.

    Args:
        gallery: pictures of shape (G, C, H, W) in [0, 1] with their table; at most twelve are shown, from
            the middle eps of each attack and norm.
        classes: class names; a class beyond them is shown by its number.
        attacks: every attack of the run in order, which fixes the colours.
    """
    shown = choose_rows(gallery.table)
    columns = 2 if len(shown) > 1 else 1
    lines = max(math.ceil(len(shown) / columns), 1)
    figure = Figure(figsize=(5.3 * columns, 1.75 * lines), layout="constrained")
    blocks = np.atleast_1d(np.asarray(figure.subfigures(lines, columns, squeeze=False), dtype=object)).ravel()
    colours = attack_colours(attacks)
    for block, row in zip(blocks, shown, strict=False):
        _block(block, gallery, row, classes, colours.get(str(gallery.table["attack"].iloc[row]), INK))
    return figure


def choose_rows(table: pd.DataFrame) -> list[int]:
    """Positions of the rows to show: those at the middle eps of each (attack, norm), thinned to twelve."""
    chosen: list[int] = []
    positions = pd.Series(np.arange(len(table)), index=table.index)
    for _, rows in table.groupby(["attack", "norm"], sort=False):
        values = np.unique(rows["eps"].to_numpy(dtype=float))
        middle = rows[rows["eps"] == values[len(values) // 2]].sort_values("quantile", kind="stable")
        chosen.extend(int(position) for position in positions[middle.index])
    return [int(position) for position in spread(chosen, MOST_PICTURES)]


def magnified(clean: Image, adversarial: Image) -> tuple[Image, float]:
    """The difference around mid-grey, scaled so that its largest entry reaches black or white.

    Returns:
        The picture (C, H, W) in [0, 1] and the factor; factor 0 when the images are the same.
    """
    difference = adversarial - clean
    largest = float(np.abs(difference).max(initial=0.0))
    factor = 0.5 / largest if largest > 0 else 0.0
    return np.clip(0.5 + factor * difference, 0, 1).astype(np.float32), factor


def answers(
    counts: NDArray[np.int64], true: int, source: int, most: int = MOST_ANSWERS
) -> list[tuple[int, float]]:
    """The ``most`` frequent answers as (class, share), with the true and the source's always among them."""
    order = [int(label) for label in np.argsort(-counts, kind="stable") if counts[label] > 0]
    wanted = [label for label in dict.fromkeys([true, source]) if 0 <= label < len(counts)]
    others = [label for label in order if label not in wanted][: most - len(wanted)]
    total = max(int(counts.sum()), 1)
    return sorted(((label, counts[label] / total) for label in wanted + others), key=lambda item: -item[1])


def _block(block: Figure, gallery: Gallery, row: int, classes: Sequence[str], colour: str) -> None:
    """One picture's row of four panels under one line of text."""
    entry = gallery.table.iloc[row]
    difference, factor = magnified(gallery.clean[row], gallery.adversarial[row])
    panels = block.subplots(1, 4, width_ratios=[1, 1, 1, 1.25])
    pictures = (gallery.clean[row], gallery.adversarial[row], difference)
    names = ("clean", "adversarial", f"difference {TIMES}{factor:.3g}" if factor else "no difference")
    for axes, picture, name in zip(panels, pictures, names, strict=False):
        draw_picture(axes, picture, name)
    _bars(panels[3], gallery.counts[row], int(entry["label"]), int(entry["source_label"]), classes, colour)
    setting = (
        f"{shorten(str(entry['attack']), 24)}, {norm_text(str(entry['norm']))} eps {eps_text(entry['eps'])}"
    )
    fooled = percent(float(entry["fooled_fraction"]))
    block.suptitle(
        f"{setting} · example {int(entry['example'])} fools {fooled} of the fresh networks",
        fontsize=8.5,
        color=darker(colour),
        x=0.01,
        ha="left",
    )


def draw_picture(axes: Axes, picture: Image, name: str = "") -> None:
    """An image (C, H, W) in [0, 1] without axes: three channels in colour, otherwise their mean in grey."""
    if len(picture) == 3:
        axes.imshow(np.clip(picture.transpose(1, 2, 0), 0, 1), interpolation="nearest")  # (H, W, C)
    else:
        axes.imshow(picture.mean(0), cmap="gray", vmin=0, vmax=1, interpolation="nearest")  # (H, W)
    axes.set_axis_off()
    axes.set_title(name, fontsize=7.5, color=FAINT, pad=2)


def _bars(
    axes: Axes, counts: NDArray[np.int64], true: int, source: int, classes: Sequence[str], colour: str
) -> None:
    """The fresh networks' answers, the most frequent on top; grey is right, the source's answer is marked."""
    shares = answers(counts, true, source)
    for place, (label, share) in enumerate(shares):
        axes.barh(-place, share, color=TRUE_COLOUR if label == true else colour, height=0.7)
        notes = ["true"] * (label == true) + ["source"] * (label == source)
        text = percent(share) + (f"  {' and '.join(notes)}" if notes else "")
        axes.text(share + 0.03, -place, text, va="center", fontsize=7)
    names = [shorten(classes[label] if label < len(classes) else str(label), 12) for label, _ in shares]
    axes.set_yticks([-place for place in range(len(shares))], names)
    axes.set(xlim=(0, 1.75), xticks=[], ylim=(-MOST_ANSWERS + 0.4, 0.6))
    axes.spines[["bottom", "left"]].set_visible(False)
    axes.tick_params(left=False)
    axes.set_title("fresh networks say", fontsize=7.5, color=FAINT, pad=2, loc="left")
