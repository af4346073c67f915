"""Which columns are aligned as numbers."""

from __future__ import annotations

import pytest

from robust_hypergan.reports.page.tables import numeric
from robust_hypergan.reports.section import Table


@pytest.mark.parametrize(
    "cells",
    [
        ("59%", "<1%", ">99.9%"),
        ("1,234", "\u2013", "7"),
        ("56.1\u201362.4%", "3\u2013100%"),
        ("\u22126.2 (\u22129.0 to +1.2)", "+3"),
        ("1e-05", "0.05"),
        ("10% (48/491)",),
    ],
)
def test_numbers_percentages_and_intervals_are_numeric(cells: tuple[str, ...]) -> None:
    assert numeric(Table("", ("a",), tuple((cell,) for cell in cells))) == [True]


@pytest.mark.parametrize("cells", [("fgsm", "2"), ("2 of 3",), ("3x3 kernels",), ("\u2013", ""), ()])
def test_text_and_what_is_only_dashes_is_not(cells: tuple[str, ...]) -> None:
    assert numeric(Table("", ("a",), tuple((cell,) for cell in cells))) == [False]
