"""A Gaussian posterior has the moments that are stored, and SWAG's are those of its paper."""

import pytest
import torch
from torch import nn

from robust_hypergan.base.errors import InputError
from robust_hypergan.models.gaussian import GaussianPosterior
from robust_hypergan.models.networks import Networks


def flat(params, lead):
    return torch.cat([params[name].flatten(lead) for name in ("weight", "bias")], lead)


@pytest.fixture(scope="module")
def posterior():
    generator = torch.Generator().manual_seed(0)
    shapes = {"weight": (2, 3), "bias": (2,)}
    mean = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    variance = {name: torch.rand(shape, generator=generator) for name, shape in shapes.items()}
    factors = {name: torch.randn(2, *shape, generator=generator) for name, shape in shapes.items()}
    return GaussianPosterior(nn.Linear(3, 2), mean, variance, factors)


def test_the_samples_have_the_stored_mean_and_covariance(posterior):
    samples = flat(posterior.sample(Networks(0, "fresh", range(6000))), 1)  # (6000, 8)
    mean, variance, factors = posterior.moments.values()
    rows = flat(factors, 1)  # (2, 8)
    covariance = torch.diag(flat(variance, 0)) + rows.T @ rows
    torch.testing.assert_close(samples.mean(0), flat(mean, 0), atol=0.12, rtol=0)
    torch.testing.assert_close(samples.T.cov(), covariance, atol=0.3, rtol=0.05)


def test_a_network_is_the_same_alone_and_among_others(posterior):
    together = posterior.sample(Networks(3, "eot", [4, 0, 9]))["weight"]
    assert torch.equal(together[2], posterior.sample(Networks(3, "eot", [9]))["weight"][0])
    assert not torch.equal(together[2], posterior.sample(Networks(4, "eot", [9]))["weight"][0])


def test_the_moments_are_those_of_swag():
    """Maddox et al. 2019: half the diagonal, and deviations from the mean so far over sqrt(2 (K - 1))."""
    path = torch.tensor([1.0, 4.0, 1.0, 6.0])
    snapshots = [{"weight": torch.full((1, 1), value.item())} for value in path]
    posterior = GaussianPosterior.from_snapshots(nn.Linear(1, 1, bias=False), snapshots, rank=3)
    mean, variance, factors = (own["weight"].flatten() for own in posterior.moments.values())
    assert mean.item() == 3
    assert variance.item() == pytest.approx(((path**2).mean() - 9).item() / 2)
    torch.testing.assert_close(factors, torch.tensor([4 - 2.5, 1 - 2.0, 6 - 3.0]) / 4**0.5)


def test_moments_that_do_not_fit_are_refused(posterior):
    mean, variance, factors = posterior.moments.values()
    layer = posterior.classifier
    with pytest.raises(InputError, match="do not fit bias"):
        GaussianPosterior(layer, mean | {"bias": torch.zeros(1)}, variance, factors)
    with pytest.raises(InputError, match="do not fit weight"):
        GaussianPosterior(layer, mean, variance | {"weight": -torch.ones(2, 3)}, factors)
    with pytest.raises(InputError, match="running_mean"):
        GaussianPosterior(nn.BatchNorm1d(2), mean, variance, factors)
