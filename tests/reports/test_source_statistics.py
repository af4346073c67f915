"""The interval over several sources: its special case, its parts, and its coverage in a simulation."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from robust_hypergan.reports.statistics.intervals import crossed_mean_interval
from robust_hypergan.reports.statistics.sources import SourceMatrix, SourcesMean, sources_mean_interval


def margins(fooled: NDArray[np.bool_], counted: NDArray[np.bool_]) -> SourcesMean:
    """The interval from (S, R, C) outcomes and which examples count for each source, (S, R)."""
    weights = counted / (counted.sum(1, keepdims=True) * len(fooled))
    squares = float(np.square((fooled * weights[..., None]).sum(0)).sum())
    matrices = [
        SourceMatrix(np.flatnonzero(mask), own[mask].mean(1), own[mask].mean(0))
        for own, mask in zip(fooled, counted, strict=True)
    ]
    return sources_mean_interval(matrices, squares)


def test_one_source_has_the_crossed_interval() -> None:
    rng = np.random.default_rng(0)
    fooled = rng.random((1, 30, 20)) < rng.random((1, 30, 1))
    counted = rng.random((1, 30)) < 0.7
    result = margins(fooled, counted)
    own = fooled[0][counted[0]]
    assert (result.low, result.high) == pytest.approx(crossed_mean_interval(own.mean(1), own.mean(0)))
    assert result.mean == pytest.approx(own.mean())
    assert np.isnan(result.between_variance)


def test_sources_that_are_all_alike_have_the_interval_of_one() -> None:
    """Nothing lies between them, and every example and network stands in all of them."""
    rng = np.random.default_rng(1)
    one = rng.random((1, 40, 25)) < rng.random((1, 40, 1))
    result = margins(np.repeat(one, 4, 0), np.ones((4, 40), dtype=bool))
    assert result.between_variance == 0
    expected = crossed_mean_interval(one[0].mean(1), one[0].mean(0))
    assert (result.low, result.high) == pytest.approx(expected)


def test_the_variance_between_sources_is_what_was_put_in() -> None:
    """Sources of mean 0.3 and 0.7 in turn, independent entries: variance 0.04 S / (S - 1)."""
    rng = np.random.default_rng(2)
    means = np.array([0.3, 0.7] * 5)
    result = margins(rng.random((10, 60, 60)) < means[:, None, None], np.ones((10, 60), dtype=bool))
    assert result.between_variance == pytest.approx(0.04 * 10 / 9, rel=0.1)


@pytest.mark.parametrize("networks", [2, 3])
def test_two_sources_far_apart_say_little_however_few_the_networks_are(networks: int) -> None:
    """Too few networks for a variance of theirs once gave the narrower interval."""
    rng = np.random.default_rng(0)
    fooled = rng.random((2, 100, networks)) < np.array([0.06, 0.65])[:, None, None]
    result = margins(fooled, np.ones((2, 100), dtype=bool))
    assert result.low < 0.001
    assert result.high > 0.999


def test_where_nothing_escapes_the_interval_is_that_of_the_fewest_trials() -> None:
    result = margins(np.ones((3, 20, 50), dtype=bool), np.ones((3, 20), dtype=bool))
    assert result.mean == result.high == 1
    assert 0.8 < result.low < 0.9


def test_sources_whose_examples_have_no_variance_of_their_own_differ_only_between_each_other() -> None:
    """The examples of one source fool every network, those of the other none."""
    everything, nothing = (SourceMatrix(np.array([i]), np.full(1, i), np.full(500, i)) for i in (1.0, 0.0))
    result = sources_mean_interval([everything, nothing], 125.0)
    assert result.mean == 0.5
    assert (result.low, result.high) == pytest.approx((0, 1), abs=0.01)
    assert result.between_variance == 0.5


@pytest.mark.parametrize(("sources", "between"), [(3, 0.5), (6, 0.0), (6, 0.7)])
def test_it_covers_the_mean_over_all_sources_as_often_as_it_says(sources: int, between: float) -> None:
    """Logit-normal sources, examples, networks, and examples that suit one source; 80 % of them count."""
    rng, repetitions, rows, columns = np.random.default_rng(0), 400, 40, 30
    spread = np.sqrt(between**2 + 1.5**2 + 0.5**2 + 1)
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    target = float((weights * expit(0.5 + spread * nodes)).sum() / weights.sum())
    hits = {"all": 0, "one": 0}
    for _ in range(repetitions):
        logits = 0.5 + between * rng.standard_normal((sources, 1, 1)) + 1.5 * rng.standard_normal((rows, 1))
        logits = logits + 0.5 * rng.standard_normal(columns) + rng.standard_normal((sources, rows, 1))
        fooled, counted = (
            rng.random((sources, rows, columns)) < expit(logits),
            rng.random((sources, rows)) < 0.8,
        )
        result, first = margins(fooled, counted), fooled[0][counted[0]]
        hits["all"] += result.low <= target <= result.high
        low, high = crossed_mean_interval(first.mean(1), first.mean(0))
        hits["one"] += low <= target <= high
    assert 0.93 <= hits["all"] / repetitions <= (0.99 if sources < 5 else 0.98)  # 400 runs: +-0.01
    if between > 0.6:
        assert hits["one"] / repetitions < 0.8  # one source's interval says nothing of the others


def test_sources_that_differ_by_chance_alone_have_next_to_no_variance_between_them() -> None:
    fooled = np.random.default_rng(1).random((8, 12, 12)) < 0.5
    result = margins(fooled, np.ones((8, 12), dtype=bool))
    assert result.between_variance < 0.5 * fooled.mean((1, 2)).var(ddof=1)
