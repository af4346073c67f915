"""Every kind of ensemble is trained, kept and attacked through the same commands."""

import json
from dataclasses import replace
from functools import partial

import pandas as pd
import pytest
import torch

from robust_hypergan.base.errors import InputError
from robust_hypergan.data.datasets import to_unit
from robust_hypergan.engine.ensemble import ensemble_logits
from robust_hypergan.evidence.measured import EvidenceConfig
from robust_hypergan.measures.accuracy import measure_accuracy
from robust_hypergan.models.deep_ensemble import DeepEnsemble
from robust_hypergan.models.hypergan import seeded
from robust_hypergan.models.networks import Networks
from robust_hypergan.models.ordinary import OrdinaryNetwork
from robust_hypergan.runs.bench_config import BenchConfig
from robust_hypergan.runs.benchmark import bench
from robust_hypergan.storage.checkpoint import load_checkpoint
from robust_hypergan.training.config import TrainConfig
from robust_hypergan.training.ensemble_training import (
    ENSEMBLE_KINDS,
    EnsembleConfig,
    train_ensemble,
    untrained_ensemble,
)
from robust_hypergan.training.fitting import Fit
from robust_hypergan.training.loop import STATE_NAME, forget_state
from robust_hypergan.transferability.config import TransferConfig
from tests.zoo import ResidualNetwork

HELD_OUT = {DeepEnsemble.kind: 2, OrdinaryNetwork.kind: 1}
"""Fresh networks of 4 members, and of one network; the others never end."""

BUDGET = TrainConfig(steps=40, networks=6, batch=24, codes=32)


def build(seed):
    with seeded(seed):
        return ResidualNetwork()


@pytest.fixture(autouse=True)
def few_networks(monkeypatch):
    """Accuracy of 3 networks instead of 100."""
    monkeypatch.setattr(
        "robust_hypergan.runs.benchmark.measure_accuracy", partial(measure_accuracy, networks=3)
    )


@pytest.mark.parametrize("kind", ENSEMBLE_KINDS)
def test_every_kind_learns_its_networks_differ_and_training_repeats_itself(kind, training_set, test_set):
    config = EnsembleConfig(kind, members=4, learning_rate=5e-3)
    ensemble, table = train_ensemble(build, training_set, BUDGET, config)
    accuracy = measure_accuracy(ensemble, test_set, networks=20)
    assert accuracy.single_mean > 0.8
    assert accuracy.networks == HELD_OUT.get(kind, 20)
    assert table["step"].iloc[-1] == BUDGET.steps * BUDGET.networks
    state = torch.get_rng_state()
    again, _ = train_ensemble(build, training_set, BUDGET, config)
    assert torch.equal(torch.get_rng_state(), state)
    some = Networks(0, "fresh", range(min(2, accuracy.networks)))
    first, second = (each.sample(some) for each in (ensemble, again))
    assert all(torch.equal(first[name], second[name]) for name in first)
    differ = any(not torch.equal(value[0], value[-1]) for value in first.values())
    assert differ == (kind != OrdinaryNetwork.kind)


