"""The examples that the page lets its reader browse: three small pictures each, and who answered what."""

from __future__ import annotations

import base64
import io
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pixels

from robust_hypergan.reports.figures.gallery import Image, answers, magnified
from robust_hypergan.reports.figures.style import spread
from robust_hypergan.reports.tables.run import Gallery
from robust_hypergan.reports.wording import TIMES, eps_text, norm_text, percent, plural, printable

MOST_BYTES = 2_500_000
"""About as much may the pictures of a page take; of more, whole cells are left out evenly."""

MOST_ANSWERS = 9

QUANTILES = {0.0: " (least)", 0.5: " (median)", 1.0: " (greatest)"}


@dataclass(frozen=True)
class Answer:
    """A class, the share of the fresh networks that answered it, and what is to be said about it."""

    name: str
    share: float
    text: str
    notes: str
    right: bool


@dataclass(frozen=True)
class Shot:
    """A picture as a ``data:`` URI, with its caption."""

    uri: str
    caption: str


@dataclass(frozen=True)
class Example:
    """One example under one attack. ``attack``, ``eps`` and ``quantile`` are what a reader picks it by."""

    attack: str
    eps: str
    quantile: str
    title: str
    shots: tuple[Shot, Shot, Shot]
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Examples:
    """The examples of a page, and what was left out of them."""

    shown: tuple[Example, ...] = ()
    note: str = ""


def browsable(gallery: Gallery | None, classes: Sequence[str], most_bytes: int = MOST_BYTES) -> Examples:
    """The examples of a gallery, in its order.

    Args:
        gallery: clean and adversarial images (G, C, H, W) in [0, 1] with their table.
        classes: class names; a class beyond them is shown by its number.
        most_bytes: of cells whose pictures take more than this together, evenly many are left out whole.
    """
    if gallery is None:
        return Examples()
    rows = gallery.table.to_dict("records")
    examples = [_example(gallery, place, row, classes) for place, row in enumerate(rows)]
    total = sum(len(shot.uri) for example in examples for shot in example.shots)
    keys = [_cell(row) for row in rows]
    cells = list(dict.fromkeys(keys))
    most = max(1, int(len(cells) * most_bytes / max(total, 1)))
    if len(cells) <= most:
        return Examples(tuple(examples))
    kept = {cells[int(place)] for place in spread(range(len(cells)), most)}
    note = (
        f"To keep the page small, {len(kept)} of the {plural(len(cells), 'cell')} are shown, evenly spaced in"
        " the order of the run; gallery.csv and gallery.safetensors hold them all."
    )
    return Examples(tuple(example for example, key in zip(examples, keys, strict=True) if key in kept), note)


def png_uri(picture: Image) -> str:
    """An image (C, H, W) in [0, 1] as a PNG: three channels in colour, otherwise their mean in grey."""
    levels = np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)
    pixels = levels.transpose(1, 2, 0) if len(levels) == 3 else np.rint(levels.mean(0)).astype(np.uint8)
    buffer = io.BytesIO()
    Pixels.fromarray(pixels).save(buffer, "PNG", optimize=True)  # (H, W, 3) or (H, W)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _cell(row: Mapping[Hashable, Any]) -> tuple[Any, ...]:
    return row["attack"], row["norm"], row["eps"]


def _example(gallery: Gallery, place: int, row: Mapping[Hashable, Any], classes: Sequence[str]) -> Example:
    label, source = int(row["label"]), int(row["source_label"])
    fooled = percent(row["fooled_fraction"], 1)
    difference, factor = magnified(gallery.clean[place], gallery.adversarial[place])
    return Example(
        attack=f"{printable(str(row['attack']))}, {norm_text(str(row['norm']))}",
        eps=eps_text(row["eps"]),
        quantile=percent(row["quantile"]) + QUANTILES.get(float(row["quantile"]), ""),
        title=f"Example {int(row['example'])} fools {fooled} of the fresh networks",
        shots=(
            Shot(png_uri(gallery.clean[place]), f"clean: {_name(label, classes)}"),
            Shot(
                png_uri(gallery.adversarial[place]),
                f"adversarial: the source answers {_name(source, classes)}",
            ),
            Shot(png_uri(difference), f"difference {TIMES}{factor:.3g}" if factor else "no difference"),
        ),
        answers=_answers(gallery.counts[place], label, source, classes),
    )


def _answers(
    counts: NDArray[np.int64], label: int, source: int, classes: Sequence[str]
) -> tuple[Answer, ...]:
    """The answers of the fresh networks, most frequent first; rare ones beyond the ninth in one line."""
    shares = answers(counts, label, source, MOST_ANSWERS)
    shown = [
        Answer(_name(each, classes), share, percent(share, 1), _notes(each, label, source), each == label)
        for each, share in shares
    ]
    rest = int(counts.sum()) - sum(int(counts[each]) for each, _ in shares)
    if rest:
        share = rest / int(counts.sum())
        shown.append(Answer("other classes", share, percent(share, 1), "", False))
    return tuple(shown)


def _notes(each: int, label: int, source: int) -> str:
    return ", ".join(["true class"] * (each == label) + ["the source's answer"] * (each == source))


def _name(label: int, classes: Sequence[str]) -> str:
    return printable(classes[label]) if 0 <= label < len(classes) else str(label)
