"""The shapes of single weights' distributions: known ones, told apart."""

import numpy as np
import pytest

from robust_hypergan.reports.statistics.weight_shapes import humps, share_not_normal, weight_shapes

RANDOM = np.random.default_rng(0)
NORMAL = RANDOM.normal(3, 0.1, (1000, 40))


def test_normal_weights_are_not_called_anything_else():
    table = weight_shapes(NORMAL)
    assert share_not_normal(table["p_value"].to_numpy()) == 0
    assert set(table["humps"]) == {1}
    assert table["excess_kurtosis"].abs().max() < 0.8
    np.testing.assert_allclose(table["mean"], 3, atol=0.02)
    np.testing.assert_allclose(table["sd"], 0.1, rtol=0.1)


def test_two_humps_heavy_tails_and_a_skew_are_found():
    sides = RANDOM.choice([-1.0, 1.0], 1000)
    values = np.stack(
        [sides + RANDOM.normal(0, 0.3, 1000), RANDOM.standard_t(3, 1000), RANDOM.exponential(size=1000)], 1
    )
    table = weight_shapes(values)
    assert table["humps"].tolist()[0] == 2
    assert table["excess_kurtosis"][0] < -1
    assert table["excess_kurtosis"][1] > 2
    assert table["skew"][2] == pytest.approx(2, abs=0.5)
    assert share_not_normal(table["p_value"].to_numpy()) == 1


def test_false_discoveries_are_kept_few():
    mixed = np.concatenate([NORMAL, RANDOM.exponential(size=(1000, 40))], 1)
    assert share_not_normal(weight_shapes(mixed)["p_value"].to_numpy()) == pytest.approx(0.5, abs=0.06)


def test_too_few_networks_or_a_constant_weight_have_no_shape():
    for values in (NORMAL[:49], np.full((60, 2), np.float32(0.1)), NORMAL[:1]):
        table = weight_shapes(values)
        assert table[["skew", "excess_kurtosis", "p_value", "humps"]].isna().all(axis=None)
        assert np.isnan(share_not_normal(table["p_value"].to_numpy()))


def test_a_small_bump_in_the_tail_is_no_hump():
    assert humps(np.concatenate([RANDOM.normal(0, 1, 1000), RANDOM.normal(6, 0.3, 4)])) == 1
