"""CIFAR-10, its two halves, and SVHN, read by torchvision from the published files alone.

CIFAR-10 comes as pickles, and loading a pickle runs whatever is in it. So the MD5 of every file is compared
with the published one, which torchvision lists, before torchvision is asked to open any of them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robust_hypergan.base.errors import InputError
from robust_hypergan.data.downloads import download_failures, failures_as_input_error, torchvision_datasets

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

# the CIFAR-10 classes that each set keeps
CIFAR_CLASSES_KEPT = {"cifar10": range(10), "cifar5": range(5), "cifar5-out": range(5, 10)}

COLOUR_SETS = (*CIFAR_CLASSES_KEPT, "svhn")


def read_colour_set(
    name: str, split: str, *, root: Path, download: bool
) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """Images uint8 [N, 3, 32, 32], labels int64 [N] and the classes of a set of colour images.

    ``cifar5`` is CIFAR-10's classes 0 to 4 and ``cifar5-out`` its classes 5 to 9, in CIFAR-10's order; either
    counts its labels from 0, so that a label is always an index into the classes that come with it.

    Args:
        name: one of ``COLOUR_SETS``.
        split: ``"train"`` or ``"test"``.
        root: the folder that holds ``cifar-10-batches-py/`` or ``train_32x32.mat`` and ``test_32x32.mat``.
        download: fetch the files through torchvision if they are missing or not the published ones.

    Raises:
        InputError: a file is missing or not the published one, or cannot be downloaded.
    """
    if name == "svhn":
        return _read_svhn(split, root=root, download=download)
    images, labels = _read_cifar10(name, split, root=root, download=download)
    kept = CIFAR_CLASSES_KEPT[name]
    mask = (labels >= kept.start) & (labels < kept.stop)
    return images[mask], labels[mask] - kept.start, CIFAR10_CLASSES[kept.start : kept.stop]


def _read_cifar10(name: str, split: str, *, root: Path, download: bool) -> tuple[Tensor, Tensor]:
    source_class = torchvision_datasets().CIFAR10
    meta = [source_class.meta["filename"], source_class.meta["md5"]]
    source = _read_published(
        name,
        lambda: source_class(root, train=split == "train", download=download),
        folder=root / source_class.base_folder,
        published=dict([*source_class.train_list, *source_class.test_list, meta]),
        download=download,
    )
    images = torch.from_numpy(source.data).permute(0, 3, 1, 2)  # (N, H, W, C) -> (N, C, H, W)
    return images.contiguous(), torch.tensor(source.targets, dtype=torch.int64)


def _read_svhn(split: str, *, root: Path, download: bool) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    source_class = torchvision_datasets().SVHN
    _, file, md5 = source_class.split_list[split]
    source = _read_published(
        "svhn",
        lambda: source_class(root, split=split, download=download),
        folder=root,
        published={file: md5},
        download=download,
    )
    images = torch.from_numpy(np.ascontiguousarray(source.data))  # (N, C, H, W)
    return images, torch.from_numpy(source.labels), tuple("0123456789")


def _read_published(
    name: str, construct: Callable[[], Any], *, folder: Path, published: dict[str, str], download: bool
) -> Any:
    """What ``construct`` returns, called only if the files are the published ones or are to be downloaded."""
    # torchvision's constructor makes the same check after a download, before it opens anything
    wrong = [file for file, md5 in published.items() if not _has_md5(folder / file, md5)]
    if wrong and not download:
        raise InputError(
            f"data set {name}: missing or not the published file in {folder}: {', '.join(wrong)}; "
            "put the published files there, or run again with --download"
        )
    failures = (
        download_failures(name, folder)
        if wrong
        else failures_as_input_error(
            f"data set {name} could not be read from {folder}",
            "delete its files and run again with --download",
        )
    )
    with failures, warnings.catch_warnings():
        # numpy 2.4.0 to 2.4.4 warns of every pickle as old as these (https://github.com/numpy/numpy/pull/31177)
        warnings.filterwarnings("ignore", "dtype", category=np.exceptions.VisibleDeprecationWarning)
        return construct()


def _has_md5(path: Path, md5: str) -> bool:
    from torchvision.datasets.utils import check_integrity  # type: ignore[import-untyped]  # reason: no type hints

    try:
        return bool(check_integrity(path, md5))
    except OSError:  # there, but not readable
        return False
