"""Training: exact gradients, a HyperGAN that learns, ablations, and resuming to the same last bit."""

import math
import threading
from dataclasses import replace

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from torch.func import functional_call
from torch.nn import functional

from robust_hypergan.base.errors import InputError
from robust_hypergan.data.datasets import to_unit
from robust_hypergan.measures.accuracy import measure_accuracy
from robust_hypergan.models.classifiers import MNISTClassifier
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.models.networks import Networks
from robust_hypergan.storage.checkpoint import Checkpoint
from robust_hypergan.storage.snapshots import find_snapshots, keep_snapshot
from robust_hypergan.training.config import TrainConfig
from robust_hypergan.training.loop import STATE_NAME, forget_state, train
from robust_hypergan.training.network_gradients import NetworkGradients
from robust_hypergan.training.presets import PRESETS, find_preset
from robust_hypergan.training.trainer import Trainer

SHORT = TrainConfig(steps=30, networks=3, batch=16, warmup=5, codes=32, pretraining=5)


@pytest.fixture
def build(untrained):
    """A fresh HyperGAN over the tiny classifier, possibly with other settings."""
    return lambda **changes: HyperGAN(untrained.classifier, replace(untrained.config, **changes), seed=3)


def weights(hypergan):
    return hypergan.generator.state_dict()


def equal(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture
def hard_batch():
    """Three networks of the paper's MNIST classifier, each with its own eight images."""
    hypergan = HyperGAN(MNISTClassifier(), seed=0)
    random = torch.Generator().manual_seed(0)
    images, labels = torch.rand(3, 8, 1, 28, 28, generator=random), torch.arange(24).reshape(3, 8) % 10
    return hypergan.classifier, hypergan.sample(Networks(0, "fresh", range(3))), images, labels


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_gradients_are_those_of_one_graph_over_all_networks(untrained, training_set, smoothing):
    images, labels = (
        to_unit(training_set.images[:48]).unflatten(0, (3, 16)),
        training_set.labels[:48].unflatten(0, (3, 16)),
    )
    params = untrained.sample(Networks(0, "fresh", range(3)))
    of_networks = NetworkGradients(untrained.classifier, images[0], half=False, label_smoothing=smoothing)
    loss, accuracy, gradients = of_networks(params, images, labels)

    leaves = {name: value.clone().requires_grad_() for name, value in params.items()}
    logits = [
        functional_call(untrained.classifier, {n: v[i] for n, v in leaves.items()}, (images[i],))
        for i in range(3)
    ]
    classes = logits[0].shape[1]
    targets = (1 - smoothing) * functional.one_hot(labels, classes) + smoothing / classes
    losses = [functional.cross_entropy(each, own) for each, own in zip(logits, targets, strict=True)]
    sum(losses).backward()
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, leaves[name].grad, atol=1e-6, rtol=1e-5)
    assert loss == pytest.approx(sum(each.item() for each in losses) / 3, rel=1e-5)
    right = torch.stack([each.argmax(1) for each in logits]) == labels
    assert accuracy == pytest.approx(right.double().mean().item())


def test_gradients_in_bfloat16_point_the_same_way(hard_batch):
    classifier, params, images, labels = hard_batch
    exact, half = (
        NetworkGradients(classifier, images[0], half=half)(params, images, labels) for half in (False, True)
    )
    assert half[0] == pytest.approx(exact[0], rel=0.01)
    for name, gradient in half[2].items():
        assert gradient.dtype == torch.float32
        cosine = functional.cosine_similarity(gradient.flatten(), exact[2][name].flatten(), dim=0)
        assert 0.99 < cosine < 0.999999


