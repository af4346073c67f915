"""Folding the logits of network after network into counts, so that memory does not grow with M.

Whatever is folded can be folded in parts, each of the networks that follow one another: a part is extended by
the next one, and to the last bit it does not matter where they were divided.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

GRID = 2.0**32
"""Summands are rounded to multiples of 1 / GRID, which is finer than a float32 near 1 by far."""


def summand(value: Tensor) -> Tensor:
    """A softmax, or anything in [0, 8], as float64 of which up to 2^18 add up without any rounding.

    So the sums are the same to the last bit in whatever order, and however the networks were grouped.
    """
    return (value.double() * GRID).round_().div_(GRID)


def answers(logits: Tensor) -> tuple[Tensor, Tensor]:
    """What is counted of logits ``[n, classes]``: predictions ``[n]``, and the softmax as a summand."""
    return logits.argmax(1), summand(logits.softmax(1))


@dataclass
class Tally:
    """What M networks made of n images of known labels.

    Attributes:
        labels: true classes ``[n]``.
        votes: networks that predicted each class, ``[n, classes]``.
        probability: sum of the networks' softmax, ``[n, classes]`` float64.
        networks: networks added.
    """

    STATE: ClassVar = ("votes", "probability", "networks")

    labels: Tensor
    classes: int
    votes: Tensor = field(init=False)
    probability: Tensor = field(init=False)
    networks: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        shape, device = (len(self.labels), self.classes), self.labels.device
        self.votes = torch.zeros(shape, dtype=torch.int64, device=device)
        self.probability = torch.zeros(shape, dtype=torch.float64, device=device)

    def add(self, logits: Tensor) -> Tensor:
        """Adds one network's logits ``[n, classes]``; returns which images ``[n]`` it got right."""
        return self.count(*answers(logits))

    def count(self, predictions: Tensor, probability: Tensor) -> Tensor:
        """Adds one network's :func:`answers`; returns which images ``[n]`` it got right."""
        self.votes.scatter_add_(1, predictions[:, None], torch.ones_like(predictions[:, None]))
        self.probability += probability
        self.networks += 1
        return predictions == self.labels

    def extend(self, later: Tally) -> None:
        """Adds what another tally of the same images made of the networks that follow."""
        self.votes += later.votes
        self.probability += later.probability
        self.networks += later.networks

    @property
    def wrong(self) -> Tensor:
        """Networks that misclassify each image, ``[n]``."""
        return self.networks - self.votes.gather(1, self.labels[:, None]).squeeze(1)

    @property
    def mean_vote(self) -> Tensor:
        """Prediction of the mean probability, ``[n]``."""
        return self.probability.argmax(1)

    @property
    def entropy(self) -> Tensor:
        """Predictive entropy of the mean probability, ``[n]`` in nats."""
        entropy: Tensor = torch.special.entr(self.probability / max(1, self.networks)).sum(1)
        return entropy

    @property
    def modal_wrong_label(self) -> tuple[Tensor, Tensor]:
        """The most frequent wrong class of each image and the networks that chose it, both ``[n]``."""
        wrong = self.votes.scatter(1, self.labels[:, None], -1)
        count, label = wrong.max(1)
        return label, count
