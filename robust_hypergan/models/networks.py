"""Networks by address: network *i* is ``(seed, stream, i)`` and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from robust_hypergan.base.errors import FOREIGN, InputError, unknown
from robust_hypergan.base.user_code import short
from robust_hypergan.models.parameters import Params, first_names, state_dict

STREAMS = {"source": 0, "eot": 1, "fresh": 2}
"""Attacked networks, draws inside an attack, held-out networks. The numbers are part of every address."""


@dataclass(frozen=True)
class Networks:
    """The addresses of M networks of one stream.

    Attributes:
        seed: seed of the whole experiment, 0 or more.
        stream: ``source``, ``eot`` or ``fresh``.
        indices: index of each network, 0 or more.

    Raises:
        InputError: unknown stream, or a negative seed or index.
    """

    seed: int
    stream: str
    indices: Sequence[int]

    def __post_init__(self) -> None:
        if self.stream not in STREAMS:
            raise unknown("stream", self.stream, STREAMS)
        if self.seed < 0 or (len(self.indices) and min(self.indices) < 0):
            raise InputError("seeds and network indices start at 0")

    def __len__(self) -> int:
        return len(self.indices)

    def record(self) -> dict[str, Any]:
        """The address of the first, as it stands in files."""
        return {"seed": self.seed, "stream": self.stream, "index": self.indices[0]}

    def blocks(self, size: int) -> Iterator[Networks]:
        """The same addresses in consecutive blocks of at most ``size``."""
        for start in range(0, len(self), size):
            yield Networks(self.seed, self.stream, self.indices[start : start + size])

    def random(self, index: int) -> np.random.Generator:
        """The random generator of one network: the same on every machine and in any order."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=(STREAMS[self.stream], index))
        return np.random.default_rng(sequence)

    def latents(self, dimensions: int) -> Tensor:
        """Standard normal latents ``[M, dimensions]``, float32 on the CPU."""
        rows = [self.random(index).standard_normal(dimensions, dtype=np.float32) for index in self.indices]
        return torch.from_numpy(np.stack(rows))


class NetworkDistribution(Protocol):
    """Anything that networks can be drawn from: a HyperGAN, a deep ensemble, a posterior.

    Attributes:
        classifier: a module of the architecture whose parameters are drawn, in eval mode, on the
            device where the draws live. Its own parameter values mean nothing.
    """

    @property
    def classifier(self) -> nn.Module:
        """The architecture."""
        ...

    def sample(self, networks: Networks) -> Params:
        """Parameters of the networks at these addresses, each tensor ``[M, ...]``.

        Network *i* must depend on its address alone: not on the others, nor on any global state.
        """
        ...


class StoredDistribution(NetworkDistribution, Protocol):
    """A network distribution that a checkpoint can hold.

    Attributes:
        kind: its name in checkpoints.
    """

    kind: ClassVar[str]

    def settings(self) -> dict[str, Any]:
        """What it is built from beside the classifier and the tensors, as JSON values."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """Everything that was learnt."""
        ...

    @classmethod
    def restore(cls, classifier: nn.Module, settings: Mapping[str, Any], tensors: Params) -> Self:
        """The distribution that :meth:`settings` and :meth:`tensors` came from."""
        ...

    def to(self, device: torch.device) -> Self:
        """Moves everything to a device; returns itself."""
        ...


def move(distribution: NetworkDistribution, device: torch.device) -> None:
    """Moves a distribution to a device, through its method ``to`` if it has one.

    Raises:
        InputError: it has none and lives elsewhere.
    """
    if isinstance(distribution, _Movable):
        distribution.to(device)
    elif any(value.device.type != device.type for value in distribution.classifier.parameters()):
        raise InputError(
            f"the networks can't be moved to {device}: give the distribution a method to(device)"
        )


def check_draw(distribution: NetworkDistribution, networks: Networks) -> None:
    """Draws networks and refuses those that are none of the distribution's own classifier.

    Raises:
        InputError: drawing fails, or a tensor is missing, of another shape or type, or not finite.
    """
    kind = kind_of(distribution)
    try:
        params = distribution.sample(networks)
        expected = distribution.classifier.state_dict()
        given = {name: params[first] for name, first in first_names(distribution.classifier).items()}
        for name, value in given.items():
            ours = expected[name]
            if value.shape != (len(networks), *ours.shape) or value.dtype != ours.dtype:
                found = f"{value.dtype} {list(value.shape)}"
                raise InputError(
                    f"{kind} gives {name} as {found}, its classifier {ours.dtype} {list(ours.shape)}"
                )
            if not value.isfinite().all():
                raise InputError(f"{kind} gives networks whose {name} is not finite: train them again")
    except InputError:
        raise
    except FOREIGN as error:  # a distribution of the user's own may raise anything
        raise InputError(f"no network can be drawn from {kind} ({short(error)})") from error


@runtime_checkable
class _Movable(Protocol):
    def to(self, device: torch.device) -> object: ...


def fresh_available(distribution: NetworkDistribution, wanted: int) -> int:
    """How many networks of the ``fresh`` stream there are, at most ``wanted``.

    A finite distribution says so in an attribute ``fresh_count``; the others never end.
    """
    return min(wanted, getattr(distribution, "fresh_count", wanted))


def available(distribution: NetworkDistribution, seed: int, stream: str, start: int, wanted: int) -> Networks:
    """The addresses from ``start`` on that a distribution has networks for, at most ``wanted`` of them.

    A finite distribution refuses those that it has not by an `InputError`.
    """
    for stop in range(start + wanted, start, -1):
        try:
            distribution.sample(Networks(seed, stream, [stop - 1]))
        except InputError:
            continue
        return Networks(seed, stream, range(start, stop))
    return Networks(seed, stream, [])


def without_attacker(distribution: NetworkDistribution, seed: int, wanted: int) -> list[Networks]:
    """Addresses of different networks for a measurement in which nothing is attacked, at most ``wanted``.

    The fresh ones; then, of a finite ensemble that keeps some for an attacker (and says how many in an
    attribute ``attacked``), those.
    """
    fresh = fresh_available(distribution, wanted)
    kept = min(wanted - fresh, getattr(distribution, "attacked", 0))
    parts = [Networks(seed, "fresh", range(fresh)), Networks(seed, "source", range(kept))]
    return [each for each in parts if len(each)]


def kind_of(distribution: NetworkDistribution) -> str:
    """What a distribution calls its kind; the name of its class for one that a checkpoint can't hold."""
    return str(getattr(distribution, "kind", type(distribution).__name__))


def materialise(distribution: NetworkDistribution, networks: Networks) -> nn.Module:
    """One network as an ordinary module with parameters of its own, in eval mode: what an attacker holds.

    Args:
        distribution: what the network is drawn from.
        networks: the address of exactly one network.
    """
    if len(networks) != 1:
        raise InputError(f"materialise takes the address of one network, not of {len(networks)}")
    network = copy.deepcopy(distribution.classifier)
    network.load_state_dict(state_dict(network, distribution.sample(networks), 0))
    return network.eval().requires_grad_(True)