def test_what_is_done_beside_has_one_thread_and_stays_with_the_gpu_of_its_rank(hard_batch, set_threads):
    classifier, params, images, labels = hard_batch
    seen = []

    def beside():
        seen.append((threading.get_ident() == threading.main_thread().ident, torch.get_num_threads()))

    set_threads(2)
    of_networks = NetworkGradients(classifier, images[0], half=False)
    first = of_networks(params, images, labels, beside)
    of_networks.on_cpu = False  # a device belongs to a thread: this one has its rank's
    second = of_networks(params, images, labels, beside)
    assert seen == [(False, 1), (True, 1)]
    for name, gradient in first[2].items():
        torch.testing.assert_close(gradient, second[2][name], atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("half", [False, True])
def test_gradients_do_not_depend_on_the_number_of_threads(hard_batch, half, set_threads):
    classifier, params, images, labels = hard_batch
    found = []
    for threads in (1, 2, 3):
        set_threads(threads)
        found.append(NetworkGradients(classifier, images[0], half=half)(params, images, labels))
        assert torch.get_num_threads() == threads
    for loss, accuracy, gradients in found[1:]:
        assert (loss, accuracy) == found[0][:2]
        assert equal(gradients, found[0][2])


def test_it_learns_and_its_networks_differ(trained, untrained, test_set):
    before, after = (measure_accuracy(each, test_set, networks=20) for each in (untrained, trained))
    assert before.single_mean < 0.6
    assert after.single_mean > 0.9
    params = trained.sample(Networks(0, "fresh", range(20)))
    assert all((value.std(0) > 1e-4).any() for value in params.values())


def test_the_same_seed_trains_the_same_hypergan_and_another_seed_another(build, training_set):
    first, second, third = build(), build(), build()
    tables = [
        train(first, training_set, SHORT),
        train(second, training_set, SHORT),
        train(third, training_set, replace(SHORT, seed=1)),
    ]
    assert equal(weights(first), weights(second))
    assert not equal(weights(first), weights(third))
    pd.testing.assert_frame_equal(tables[0].drop(columns="seconds"), tables[1].drop(columns="seconds"))


def test_an_interrupted_training_resumes_to_the_same_last_bit(build, training_set, tmp_path, monkeypatch):
    whole = build()
    table = train(whole, training_set, SHORT)

    advance = Trainer.advance

    def stops(self):
        if self.step == 20:
            raise KeyboardInterrupt
        return advance(self)

    monkeypatch.setattr(Trainer, "advance", stops)
    with pytest.raises(KeyboardInterrupt):
        train(build(), training_set, SHORT, folder=tmp_path, checkpoint_seconds=0)
    monkeypatch.setattr(Trainer, "advance", advance)
    assert (tmp_path / STATE_NAME).exists()

    resumed = build()
    resumed_table = train(resumed, training_set, SHORT, folder=tmp_path)
    assert equal(weights(whole), weights(resumed))
    pd.testing.assert_frame_equal(table.drop(columns="seconds"), resumed_table.drop(columns="seconds"))
    forget_state(tmp_path)
    assert not (tmp_path / STATE_NAME).exists()


def test_snapshots_are_evenly_spaced_and_the_last_is_the_result(build, training_set):
    config = replace(SHORT, steps=7, snapshots=3)
    assert sorted(config.snapshot_steps) == [2, 5, 7]
    hypergan, kept = build(), {}

    def keep(step):
        kept[step] = {name: value.clone() for name, value in weights(hypergan).items()}

    train(hypergan, training_set, config, keep=keep)
    assert list(kept) == [2, 5, 7]
    assert equal(kept[7], weights(hypergan))
    assert not equal(kept[2], kept[5])
    plain = build()
    train(plain, training_set, replace(config, snapshots=0))
    assert equal(weights(plain), weights(hypergan))
    with pytest.raises(InputError, match="snapshots 8 is out of range"):
        replace(config, snapshots=8)


def test_a_resumed_training_keeps_the_same_snapshots(build, training_set, tmp_path, monkeypatch):
    config = replace(SHORT, steps=24, snapshots=4)

    def keeps(folder, hypergan):
        return lambda step: keep_snapshot(folder, step, Checkpoint(hypergan, f"{__name__}:none", 3, {}))

    whole, folders = build(), [tmp_path / "whole", tmp_path / "resumed"]
    for folder in folders:
        folder.mkdir()
    train(whole, training_set, config, keep=keeps(folders[0], whole))
    advance = Trainer.advance

    def stops(self):
        if self.step == 20:
            raise KeyboardInterrupt
        return advance(self)

    monkeypatch.setattr(Trainer, "advance", stops)
    stopped, resumed = build(), build()
    keep = keeps(folders[1], stopped)
    with pytest.raises(KeyboardInterrupt):
        train(stopped, training_set, config, folder=folders[1], checkpoint_seconds=0, keep=keep)
    monkeypatch.setattr(Trainer, "advance", advance)
    train(resumed, training_set, config, folder=folders[1], keep=keeps(folders[1], resumed))
    found = [find_snapshots(folder) for folder in folders]
    assert list(found[0]) == list(found[1]) == [6, 12, 18, 24]
    for step, path in found[0].items():
        assert path.name == f"step-{step:06d}.safetensors"
        assert equal(load_file(path), load_file(found[1][step]))
    assert find_snapshots(tmp_path) == {}


def test_the_state_of_another_training_is_refused(build, training_set, tmp_path):
    train(build(), training_set, replace(SHORT, steps=20), folder=tmp_path, checkpoint_seconds=0)
    with pytest.raises(InputError, match="state of another training"):
        train(build(), training_set, SHORT, folder=tmp_path)
    other = HyperGAN(build().classifier, build().config, seed=8)
    with pytest.raises(InputError, match="state of another training"):
        train(other, training_set, replace(SHORT, steps=20), folder=tmp_path)


def test_a_damaged_state_is_refused(build, training_set, tmp_path):
    train(build(), training_set, SHORT, folder=tmp_path, checkpoint_seconds=0)
    path = tmp_path / STATE_NAME
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="damaged"):
        train(build(), training_set, SHORT, folder=tmp_path)


