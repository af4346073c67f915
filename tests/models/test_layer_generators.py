"""Layers generated in chunks: far smaller generators, the same guarantees."""

import pytest
import torch
from torch import nn

from robust_hypergan.base.errors import InputError
from robust_hypergan.measures.accuracy import measure_accuracy
from robust_hypergan.models.classifiers import MNISTClassifier
from robust_hypergan.models.hypergan import ChunkedLayerGenerator, HyperGAN, HyperGANConfig
from robust_hypergan.models.networks import Networks
from robust_hypergan.storage.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from robust_hypergan.training.config import TrainConfig
from robust_hypergan.training.loop import train
from tests.conftest import TinyClassifier


def size(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_a_large_layer_needs_a_fraction_of_the_memory():
    layer = nn.Linear(256, 128)  # 32,896 weights
    config = {"latent_dim": 8, "code_dim": 16, "hidden": 32}
    whole = size(HyperGAN(layer, HyperGANConfig(**config)).generator.layers[0])
    chunked = size(HyperGAN(layer, HyperGANConfig(**config, chunk=1000)).generator.layers[0])
    assert whole == pytest.approx(33 * 32_896, rel=0.01)  # hidden and a bias for every weight
    assert chunked == pytest.approx(33 * 997 + 33 * 16, rel=0.08)  # 33 chunks of 997, an embedding for each
    assert whole > 28 * chunked


def test_chunks_fill_the_layer_with_the_spread_that_it_needs():
    hypergan = HyperGAN(nn.Linear(100, 7), HyperGANConfig(hidden=256, chunk=300))  # 707 in 3 chunks of 236
    params = hypergan.sample(Networks(0, "fresh", range(64)))
    assert params["weight"].shape == (64, 7, 100)
    assert params["weight"].std().item() == pytest.approx((2 / 100) ** 0.5, rel=0.15)
    flat = params["weight"].flatten(1)
    assert not torch.allclose(flat[:, :236], flat[:, 236:472], atol=1e-3)


def test_only_layers_larger_than_a_chunk_are_cut():
    layers = HyperGAN(MNISTClassifier(), HyperGANConfig(hidden=16, chunk=6000)).generator.layers
    assert [isinstance(layer, ChunkedLayerGenerator) for layer in layers] == [False, True, False]


def test_a_network_is_the_same_alone_and_among_others_and_from_its_checkpoint(tmp_path):
    hypergan = HyperGAN(MNISTClassifier(), HyperGANConfig(chunk=2000), seed=1)
    save_checkpoint(tmp_path / "h.safetensors", Checkpoint(hypergan, "mnist", 10, {}))
    loaded = load_checkpoint(tmp_path / "h.safetensors").distribution
    assert loaded.config.chunk == 2000
    together = hypergan.sample(Networks(0, "fresh", range(20)))
    alone = loaded.sample(Networks(0, "fresh", [17]))
    assert all(torch.equal(value[17:18], alone[name]) for name, value in together.items())


def test_it_learns(training_set, test_set):
    sizes = HyperGANConfig(latent_dim=16, code_dim=8, hidden=32, chunk=16, noise_share=0.5)
    hypergan = HyperGAN(TinyClassifier(), sizes, seed=3)
    config = TrainConfig(steps=100, networks=4, batch=32, learning_rate=5e-3, warmup=5, codes=64)
    train(hypergan, training_set, config)
    assert measure_accuracy(hypergan, test_set, networks=10).single_mean > 0.8


def test_a_chunk_below_one_is_refused():
    with pytest.raises(InputError, match="chunk 0 is out of range"):
        HyperGANConfig(chunk=0)
