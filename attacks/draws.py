"""The networks that an attack may draw beside the one it attacks.

An attack whose signature has a keyword ``draws`` is handed a :class:`Draws`. It never reaches the fresh
networks that the result is tried on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

Network = Callable[[Tensor], Tensor]
"""One network: images ``[B, C, H, W]`` in [0, 1] to logits ``[B, classes]``, differentiable in the images."""


@dataclass(frozen=True)
class Ensemble:
    """K networks that an attacker can differentiate through; their parameters need no gradient.

    Attributes:
        networks: the networks, one after the other.
    """

    networks: tuple[Network, ...]

    def __len__(self) -> int:
        return len(self.networks)

    def __call__(self, images: Tensor) -> Tensor:
        """Logits ``[K, B, classes]`` of all networks on images ``[B, C, H, W]``."""
        return torch.stack([network(images) for network in self.networks])


class Draws(Protocol):
    """What an attacker who knows the distribution can draw from it."""

    def held(self, count: int) -> Ensemble:
        """The ``count`` networks that the attacker holds: the attacked one first, the same at every call."""
        ...

    def eot(self, count: int) -> Ensemble:
        """``count`` networks that were not drawn before; every batch of images starts with the same ones."""
        ...
