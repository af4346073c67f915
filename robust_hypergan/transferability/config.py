"""What a transfer measurement is asked: attacks, eps, networks, and which examples they are tried on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from robust_hypergan.attacks import NORMS, find_attack
from robust_hypergan.base.errors import InputError, check_range, unknown
from robust_hypergan.base.text import file_name
from robust_hypergan.data.datasets import Dataset
from robust_hypergan.engine.ensemble import check_engine
from robust_hypergan.models.networks import NetworkDistribution, Networks, check_draw


@dataclass(frozen=True)
class TransferConfig:
    """What is attacked with, and what it is tried on.

    Attributes:
        attacks: attacks as in ``pgd:steps=40``.
        eps: radii of the ball, each in (0, 1] for L-inf and above 0 for L2.
        norm: ``linf`` or ``l2``.
        networks: fresh networks, 1 to 100,000; with ``until_ci_width`` those of the first round.
        examples: images of the test split, chosen at random but the same for a seed.
        source: index of the attacked network in the ``source`` stream; an attack on K networks holds
            this one and the K - 1 after it.
        target: class that the attacks aim at: images of that class are left out, and only an answer of that
            class counts as fooled. None is any wrong class.
        seed: of the networks' addresses, the choice of examples and the attacks' randomness.
        backend: of the ensemble forward; None is the fastest for the device and the size of the job.
        precision: ``float32``, or ``cascade`` with the same predictions; None is the fastest likewise.
        until_ci_width: draw fresh networks until every cell's interval of the mean fooled fraction is
            narrower, in (0, 1]; see :mod:`robust_hypergan.transferability.stopping`. None draws ``networks``.
        max_networks: the most that are drawn for it, ``networks`` to 100,000.

    Raises:
        InputError: a value outside its range, or an attack that does not exist.
    """

    attacks: Sequence[str] = ("fgsm", "pgd")
    eps: Sequence[float] = (0.05, 0.1, 0.15, 0.2, 0.3)
    norm: str = "linf"
    networks: int = 500
    examples: int = 500
    source: int = 0
    target: int | None = None
    seed: int = 0
    backend: str | None = None
    precision: str | None = None
    until_ci_width: float | None = None
    max_networks: int = 10_000

    def __post_init__(self) -> None:
        if self.norm not in NORMS:
            raise unknown("norm", self.norm, NORMS)
        for name, value in (("attacks", self.attacks), ("eps", self.eps)):
            if isinstance(value, str) or not isinstance(value, Iterable):
                raise InputError(f"{name} takes a list, as in [{value!r}]")
            object.__setattr__(self, name, tuple(value))
        if not self.attacks or not self.eps:
            raise InputError("nothing to do: give at least one attack and one eps")
        check_engine(self.backend, self.precision)
        for eps in self.eps:
            if not 0 < eps < float("inf") or (self.norm == "linf" and eps > 1):
                allowed = "in (0, 1]: images are in [0, 1]" if self.norm == "linf" else "above 0"
                raise InputError(f"eps {eps:g} is out of range: it must be {allowed}")
        check_range("networks", self.networks, 1, 100_000)
        for name, least in (("examples", 1), ("seed", 0)):
            check_range(name, getattr(self, name), least)
        check_range("source", self.source, 0, 10**9)
        check_range("max_networks", self.max_networks, 1, 100_000)
        if self.until_ci_width is not None:
            _check_width(self.until_ci_width)
            check_range("max_networks", self.max_networks, self.networks, 100_000)
        if self.target is not None:
            check_range("target", self.target, 0)
        _check_different("attack", [file_name(attack) for attack in self.attacks])
        _check_different("eps", [f"{eps:g}" for eps in self.eps])
        for attack in self.attacks:
            find_attack(attack, self.norm)


def _check_width(width: float) -> None:
    if not 0 < width <= 1:
        raise InputError(f"until_ci_width {width:g} is out of range: it must be in (0, 1], as in 0.05")


def _check_different(what: str, written: Sequence[str]) -> None:
    """Refuses what files and tables could not tell apart."""
    for each in written:
        if written.count(each) > 1:
            raise InputError(f"{what} {each} is given twice, as it is written in files: name each once")


def choose_examples(dataset: Dataset, count: int, seed: int) -> Tensor:
    """Indices of ``count`` images of a split, drawn without replacement, ascending.

    Raises:
        InputError: the split has fewer images.
    """
    total = len(dataset.labels)
    if count > total:
        raise InputError(f"{dataset.name} has {total} test images, not {count}: ask for at most {total}")
    random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(5,)))
    return torch.from_numpy(np.sort(random.choice(total, count, replace=False)))


def check_target(config: TransferConfig, dataset: Dataset) -> None:
    """Refuses a target that is no class of the data.

    Raises:
        InputError: says the range.
    """
    if config.target is not None:
        check_range("target", config.target, 0, len(dataset.classes) - 1)


def check_addresses(distribution: NetworkDistribution, config: TransferConfig) -> None:
    """Asks a distribution for the last networks of a measurement, before anything is computed.

    Raises:
        InputError: it has not so many, or they can't be used.
    """
    check_draw(distribution, Networks(config.seed, "source", [config.source]))
    check_draw(distribution, Networks(config.seed, "fresh", [config.networks - 1]))
