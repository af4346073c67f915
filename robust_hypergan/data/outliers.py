"""Images of another kind than the classifier's: what an ensemble should be unsure of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from robust_hypergan.base.errors import InputError
from robust_hypergan.data.datasets import Dataset, load_dataset, make_dataset

NOISE = "noise"
NOISE_IMAGES = 1000

OTHER_CLASSES = {"cifar5": "cifar5-out", "cifar5-out": "cifar5"}
"""Sets whose outliers are the other classes of the same set."""


SHARED = (
    {"mnist", "mnist-5k"},
    {"fashion-mnist", "fashion-1k"},
    {"cifar10", "cifar5"},
    {"cifar10", "cifar5-out"},
)
"""Pairs of sets that share images."""


def load_outliers(
    name: str | None, dataset: Dataset, *, root: Path | None = None, download: bool = False
) -> Dataset:
    """Outlying images of the shape of a data set's.

    Args:
        name: a data set, whose test split is taken, or ``noise``: bytes drawn uniformly. None is
            ``fashion-1k`` for grey 28x28 images (``mnist-5k`` for fashion), the other five classes for
            CIFAR-5, and noise for all others.
        dataset: the images that are not outlying.
        root: the folder that holds the data sets.
        download: fetch what is missing.

    Raises:
        InputError: no such data set, one of another shape, or one that holds images of the data set itself.
    """
    name = name or _usual(dataset)
    if name == dataset.name or {name, dataset.name} in SHARED:
        raise InputError(
            f"{name} holds images of {dataset.name}, which can't be its own outliers: name another data set,"
            " or noise"
        )
    shape = tuple(dataset.images.shape[1:])
    if name == NOISE:
        return _noise(shape)
    outliers = load_dataset(name, "test", root=root, download=download)
    own = tuple(outliers.images.shape[1:])
    if own != shape:
        raise InputError(
            f"outliers {name} are images of {_text(own)}, those of {dataset.name} of {_text(shape)}: "
            "choose a data set of that shape, or noise"
        )
    return outliers


def _usual(dataset: Dataset) -> str:
    if dataset.name in OTHER_CLASSES:
        return OTHER_CLASSES[dataset.name]
    if tuple(dataset.images.shape[1:]) != (1, 28, 28):
        return NOISE
    return "mnist-5k" if dataset.name.startswith("fashion") else "fashion-1k"


def _noise(shape: tuple[int, ...]) -> Dataset:
    random = np.random.default_rng(np.random.SeedSequence(0, spawn_key=(52,)))
    images = torch.from_numpy(random.integers(0, 256, (NOISE_IMAGES, *shape), dtype=np.uint8))
    return make_dataset(NOISE, "test", images, torch.zeros(NOISE_IMAGES, dtype=torch.int64), (NOISE,))


def _text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
