"""How sure an ensemble is of each image: of its mean, and how far its networks differ."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from robust_hypergan.measures.tally import summand

UNCERTAINTY_NETWORKS = 100
"""The mean is over the first so many networks."""


class Uncertainty:
    """Entropies of n images, folded network by network, up to a number of networks.

    With p_m the softmax of network m and p their mean: ``entropy`` is H(p), the predictive entropy;
    ``mutual_information`` H(p) minus the mean of H(p_m), what the choice of the network tells about the class
    (Depeweg et al., ICML 2018; Smith & Gal, UAI 2018); ``variance`` the variance of p_m over the networks,
    summed over the classes. Entropies are in nats.

    Args:
        images: n.
        classes: number of classes.
        device: of the softmax that will come.
        most: networks beyond these are ignored.
    """

    STATE: ClassVar = ("networks", "probability", "entropies", "squares")

    def __init__(
        self, images: int, classes: int, device: torch.device, most: int = UNCERTAINTY_NETWORKS
    ) -> None:
        self.most, self.networks = most, 0
        self.probability = torch.zeros(images, classes, dtype=torch.float64, device=device)
        self.entropies = torch.zeros(images, dtype=torch.float64, device=device)
        self.squares = torch.zeros_like(self.entropies)

    def add(self, probability: Tensor) -> None:
        """Adds the softmax ``[n, classes]`` of one network."""
        if self.networks == self.most:
            return
        own = probability.double()
        self.probability += summand(own)
        self.entropies += summand(torch.special.entr(own).sum(1))
        self.squares += summand(own.square().sum(1))
        self.networks += 1

    def extend(self, later: Uncertainty) -> None:
        """Adds what was folded of the networks that follow."""
        self.probability += later.probability
        self.entropies += later.entropies
        self.squares += later.squares
        self.networks += later.networks

    @property
    def mean(self) -> Tensor:
        """The mean softmax ``[n, classes]``."""
        return self.probability / max(1, self.networks)

    @property
    def entropy(self) -> Tensor:
        """Predictive entropy ``[n]``."""
        entropy: Tensor = torch.special.entr(self.mean).sum(1)
        return entropy

    @property
    def mutual_information(self) -> Tensor:
        """Mutual information of class and network ``[n]``, at least 0."""
        return (self.entropy - self.entropies / max(1, self.networks)).clamp(min=0)

    @property
    def variance(self) -> Tensor:
        """Variance of the softmax ``[n]``, at least 0 and at most 1."""
        return (self.squares / max(1, self.networks) - self.mean.square().sum(1)).clamp(min=0)
