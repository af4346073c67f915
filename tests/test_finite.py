"""Numbers that are not finite stop a computation in one line, and are never saved over good ones."""

import math

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from robust_hypergan.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from robust_hypergan.ensemble_training import ENSEMBLE_KINDS, EnsembleConfig, train_ensemble
from robust_hypergan.errors import InputError
from robust_hypergan.finite import NotFinite, first_layer_not_finite
from robust_hypergan.hypergan import HyperGAN
from robust_hypergan.network_gradients import NetworkGradients
from robust_hypergan.regression_fits import FitConfig, fit_ensemble
from robust_hypergan.regression_networks import Observations
from robust_hypergan.resumable import Saved
from robust_hypergan.snapshots import keep_snapshot
from robust_hypergan.trainer import TrainConfig, Trainer
from robust_hypergan.training import train
from tests.conftest import TINY, TinyClassifier

CONFIG = TrainConfig(steps=12, networks=2, batch=8, codes=8, warmup=1, pretraining=1, snapshots=3)


class Overflowing(TinyClassifier):
    """Finite weights and images, infinite in between where a weight is large."""

    def __init__(self) -> None:
        super().__init__()
        self.middle = nn.Identity()

    def forward(self, images):
        return super().forward(self.middle(images))


def poisoned_after(steps, monkeypatch, value=math.nan):
    """From then on the loss of every step is not finite."""
    honest, made = NetworkGradients.__call__, []

    def gradients(self, *arguments):
        made.append(1)
        loss, accuracy, found = honest(self, *arguments)
        return (loss if len(made) <= steps else value), accuracy, found

    monkeypatch.setattr(NetworkGradients, "__call__", gradients)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_the_training_and_leaves_the_last_good_state(
    value, training_set, tmp_path, monkeypatch
):
    hypergan = HyperGAN(TinyClassifier(), TINY, seed=3)
    poisoned_after(9, monkeypatch, value)
    with pytest.raises(InputError) as raised:
        train(
            hypergan,
            training_set,
            CONFIG,
            folder=tmp_path,
            checkpoint_seconds=0,
            keep=lambda step: keep_snapshot(tmp_path, step, Checkpoint(hypergan, "mnist", 3, {})),
        )
    state = tmp_path / "progress" / "training.safetensors"
    assert str(raised.value) == (
        f"training stopped after 9 steps: the loss is {value}; the last good state is {state} (step 9), "
        f"the last good snapshot is {tmp_path / 'snapshots' / 'step-000008.safetensors'}; "
        "lower --learning-rate and choose another --out"
    )
    assert all(tensor.isfinite().all() for tensor in load_file(state).values())
    assert load_file(state)["trainer.step"] == 9


def test_weights_that_are_not_finite_are_not_saved_over_good_ones(training_set, tmp_path, monkeypatch):
    """A gradient may overflow where the loss does not: the weights show it before the next loss does."""
    hypergan = HyperGAN(TinyClassifier(), TINY, seed=3)
    honest, made = Trainer.advance, []

    def advance(self):
        row = honest(self)
        made.append(1)
        if len(made) == 5:
            hypergan.generator.layers[1].network[2].weight.data[3, 4] = math.inf
        return row

    monkeypatch.setattr(Trainer, "advance", advance)
    with pytest.raises(
        NotFinite, match=r"after 5 steps: in the state trainer.generator.layers.1.network.2.weight"
    ):
        train(hypergan, training_set, CONFIG, folder=tmp_path, checkpoint_seconds=0)
    assert Saved(tmp_path / "progress" / "training.safetensors", "training", {}).facts()["step"] == 4


def test_weights_that_the_last_step_breaks_are_no_result(training_set, monkeypatch):
    hypergan = HyperGAN(TinyClassifier(), TINY, seed=3)
    honest = Trainer.advance

    def advance(self):
        row = honest(self)
        if self.step == CONFIG.steps:
            hypergan.generator.layers[0].network[0].bias.data[0] = math.nan
        return row

    monkeypatch.setattr(Trainer, "advance", advance)
    with pytest.raises(
        NotFinite, match=r"after 12 steps: the generators' weight layers.0.network.0.bias .* no state"
    ):
        train(hypergan, training_set, CONFIG)


def test_a_rate_that_is_far_too_high_names_where_it_broke(training_set):
    config = TrainConfig(steps=40, networks=2, batch=8, learning_rate=1e18, codes=8, warmup=0, pretraining=0)
    with pytest.raises(NotFinite, match=r"after \d steps: .*(layers|conv|linear|mixer|discriminator)"):
        train(HyperGAN(TinyClassifier(), TINY, seed=3), training_set, config)


@pytest.mark.parametrize("kind", ENSEMBLE_KINDS)
def test_every_kind_of_networks_stops_and_names_the_layer(kind, training_set, tmp_path):
    def build(seed):
        torch.manual_seed(seed)
        return Overflowing() if kind != "mc-dropout" else nn.Sequential(Overflowing(), nn.Dropout(0.1))

    config = EnsembleConfig(kind, members=2, learning_rate=1e30, swag_share=0.0)
    with pytest.raises(
        NotFinite, match=r"after \d+ steps: .*(loss of network 0 is|network 0's).*(conv|linear)"
    ):
        train_ensemble(build, training_set, CONFIG, config, folder=tmp_path, checkpoint_seconds=0)
    state = Saved(tmp_path / "progress" / "training.safetensors", "training", {}).facts()
    assert state is None or state["step"] < 24


def test_the_first_layer_that_is_not_finite_is_named_and_the_network_is_left_as_it_is():
    images = torch.rand(3, 1, 8, 8)
    network = TinyClassifier().train()
    assert first_layer_not_finite(network, images) is None
    network.conv.weight.data.fill_(1e38)
    assert first_layer_not_finite(network, images * 100) == "layer conv"
    network.linear.bias.data[0] = math.nan
    assert first_layer_not_finite(network, images) == "weight linear.bias"
    assert network.training
    assert not network.conv._forward_hooks


def test_a_checkpoint_with_such_a_weight_is_neither_written_nor_read(tmp_path, monkeypatch):
    hypergan, path = HyperGAN(TinyClassifier(), TINY, seed=3), tmp_path / "hypergan.safetensors"
    save_checkpoint(path, Checkpoint(hypergan, "mnist", 3, {}))
    before = path.read_bytes()
    hypergan.generator.layers[0].network[0].bias.data[0] = math.nan
    with pytest.raises(NotFinite, match=r"weight layers.0.network.0.bias is not finite"):
        save_checkpoint(path, Checkpoint(hypergan, "mnist", 3, {}))
    assert path.read_bytes() == before
    monkeypatch.setattr("robust_hypergan.checkpoint.check_finite", lambda *_: None)
    save_checkpoint(path, Checkpoint(hypergan, "mnist", 3, {}))
    with pytest.raises(NotFinite, match=r"layers.0.network.0.bias is not finite; take an earlier snapshot"):
        load_checkpoint(path)


def test_a_regression_stops_too():
    data = Observations(torch.linspace(-1, 1, 5), torch.full((5,), 1e30))
    with pytest.raises(NotFinite, match="loss of the regression is inf after 0 steps"):
        fit_ensemble(4, data, FitConfig(3, 2, 1e-3))
