"""What an attacker may draw from a distribution: held networks, and new ones for an expectation.

The ``fresh`` stream, on which the result is tried, is out of reach.
"""

from __future__ import annotations

import torch
from torch import nn

from robust_hypergan.attacks import Ensemble
from robust_hypergan.base.errors import check_range
from robust_hypergan.engine.ensemble import NETWORK_BLOCK
from robust_hypergan.models.networks import NetworkDistribution, Networks
from robust_hypergan.models.parameters import bind, networks_of


class DistributionDraws:
    """The draws of one batch of images: a :class:`robust_hypergan.attacks.Draws` over any distribution.

    Every batch gets draws of its own, so that the n-th call of :meth:`eot` gives the same networks to every
    batch of every cell: results depend neither on the order of the cells nor on the size of a batch. Of a
    distribution that never ends, networks are generated a block ahead.

    Args:
        distribution: what the networks are drawn from.
        seed: of the networks' addresses.
        source: index of the attacked network in the ``source`` stream, the first of the held ones.
    """

    def __init__(self, distribution: NetworkDistribution, seed: int, source: int) -> None:
        self.distribution, self.seed, self.source = distribution, seed, source
        self.drawn = 0
        self._ready: list[nn.Module] = []

    def held(self, count: int) -> Ensemble:
        """Networks ``source`` to ``source + count - 1`` of the ``source`` stream, the same at every call.

        Raises:
            InputError: a count below 1.
        """
        check_range("number of networks", count, 1)
        return Ensemble(tuple(self._networks("source", self.source, count)))

    def eot(self, count: int) -> Ensemble:
        """The next ``count`` networks of the ``eot`` stream.

        Raises:
            InputError: a count below 1.
        """
        check_range("number of networks", count, 1)
        missing = count - len(self._ready)
        if missing > 0:
            ahead = 0 if hasattr(self.distribution, "fresh_count") else -missing % NETWORK_BLOCK
            self._ready += self._networks("eot", self.drawn, missing + ahead)
            self.drawn += missing + ahead
        taken, self._ready = self._ready[:count], self._ready[count:]
        return Ensemble(tuple(taken))

    @torch.no_grad()
    def _networks(self, stream: str, start: int, count: int) -> list[nn.Module]:
        addresses = Networks(self.seed, stream, range(start, start + count))
        blocks = [self.distribution.sample(block) for block in addresses.blocks(NETWORK_BLOCK)]
        classifier = self.distribution.classifier
        return [bind(classifier, network) for block in blocks for network in networks_of(block)]
