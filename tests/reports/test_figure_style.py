"""The look that all figures share, and saving them."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from robust_hypergan.reports.figures.style import (
    COLOURS,
    attack_colours,
    darker,
    render,
    save_figure,
    series_of,
    spread,
    styled,
)


def test_twenty_attacks_have_twenty_colours_in_the_order_of_the_run() -> None:
    names = [f"attack {index}" for index in range(20)]
    colours = attack_colours([name for name in names for _ in range(3)])
    assert list(colours) == names
    assert len(set(colours.values())) == 20
    assert attack_colours([*names, "one more"])["one more"] == COLOURS[0]


def test_an_attack_keeps_its_colour_across_norms() -> None:
    rows = [("fgsm", "linf", 0.2), ("pgd", "linf", 0.1), ("fgsm", "l2", 1.0), ("fgsm", "linf", 0.1)]
    series = series_of(pd.DataFrame(rows, columns=["attack", "norm", "eps"]))
    assert [(one.attack, one.norm, one.rows["eps"].tolist()) for one in series] == [
        ("fgsm", "linf", [0.1, 0.2]),
        ("pgd", "linf", [0.1]),
        ("fgsm", "l2", [1.0]),
    ]
    assert series[0].colour == series[2].colour != series[1].colour


def test_spread_keeps_the_ends_and_even_ranks() -> None:
    assert spread([1, 2, 3], 6) == [1, 2, 3]
    assert spread(list(range(21)), 5) == [0, 5, 10, 15, 20]


@pytest.mark.parametrize("colour", COLOURS)
def test_text_colours_read_on_white(colour: str) -> None:
    """WCAG contrast of at least 3:1, which is asked of large text and of graphics."""
    linear = [
        ((value + 0.055) / 1.055) ** 2.4 if value > 0.04 else value / 12.92
        for value in to_rgb(darker(colour))
    ]
    luminance = sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    assert 1.05 / (luminance + 0.05) >= 3


@styled
def draw() -> Figure:
    figure = Figure()
    axes = figure.subplots()
    axes.plot([0, 1], label="$\\frac")
    axes.set_title("$x$ <b> \u4e2d\u6587 \u0e01")
    axes.fill_between([0, 1], [0, 1], hatch="/")
    axes.legend()
    return figure


def test_the_same_figure_is_the_same_bytes_and_carries_no_date(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    png, svg = save_figure(draw(), tmp_path / "figures", "one")
    assert (png, svg) == save_figure(draw(), tmp_path / "figures", "one")
    assert (tmp_path / "figures" / "one.png").read_bytes() == png
    assert (tmp_path / "figures" / "one.svg").read_bytes() == svg
    assert b"<dc:date>" not in svg
    assert png.startswith(b"\x89PNG")


def test_drawing_ignores_and_keeps_the_users_settings() -> None:
    plain = render(draw(), "svg")
    with matplotlib.rc_context({"lines.linewidth": 17, "svg.hashsalt": "other", "figure.dpi": 31}):
        assert render(draw(), "svg") == plain
        assert matplotlib.rcParams["lines.linewidth"] == 17
