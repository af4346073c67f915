"""One-dimensional regression: data, network and losses against plain answers; and the whole study, tiny."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from robust_hypergan.base.errors import InputError
from robust_hypergan.models.hypergan import HyperGAN, HyperGANConfig
from robust_hypergan.models.networks import Networks
from robust_hypergan.models.parameters import bind, networks_of
from robust_hypergan.studies import regression, regression_fits
from robust_hypergan.studies.regression import ANCHORED, RegressionConfig, _predictions, run_regression
from robust_hypergan.studies.regression_fits import (
    FitConfig,
    fit,
    fit_dropout,
    fit_ensemble,
    fit_hypergan,
    generated,
)
from robust_hypergan.studies.regression_networks import (
    NOISE,
    Observations,
    RegressionNetwork,
    evaluate,
    observe,
)

SIZES = HyperGANConfig(latent_dim=24, code_dim=8, hidden=32, noise_share=1.0)
X = torch.linspace(-4, 4, 15)
CUBIC = Observations(X, X**3)


def error(values, data=CUBIC):
    return (values - data.y).square().mean().sqrt().item()


@pytest.fixture
def hypergan():
    return HyperGAN(RegressionNetwork(20), SIZES, seed=1)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("study") / "run"
    config = RegressionConfig(
        steps=24, train_networks=4, networks=(2, 5), seeds=2, hidden=20, members=3, grid=25, hypergan=SIZES
    )
    assert run_regression(config, out) == out / "report.html"
    return out


def test_the_observations_are_noisy_values_of_the_cube_on_the_whole_interval():
    data = observe(4000, 3)
    assert (data.x.min(), data.x.max()) == (-4, 4)
    assert data.x.shape == (4000,)
    residuals = data.y - data.x**3
    assert abs(residuals.mean()) < 0.2
    assert abs(residuals.std() - NOISE) < 0.15
    assert torch.equal(observe(20, 3).y, observe(20, 3).y)
    assert not torch.equal(observe(20, 3).y, observe(20, 4).y)


def test_networks_are_evaluated_as_each_of_them_alone(hypergan):
    params = hypergan.sample(Networks(0, "fresh", range(5)))
    alone = [bind(hypergan.classifier, network)(X[:, None])[:, 0] for network in networks_of(params)]
    torch.testing.assert_close(evaluate(hypergan.classifier, params, X, chunk=2), torch.stack(alone))


def test_kinks_start_all_over_the_data(hypergan):
    weight = hypergan.sample(Networks(0, "fresh", range(200)))["hidden.weight"]  # (M, 20, 2)
    kinks = -4 * weight[..., 1] / weight[..., 0]
    shares = [((kinks > low) & (kinks < low + 4)).float().mean() for low in (-4, 0)]
    assert min(shares) > 0.15  # a quarter each for weight and bias of the same spread


def test_an_anchor_is_the_network_before_training(hypergan):
    draw = generated(hypergan, anchored=True)
    assert torch.equal(draw(3, torch.Generator()).anchoring, torch.zeros(3))
    with torch.no_grad():
        hypergan.generator.layers[1].network[4].bias[0] += 2  # one weight of every network, by 2 sd
    torch.testing.assert_close(draw(7, torch.Generator()).anchoring, torch.full((7,), 4.0))


def test_a_plain_hypergan_has_no_anchor(hypergan):
    draw = generated(hypergan, anchored=False)
    assert draw(3, torch.Generator()).anchoring is None


@pytest.mark.parametrize("anchored", [False, True])
def test_a_hypergan_learns_the_function(anchored):
    config = FitConfig(300, 16, 1e-2)
    fitted = fit_hypergan(RegressionNetwork(40), SIZES, CUBIC, config, anchored=anchored)
    values = evaluate(fitted.classifier, fitted.sample(Networks(0, "fresh", range(60))), X)
    assert error(values.mean(0)) < 6  # of a function with sd 25


def test_anchors_keep_networks_nearer_to_where_they_started():
    distances = []
    for anchored in (False, True):
        start = HyperGAN(RegressionNetwork(40), SIZES)
        distance = generated(start, anchored=True)
        draw = generated(start, anchored=anchored)
        fit(start.classifier, draw, start.generator.parameters(), CUBIC, FitConfig(200, 16, 1e-2))
        distances.append(distance(100, torch.Generator().manual_seed(1)).anchoring.mean().item())
    plain, held = distances
    assert held < 0.8 * plain


def test_members_of_an_ensemble_are_fitted_each_on_its_own():
    members = fit_ensemble(40, CUBIC, FitConfig(400, 3, 2e-2))
    values = evaluate(RegressionNetwork(40), members, X)
    assert max(error(own) for own in values) < 4
    assert (values.std(0) > 0).all()


def test_dropout_networks_are_judged_under_masks_of_their_own():
    masked = fit_dropout(40, 0.1, CUBIC, FitConfig(300, 8, 2e-2))
    params = masked.sample(Networks(0, "fresh", range(50)))
    values = evaluate(masked.classifier, params, X)
    assert error(values.mean(0)) < 10  # of a function with sd 25
    assert (values.std(0) > 0).all()
    assert 0.05 < (params["dropout.mask"] == 0).float().mean() < 0.15


def test_a_study_leaves_its_tables_for_every_kind_seed_and_number_of_networks(finished):
    table = pd.read_csv(finished / "regression.csv")
    kinds = {"hypergan", ANCHORED, "deep-ensemble", "mc-dropout"}
    assert set(table["kind"]) == kinds
    sizes = table.groupby("kind")["networks"].unique().map(sorted).to_dict()
    assert sizes == {kind: [3] if kind == "deep-ensemble" else [2, 5] for kind in kinds}
    assert set(table.groupby(["kind", "seed", "networks"]).size()) == {25}
    assert len(pd.read_csv(finished / "regression_data.csv")) == 40
    assert len(pd.read_csv(finished / "regression_summary.csv")) == 2 * 7
    course = pd.read_csv(finished / "regression_training.csv")
    assert course.groupby("kind")["step"].max().eq(24).all()
    assert json.loads((finished / "run.json").read_text())["seeds"] == [0, 1]
    assert {each.name for each in (finished / "figures").glob("*.png")} == {
        f"{name}.png" for name in ("predictions", "beside", "beside-inside", "width", "course")
    }


def test_the_same_study_again_gives_the_same_tables(finished, tmp_path):
    config = RegressionConfig(
        steps=24, train_networks=4, networks=(2, 5), seeds=1, hidden=20, members=3, grid=25, hypergan=SIZES
    )
    run_regression(config, tmp_path / "again")
    first, again = (pd.read_csv(folder / "regression.csv") for folder in (finished, tmp_path / "again"))
    own = first[first["seed"] == 0].reset_index(drop=True)
    pd.testing.assert_frame_equal(own, again, check_exact=True)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"networks": ()}, "at least one number of networks"),
        ({"networks": (1,)}, "networks 1 is out of range"),
        ({"seeds": 0}, "seeds 0 is out of range"),
        ({"points": 1}, "points 1 is out of range"),
        ({"limit": 4.0}, "limit 4.0 is out of range"),
        ({"dropout": 1.0}, "dropout 1.0 is out of range"),
    ],
)
def test_what_cannot_be_measured_is_refused(wrong, said):
    with pytest.raises(InputError, match=said):
        RegressionConfig(**wrong)


def test_a_deep_ensemble_is_given_as_many_passes_as_a_hypergan(tmp_path, monkeypatch):
    given = []

    def fit(hidden, data, config):
        given.append(config)
        return regression_fits.fit_ensemble(hidden, data, replace(config, steps=1))

    monkeypatch.setattr(regression, "fit_ensemble", fit)
    config = RegressionConfig(
        steps=6, train_networks=4, networks=(2,), seeds=1, hidden=20, members=3, grid=13, hypergan=SIZES
    )
    run_regression(config, tmp_path / "out")
    assert [(each.networks, each.steps) for each in given] == [(3, 6 * 4 // 3)]


def test_dropout_leaves_the_mean_as_it_is(monkeypatch):
    seen = []
    monkeypatch.setattr(regression_fits, "fit", lambda network, draw, *_: seen.append(draw))
    masked = regression_fits.fit_dropout(20, 0.25, CUBIC, FitConfig(1, 1, 0.01))
    params = seen[0](2000, torch.Generator().manual_seed(0)).params
    (name,) = masked.masks
    assert params[name].mean().item() == pytest.approx(1, abs=0.02)


def test_the_band_is_of_the_first_networks_of_each_size_as_a_sample():
    values = torch.tensor([[1.0, 0.0], [3.0, 4.0], [8.0, 2.0]])
    two, three = _predictions("mine", 0, values, torch.tensor([0.0, 1.0]), (3, 2))
    assert (two["networks"].tolist(), three["networks"].tolist()) == ([2, 2], [3, 3])
    np.testing.assert_allclose(two["mean"], [2, 2])
    np.testing.assert_allclose(two["sd"], [2**0.5, 8**0.5], rtol=1e-6)
    np.testing.assert_allclose(three["sd"], np.std([[1, 0], [3, 4], [8, 2]], axis=0, ddof=1), rtol=1e-6)
