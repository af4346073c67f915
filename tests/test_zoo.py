"""A HyperGAN over every make of classifier: trained a little, attacked, tried on fresh networks."""

import math

import pytest
import torch
from torch import nn

from robust_hypergan.engine.loops import ChunkedLoop, Loop
from robust_hypergan.engine.vectorised import Vectorised
from robust_hypergan.evidence.checks_from_tables import threat_model
from robust_hypergan.evidence.measured import EvidenceConfig, Measured
from robust_hypergan.evidence.probe import EFFORTS, Probe
from robust_hypergan.measures.generated_weights import layer_spread
from robust_hypergan.models.gaussian import GaussianPosterior
from robust_hypergan.models.hypergan import HyperGAN, HyperGANConfig
from robust_hypergan.models.layers import layer_shapes
from robust_hypergan.models.networks import Networks, materialise
from robust_hypergan.models.parameters import state_dict
from robust_hypergan.training.config import TrainConfig
from robust_hypergan.training.loop import train
from robust_hypergan.transferability.config import TransferConfig
from robust_hypergan.transferability.draws import DistributionDraws
from robust_hypergan.transferability.measurement import transfer
from tests.zoo import ZOO, SharedWeights, TransposedConvolution, VisionTransformer, WithoutBiases

SIZES = HyperGANConfig(latent_dim=16, code_dim=8, hidden=32, noise_share=0.3)
SHORT = TrainConfig(steps=100, networks=3, batch=24, learning_rate=5e-3, warmup=5, codes=32, pretraining=5)
FEW = TransferConfig(attacks=["fgsm"], eps=[0.4], networks=6, examples=45)


@pytest.fixture(scope="module", params=ZOO)
def trained(request, training_set):
    hypergan = HyperGAN(ZOO[request.param](), SIZES, seed=1)
    train(hypergan, training_set, SHORT)
    return hypergan


def test_it_learns_and_its_adversarial_examples_transfer(trained, test_set):
    result = transfer(trained, test_set, FEW)
    assert not result.cells[0].error
    fresh = result.networks.query("role == 'fresh'")
    assert fresh["clean_accuracy"].mean() > 0.6  # chance is a third
    assert len(fresh) == 6
    assert fresh["fooled_fraction"].mean() > 0.1


@pytest.mark.filterwarnings("ignore:There is a performance drop")  # vmap of weight norm
def test_every_backend_gives_what_an_ordinary_module_gives(trained):
    images = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    addresses = Networks(0, "fresh", [0, 7])
    params = trained.sample(addresses)
    expected = torch.stack([materialise(trained, Networks(0, "fresh", [i]))(images) for i in (0, 7)])
    for backend in (Loop, ChunkedLoop, Vectorised):
        with torch.no_grad():
            logits = backend(trained.classifier, images)(params)
        torch.testing.assert_close(logits, expected.detach(), atol=1e-5, rtol=1e-4)


def test_an_attack_may_draw_further_networks(trained):
    images = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    drawn = DistributionDraws(trained, 0, 3).held(2).networks
    for logits, index in zip(drawn, (3, 4), strict=True):
        expected = materialise(trained, Networks(0, "source", [index]))(images)
        torch.testing.assert_close(logits(images), expected, atol=1e-5, rtol=1e-4)


def test_a_scalar_is_a_parameter_like_the_others(test_set):
    hypergan = HyperGAN(WithoutBiases(), SIZES)
    measured = Measured(
        hypergan, test_set, FEW, EvidenceConfig(), transfer(hypergan, test_set, FEW), torch.device("cpu")
    )
    assert threat_model(Probe(measured, EFFORTS["fast"])).verdict == "PASS"
    layers, _ = layer_spread(hypergan, Networks(0, "fresh", range(4)))
    assert "root" in set(layers["layer"])
    mean = {name: value.detach() for name, value in WithoutBiases().named_parameters()}
    variance = {name: value.square() for name, value in mean.items()}
    factors = {name: torch.ones(2, *value.shape) for name, value in mean.items()}
    posterior = GaussianPosterior(WithoutBiases(), mean, variance, factors)
    assert posterior.sample(Networks(0, "fresh", range(3)))["gain"].shape == (3,)


def test_a_shared_parameter_is_generated_once_and_exported_under_every_name():
    hypergan = HyperGAN(SharedWeights(), SIZES)
    names = [each.name for layer in layer_shapes(SharedWeights()) for each in layer.parameters]
    assert names == ["first.weight", "first.bias", "second.bias", "head.weight", "head.bias"]
    network = materialise(hypergan, Networks(0, "fresh", [1]))
    assert network.second.weight is network.first.weight
    state = state_dict(hypergan.classifier, hypergan.sample(Networks(0, "fresh", [1])), 0)
    assert torch.equal(state["second.weight"], state["again.weight"])
    SharedWeights().load_state_dict(state)


def test_a_frozen_parameter_is_generated_like_the_others():
    hypergan = HyperGAN(SharedWeights(), SIZES)
    biases = hypergan.sample(Networks(0, "fresh", [0, 1]))["head.bias"]
    assert not torch.equal(biases[0], biases[1])


@pytest.mark.parametrize(
    ("layer", "center", "scale"),
    [
        (nn.ConvTranspose2d(8, 4, 4, stride=2), 0, math.sqrt(2 / (8 * 16 / 4))),
        (nn.ConvTranspose1d(6, 4, 3, groups=2), 0, math.sqrt(2 / (3 * 3))),
        (nn.Conv2d(8, 8, 3, groups=8), 0, math.sqrt(2 / 9)),
        (nn.LayerNorm([4, 5]), 1, 0.1),
        (nn.Embedding(9, 4), 0, 1),
        (nn.PReLU(), 0.25, 0.1),
    ],
)
def test_a_weight_starts_as_its_layer_needs_it(layer, center, scale):
    (shape,) = layer_shapes(layer)
    assert (shape.parameters[0].center, shape.parameters[0].scale) == (center, pytest.approx(scale))


def test_a_transposed_convolution_keeps_the_variance_that_relu_halves():
    layer = nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1, bias=False)
    (shape,) = layer_shapes(layer)
    generator = torch.Generator().manual_seed(0)
    nn.init.normal_(layer.weight, std=shape.parameters[0].scale, generator=generator)
    out = layer(torch.randn(64, 32, 6, 6, generator=generator))[..., 2:-2, 2:-2]
    assert out.var().item() == pytest.approx(2, rel=0.15)


def test_tokens_and_positions_start_small():
    scales = {
        each.name: each.scale for layer in layer_shapes(VisionTransformer()) for each in layer.parameters
    }
    assert scales["token"] == scales["positions"] == 0.02
    assert scales["attention.in_proj_weight"] == pytest.approx(math.sqrt(2 / 16))
    assert {each.name for each in layer_shapes(TransposedConvolution())} == {"down", "up", "head"}


def test_networks_made_ahead_for_an_expectation_are_handed_out_once(untrained):
    images = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    draws = DistributionDraws(untrained, 0, 0)
    drawn = [network for count in (3, 10, 12) for network in draws.eot(count).networks]
    for index, network in enumerate(drawn):
        expected = materialise(untrained, Networks(0, "eot", [index]))(images)
        torch.testing.assert_close(network(images), expected, atol=1e-5, rtol=1e-4)
