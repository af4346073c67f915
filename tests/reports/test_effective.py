"""The interval at the effective number of trials: known cases, and its coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit

from robust_hypergan.reports.statistics.effective import effective_wilson_interval
from robust_hypergan.reports.statistics.intervals import wilson_interval


@pytest.mark.parametrize("right", [0, 3, 20])
def test_one_column_is_wilson_over_the_rows(right: int) -> None:
    rows = [1.0] * right + [0.0] * (20 - right)
    assert effective_wilson_interval(rows, [right / 20]) == pytest.approx(
        tuple(float(end) for end in wilson_interval(right, 20))
    )


def test_networks_that_all_answer_alike_add_nothing() -> None:
    rows = [1.0] * 30 + [0.0] * 10
    alone = effective_wilson_interval(rows, [0.75])
    several = effective_wilson_interval(rows, [0.75] * 50)
    assert several == pytest.approx(alone, abs=0.004)


def test_nothing_is_nan_and_certainty_is_not_certain() -> None:
    assert all(math.isnan(end) for end in effective_wilson_interval([], []))
    low, high = effective_wilson_interval(np.ones(50), np.ones(10))
    assert (0.9 < low < 0.95, high) == (True, 1.0)


def test_two_columns_are_taken_for_two() -> None:
    random = np.random.default_rng(0)
    hits = 0
    for _ in range(400):
        right = 0.97 + 0.006 * random.standard_normal(2)
        matrix = random.random((5000, 2)) < right
        low, high = effective_wilson_interval(matrix.mean(1), matrix.mean(0))
        hits += low <= 0.97 <= high
    assert 0.80 <= hits / 400 <= 0.98  # 0.7 with the normal quantile


@pytest.mark.parametrize(("level", "columns"), [(3.5, 5), (0.0, 30)])
def test_it_covers_the_mean_of_a_crossed_model(level: float, columns: int) -> None:
    random = np.random.default_rng(0)
    effects = 2.0 * random.standard_normal(400_000) + 0.3 * random.standard_normal(400_000)
    truth = expit(level + effects).mean()
    hits = 0
    for _ in range(400):
        chance = expit(
            level + 2.0 * random.standard_normal((100, 1)) + 0.3 * random.standard_normal((1, columns))
        )
        matrix = random.random((100, columns)) < chance
        low, high = effective_wilson_interval(matrix.mean(1), matrix.mean(0))
        hits += low <= truth <= high
    assert 0.92 <= hits / 400 <= 0.98
