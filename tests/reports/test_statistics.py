"""Intervals against closed forms, and the crossed interval's coverage against a simulation."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit

from robust_hypergan.reports.statistics.differences import (
    independent_difference_interval,
    paired_difference_interval,
    sign_test,
)
from robust_hypergan.reports.statistics.intervals import (
    crossed_mean_interval,
    is_concentrated,
    unlimited_columns_interval,
    wilson_interval,
)


def wilson_formula(k: float, n: float) -> tuple[float, float]:
    z, p = stats.norm.ppf(0.975), k / n
    centre, reach = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return (centre - reach) / (1 + z**2 / n), (centre + reach) / (1 + z**2 / n)


def test_wilson_interval_equals_the_published_formula() -> None:
    successes, trials = np.array([[0, 3], [7, 500], [10, 10]]), np.array([[10, 10], [10, 500], [12, 10]])
    low, high = wilson_interval(successes, trials)
    expected = np.array(
        [
            [wilson_formula(k, n) for k, n in zip(*pair, strict=True)]
            for pair in zip(successes, trials, strict=True)
        ]
    )
    np.testing.assert_allclose(low, expected[..., 0], atol=1e-12)
    np.testing.assert_allclose(high, expected[..., 1], atol=1e-12)


def test_wilson_interval_is_nan_without_trials_and_broadcasts() -> None:
    low, high = wilson_interval([0, 1], [0, 4])
    assert np.isnan(low[0])
    assert np.isnan(high[0])
    assert low[1] > 0
    assert wilson_interval([1, 2, 3], 10)[0].shape == (3,)


def test_wilson_interval_of_nothing_is_empty() -> None:
    low, high = wilson_interval(np.array([], dtype=int), np.array([], dtype=int))
    assert low.shape == high.shape == (0,)


@pytest.mark.parametrize(("successes", "trials"), [(3, 2), (-1, 4), (0.5, 4)])
def test_wilson_interval_refuses_impossible_counts(successes: float, trials: int) -> None:
    with pytest.raises(ValueError, match=r".+"):
        wilson_interval(successes, trials)


def draw_matrix(rng: np.random.Generator, rows: int, columns: int) -> NDArray[np.bool_]:
    """Logit-normal examples (sd 2) and networks (sd 0.7)."""
    logits = 0.5 + 2.0 * rng.standard_normal((rows, 1)) + 0.7 * rng.standard_normal((1, columns))
    return rng.random((rows, columns)) < expit(logits)


def true_mean() -> float:
    """The population mean of `draw_matrix`, by Gauss-Hermite quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    return float((weights * expit(0.5 + np.hypot(2.0, 0.7) * nodes)).sum() / weights.sum())


@pytest.mark.parametrize(("rows", "columns"), [(40, 40), (100, 25), (12, 120)])
def test_crossed_interval_covers_the_population_mean_as_often_as_it_says(rows: int, columns: int) -> None:
    rng, target, repetitions = np.random.default_rng(0), true_mean(), 1500
    hits = 0
    for _ in range(repetitions):
        matrix = draw_matrix(rng, rows, columns)
        low, high = crossed_mean_interval(matrix.mean(1), matrix.mean(0))
        hits += low <= target <= high
    assert 0.93 <= hits / repetitions <= 0.97


def test_intervals_over_one_axis_alone_cover_too_rarely() -> None:
    """What the crossed interval is for: 60 examples on 15 networks, each axis naively taken alone."""
    rng, target, repetitions = np.random.default_rng(0), true_mean(), 600
    hits = dict.fromkeys(("crossed", "rows", "columns", "entries"), 0)
    for _ in range(repetitions):
        matrix = draw_matrix(rng, 60, 15)
        low, high = crossed_mean_interval(matrix.mean(1), matrix.mean(0))
        hits["crossed"] += low <= target <= high
        for name, values in (
            ("rows", matrix.mean(1)),
            ("columns", matrix.mean(0)),
            ("entries", matrix.ravel()),
        ):
            _, low, high = paired_difference_interval(values)
            hits[name] += low <= target <= high
    coverage = {name: count / repetitions for name, count in hits.items()}
    assert coverage["crossed"] > 0.93
    assert coverage["rows"] < 0.91
    assert coverage["columns"] < 0.85
    assert coverage["entries"] < 0.5


