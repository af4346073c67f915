"""Ordinary training of what is no HyperGAN: a deep ensemble, MC dropout, SWAG, one network.

All see the images that a HyperGAN of the same configuration sees, ``steps * networks * batch``: a deep
ensemble shares them out among its members, the others spend them on one network.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import nn

from robust_hypergan.base.durable import make_folder
from robust_hypergan.base.errors import check_range, unknown
from robust_hypergan.base.finite import check_finite
from robust_hypergan.base.progress import track
from robust_hypergan.base.user_code import code_digest
from robust_hypergan.data.datasets import Dataset
from robust_hypergan.models.deep_ensemble import MOST_MEMBERS, DeepEnsemble
from robust_hypergan.models.gaussian import GaussianPosterior
from robust_hypergan.models.mc_dropout import DropoutNetworks
from robust_hypergan.models.networks import StoredDistribution
from robust_hypergan.models.ordinary import OrdinaryNetwork
from robust_hypergan.models.parameters import Params
from robust_hypergan.storage.resumable import Saved
from robust_hypergan.training.config import TrainConfig
from robust_hypergan.training.fitting import Fit, Schedule
from robust_hypergan.training.loop import STATE_NAME, last_good_told, shapes_of, write_log

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
        check_range("members", self.members, 2, MOST_MEMBERS)
        for name in ("snapshots", "rank"):
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
    folder: Path | str | None = None,
    checkpoint_seconds: float | None = None,
    quiet: bool = True,
) -> tuple[StoredDistribution, pd.DataFrame]:
    """Trains the networks of an ensemble.

    Args:
        build: seed to a fresh classifier; differently initialised for every member.
        dataset: a training split.
        budget: steps, networks, batch, augmentation and label smoothing of the HyperGAN to match, and the
            seed.
        config: what kind of ensemble, and its rates.
        device: where to compute; None is the CPU.
        folder: where ``training.csv`` and, while it runs, the state to resume from are kept, as by
            :func:`robust_hypergan.training.loop.train`.
        checkpoint_seconds: least time between two states; None is a minute.
        quiet: no progress bar.

    Returns:
        The ensemble, and a row for every network: step (of all networks together), loss and accuracy
        over its last quarter, and seconds since the start.

    Raises:
        InputError: the folder holds the state of another training, or a damaged one.
        NotFinite: a loss or a weight is not; what was saved before stays.
    """
    folder, device = Path(folder) if folder else None, device or torch.device("cpu")
    if folder:
        make_folder(folder)
    images, labels = dataset.images.to(device), dataset.labels.to(device)
    count = config.members if config.kind == DeepEnsemble.kind else 1
    steps = max(1, budget.steps * budget.networks // count)
    schedule = _schedule(steps, config)
    fits = [
        Fit(_fresh(build, _start(budget.seed, index)), images, labels, schedule, budget, index)
        for index in range(count)
    ]
    described = {
        "training": asdict(budget),
        "ensemble": asdict(config),
        "classifier": [shapes_of(fits[0].network), code_digest(fits[0].network)],
        "data": dataset.sha256,
    }
    saved = Saved(folder and folder / STATE_NAME, "training", described, checkpoint_seconds)
    facts = saved.load({"fits": fits}) or {"rows": [], "seconds": 0.0}
    rows, began = facts["rows"], time.perf_counter() - facts["seconds"]
    with (
        last_good_told(saved, folder, lambda: sum(fit.step for fit in fits)),
        track("training", steps * count, quiet, initial=sum(fit.step for fit in fits)) as progress,
    ):
        for index, fit in enumerate(fits):
            while fit.step < steps:
                fit.advance()
                progress.update()
                if saved.due and fit.step < steps:
                    done = sum(each.step for each in fits)
                    saved.save({"fits": fits}, step=done, rows=rows, seconds=time.perf_counter() - began)
            check_finite(f"network {index}'s weight", fit.network.state_dict())
            if index == len(rows):
                seconds = round(time.perf_counter() - began, 2)
                rows.append(fit.row() | {"step": steps * (index + 1), "seconds": seconds})
    networks, snapshots = [fit.network for fit in fits], fits[0].snapshots
    ensemble = _assemble(networks, snapshots, tuple(dataset.images.shape[1:]), config)
    return ensemble, write_log(rows, folder)


def _assemble(
    networks: list[nn.Module],
    snapshots: Sequence[Params],
    image_shape: tuple[int, ...],
    config: EnsembleConfig,
) -> StoredDistribution:
    if config.kind == DeepEnsemble.kind:
        return DeepEnsemble(networks[0], [network.state_dict() for network in networks])
    if config.kind == DropoutNetworks.kind:
        return DropoutNetworks(networks[0], image_shape)
    if config.kind == OrdinaryNetwork.kind:
        return OrdinaryNetwork(networks[0])
    if len(snapshots) < 2:
        snapshots = [dict(networks[0].named_parameters())] * 2  # no spread
    return GaussianPosterior.from_snapshots(networks[0], snapshots, config.rank)


def _start(seed: int, index: int) -> int:
    """Seed of a member's first weights: its own among the members of all seeds."""
    return (seed * MOST_MEMBERS + index) % 2**63


def _fresh(build: Build, seed: int) -> nn.Module:
    """A network whose constants are every member's, with weights of its own."""
    network = build(0)
    network.load_state_dict(build(seed).state_dict())
    return network


def _schedule(steps: int, config: EnsembleConfig) -> Schedule:
    if config.kind != GaussianPosterior.kind:
        return Schedule(steps, config.learning_rate)
    collecting = steps - round(steps * (1 - config.swag_share))
    return Schedule(steps, config.learning_rate, collecting, config.swag_rate, config.snapshots)
