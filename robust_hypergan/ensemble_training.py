"""Ordinary training of what is no HyperGAN: a deep ensemble, MC dropout, SWAG, one network.

All see the images that a HyperGAN of the same configuration sees, ``steps * networks * batch``: a deep
ensemble shares them out among its members, the others spend them on one network.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from robust_hypergan.augmentation import augment
from robust_hypergan.datasets import Dataset, to_unit
from robust_hypergan.deep_ensemble import DeepEnsemble
from robust_hypergan.errors import check_range, unknown
from robust_hypergan.gaussian import GaussianPosterior
from robust_hypergan.mc_dropout import DropoutNetworks
from robust_hypergan.networks import StoredDistribution
from robust_hypergan.ordinary import OrdinaryNetwork
from robust_hypergan.progress import track
from robust_hypergan.reports import TRAINING_COLUMNS, write_table
from robust_hypergan.trainer import TrainConfig
from robust_hypergan.training import LOG_NAME

Build = Callable[[int], nn.Module]
"""A seed to a fresh classifier."""

ENSEMBLE_KINDS = (DeepEnsemble.kind, DropoutNetworks.kind, GaussianPosterior.kind, OrdinaryNetwork.kind)


@dataclass(frozen=True)
class EnsembleConfig:
    """How the networks of an ensemble are trained.

    Attributes:
        kind: ``deep-ensemble``, ``mc-dropout``, ``swag`` or ``ordinary``.
        members: networks of a deep ensemble.
        learning_rate: of Adam, lowered to 0 by a cosine.
        swag_share: share of the steps, the last ones, in which SWAG collects.
        swag_rate: constant rate of SGD with momentum 0.9 meanwhile.
        snapshots: how many SWAG collects.
        rank: columns of SWAG's low-rank part.

    Raises:
        InputError: an unknown kind, or a value outside its range.
    """

    kind: str = DeepEnsemble.kind
    members: int = 10
    learning_rate: float = 1e-3
    swag_share: float = 0.25
    swag_rate: float = 0.01
    snapshots: int = 30
    rank: int = 20

    def __post_init__(self) -> None:
        if self.kind not in ENSEMBLE_KINDS:
            raise unknown("kind of ensemble", self.kind, ENSEMBLE_KINDS)
        for name in ("members", "snapshots", "rank"):
            check_range(name, getattr(self, name), 2)
        for name in ("swag_share", "swag_rate"):
            check_range(name, getattr(self, name), 0, 1)
        check_range("learning_rate", self.learning_rate, 0)


def untrained_ensemble(
    build: Build, image_shape: tuple[int, ...], config: EnsembleConfig
) -> StoredDistribution:
    """The ensemble before training: says at once whether the classifier can be one.

    Raises:
        InputError: the classifier does not suit the kind of ensemble.
    """
    return _assemble([build(0)] * config.members, [], image_shape, config)


def train_ensemble(
    build: Build,
    dataset: Dataset,
    budget: TrainConfig,
    config: EnsembleConfig,
    *,
    device: torch.device | None = None,
    folder: Path | None = None,
    quiet: bool = True,
) -> tuple[StoredDistribution, pd.DataFrame]:
    """Trains the networks of an ensemble.

    Args:
        build: seed to a fresh classifier; differently initialised for every member.
        dataset: a training split.
        budget: steps, networks, batch and augmentation of the HyperGAN to match, and the seed.
        config: what kind of ensemble, and its rates.
        device: where to compute; None is the CPU.
        folder: where ``training.csv`` goes. An interrupted training starts over.
        quiet: no progress bar.

    Returns:
        The ensemble, and a row for every network: step (of all networks together), loss and accuracy
        over its last quarter, and seconds since the start.
    """
    device = device or torch.device("cpu")
    images, labels = dataset.images.to(device), dataset.labels.to(device)
    count = config.members if config.kind == DeepEnsemble.kind else 1
    steps = max(1, budget.steps * budget.networks // count)
    rows: list[dict[str, float]] = []
    networks, snapshots = [], []
    started = time.perf_counter()
    with track("training", steps * count, quiet) as progress:
        for index in range(count):
            network = build(0)  # its constants are every member's; the weights are its own
            network.load_state_dict(build(budget.seed + index).state_dict())
            networks.append(network.to(device).train())
            late: list[tuple[float, float]] = []
            for step, result in enumerate(_fit(network, images, labels, steps, budget, index, config)):
                progress.update()
                if step >= 3 * steps // 4:
                    late.append(result)
                if config.kind == GaussianPosterior.kind and _collects(step, steps, config):
                    named = network.named_parameters()
                    snapshots.append({name: value.detach().clone() for name, value in named})
            loss, accuracy = np.mean(late, axis=0)
            rows.append(
                {
                    "step": steps * (index + 1),
                    "loss": loss,
                    "adversarial_loss": 0.0,
                    "discriminator_loss": 0.0,
                    "accuracy": accuracy,
                    "seconds": round(time.perf_counter() - started, 2),
                }
            )
    table = pd.DataFrame(rows, columns=TRAINING_COLUMNS)
    if folder:
        write_table(table, folder / LOG_NAME)
    return _assemble(networks, snapshots, tuple(dataset.images.shape[1:]), config), table


def _assemble(
    networks: list[nn.Module],
    snapshots: list[dict[str, Tensor]],
    image_shape: tuple[int, ...],
    config: EnsembleConfig,
) -> StoredDistribution:
    if config.kind == DeepEnsemble.kind:
        return DeepEnsemble(networks[0], [network.state_dict() for network in networks])
    if config.kind == DropoutNetworks.kind:
        return DropoutNetworks(networks[0], image_shape)
    if config.kind == OrdinaryNetwork.kind:
        return OrdinaryNetwork(networks[0])
    found = snapshots or [dict(networks[0].named_parameters())] * 2
    return GaussianPosterior.from_snapshots(networks[0], found, config.rank)


def _fit(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    steps: int,
    budget: TrainConfig,
    index: int,
    config: EnsembleConfig,
) -> Iterator[tuple[float, float]]:
    """Loss and accuracy of each step; all randomness comes from the seed and the member's index."""
    words = np.random.SeedSequence(budget.seed, spawn_key=(6, index)).generate_state(2)
    random = torch.Generator().manual_seed(int(words[0]))
    collected = config.swag_share if config.kind == GaussianPosterior.kind else 0.0
    settled = max(1, round(steps * (1 - collected)))
    adam = torch.optim.Adam(network.parameters(), config.learning_rate)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(adam, settled)
    sgd = torch.optim.SGD(network.parameters(), config.swag_rate, momentum=0.9)
    with torch.random.fork_rng(devices=[images.device] if images.is_cuda else []):
        torch.manual_seed(int(words[1]))  # dropout knows no generator
        for step in range(steps):
            chosen = torch.randint(len(images), (budget.batch,), generator=random).to(images.device)
            logits = network(to_unit(augment(images[chosen], budget.augmentation, random)))
            loss = functional.cross_entropy(logits, labels[chosen])
            network.zero_grad()
            loss.backward()
            if step < settled:
                adam.step()
                cosine.step()
            else:
                sgd.step()
            yield loss.item(), (logits.argmax(1) == labels[chosen]).double().mean().item()


def _collects(step: int, steps: int, config: EnsembleConfig) -> bool:
    first = round(steps * (1 - config.swag_share))
    every = max(1, (steps - first) // config.snapshots)
    return step >= first and (steps - 1 - step) % every == 0
