"""What all figures share: one look, one colour per attack, the paper's band, and saving."""

from __future__ import annotations

import io
import itertools
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import matplotlib
import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from robust_hypergan.reports.tables.files import write_bytes
from robust_hypergan.reports.wording import interval, norm_text, shorten

BAND = (0.5, 0.7)
"""The mean fooled fractions of the paper's Figure 4."""

COLOURS = (  # Okabe & Ito 2008 without its yellow, which is too pale on white; then Paul Tol's "muted"
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
    "#882255",
    "#999933",
    "#777777",
)
KIND_COLOURS = {
    "hypergan": "#0072B2",
    "hypergan-anchored": "#882255",
    "deep-ensemble": "#D55E00",
    "mc-dropout": "#009E73",
    "swag": "#CC79A7",
    "ordinary": "#000000",
}
"""The kinds of networks, one colour each throughout."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
INK, FAINT, BAND_COLOUR = "#24292f", "#6e7781", "#e9ebee"

STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "text.color": INK,
    "text.parse_math": False,  # an attack may be called "$\\frac"
    "svg.hashsalt": "robust-hypergan",  # the same figure is the same bytes
    "svg.fonttype": "path",
}

Parameters = ParamSpec("Parameters")


@dataclass(frozen=True)
class Series:
    """One line of a plot: an attack at one norm, and its summary rows in the order of eps."""

    attack: str
    norm: str
    rows: pd.DataFrame
    colour: str
    marker: str

    @property
    def name(self) -> str:
        """The attack and norm, short enough for a panel's title."""
        return f"{shorten(self.attack)}, {norm_text(self.norm)}"


def styled(draw: Callable[Parameters, Figure]) -> Callable[Parameters, Figure]:
    """Draw in the toolkit's style whatever the user's matplotlibrc says, and leave no trace of it."""

    @wraps(draw)
    def wrapper(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Figure:
        with matplotlib.style.context(["default", STYLE]):
            return draw(*args, **kwargs)

    return wrapper


def attack_colours(attacks: Iterable[str]) -> dict[str, str]:
    """A colour for each attack, by the order of first appearance; repeats after twenty."""
    names = list(dict.fromkeys(attacks))
    further = [to_hex(colour) for colour in matplotlib.colormaps["tab20b"].resampled(10)(range(10))]
    return dict(zip(names, itertools.cycle([*COLOURS, *further]), strict=False))


def kind_colours(names: Iterable[str]) -> dict[str, str]:
    """A colour for each kind of networks, the same in every figure; other names get what is left."""
    names = list(dict.fromkeys(names))
    left = [colour for colour in COLOURS if colour not in {KIND_COLOURS.get(name) for name in names}]
    others = [name for name in names if name not in KIND_COLOURS]
    return {
        name: KIND_COLOURS[name] if name in KIND_COLOURS else left[others.index(name) % len(left)]
        for name in names
    }


def marker(index: int) -> str:
    """The mark of the line in this place, round and round."""
    return MARKERS[index % len(MARKERS)]


def kind_legend(figure: Figure, colours: Mapping[str, str], *, marks: bool = True) -> None:
    """Names, colours and marks of the kinds of networks, or of the runs, below the panels."""
    handles = [
        Line2D([], [], color=colour, marker=marker(index) if marks else "", ms=4.5, label=shorten(name))
        for index, (name, colour) in enumerate(colours.items())
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=max(3, min(5, len(handles))))


def series_of(summary: pd.DataFrame) -> list[Series]:
    """The (attack, norm) pairs of a summary in the order of the run, rows sorted by eps."""
    colours = attack_colours(summary["attack"])
    markers = dict(zip(colours, MARKERS * (1 + len(colours) // len(MARKERS)), strict=False))
    return [
        Series(str(attack), str(norm), rows.sort_values("eps"), colours[str(attack)], markers[str(attack)])
        for (attack, norm), rows in summary.groupby(["attack", "norm"], sort=False)
    ]


def spread(values: Sequence[float], at_most: int) -> list[float]:
    """At most ``at_most`` of the values, evenly spaced by rank, with the first and the last."""
    if len(values) <= at_most:
        return list(values)
    return [values[index] for index in np.linspace(0, len(values) - 1, at_most).round().astype(int)]


def mark_band(axes: Axes, *, vertical: bool) -> None:
    """Shade the paper's band across x (``vertical``) or y; `band_handle` names it in the legend."""
    span = axes.axvspan if vertical else axes.axhspan
    span(*BAND, color=BAND_COLOUR, zorder=0, linewidth=0)


def band_handle() -> Patch:
    """The legend's entry for the paper's band."""
    return Patch(color=BAND_COLOUR, label=f"mean in the paper's Figure 4: {interval(*BAND)}")


def darker(colour: str) -> tuple[float, float, float]:
    """The colour for text: mixed with black until it reads well on white."""
    red, green, blue = to_rgb(colour)
    return 0.68 * red, 0.68 * green, 0.68 * blue


def render(figure: Figure, form: str) -> bytes:
    """The figure as ``"png"`` (150 dpi) or ``"svg"``: the same bytes for the same figure."""
    buffer = io.BytesIO()
    metadata = {"Date": None} if form == "svg" else {}
    with matplotlib.style.context(["default", STYLE]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # a name in a far script: boxes
        figure.savefig(buffer, format=form, dpi=150, metadata=metadata, facecolor="white")
    return buffer.getvalue()


def save_figure(figure: Figure, folder: Path, name: str) -> tuple[bytes, bytes]:
    """Write ``name.png`` and ``name.svg`` into the folder; returns the contents of both."""
    png, svg = render(figure, "png"), render(figure, "svg")
    write_bytes(folder / f"{name}.png", png)
    write_bytes(folder / f"{name}.svg", svg)
    return png, svg
