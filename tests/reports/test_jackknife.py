"""Intervals over networks: known variances, and how often they hold."""

import numpy as np
import pytest
from scipy import stats

from robust_hypergan.reports.statistics.jackknife import (
    LOG,
    LOGIT,
    PLAIN,
    UP_TO_ONE,
    jackknife,
    mean_over_pairs,
    relative_sd,
)


def test_of_a_mean_it_is_students_interval():
    values = np.random.default_rng(0).normal(5, 2, 12)
    found = jackknife(lambda kept: values[kept].mean(), 12)
    expected = stats.t.interval(0.95, 11, values.mean(), stats.sem(values))
    np.testing.assert_allclose(found.interval(), expected)


def test_a_mean_over_pairs_leaves_the_diagonal_out():
    matrix = np.array([[9.0, 1, 2], [1, 9, 3], [2, 3, 9]])
    found = mean_over_pairs(matrix)
    assert (found.estimate, found.networks) == (2.0, 3)
    assert found.variance == pytest.approx(2 * np.var([3, 2, 1]))


@pytest.mark.parametrize("networks", [1, 2, 3, 7])
def test_a_mean_over_pairs_is_the_plain_jackknife_of_it(networks):
    matrix = np.random.default_rng(2).random((networks, networks))
    matrix += matrix.T
    same_as_plain(matrix)
    matrix[:] = 0
    matrix[0] = matrix[:, 0] = np.random.default_rng(3).random(networks)  # one alone is apart
    same_as_plain(matrix)


def same_as_plain(matrix):
    networks = len(matrix)

    def mean(kept):
        own = matrix[np.ix_(kept, kept)]
        return own[~np.eye(len(kept), dtype=bool)].mean() if len(kept) > 1 else np.nan

    found, plain = mean_over_pairs(matrix, LOG), jackknife(mean, networks, LOG)
    np.testing.assert_allclose(
        [found.estimate, found.variance, *found.interval()],
        [plain.estimate, plain.variance, *plain.interval()],
    )


def test_the_interval_of_a_mean_over_pairs_holds_as_often_as_it_says():
    random = np.random.default_rng(1)
    held, naive = 0, 0
    for _ in range(400):
        own = random.exponential(size=20)
        matrix = np.add.outer(own, own) / 2  # pairs that share a network go together; the mean is 1
        low, high = mean_over_pairs(matrix, LOG).interval()
        held += low <= 1 <= high
        pairs = matrix[np.triu_indices(20, 1)]
        reach = 1.96 * stats.sem(pairs)
        naive += abs(pairs.mean() - 1) <= reach
    assert 0.90 <= held / 400 <= 0.98
    assert naive / 400 < 0.6  # what taking the pairs as independent would give


def test_the_relative_sd_is_the_mean_over_the_layers_and_its_interval_holds():
    values = np.array([[1.0, 10.0], [2.0, 10.0], [3.0, 10.0]])
    assert relative_sd(values).estimate == pytest.approx(0.25)
    random = np.random.default_rng(2)
    held = 0
    for _ in range(300):
        low, high = relative_sd(random.normal(10, 1, (15, 1))).interval()
        held += low <= 0.1 <= high
    assert 0.90 <= held / 300 <= 0.98


def test_an_interval_of_a_share_stays_inside():
    matrix = np.full((5, 5), 0.001)
    matrix[0, 1] = matrix[1, 0] = 0.05
    low, high = mean_over_pairs(matrix, LOGIT).interval()
    assert 0 < low < 0.0059 < high < 1


def test_a_ratio_has_the_variances_of_both():
    random = np.random.default_rng(3)
    held = 0
    for _ in range(300):
        first, second = (relative_sd(random.normal(10, sd, (25, 1))) for sd in (1.0, 0.5))
        ratio = first.ratio_to(second)
        assert ratio.estimate == pytest.approx(first.estimate / second.estimate)
        low, high = ratio.interval()
        held += low <= 2 <= high
    assert 0.90 <= held / 300 <= 0.985


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_networks_have_no_interval(count):
    assert np.isnan(mean_over_pairs(np.ones((count, count))).interval()).all()
    assert np.isnan(mean_over_pairs(np.ones((1, 1))).estimate)
    assert np.isnan(relative_sd(np.ones((1, 2))).estimate)


def test_what_is_the_same_in_all_networks_has_no_interval():
    for values in (np.ones((6, 2)), np.array([[1.0], [1 + 2e-16], [1.0], [1.0]])):
        found = relative_sd(values)
        assert found.estimate == 0
        assert np.isnan(found.interval()).all()
    assert np.isnan(mean_over_pairs(np.zeros((6, 6)), LOGIT).interval()).all()
    assert mean_over_pairs(np.ones((6, 6)), PLAIN).interval() == (1.0, 1.0)


def test_a_ratio_has_the_freedom_of_the_fewer_networks():
    random = np.random.default_rng(0)
    few, many = (relative_sd(random.normal(10, 1, (count, 1))) for count in (4, 40))
    assert few.ratio_to(many).networks == many.ratio_to(few).networks == 4


def test_an_alignment_is_at_most_1():
    matrix = np.full((5, 5), 0.99)
    matrix[0] = matrix[:, 0] = 0.9
    low, high = mean_over_pairs(matrix, UP_TO_ONE).interval()
    assert low < 0.95
    assert high == 1