def test_the_table_has_a_row_for_every_ten_steps_and_the_last(build, training_set):
    table = train(build(), training_set, replace(SHORT, steps=25))
    assert table["step"].tolist() == [10, 20, 25]
    assert table["seconds"].is_monotonic_increasing
    assert table["accuracy"].between(0, 1).all()
    assert (table["adversarial_loss"] > 0).all()


@pytest.mark.parametrize("ablation", ["mixer", "discriminator"])
def test_without_mixer_or_discriminator_there_is_no_adversarial_game(build, training_set, ablation):
    hypergan = build(mixer=ablation != "mixer")
    config = replace(SHORT, learning_rate=5e-3)
    if ablation == "discriminator":
        config = replace(config, adversarial_weight=0.0)
    table = train(hypergan, training_set, config)
    assert (table[["adversarial_loss", "discriminator_loss"]] == 0).all(axis=None)
    assert table["loss"].iloc[-1] < table["loss"].iloc[0]
    expected = 16 if ablation == "discriminator" else 2 * 8  # latent_dim, or a code for each of two layers
    assert hypergan.generator.latent_dim == expected


def test_pretraining_brings_the_codes_to_the_priors_moments(build, training_set):
    hypergan = build()
    trainer = Trainer(hypergan, training_set, replace(SHORT, codes=256, pretraining=800))

    def distance():
        latents = torch.randn(4000, 16, generator=torch.Generator().manual_seed(9))
        codes = hypergan.generator.mixer(latents).detach().flatten(1)
        return (torch.cov(codes.T) - torch.eye(codes.shape[1])).norm().item()

    before = distance()
    trainer.pretrain_mixer()
    assert distance() < before / 2


def test_presets_by_name():
    names = ["quick", "standard", "cautious", "accurate", "cifar", "cifar-quick", "residual", "paper"]
    assert list(PRESETS) == names
    with pytest.raises(InputError, match="did you mean standard"):
        find_preset("standart")


def test_a_folder_that_is_not_there_is_made(build, training_set, tmp_path):
    train(build(), training_set, replace(SHORT, steps=2), folder=str(tmp_path / "new"))
    assert (tmp_path / "new" / "training.csv").exists()


def test_one_code_has_no_covariance_to_train_the_mixer_by():
    with pytest.raises(InputError, match="codes 1 is out of range: it must be at least 2"):
        TrainConfig(networks=1, codes=1)


def test_the_learning_rate_rises_to_its_peak_and_falls_to_0(build, training_set):
    trainer = Trainer(build(), training_set, replace(SHORT, steps=100, warmup=10, learning_rate=0.5))
    rates = []
    for trainer.step in (0, 4, 50, 99):
        trainer._set_learning_rate()
        rates.append(trainer.optimizer.param_groups[0]["lr"])
    cosine = [(1 + math.cos(math.pi * step / 100)) / 4 for step in (0, 4, 50, 99)]
    assert rates == pytest.approx([cosine[0] / 10, cosine[1] / 2, *cosine[2:]])


def test_the_discriminator_learns_to_give_draws_of_the_prior_the_higher_logit(build, training_set):
    trainer = Trainer(build(), training_set, replace(SHORT, learning_rate=1e-2))
    random = torch.Generator().manual_seed(0)
    prior = torch.randn(64, 8, generator=random)
    codes = 3 + torch.randn(64, 8, generator=random)
    for _ in range(40):
        trainer._discriminator_loss(prior, codes)
        trainer.discriminator_optimizer.step()
    assert trainer.discriminator(prior).mean() > trainer.discriminator(codes).mean() + 0.5


def test_the_adversarial_loss_counts_by_its_weight(build, training_set):
    first, second = build(), build()
    for hypergan, weight in ((first, 1.0), (second, 3.0)):
        train(hypergan, training_set, replace(SHORT, steps=3, adversarial_weight=weight))
    assert not equal(weights(first), weights(second))
