"""Data sets by name: whole, in memory, as bytes, with a hash that says exactly what was used."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from robust_hypergan.base.errors import InputError, unknown
from robust_hypergan.data.colour_sets import COLOUR_SETS, read_colour_set
from robust_hypergan.data.idx_sets import IDX_SETS, read_idx_set
from robust_hypergan.data.packaged import PACKAGED_SHA256, read_packaged

DEFAULT_ROOT = Path("data")

SPLITS: dict[str, tuple[str, ...]] = {
    **{name: tuple(files) for name, files in PACKAGED_SHA256.items()},
    **{name: tuple(source.stems) for name, source in IDX_SETS.items()},
    **dict.fromkeys(COLOUR_SETS, ("train", "test")),
}


@dataclass(frozen=True, eq=False)  # tensors do not compare to one bool; compare the sha256
class Dataset:
    """One split of a data set.

    Attributes:
        name: the data set's name.
        split: ``"train"`` or ``"test"``.
        images: uint8 [N, C, H, W], 0 to 255.
        labels: int64 [N], each an index into ``classes``.
        classes: the classes' names.
        sha256: of the images' bytes and then the labels' (as little-endian int64), in hexadecimal.
    """

    name: str
    split: str
    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    sha256: str


def dataset_names() -> tuple[str, ...]:
    """The names that ``load_dataset`` knows: first those that come with the package."""
    return tuple(SPLITS)


def load_dataset(name: str, split: str, *, root: Path | None = None, download: bool = False) -> Dataset:
    """Load one split of a data set into memory.

    ``mnist-5k`` (train, test) and ``fashion-1k`` (test) come with the package. The others lie below ``root``
    in torchvision's layout: ``mnist``, ``fashion-mnist``, ``kmnist``, ``emnist-letters`` (labels from 0,
    images upright), ``cifar10``, ``cifar5`` and ``cifar5-out`` (CIFAR-10's classes 0-4 and 5-9, each with
    labels from 0), ``svhn``, and ``notmnist`` (test only, never downloaded).

    Args:
        name: one of ``dataset_names()``.
        split: ``"train"`` or ``"test"``.
        root: the folder that holds the data sets; by default ``data`` in the current folder.
        download: fetch the files through torchvision if they are missing.

    Raises:
        InputError: an unknown name, a split that the set does not have, files that are missing or damaged, or
            a download that failed; one line that says what to do.
    """
    if name not in SPLITS:
        raise unknown("data set", name, dataset_names())
    if split not in SPLITS[name]:
        raise InputError(f"data set {name} has no split {split!r}: choose from {', '.join(SPLITS[name])}")
    images, labels, classes = _read(name, split, Path(os.path.expanduser(root or DEFAULT_ROOT)), download)
    return make_dataset(name, split, images, labels, classes)


def make_dataset(
    name: str, split: str, images: Tensor | np.ndarray, labels: Tensor | np.ndarray, classes: Sequence[str]
) -> Dataset:
    """A ``Dataset`` of checked arrays, with their hash; also the way to bring data of your own.

    Args:
        name: what to call it.
        split: ``"train"`` or ``"test"``.
        images: uint8 [N, C, H, W], 0 to 255, at least one and none empty.
        labels: int64 [N], each an index into ``classes``.
        classes: the classes' names.

    Raises:
        InputError: the arrays are not as stated.
    """
    where = f"data set {name}, {split}"
    images, labels = torch.as_tensor(images), torch.as_tensor(labels)
    if images.dtype != torch.uint8 or images.ndim != 4 or images.numel() == 0:
        raise InputError(
            f"{where}: images must be uint8 [N, C, H, W] and not empty, "
            f"got {images.dtype} {list(images.shape)}"
        )
    if labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
        raise InputError(
            f"{where}: {len(images)} images need as many int64 labels, "
            f"got {labels.dtype} {list(labels.shape)}"
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= len(classes):
        raise InputError(f"{where}: labels must be 0 to {len(classes) - 1}, they run from {low} to {high}")
    return Dataset(name, split, images, labels, tuple(classes), sha256=_sha256(images, labels))


def to_unit(images: Tensor) -> Tensor:
    """Bytes to the range the classifiers take: uint8, 0 to 255 -> float32 in [0, 1], same shape and device.

    Args:
        images: uint8, any shape.

    Raises:
        InputError: the images are not uint8, so they have probably been scaled already.
    """
    if images.dtype != torch.uint8:
        raise InputError(
            f"to_unit takes uint8 images, got {images.dtype}: pass the data set's images unscaled"
        )
    return images.to(torch.float32).div_(255)


def _read(name: str, split: str, root: Path, download: bool) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    if name in PACKAGED_SHA256:
        return read_packaged(name, split)
    read = read_idx_set if name in IDX_SETS else read_colour_set
    return read(name, split, root=root, download=download)


def _sha256(images: Tensor, labels: Tensor) -> str:
    digest = hashlib.sha256(images.contiguous().cpu().numpy().data)
    digest.update(labels.contiguous().cpu().numpy().astype("<i8").data)
    return digest.hexdigest()
