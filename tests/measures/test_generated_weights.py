"""Weights of many networks, counted again from all of them at once."""

import numpy as np
import pytest
import torch
from torch import nn

from robust_hypergan.measures.generated_weights import filters, layer_spread, layers_of, single_weights
from robust_hypergan.models.deep_ensemble import DeepEnsemble
from robust_hypergan.models.gaussian import GaussianPosterior
from robust_hypergan.models.mc_dropout import DropoutNetworks
from robust_hypergan.models.networks import Networks
from robust_hypergan.reports.statistics.weight_shapes import share_not_normal

FRESH = Networks(0, "fresh", range(20))  # more than a block


def test_norms_and_spread_are_those_of_all_networks_at_once(untrained):
    norms, elements = layer_spread(untrained, FRESH)
    params = untrained.sample(FRESH)
    assert norms["layer"].tolist() == ["conv"] * 20 + ["linear"] * 20
    for row in elements.to_dict("records"):
        names = [name for name in params if name.startswith(row["layer"])]
        values = torch.cat([params[name].flatten(1) for name in names], 1).double().numpy()
        own = norms[norms["layer"] == row["layer"]]
        assert own["network"].tolist() == list(range(20))
        np.testing.assert_allclose(own["l2_norm"], np.sqrt((values**2).sum(1)))
        assert row["weights"] == values.shape[1]
        assert row["element_sd"] == pytest.approx(values.std(0, ddof=1).mean(), rel=1e-9)
        assert row["element_rms"] == pytest.approx(np.sqrt((values**2).mean()))


def test_one_network_has_norms_and_no_spread(untrained):
    norms, elements = layer_spread(untrained, Networks(0, "fresh", [0]))
    assert len(norms) == 2
    assert elements["element_sd"].isna().all()


def test_networks_of_one_training_under_masks_have_the_same_weights():
    classifier = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 3))
    distribution = DropoutNetworks(classifier, (1, 8, 8))
    assert layers_of(distribution.classifier) == {"2": ["2.weight", "2.bias"]}
    _, elements = layer_spread(distribution, FRESH)
    assert elements["element_sd"].tolist() == [0]
    table, histograms = single_weights(distribution, Networks(0, "fresh", range(60)), 5, 0)
    assert table["p_value"].isna().all()
    assert histograms.empty


def test_filters_are_the_same_ones_in_every_network(untrained):
    table = filters(untrained, FRESH, seed=0)
    weights = untrained.sample(FRESH)["conv.weight"]
    assert table[["layer", "filter", "channel"]].drop_duplicates().shape == (2, 3)
    assert len(table) == 2 * 20 * 9
    for row in table.iloc[[0, 77, 359]].to_dict("records"):
        expected = weights[row["network"], row["filter"], row["channel"], row["row"], row["column"]]
        assert row["value"] == expected.item()
    assert filters(untrained, FRESH, seed=0).equals(table)


def test_the_first_two_layers_of_filters_are_shown_and_none_of_a_perceptron():
    def ensemble(*layers):
        classifier = nn.Sequential(*layers)
        return DeepEnsemble(classifier, [classifier.state_dict()] * 4, attacked=2)

    convolutions = ensemble(nn.Conv2d(1, 1, 3), nn.Conv2d(1, 2, 1), nn.Conv2d(2, 3, 3), nn.Conv2d(3, 3, 3))
    table = filters(convolutions, Networks(0, "fresh", [0, 1]), 0)
    assert table.groupby("layer")["filter"].count().to_dict() == {"0": 18, "2": 36}  # one filter, then two
    perceptron = ensemble(nn.Flatten(), nn.Linear(64, 3))
    assert filters(perceptron, Networks(0, "fresh", [0, 1]), 0).empty


def test_single_weights_are_those_of_the_networks(untrained):
    networks = Networks(0, "fresh", range(60))
    table, histograms = single_weights(untrained, networks, 10, 0)
    params = untrained.sample(networks)
    assert table.groupby("layer", sort=False).size().to_dict() == {"conv": 10, "linear": 10}
    assert not table.duplicated(["parameter", "element"]).any()
    for row in table.to_dict("records"):
        values = params[row["parameter"]].flatten(1)[:, row["element"]].double().numpy()
        assert (row["networks"], row["mean"]) == (60, pytest.approx(values.mean()))
        assert row["sd"] == pytest.approx(values.std(ddof=1))
    drawn = histograms.groupby(["parameter", "element"], sort=False)["count"].sum()
    assert drawn.tolist() == [60] * 4
    assert single_weights(untrained, networks, 10, 0)[0].equals(table)


def test_weights_of_a_gaussian_posterior_are_found_normal(untrained):
    random = torch.Generator().manual_seed(0)
    snapshots = [
        {
            name: torch.randn(value.shape, generator=random)
            for name, value in untrained.classifier.named_parameters()
        }
        for _ in range(8)
    ]
    posterior = GaussianPosterior.from_snapshots(untrained.classifier, snapshots, 4)
    table, _ = single_weights(posterior, Networks(0, "fresh", range(400)), 30, 0)
    assert share_not_normal(table["p_value"].to_numpy(dtype=float)) <= 0.05
    assert set(table["humps"]) == {1}


def test_another_seed_shows_other_filters_and_other_weights(untrained):
    one = Networks(0, "fresh", [0])
    chosen = {tuple(filters(untrained, one, seed)["filter"].unique()) for seed in range(8)}
    assert len(chosen) > 1
    elements = {tuple(single_weights(untrained, FRESH, 5, seed)[0]["element"]) for seed in range(2)}
    assert len(elements) == 2


def test_a_histogram_is_of_the_weight_that_it_names(untrained):
    networks = Networks(0, "fresh", range(60))
    params, (_, histograms) = untrained.sample(networks), single_weights(untrained, networks, 10, 0)
    for (name, element), own in histograms.groupby(["parameter", "element"], sort=False):
        values = params[name].flatten(1)[:, element].double().numpy()
        counts, edges = np.histogram(values, len(own))
        assert own["count"].tolist() == counts.tolist()
        np.testing.assert_allclose(own[["low", "high"]], np.stack([edges[:-1], edges[1:]], 1))
