"""The same seed gives the same tables, whatever is computed at once, and by how many threads."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from robust_hypergan.cli.options import find_device
from robust_hypergan.engine.backends import BACKENDS
from robust_hypergan.engine.ensemble import ensemble_forward
from robust_hypergan.engine.near_ties import NEAR_TIE, NearTies, near_ties
from robust_hypergan.models.classifiers import CIFARClassifier, MNISTClassifier
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.models.networks import Networks
from robust_hypergan.models.parameters import fingerprint
from robust_hypergan.training.config import TrainConfig
from robust_hypergan.training.trainer import Trainer
from tests.conftest import TinyClassifier

TABLES = ("draws.txt", "examples.csv", "networks.csv", "summary.csv", "near_ties.csv")

AT_ONCE = {
    "one thread": (1, 64, 16, 125),
    "two threads": (2, 64, 16, 125),
    "three threads, less at once": (3, 48, 5, 125),
}
"""Threads; images, networks and examples at once."""


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folders = {}
    for name, sizes in AT_ONCE.items():
        folders[name] = tmp_path_factory.mktemp("measured")
        command = [sys.executable, "-m", "tests.one_measurement", folders[name], *sizes]
        environment = os.environ | {"OMP_NUM_THREADS": str(sizes[0]), "OMP_WAIT_POLICY": "passive"}
        subprocess.run([*map(str, command)], check=True, env=environment, cwd=Path(__file__).parent.parent)
    return folders


@pytest.mark.parametrize("name", [name for name in AT_ONCE if name != "one thread"])
def test_tables_are_the_same_to_the_byte(name, measured):
    for table in TABLES:
        assert (measured[name] / table).read_bytes() == (measured["one thread"] / table).read_bytes(), table
    rows = pd.read_csv(measured[name] / "examples.csv")
    assert 0 < rows["fooled_fraction"].mean() < 1


def test_a_training_ends_in_the_same_weights_with_any_number_of_threads(training_set, set_threads):
    """At the mixer's usual size, where a library does divide its products among threads."""
    config = TrainConfig(steps=9, networks=2, batch=8, pretraining=2, precision="float32")
    found = []
    for threads in (1, 2, 2, 3):
        set_threads(threads)
        hypergan = HyperGAN(TinyClassifier(), seed=0)
        trainer = Trainer(hypergan, training_set, config)
        trainer.pretrain_mixer()
        for _ in range(3):
            trainer.advance()
        found.append(fingerprint(hypergan.tensors()))
    assert len(set(found)) == 1


def images_for(classifier):
    shape = (1, 28, 28) if isinstance(classifier, MNISTClassifier) else (3, 32, 32)
    return torch.rand(70, *shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("classifier", [MNISTClassifier(), CIFARClassifier()], ids=["mnist", "cifar"])
def test_where_sums_come_in_another_order_predictions_turn_at_near_ties_alone(classifier, monkeypatch):
    """Few images at once, and other backends; the margin is ten times the largest difference."""
    hypergan, images = HyperGAN(classifier, seed=0), images_for(classifier)
    params = hypergan.sample(Networks(0, "fresh", range(4)))
    with torch.no_grad():
        expected = BACKENDS["chunked-loop"](classifier, images)(params)
        found = [BACKENDS[name](classifier, images)(params) for name in ("loop", "vmap")]
        for chunk in (1, 3, 8):
            monkeypatch.setattr("robust_hypergan.engine.loops.IMAGE_CHUNK", chunk)
            found.append(BACKENDS["chunked-loop"](classifier, images)(params))
    size = expected.abs().amax(2)
    assert any(not torch.equal(each, expected) for each in found)
    for each in found:
        assert ((each - expected).abs().amax(2) / size).max() < NEAR_TIE / 10
        turned = each.argmax(2) != expected.argmax(2)
        assert not (turned & ~torch.stack([near_ties(own) for own in expected])).any()


def test_near_ties_are_counted_and_found():
    ties, logits = NearTies(), torch.tensor([[1.0, 3.0, 3.0 - 1e-5], [1.0, 3.0, 3.1], [-9.0, 2.0, 2.0]])
    ties.add(logits)
    ties.add(logits[:2])
    assert (ties.networks, ties.count, ties.found) == (2, 3, [[0, 0], [0, 2], [1, 0]])


def test_a_gpu_is_asked_for_float32_and_for_the_same_sums_every_time(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    before = torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic
    try:
        assert find_device("cuda").type == "cuda"
        assert not torch.backends.cudnn.allow_tf32
        assert not torch.backends.cuda.matmul.allow_tf32
        assert torch.backends.cudnn.deterministic
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic = before


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here to compare the processor with")
@pytest.mark.parametrize("classifier", [MNISTClassifier(), CIFARClassifier()], ids=["mnist", "cifar"])
def test_on_a_gpu_the_draws_are_the_same_and_predictions_turn_at_near_ties_alone(classifier):
    networks, images = Networks(3, "fresh", range(32)), images_for(classifier)
    logits = []
    for device in (torch.device("cpu"), find_device("cuda")):
        assert networks.latents(8).device.type == "cpu"  # the draws: numpy's, on any device
        hypergan = HyperGAN(classifier, seed=0).to(device)
        blocks = [own.cpu() for _, own in ensemble_forward(hypergan, networks, images.to(device))]
        logits.append(torch.cat(blocks))
    turned = logits[0].argmax(2) != logits[1].argmax(2)
    assert not (turned & ~torch.stack([near_ties(own) for own in logits[0]])).any()
