"""Clean accuracy of one network and of mean votes: the paper's Table 2, for several kinds of networks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from robust_hypergan.base.errors import InputError, check_range, unknown
from robust_hypergan.data.datasets import Dataset, dataset_names, to_unit
from robust_hypergan.measures.voting import MeanVotes
from robust_hypergan.models.networks import NetworkDistribution, kind_of, without_attacker
from robust_hypergan.reports import CLASSIFICATION_TABLES, paired_difference_interval
from robust_hypergan.runs.bench_config import DataConfig
from robust_hypergan.runs.run_folder import RunFolder
from robust_hypergan.storage.checkpoint import Checkpoint
from robust_hypergan.studies.study import Tables, load_named_checkpoints, record_inputs, run_study
from robust_hypergan.studies.study_parts import fold_softmax


@dataclass(frozen=True)
class ClassificationConfig:
    """Whose accuracy is measured, and on what.

    Attributes:
        checkpoints: trained networks, ``PATH`` or ``NAME=PATH``; the first is the one that the others are
            compared with.
        data: whose test split answers.
        trained_on: the data set they were trained on, if it is not ``data``; says which of the paper's
            columns is beside.
        classifier: of checkpoints that do not say theirs.
        sizes: networks of a vote.
        votes: votes of the largest size; of a smaller one there are more, of the same networks.
        seed: of the networks' addresses.

    Raises:
        InputError: a size or a number of votes outside its range, or an unknown data set.
    """

    checkpoints: Sequence[str] = ()
    data: DataConfig = field(default_factory=DataConfig)
    trained_on: str | None = None
    classifier: str | None = None
    sizes: Sequence[int] = (1, 5, 10, 100)
    votes: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.sizes:
            raise InputError("nothing to do: give at least one number of networks")
        for size in self.sizes:
            check_range("networks", size, 1, 100_000)
        check_range("votes", self.votes, 1, 10_000)
        if self.trained_on is not None and self.trained_on not in dataset_names():
            raise unknown("data set", self.trained_on, dataset_names())
        check_range("seed", self.seed, 0)


@dataclass(frozen=True)
class _Answers:
    """What one kind of networks made of all images, by the size of the votes."""

    name: str
    votes: Mapping[int, MeanVotes]

    @property
    def largest(self) -> MeanVotes:
        return self.votes[max(self.votes)]


def run_classification(
    config: ClassificationConfig,
    out: Path,
    *,
    device: torch.device | None = None,
    command: str = "",
    quiet: bool = True,
) -> Path:
    """Measures ``classification.csv`` and ``classification_differences.csv`` in the folder ``out``.

    The first has a row for each kind and size of vote: its accuracy with the sd over repeated votes, and an
    interval for which images and votes are samples. The second has paired differences, image by image: what
    each kind gains from its smallest to its largest vote, and its largest vote against the first kind's.

    Returns:
        The path of ``report.html``.

    Raises:
        InputError: bad data, checkpoints, or a folder that can't be used.
    """
    device = device or torch.device("cpu")
    dataset = config.data.load("test")
    named = load_named_checkpoints(config.checkpoints, dataset, device, config.classifier)
    distributions = {name: each.distribution for name, each in named.items()}

    def measure(run: RunFolder) -> Tables:
        run.update(data={"name": config.trained_on or dataset.name, "tested_on": dataset.name})
        run.update(kinds={name: kind_of(each) for name, each in distributions.items()})
        run.update(augmentation={name: _augmentation(each) for name, each in named.items()})
        record_inputs(run, [dataset], distributions, config.seed)
        answers = [
            _answer(name, each, dataset, config, device, run.progress / f"{number}.safetensors", quiet)
            for number, (name, each) in enumerate(distributions.items())
        ]
        rows = [row for each in answers for row in _accuracy_rows(each, len(dataset.labels))]
        gains = [row for each in answers for row in _gain_rows(each)]
        against = [row for each in answers[1:] for row in _difference_rows(answers[0], each)]
        tables = {"classification": rows, "classification_differences": gains + against}
        return {stem: pd.DataFrame(own, columns=CLASSIFICATION_TABLES[stem]) for stem, own in tables.items()}

    return run_study("classification", asdict(config), out, measure, device=device, command=command)


def _augmentation(checkpoint: Checkpoint) -> str | None:
    """Of the images that it was trained on; None if it does not say."""
    training = checkpoint.facts.get("training")
    return training.get("augmentation", "none") if isinstance(training, Mapping) else None


def _answer(
    name: str,
    distribution: NetworkDistribution,
    dataset: Dataset,
    config: ClassificationConfig,
    device: torch.device,
    state: Path,
    quiet: bool,
) -> _Answers:
    images, labels = to_unit(dataset.images.to(device)), dataset.labels.to(device)
    addresses = without_attacker(distribution, config.seed, max(config.sizes) * config.votes)
    count = sum(map(len, addresses))
    sizes = sorted({min(size, count) for size in config.sizes})
    every = [torch.arange(len(labels), device=device)]
    votes = {size: MeanVotes(labels, len(dataset.classes), every, size) for size in sizes}
    fold_softmax(
        votes, distribution, addresses, images, state=state, title=f"accuracy of {name}", quiet=quiet
    )
    return _Answers(name, votes)


def _accuracy_rows(answers: _Answers, images: int) -> Iterator[dict[str, Any]]:
    for size, votes in answers.votes.items():
        use, accuracies = votes.use(0), _by_vote(votes)
        yield {
            "name": answers.name,
            "networks": size,
            "votes": use.votes,
            "accuracy": use.accuracy,
            "sd": np.std(accuracies, ddof=1) if len(accuracies) > 1 else np.nan,
            "ci_low": use.low,
            "ci_high": use.high,
            "least": accuracies.min(),
            "greatest": accuracies.max(),
            "tested": images,
        }


def _gain_rows(answers: _Answers) -> Iterator[dict[str, Any]]:
    """From each size to the next, and from the smallest to the largest."""
    sizes = list(answers.votes)
    steps = list(pairwise(sizes))
    for few, many in steps + ([(sizes[0], sizes[-1])] if len(steps) > 1 else []):
        yield {
            "name": answers.name,
            "networks": many,
            "than": answers.name,
            "than_networks": few,
        } | _difference(answers.votes[many], answers.votes[few], shared=True)


def _difference_rows(first: _Answers, other: _Answers) -> Iterator[dict[str, Any]]:
    """The largest vote of the first kind against the other's largest vote, and one network against one."""
    for mine, its in {(max(first.votes), max(other.votes)), (min(first.votes), min(other.votes))}:
        yield {
            "name": first.name,
            "networks": mine,
            "than": other.name,
            "than_networks": its,
        } | _difference(first.votes[mine], other.votes[its], shared=False)


def _difference(first: MeanVotes, second: MeanVotes, *, shared: bool) -> dict[str, float]:
    """Of the accuracies, paired by image.

    Votes of the same networks are one sample where their sizes divide each other; elsewhere they count as
    two, and the interval is too wide. A single vote is held fixed.
    """
    differences = (_share(first) - _share(second)).cpu().numpy()
    sets = [_by_vote(first), _by_vote(second)]
    if shared and not first.size % second.size:  # each large vote against the small ones of its networks
        large, small = sets
        within = first.size // second.size
        sets = [large - small[: len(large) * within].reshape(len(large), within).mean(1)]
    sampled = [own for own in sets if len(own) > 1]
    mean, low, high = paired_difference_interval(differences, *sampled)
    return {"difference": mean, "ci_low": low, "ci_high": high}


def _share(votes: MeanVotes) -> Tensor:
    """Share of the votes that have each image right ``[n]``."""
    return votes.right.double() / len(votes.accuracies)


def _by_vote(votes: MeanVotes) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([accuracies[0] for accuracies in votes.accuracies])
