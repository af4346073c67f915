"""Predictions that rounding could turn: where they are is written down, so that two runs can be compared.

Float32 sums in another order (another device, other threads, fewer images at once) give logits that
differ in their last digits. A prediction can only turn where the two largest lie closer together than that.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

NEAR_TIE = 1e-4
"""Margin below which a pair of network and image is a near-tie, as a share of the image's largest logit."""

MOST_KEPT = 10_000
"""Near-ties that are kept one by one; all are counted."""


def margin(logits: Tensor) -> Tensor:
    """The largest of logits ``[..., classes]`` minus the next one, ``[...]``; infinite for one class."""
    largest, place = logits.max(-1, keepdim=True)
    others = logits.scatter(-1, place, -torch.inf)  # faster than the library's two largest
    return largest.squeeze(-1) - others.amax(-1)


def near_ties(logits: Tensor) -> Tensor:
    """Which images ``[n]`` of logits ``[n, classes]`` have their two largest within :data:`NEAR_TIE`."""
    return margin(logits) < NEAR_TIE * logits.abs().amax(1)


class NearTies:
    """The near-ties of network after network.

    Attributes:
        networks: networks added.
        count: near-ties found.
        found: network, counted from 0 in the order they came, and image of the first of them.
    """

    STATE: ClassVar = ("networks", "count", "found")

    def __init__(self) -> None:
        self.networks, self.count = 0, 0
        self.found: list[list[int]] = []

    def add(self, logits: Tensor) -> None:
        """Adds one network by its logits ``[n, classes]``."""
        images = near_ties(logits).nonzero().squeeze(1).tolist()
        self.count += len(images)
        self.found += [[self.networks, image] for image in images[: MOST_KEPT - len(self.found)]]
        self.networks += 1

    def extend(self, later: NearTies) -> None:
        """Adds those of the networks that follow."""
        moved = [[self.networks + network, image] for network, image in later.found]
        self.found += moved[: MOST_KEPT - len(self.found)]
        self.count += later.count
        self.networks += later.networks
