"""How often an ensemble answers rightly, used in several ways, folded network by network.

Letters: n queries, the images of all cells; a part is the queries of one cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from robust_hypergan.measures.tally import summand
from robust_hypergan.reports import effective_wilson_interval, wilson_interval

VOTES = (1, 10, 100)
"""Sizes of the mean votes; the vote of 1 is a fixed draw."""


@dataclass(frozen=True)
class Use:
    """One way to use an ensemble, on one part.

    Attributes:
        use: ``fixed draw``, ``fresh per query`` or ``mean vote``.
        networks: networks that answer one query.
        votes: votes, or fixed draws, that the accuracy is the mean of.
        accuracy: share of the part's queries that are answered rightly.
        low: lower end of its 95% interval.
        high: upper end.
    """

    use: str
    networks: int
    votes: int
    accuracy: float
    low: float
    high: float


class Voting:
    """Fixed draws, a fresh draw for each query, and mean votes, of the same networks.

    The networks are grouped by K in the order of their addresses, and each full group is one vote: the most
    probable class of its mean softmax. If there are too few for the next size, all of them are its one vote.
    For the fresh draw each query keeps a uniformly random one of all networks, independently of the others:
    network m, counted from 0, replaces the one that it has with probability 1 / (m + 1) (reservoir sampling;
    Vitter 1985, ACM Transactions on Mathematical Software 11), so nobody has to know how many will come.

    Args:
        labels: true classes ``[n]``.
        classes: number of classes.
        parts: indices of the queries of each part; parts may overlap.
        seed: of the choice of each query's own network.
        start: networks before the first that is added, which another voting has.
    """

    STATE: ClassVar = ("networks", "votes", "own", "random")

    def __init__(
        self, labels: Tensor, classes: int, parts: Sequence[Tensor], seed: int, start: int = 0
    ) -> None:
        self.labels, self.parts, self.start, self.networks = labels, parts, start, 0
        self.votes = [MeanVotes(labels, classes, parts, size, start) for size in VOTES]
        self.own = torch.zeros_like(labels)  # twice the network's number, plus 1 if it is right
        bits = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(51,)))
        self.random = np.random.Generator(bits.advance(start * len(labels)))

    def add(self, probability: Tensor) -> None:
        """Adds the softmax ``[n, classes]`` of one network."""
        number = self.start + self.networks
        chosen = torch.from_numpy(self.random.random(len(self.labels)) * (number + 1) < 1)
        right = probability.argmax(1) == self.labels
        self.own = torch.where(chosen.to(right.device), 2 * number + right, self.own)
        rounded = summand(probability)
        for votes in self.votes:
            votes.hold(rounded, 1)
        self.networks += 1

    def extend(self, later: Voting) -> None:
        """Adds what another voting, which starts where this one ends, has of the networks that follow."""
        self.own = torch.maximum(self.own, later.own)
        self.random.bit_generator.state = later.random.bit_generator.state
        for votes, more in zip(self.votes, later.votes, strict=True):
            votes.extend(more)
        self.networks += later.networks

    def uses(self, part: int) -> list[Use]:
        """Every use on one part."""
        own = self.own[self.parts[part]] % 2
        low, high = wilson_interval(int(own.sum()), len(own))
        fresh = Use("fresh per query", 1, 1, own.double().mean().item(), float(low), float(high))
        single, *votes = [votes.use(part) for votes in self._counted()]
        return [single, fresh, *votes]

    def _counted(self) -> list[MeanVotes]:
        """The sizes that were reached, and one vote of all networks where the next was not."""
        reached = [votes for votes in self.votes if votes.accuracies]
        rest = [votes for votes in self.votes if not votes.accuracies]
        return reached + [votes.closed() for votes in rest[:1] if self.networks > reached[-1].size]


class MeanVotes:
    """The mean votes of one size: each full group of networks, in their order, is one.

    Args:
        labels: true classes ``[n]``.
        classes: number of classes.
        parts: indices of the queries of each part.
        size: networks of a vote.
        start: networks before the first that is added, which others have.
    """

    STATE: ClassVar = ("head", "headed", "right", "accuracies", "probability", "held")

    def __init__(
        self, labels: Tensor, classes: int, parts: Sequence[Tensor], size: int, start: int = 0
    ) -> None:
        self.labels, self.parts, self.size = labels, parts, size
        self.missing = -start % size  # networks that a group begun by others needs
        shape, device = (len(labels), classes), labels.device
        self.head = torch.zeros(shape if self.missing else (0, classes), dtype=torch.float64, device=device)
        self.headed = 0
        self.probability = torch.zeros(shape, dtype=torch.float64, device=device)
        self.held = 0  # of the last group, which is not full yet
        self.right = torch.zeros_like(labels)
        self.accuracies: list[list[float]] = []  # a row for each vote, a column for each part

    def add(self, probability: Tensor) -> None:
        """Adds the softmax ``[n, classes]`` of one network."""
        self.hold(summand(probability), 1)

    def extend(self, later: MeanVotes) -> None:
        """Adds votes that start where these end: the group that both have a part of first."""
        if later.headed:
            self.hold(later.head, later.headed)
        self.right += later.right
        self.accuracies += later.accuracies
        if later.held:
            self.hold(later.probability, later.held)

    def hold(self, probability: Tensor, networks: int) -> None:
        """Adds networks of one group by the sum of their softmax, each rounded by ``summand``."""
        if self.headed < self.missing:
            self.head += probability
            self.headed += networks
            return
        self.probability += probability
        self.held += networks
        if self.held == self.size:
            right = self.probability.argmax(1) == self.labels
            self.right += right
            self.accuracies.append(torch.stack([right[part].double().mean() for part in self.parts]).tolist())
            self.probability.zero_()
            self.held = 0

    def closed(self) -> MeanVotes:
        """One vote of the networks held so far, in a copy: more may follow."""
        votes = MeanVotes(self.labels, self.probability.shape[1], self.parts, self.held)
        votes.hold(self.probability, self.held)
        return votes

    def use(self, part: int) -> Use:
        """The use on one part."""
        rows = (self.right[self.parts[part]].double() / len(self.accuracies)).cpu().numpy()
        columns = [accuracies[part] for accuracies in self.accuracies]
        low, high = effective_wilson_interval(rows, columns)
        name = "fixed draw" if self.size == 1 else "mean vote"
        return Use(name, self.size, len(columns), float(rows.mean()), low, high)
