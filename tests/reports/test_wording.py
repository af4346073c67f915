"""Numbers and names in words."""

from __future__ import annotations

import math

import pytest

from robust_hypergan.reports import wording


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(0.593, "59%"), (1.0, "100%"), (0.9999, ">99%"), (0.0, "0%"), (0.0001, "<1%"), (math.nan, "\u2013")],
)
def test_percent_never_rounds_to_all_or_nothing(fraction: float, text: str) -> None:
    assert wording.percent(fraction) == text


def test_percent_with_digits() -> None:
    assert wording.percent(0.99999, 1) == ">99.9%"
    assert wording.interval(0.5612, 0.6239, 1) == "56.1\u201362.4%"
    assert wording.interval(math.nan, 0.5) == "\u2013"


def test_points_are_signed() -> None:
    assert (wording.points(0.0621), wording.points(-0.031)) == ("+6.2", "\u22123.1")


def test_durations_are_readable() -> None:
    texts = [wording.duration(seconds) for seconds in (3.21, 42, 74.2, 119.7, 7380, math.nan)]
    assert texts == ["3.2 s", "42 s", "1 min 14 s", "2 min 0 s", "2 h 3 min", "\u2013"]


def test_hostile_names_become_one_printable_line() -> None:
    assert wording.printable("a\nb\x00c\u202ed") == "a\ufffdb\ufffdc\ufffdd"
    assert wording.shorten("x" * 40, 10) == "x" * 9 + "\u2026"


def test_counts_and_names() -> None:
    assert wording.count(31594) == "31,594"
    assert wording.count(None) == wording.count(math.nan) == "\u2013"
    assert (wording.plural(1, "cell"), wording.plural(2, "cell")) == ("1 cell", "2 cells")
    assert wording.cell_text("fgsm", "linf", 8 / 255) == "fgsm, L\u221e eps 0.03137"
    assert wording.number(0.123456) == "0.123"
