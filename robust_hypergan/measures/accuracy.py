"""Clean accuracy: of single networks, and of their mean vote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robust_hypergan.base.distributed import ALONE, Ranks
from robust_hypergan.base.errors import check_range
from robust_hypergan.base.progress import track
from robust_hypergan.data.datasets import Dataset, to_unit
from robust_hypergan.engine.cascade import Account
from robust_hypergan.engine.ensemble import EnsembleForward
from robust_hypergan.engine.shared_fold import fold_networks, share_state
from robust_hypergan.measures.tally import Tally, answers
from robust_hypergan.models.compatibility import check_fit
from robust_hypergan.models.networks import NetworkDistribution, Networks, fresh_available


@dataclass(frozen=True)
class Accuracy:
    """Fractions of a data set that are classified correctly.

    Attributes:
        networks: single networks tried.
        examples: images tried.
        single_mean: mean accuracy of the single networks.
        single_min: accuracy of the worst.
        single_max: accuracy of the best.
        vote_10: accuracy of the mean probability of the first 10 networks; None with fewer networks.
        vote_100: of the first 100.
        vote_all: of all that were tried.
    """

    networks: int
    examples: int
    single_mean: float
    single_min: float
    single_max: float
    vote_10: float | None
    vote_100: float | None
    vote_all: float


class AccuracyFold:
    """Networks folded into their accuracies and the mean votes of the first 10, the first 100, and all.

    Args:
        labels: true classes ``[n]``.
        classes: number of classes.
        start: networks before the first that is added, which another fold has.
    """

    STATE: ClassVar = ("singles", "votes")

    def __init__(self, labels: Tensor, classes: int, start: int = 0) -> None:
        self.labels, self.classes, self.start = labels, classes, start
        self.singles: list[float] = []
        self.votes = {name: Tally(labels, classes) for name in ("all", "10", "100")}

    def add(self, logits: Tensor) -> None:
        """Adds the logits ``[n, classes]`` of one network."""
        number = self.start + len(self.singles)
        own = answers(logits)
        self.singles.append(self.votes["all"].count(*own).double().mean().item())
        for size in ("10", "100"):
            if number < int(size):
                self.votes[size].count(*own)

    def part(self, start: int) -> AccuracyFold:
        """An empty fold for the networks from ``start`` on."""
        return AccuracyFold(self.labels, self.classes, start)

    def extend(self, later: AccuracyFold) -> None:
        """Adds a part that starts where this one ends."""
        self.singles += later.singles
        for name, tally in self.votes.items():
            tally.extend(later.votes[name])

    def vote(self, name: str) -> float:
        """Accuracy of a mean vote: ``10``, ``100`` or ``all``."""
        return (self.votes[name].mean_vote == self.labels).double().mean().item()


def measure_accuracy(
    distribution: NetworkDistribution,
    dataset: Dataset,
    *,
    networks: int = 100,
    seed: int = 0,
    device: torch.device | None = None,
    backend: str | None = None,
    ranks: Ranks = ALONE,
    quiet: bool = True,
) -> Accuracy:
    """Accuracy of the first networks of the ``fresh`` stream on a whole split.

    Args:
        distribution: what the networks are drawn from.
        dataset: images and labels.
        networks: how many networks, at least 1; of a finite ensemble at most those it has.
        seed: of the networks' addresses.
        device: where to compute; None is the CPU.
        backend: of the ensemble forward.
        ranks: who shares the networks; each gets the result.
        quiet: no progress bar.

    Raises:
        InputError: fewer networks than one, or a classifier that does not fit the images and classes.
    """
    check_range("networks", networks, 1)
    check_fit(type(distribution.classifier).__name__, distribution.classifier, dataset)
    networks = fresh_available(distribution, networks)
    images, labels = to_unit(dataset.images.to(device)), dataset.labels.to(device)
    fold = AccuracyFold(labels, len(dataset.classes))
    addresses = Networks(seed, "fresh", range(networks))
    forward = EnsembleForward(distribution, addresses, images, backend=backend, account=Account())
    with track("accuracy", networks, quiet) as progress:
        for done in fold_networks(fold, forward, 0, 0, ranks):
            progress.update(done - progress.n)
    share_state(ranks, fold=fold)
    return Accuracy(
        networks=networks,
        examples=len(labels),
        single_mean=sum(fold.singles) / networks,
        single_min=min(fold.singles),
        single_max=max(fold.singles),
        vote_10=fold.vote("10") if networks >= 10 else None,
        vote_100=fold.vote("100") if networks >= 100 else None,
        vote_all=fold.vote("all"),
    )