@functools.cache
def centre_of(mean: float, deviation: float) -> float:
    """Where a logit-normal probability of this deviation has this mean."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    centres = np.linspace(-12, 12, 2401)
    means = expit(centres[:, None] + deviation * nodes) @ weights / weights.sum()
    return float(centres[np.abs(means - mean).argmin()])


def draw_shifted(
    rng: np.random.Generator, shape: tuple[int, int], effects: tuple[float, float, float], mean: float
) -> NDArray[np.bool_]:
    """Outcomes of a population mean, with effects of rows, columns and their interaction."""
    logits = centre_of(mean, float(np.hypot.reduce(effects))) + effects[2] * rng.standard_normal(shape)
    logits += effects[0] * rng.standard_normal((shape[0], 1)) + effects[1] * rng.standard_normal(shape[1])
    return rng.random(shape) < expit(logits)


def test_ten_networks_near_the_edge_need_no_interval_of_ten_trials() -> None:
    """300 examples of mean 0.1: hundreds of exceptions, spread over all ten networks."""
    rng, repetitions, hits, widths = np.random.default_rng(0), 400, 0, []
    for _ in range(repetitions):
        matrix = draw_shifted(rng, (300, 10), (2.0, 0.3, 0.5), 0.1)
        low, high = crossed_mean_interval(matrix.mean(1), matrix.mean(0))
        hits += low <= 0.1 <= high
        widths.append(high - low)
    assert 0.93 <= hits / repetitions <= 0.975
    low, high = wilson_formula(1, 10)
    assert np.mean(widths) < 0.3 * (high - low)


def test_a_two_way_bootstrap_of_few_examples_falls_short_where_the_crossed_interval_does_not() -> None:
    rng, repetitions, hits = np.random.default_rng(0), 500, {"crossed": 0, "bootstrap": 0}
    for _ in range(repetitions):
        matrix = draw_shifted(rng, (12, 40), (2.0, 0.3, 0.5), 0.5)
        low, high = crossed_mean_interval(matrix.mean(1), matrix.mean(0))
        hits["crossed"] += low <= 0.5 <= high
        rows, columns = (rng.multinomial(n, np.full(n, 1 / n), 200) for n in matrix.shape)
        low, high = np.quantile(((rows @ matrix) * columns).sum(1) / matrix.size, [0.025, 0.975])
        hits["bootstrap"] += low <= 0.5 <= high
    assert 0.93 <= hits["crossed"] / repetitions <= 0.97
    assert hits["bootstrap"] / repetitions < 0.93


def test_drawing_columns_until_the_interval_is_narrow_biases_the_mean_little_and_keeps_the_coverage() -> None:
    rng, repetitions, hits, means, stops = np.random.default_rng(0), 400, 0, [], []
    for _ in range(repetitions):
        matrix, stop, before = draw_shifted(rng, (150, 160), (0.5, 1.0, 0.5), 0.5), 10, False
        while True:
            margins = matrix[:, :stop].mean(1), matrix[:, :stop].mean(0)
            low, high = crossed_mean_interval(*margins)
            narrow = high - low < 0.15
            if stop == 160 or (narrow and before):
                break
            stop, before = 2 * stop, narrow
        hits += low <= 0.5 <= high
        means.append(margins[0].mean())
        stops.append(stop)
    assert len(set(stops)) > 1  # it did stop at different times
    assert abs(np.mean(means) - 0.5) < 0.005
    assert 0.92 <= hits / repetitions <= 0.97


def test_crossed_variance_equals_the_two_way_analysis_of_variance() -> None:
    """The marginals alone give the same interval as sums of squares over the whole matrix."""
    matrix = draw_matrix(np.random.default_rng(3), 30, 20).astype(float)
    rows, columns, mean = matrix.mean(1, keepdims=True), matrix.mean(0, keepdims=True), matrix.mean()
    residual = ((matrix - rows - columns + mean) ** 2).sum() / (29 * 19)
    parts = (
        np.array([20 * ((rows - mean) ** 2).sum() / 29, 30 * ((columns - mean) ** 2).sum() / 19, residual])
        / 600
    )
    variance = parts[0] + parts[1] - parts[2]
    freedom = max(variance**2 / (parts**2 / np.array([29, 19, 29 * 19])).sum(), 19)
    reach = stats.t.ppf(0.975, freedom) * np.sqrt(variance) / (mean * (1 - mean))
    centre = np.log(mean / (1 - mean))
    expected = expit(centre - reach), expit(centre + reach)
    assert crossed_mean_interval(rows.ravel(), columns.ravel()) == pytest.approx(expected, rel=1e-9)


def test_crossed_interval_stays_positive_when_the_estimate_would_not() -> None:
    """A chessboard: every row and column mean is exactly a half, so both ANOVA components are negative."""
    chessboard = np.indices((10, 10)).sum(0) % 2
    low, high = crossed_mean_interval(chessboard.mean(1), chessboard.mean(0))
    assert 0.35 < low < 0.5 < high < 0.65


@pytest.mark.parametrize("mean", [0.0, 1.0])
def test_crossed_interval_at_the_edge_is_the_wilson_interval_of_the_smaller_sample(mean: float) -> None:
    low, high = crossed_mean_interval(np.full(200, mean), np.full(30, mean))
    assert (low, high) == pytest.approx(wilson_formula(30 * mean, 30), abs=1e-12)


def test_crossed_interval_next_to_the_edge_is_no_narrower_than_at_it() -> None:
    """One network in 10,000 entries escapes: that must not look like certainty."""
    matrix = np.ones((100, 100))
    matrix[0, 0] = 0
    low, high = crossed_mean_interval(matrix.mean(1), matrix.mean(0))
    assert low <= wilson_formula(100, 100)[0]
    assert high > 0.9999


def test_one_example_says_nothing_about_the_population_of_examples() -> None:
    low, high = crossed_mean_interval([0.5], np.array([0.0, 1.0] * 50))
    assert (low, high) == pytest.approx(wilson_formula(0.5, 1))
    assert high - low > 0.89


def test_crossed_interval_of_nothing_is_nan() -> None:
    assert all(np.isnan(end) for end in crossed_mean_interval([], [0.5]))
    assert all(np.isnan(end) for end in crossed_mean_interval([0.5], []))


def test_means_of_different_matrices_are_refused() -> None:
    with pytest.raises(ValueError, match="not one matrix"):
        crossed_mean_interval([0.5, 0.6], [0.1, 0.2])


def test_paired_interval_is_the_t_interval() -> None:
    values = np.random.default_rng(0).normal(0.1, 0.3, 25)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert paired_difference_interval(values) == pytest.approx((values.mean(), expected.low, expected.high))
    assert np.isnan(paired_difference_interval([0.2])[1])
    assert np.isnan(paired_difference_interval([])[0])


def test_less_than_one_exception_that_few_rows_carry_is_concentrated() -> None:
    few = np.zeros(100)
    few[:8] = 0.1
    assert is_concentrated(few)
    assert is_concentrated(1 - few)
    assert not is_concentrated(np.full(100, 0.008))


def test_what_answers_vary_by_is_not_in_the_limit() -> None:
    """Rows that differ by chance alone: with any number of columns next to nothing would be left."""
    matrix = np.random.default_rng(0).random((60, 10)) < 0.5
    margins = matrix.mean(1), matrix.mean(0)
    (low, high), (first, last) = unlimited_columns_interval(*margins), crossed_mean_interval(*margins)
    assert high - low < 0.6 * (last - first)


def test_the_sign_test_looks_in_one_direction_alone() -> None:
    assert sign_test(8, 0) == pytest.approx(0.5**8)
    assert sign_test(0, 8) == sign_test(0, 0) == 1


def test_one_sample_without_spread_leaves_that_of_the_other() -> None:
    difference, low, high = independent_difference_interval([0.5, 0.5, 0.5], [0.1, 0.3])
    assert low < difference < high
    ends = stats.ttest_ind([0.5, 0.6, 0.9], [0.1, 0.3], equal_var=False).confidence_interval(0.95)
    assert independent_difference_interval([0.5, 0.6, 0.9], [0.1, 0.3])[1:] == pytest.approx(
        (ends.low, ends.high)
    )


def test_the_degrees_of_freedom_of_pairs_and_networks_are_satterthwaites() -> None:
    random = np.random.default_rng(0)
    samples = [random.normal(0.1, 0.3, 30), random.normal(0.5, 0.1, 12), random.normal(0.4, 0.2, 8)]
    parts = np.array([each.var(ddof=1) / each.size for each in samples])
    freedom = parts.sum() ** 2 / (parts**2 / [29, 11, 7]).sum()
    mean, low, high = paired_difference_interval(*samples)
    reach = stats.t.ppf(0.975, freedom) * np.sqrt(parts.sum())
    assert (mean - low, high - mean) == pytest.approx((reach, reach))