@pytest.mark.parametrize("kind", ENSEMBLE_KINDS)
@pytest.mark.parametrize("stop", [100, 239])
def test_an_interrupted_training_resumes_to_the_same_last_bit(
    kind, stop, training_set, tmp_path, monkeypatch
):
    """240 steps in all: in the first member or the last, before and while SWAG collects."""
    config = EnsembleConfig(kind, members=4, learning_rate=5e-3)
    whole, table = train_ensemble(build, training_set, BUDGET, config)
    steps, advance = [], Fit.advance

    def stops(self):
        if len(steps) == stop:
            raise KeyboardInterrupt
        steps.append(1)
        advance(self)

    monkeypatch.setattr(Fit, "advance", stops)
    with pytest.raises(KeyboardInterrupt):
        train_ensemble(build, training_set, BUDGET, config, folder=tmp_path, checkpoint_seconds=0)
    again = []
    monkeypatch.setattr(Fit, "advance", lambda self: (again.append(1), advance(self)))
    torch.manual_seed(99)  # dropout draws from the global state, whatever it is
    resumed, resumed_table = train_ensemble(build, training_set, BUDGET, config, folder=tmp_path)
    assert len(again) == 240 - stop
    first, second = whole.tensors(), resumed.tensors()
    assert all(torch.equal(first[name], second[name]) for name in first)
    pd.testing.assert_frame_equal(
        table.drop(columns="seconds"), resumed_table.drop(columns="seconds"), check_exact=True
    )
    assert (tmp_path / STATE_NAME).exists()
    with pytest.raises(InputError, match="state of another training"):
        train_ensemble(build, training_set, replace(BUDGET, seed=1), config, folder=tmp_path)
    forget_state(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["training.csv"]


def test_smoothed_labels_make_networks_less_sure(training_set, test_set):
    def sureness(smoothing):
        budget = replace(BUDGET, label_smoothing=smoothing)
        config = EnsembleConfig(OrdinaryNetwork.kind, learning_rate=5e-3)
        networks, _ = train_ensemble(build, training_set, budget, config)
        images, params = to_unit(test_set.images), networks.sample(Networks(0, "fresh", [0]))
        return ensemble_logits(networks.classifier, params, images).softmax(2).amax(2).mean().item()

    assert sureness(0.5) == pytest.approx(0.5 + 0.5 / len(test_set.classes), abs=0.1)
    assert sureness(0.0) > 0.85


def test_members_of_neighbouring_seeds_start_apart(training_set):
    starts = []

    def noted(seed):
        starts.append(seed)
        return build(seed)

    config = EnsembleConfig("deep-ensemble", members=4)
    for seed in (0, 1):
        train_ensemble(noted, training_set, replace(BUDGET, steps=1, networks=4, seed=seed), config)
    own = [seed for seed in starts if seed]  # each network's constants are those of build(0)
    assert len(own) == len(set(own)) == 7


def test_a_posterior_of_one_snapshot_has_no_spread(training_set):
    budget = replace(BUDGET, steps=3, networks=1)
    posterior, _ = train_ensemble(build, training_set, budget, EnsembleConfig("swag"))
    params = posterior.sample(Networks(0, "fresh", range(2)))
    assert all(torch.equal(value[0], value[1]) and value.isfinite().all() for value in params.values())


@pytest.mark.parametrize("kind", ENSEMBLE_KINDS)
def test_a_trained_ensemble_is_attacked_from_its_checkpoint(kind, tmp_path):
    config = BenchConfig(
        classifier="mnist-dropout",
        ensemble=EnsembleConfig(kind, members=4, snapshots=3),
        training=TrainConfig(steps=8, networks=4, batch=32, codes=8),
        transfer=None,
    )
    assert bench(config, tmp_path / "trained") is None
    few = TransferConfig(attacks=["fgsm"], eps=[0.2], networks=min(2, HELD_OUT.get(kind, 2)), examples=30)
    path = tmp_path / "trained" / f"{kind}.safetensors"
    assert load_checkpoint(path).distribution.kind == kind
    result = bench(
        BenchConfig(checkpoint=path, transfer=few, evidence=EvidenceConfig(checks="off")), tmp_path / "run"
    )
    assert result.networks["role"].tolist() == ["source", *["fresh"] * few.networks]
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "done"
    assert len(pd.read_csv(tmp_path / "run" / "examples.csv")) == len(result.indices)


def test_a_classifier_that_does_not_suit_the_kind_is_refused_before_the_run(tmp_path):
    config = BenchConfig(classifier="mnist", ensemble=EnsembleConfig("mc-dropout"), transfer=None)
    with pytest.raises(InputError, match=r"no nn\.Dropout module"):
        bench(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_bad_configuration_is_refused():
    with pytest.raises(InputError, match="did you mean swag"):
        EnsembleConfig("swagg")
    with pytest.raises(InputError, match="members 1 is out of range"):
        EnsembleConfig(members=1)
    with pytest.raises(InputError, match="rank"):
        EnsembleConfig(rank=1)


def test_an_untrained_ensemble_has_the_members_that_were_asked_for():
    assert len(untrained_ensemble(build, (1, 8, 8), EnsembleConfig(members=3))) == 3
