"""Entropies against independent formulas, and ensembles whose mutual information is known."""

import math

import numpy as np
import pytest
import torch

from robust_hypergan.measures.uncertainty import Uncertainty


def folded(probabilities, most=100):
    uncertainty = Uncertainty(probabilities.shape[1], probabilities.shape[2], torch.device("cpu"), most)
    for own in probabilities:
        uncertainty.add(own)
    return uncertainty


def test_every_measure_is_its_formula_on_random_networks():
    p = np.random.default_rng(0).dirichlet(np.ones(5), (9, 20))  # (M, n, classes)
    found = folded(torch.from_numpy(p))
    mean = p.mean(0)
    entropy = -(mean * np.log(mean)).sum(1)
    np.testing.assert_allclose(found.entropy, entropy)
    divergence = (p * np.log(p / mean)).sum(2).mean(0)  # mutual information is the mean divergence from it
    np.testing.assert_allclose(found.mutual_information, divergence)
    np.testing.assert_allclose(found.variance, p.var(0).sum(1), atol=1e-12)


def test_two_sure_networks_that_never_agree_know_one_bit_and_two_that_do_know_nothing():
    apart = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])
    found = folded(apart)
    assert found.mutual_information.item() == pytest.approx(math.log(2))
    assert found.entropy.item() == pytest.approx(math.log(2))
    assert found.variance.item() == pytest.approx(0.5)
    unsure = folded(torch.full((2, 1, 2), 0.5))
    assert unsure.entropy.item() == pytest.approx(math.log(2))
    assert unsure.mutual_information.item() == 0
    assert unsure.variance.item() == 0


def test_networks_beyond_the_most_are_ignored():
    p = torch.from_numpy(np.random.default_rng(1).dirichlet(np.ones(3), (7, 4)))
    cut, first = folded(p, most=5), folded(p[:5])
    assert cut.networks == 5
    assert torch.equal(cut.entropy, first.entropy)
