"""Clean accuracy: of single networks, and of their mean vote."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from robust_hypergan.datasets import Dataset, to_unit
from robust_hypergan.ensemble import ensemble_forward
from robust_hypergan.networks import NetworkDistribution, Networks, fresh_available
from robust_hypergan.progress import track
from robust_hypergan.tally import Tally


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


def measure_accuracy(
    distribution: NetworkDistribution,
    dataset: Dataset,
    *,
    networks: int = 100,
    seed: int = 0,
    device: torch.device | None = None,
    backend: str | None = None,
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
        quiet: no progress bar.
    """
    networks = fresh_available(distribution, networks)
    images, labels = to_unit(dataset.images.to(device)), dataset.labels.to(device)
    tally, singles, votes = Tally(labels, len(dataset.classes)), [], {}
    addresses = Networks(seed, "fresh", range(networks))
    with track("accuracy", networks, quiet) as progress:
        for _, logits in ensemble_forward(distribution, addresses, images, backend=backend):
            for own in logits:
                singles.append(tally.add(own).double().mean().item())
                if tally.networks in (10, 100):
                    votes[tally.networks] = (tally.mean_vote == labels).double().mean().item()
            progress.update(len(logits))
    return Accuracy(
        networks=networks,
        examples=len(labels),
        single_mean=sum(singles) / networks,
        single_min=min(singles),
        single_max=max(singles),
        vote_10=votes.get(10),
        vote_100=votes.get(100),
        vote_all=(tally.mean_vote == labels).double().mean().item(),
    )
