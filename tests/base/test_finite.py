"""Numbers that are not finite stop a computation in one line, and are never saved over good ones."""

import math
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from robust_hypergan.attacks import registry
from robust_hypergan.base.errors import InputError
from robust_hypergan.base.finite import NotFinite, first_layer_not_finite
from robust_hypergan.engine.ensemble import network_logits
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.models.networks import Networks, materialise
from robust_hypergan.runs.bench_config import BenchConfig
from robust_hypergan.runs.beside import measure_beside
from robust_hypergan.storage.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from robust_hypergan.storage.resumable import Saved
from robust_hypergan.storage.snapshots import keep_snapshot
from robust_hypergan.studies.regression_fits import FitConfig, fit_ensemble
from robust_hypergan.studies.regression_networks import Observations
from robust_hypergan.training.config import TrainConfig
from robust_hypergan.training.ensemble_training import ENSEMBLE_KINDS, EnsembleConfig, train_ensemble
from robust_hypergan.training.loop import train
from robust_hypergan.training.network_gradients import NetworkGradients
from robust_hypergan.training.trainer import Trainer
from robust_hypergan.transferability.config import TransferConfig
from robust_hypergan.transferability.measurement import transfer
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
    monkeypatch.setattr("robust_hypergan.storage.checkpoint.check_finite", lambda *_: None)
    save_checkpoint(path, Checkpoint(hypergan, "mnist", 3, {}))
    with pytest.raises(NotFinite, match=r"layers.0.network.0.bias is not finite; take an earlier snapshot"):
        load_checkpoint(path)


def test_a_regression_stops_too():
    data = Observations(torch.linspace(-1, 1, 5), torch.full((5,), 1e30))
    with pytest.raises(NotFinite, match="loss of the regression is inf after 0 steps"):
        fit_ensemble(4, data, FitConfig(3, 2, 1e-3))


class OneBroken:
    """A distribution whose network 5 overflows in its first layer."""

    def __init__(self, trained):
        self.trained, self.classifier = trained, trained.classifier

    def sample(self, networks):
        params = self.trained.sample(networks)
        if networks.stream == "fresh":
            params["conv.weight"][[index == 5 for index in networks.indices]] = 3e38
        return params


def test_logits_that_are_not_finite_stop_a_measurement_and_name_network_and_layer(trained, test_set):
    told = r"fresh network 5 of seed 0 gives logits that are not finite, first in layer conv: train again"
    with pytest.raises(NotFinite, match=told):
        transfer(OneBroken(trained), test_set, TransferConfig(("fgsm",), (0.1,), networks=9, examples=30))
    network = materialise(trained, Networks(0, "source", [0]))
    network.linear.bias.data[1] = math.inf
    with pytest.raises(
        NotFinite, match=r"attacked network's logits are not finite, first in weight linear.bias"
    ):
        network_logits(network, torch.rand(3, 1, 8, 8))


def test_adversarials_that_are_not_finite_fail_their_cell_and_the_others_finish(
    trained, test_set, monkeypatch
):
    monkeypatch.setitem(registry.BUILT_IN, "broken", lambda model, inputs, labels, **_: inputs / 0)
    config = TransferConfig(("broken", "fgsm"), (0.1,), networks=4, examples=30)
    result = transfer(trained, test_set, config)
    assert result.summary["status"].tolist() == ["failed", "done"]
    assert "broken returned NaN or infinity in" in result.cells[0].error
    assert set(result.examples["attack"]) == {"fgsm"}


@pytest.mark.parametrize(
    "error", [RuntimeError("no such kernel"), NotFinite("the loss is nan"), MemoryError()]
)
def test_a_kind_beside_that_fails_does_not_lose_the_others(error, tmp_path, monkeypatch):
    def bench(_, folder):
        if folder.name == "first":
            raise error

    main = SimpleNamespace(record=SimpleNamespace(kind="hypergan"))
    run = SimpleNamespace(path=tmp_path, update=lambda **facts: told.update(facts))
    told = {}
    monkeypatch.setattr("robust_hypergan.runs.beside.load_run", lambda folder: folder.name)
    monkeypatch.setattr("robust_hypergan.runs.beside.compare_runs", dict)
    configs = {"first": BenchConfig(), "second": BenchConfig()}
    assert measure_beside(run, main, configs, bench) == {"hypergan": main, "second": "second"}
    assert told["beside"] == {"first": str(error) or "MemoryError", "second": "done"}
