"""The networks of a run: read from a checkpoint, or trained in the run's folder."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from robust_hypergan.base.distributed import ALONE, Ranks
from robust_hypergan.data.datasets import Dataset, to_unit
from robust_hypergan.models.classifiers import build_classifier, default_classifier
from robust_hypergan.models.compatibility import check_fit
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.models.networks import Networks, StoredDistribution, check_draw, move
from robust_hypergan.runs.bench_config import BenchConfig
from robust_hypergan.runs.run_folder import RunFolder
from robust_hypergan.storage.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from robust_hypergan.storage.snapshots import keep_snapshot
from robust_hypergan.training.ensemble_training import train_ensemble, untrained_ensemble
from robust_hypergan.training.loop import forget_state, train
from robust_hypergan.training.network_gradients import is_half
from robust_hypergan.transferability.config import check_addresses


def loaded(config: BenchConfig, dataset: Dataset) -> Checkpoint:
    """The checkpoint that a run names.

    Raises:
        InputError: it can't be read, does not fit the data, or has fewer networks than asked for.
    """
    assert config.checkpoint is not None
    checkpoint = load_checkpoint(config.checkpoint, config.classifier, len(dataset.classes))
    check_fit(checkpoint.classifier, checkpoint.distribution.classifier, dataset)
    if config.transfer:
        check_addresses(checkpoint.distribution, config.transfer)
    return checkpoint


def untrained(config: BenchConfig, dataset: Dataset) -> Checkpoint:
    """What a run will train, before its first step.

    Raises:
        InputError: the classifier does not fit the data, can't be generated, or has too few networks.
    """
    classes, shape = len(dataset.classes), tuple(dataset.images.shape[1:])
    name = config.classifier or default_classifier(shape)
    classifier = build_classifier(name, classes).eval()
    check_fit(name, classifier, dataset)
    distribution: StoredDistribution = (
        untrained_ensemble(lambda _: classifier, shape, config.ensemble)
        if config.ensemble
        else HyperGAN(classifier, config.hypergan, seed=config.training.seed)
    )
    if config.transfer:
        check_addresses(distribution, config.transfer)
    return Checkpoint(distribution, name, classes, {})


def trained(
    run: RunFolder,
    start: Checkpoint,
    dataset: Dataset,
    config: BenchConfig,
    device: torch.device,
    quiet: bool,
    ranks: Ranks = ALONE,
) -> Checkpoint:
    """Trains in the run's folder, or takes up again what an earlier try left there.

    The ranks share the networks of a HyperGAN's steps; the leader trains other kinds alone.
    """
    path = run.path / config.checkpoint_name
    if not ranks.told(path.exists()):  # else an earlier try got this far
        if ranks.leads or not config.ensemble:
            _train(path, run, start, dataset, config, device, quiet, ranks)
        ranks.wait()
    checkpoint = load_checkpoint(path, start.classifier)
    move(checkpoint.distribution, device)
    check_draw(checkpoint.distribution, Networks(config.training.seed, "source", [0]))
    if ranks.leads:
        forget_state(run.path)
    run.update(seconds={"training": checkpoint.facts["seconds"]})
    return checkpoint


def _train(
    path: Path,
    run: RunFolder,
    start: Checkpoint,
    dataset: Dataset,
    config: BenchConfig,
    device: torch.device,
    quiet: bool,
    ranks: Ranks,
) -> None:
    """Trains in the run's folder, and writes the checkpoint."""
    name, classes = start.classifier, start.classes
    distribution = start.distribution
    half = is_half(config.training.precision, distribution.classifier, to_unit(dataset.images[:2].to(device)))
    if not config.ensemble:
        half = ranks.told(half)
    training = replace(config.training, precision="bfloat16" if half else "float32")
    facts: dict[str, Any] = {"data": dataset.name, "data_sha256": dataset.sha256}
    if config.ensemble:
        training = training.of_ensemble()
        distribution, table = train_ensemble(
            lambda seed: build_classifier(name, classes, seed=seed),
            dataset,
            training,
            config.ensemble,
            device=device,
            folder=run.path,
            quiet=quiet,
        )
    else:
        assert isinstance(distribution, HyperGAN)
        so_far = Checkpoint(distribution, name, classes, facts | {"training": asdict(training)})
        table = train(
            distribution,
            dataset,
            training,
            folder=run.path,
            keep=lambda step: keep_snapshot(run.path, step, so_far),
            ranks=ranks,
            quiet=quiet,
        )
    facts |= {"training": asdict(training), "seconds": float(table["seconds"].iloc[-1])}
    if ranks.leads:
        save_checkpoint(path, Checkpoint(distribution, name, classes, facts))
