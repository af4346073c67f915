"""Networks by address: the same alone or among others, on any day, whatever happened to the global state."""

import numpy as np
import pytest
import torch
from torch import nn

from robust_hypergan.base.errors import InputError
from robust_hypergan.models.classifiers import MNISTClassifier
from robust_hypergan.models.hypergan import HyperGAN, HyperGANConfig
from robust_hypergan.models.networks import Networks, materialise
from tests.conftest import TinyClassifier


@pytest.fixture(scope="module")
def hypergan():
    """The paper's size, where block-dependent rounding would show."""
    return HyperGAN(MNISTClassifier(), seed=1)


def equal(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_a_network_is_the_same_alone_and_among_others_to_the_last_bit(hypergan):
    together = hypergan.sample(Networks(0, "fresh", range(40)))
    for index in (0, 5, 17, 39):
        alone = hypergan.sample(Networks(0, "fresh", [index]))
        assert equal(alone, {name: value[index : index + 1] for name, value in together.items()})


def test_order_and_repetition_of_addresses_do_not_matter(hypergan):
    shuffled = hypergan.sample(Networks(0, "fresh", [33, 2, 17, 2]))
    plain = hypergan.sample(Networks(0, "fresh", range(34)))
    assert equal(shuffled, {name: value[[33, 2, 17, 2]] for name, value in plain.items()})


def test_the_global_random_state_does_not_matter(hypergan):
    first = hypergan.sample(Networks(0, "fresh", [3]))
    with torch.random.fork_rng():
        torch.manual_seed(99)
        second = hypergan.sample(Networks(0, "fresh", [3]))
        state = torch.get_rng_state()
        hypergan.sample(Networks(0, "fresh", [4]))
        assert torch.equal(torch.get_rng_state(), state)
    assert equal(first, second)


def test_seeds_streams_and_indices_all_make_other_networks(hypergan):
    addresses = [Networks(0, "fresh", [3]), Networks(1, "fresh", [3]), Networks(0, "source", [3])]
    addresses += [Networks(0, "eot", [3]), Networks(0, "fresh", [4])]
    weights = [hypergan.sample(address)["conv1.weight"] for address in addresses]
    for i, first in enumerate(weights):
        for second in weights[i + 1 :]:
            assert not torch.allclose(first, second)


def test_latents_are_standard_normal_and_known():
    latents = Networks(7, "fresh", range(400)).latents(64)
    assert latents.mean().item() == pytest.approx(0, abs=0.02)
    assert latents.std().item() == pytest.approx(1, abs=0.02)
    sequence = np.random.SeedSequence(7, spawn_key=(2, 11))
    expected = np.random.default_rng(sequence).standard_normal(64, dtype=np.float32)
    assert np.array_equal(latents[11].numpy(), expected)


def test_blocks_cover_the_addresses_in_order():
    blocks = list(Networks(0, "fresh", range(10)).blocks(4))
    assert [list(block.indices) for block in blocks] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_a_materialised_network_is_an_ordinary_module_with_the_same_parameters(hypergan):
    address = Networks(0, "source", [2])
    network = materialise(hypergan, address)
    assert isinstance(network, MNISTClassifier)
    assert not network.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert equal({n: v[None] for n, v in network.state_dict().items()}, hypergan.sample(address))


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ((0, "frech", [0]), "did you mean fresh"),
        ((-1, "fresh", [0]), "start at 0"),
        ((0, "fresh", [-2]), "start at 0"),
    ],
)
def test_a_bad_address_is_refused(address, message):
    with pytest.raises(InputError, match=message):
        Networks(*address)


def test_materialise_takes_one_network(hypergan):
    with pytest.raises(InputError, match="one network, not of 2"):
        materialise(hypergan, Networks(0, "source", [0, 1]))


def test_indices_may_be_an_array():
    indices = np.arange(2, 5)
    assert torch.equal(Networks(0, "fresh", indices).latents(3), Networks(0, "fresh", range(2, 5)).latents(3))
    with pytest.raises(InputError, match="start at 0"):
        Networks(0, "fresh", -indices)


def test_codes_start_with_the_variance_of_the_prior():
    mixer = HyperGAN(TinyClassifier(), HyperGANConfig(), seed=0).generator.mixer
    codes = mixer(torch.randn(2000, 256, generator=torch.Generator().manual_seed(0)))
    assert codes.square().mean().item() == pytest.approx(1, abs=0.2)


def test_another_seed_starts_with_other_weights():
    first, second = (HyperGAN(TinyClassifier(), HyperGANConfig(hidden=16), seed=seed) for seed in (0, 1))
    assert not torch.equal(*(each.tensors()["layers.0.network.4.weight"] for each in (first, second)))


@pytest.mark.parametrize("share", [0.0, 0.2, 0.95])
def test_a_parameter_starts_as_a_fixed_part_and_one_of_the_noise(share):
    config = HyperGANConfig(hidden=256, noise_share=share)
    last = HyperGAN(nn.Linear(100, 30), config, seed=0).generator.layers[0].network[4]
    assert last.weight.var().item() * 256 == pytest.approx(share, abs=0.02)
    assert last.bias.var().item() == pytest.approx(1 - share, abs=0.05)
