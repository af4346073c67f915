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
    """

    STATE: ClassVar = ("networks", "votes", "own_right", "random")

    def __init__(self, labels: Tensor, classes: int, parts: Sequence[Tensor], seed: int) -> None:
        self.labels, self.parts, self.networks = labels, parts, 0
        self.votes = [MeanVotes(labels, classes, parts, size) for size in VOTES]
        self.own_right = torch.zeros_like(labels, dtype=torch.bool)
        self.random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(51,)))

    def add(self, probability: Tensor) -> None:
        """Adds the softmax ``[n, classes]`` of one network."""
        self.networks += 1
        chosen = torch.from_numpy(self.random.random(len(self.labels)) * self.networks < 1)
        right = probability.argmax(1) == self.labels
        self.own_right = torch.where(chosen.to(right.device), right, self.own_right)
        for votes in self.votes:
            votes.add(probability)

    def uses(self, part: int) -> list[Use]:
        """Every use on one part."""
        own = self.own_right[self.parts[part]]
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
    """

    STATE: ClassVar = ("probability", "held", "right", "accuracies")

    def __init__(self, labels: Tensor, classes: int, parts: Sequence[Tensor], size: int) -> None:
        self.labels, self.parts, self.size = labels, parts, size
        self.probability = torch.zeros(
            len(labels), classes, dtype=torch.float64, device=labels.device
        )  # of the group that is not full yet
        self.held = 0
        self.right = torch.zeros_like(labels)
        self.accuracies: list[list[float]] = []  # a row for each vote, a column for each part

    def add(self, probability: Tensor) -> None:
        """Adds the softmax ``[n, classes]`` of one network."""
        self.probability += probability
        self.held += 1
        if self.held == self.size:
            right = self.probability.argmax(1) == self.labels
            self.right += right
            self.accuracies.append(torch.stack([right[part].double().mean() for part in self.parts]).tolist())
            self.probability.zero_()
            self.held = 0

    def closed(self) -> MeanVotes:
        """One vote of the networks held so far, in a copy: more may follow."""
        votes = MeanVotes(self.labels, self.probability.shape[1], self.parts, self.held)
        votes.held = self.held - 1
        votes.add(self.probability)
        return votes

    def use(self, part: int) -> Use:
        """The use on one part."""
        rows = (self.right[self.parts[part]].double() / len(self.accuracies)).cpu().numpy()
        columns = [accuracies[part] for accuracies in self.accuracies]
        low, high = effective_wilson_interval(rows, columns)
        name = "fixed draw" if self.size == 1 else "mean vote"
        return Use(name, self.size, len(columns), float(rows.mean()), low, high)
