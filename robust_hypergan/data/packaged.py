"""The small data sets that come with the package, so that everything can be tried without a download."""

from __future__ import annotations

import hashlib
import io
from importlib import resources

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robust_hypergan.base.errors import InputError
from robust_hypergan.data.idx_sets import IDX_SETS

# name -> split -> sha256 of packaged_data/NAME-SPLIT.npz
PACKAGED_SHA256 = {
    "mnist-5k": {
        "train": "897ff0752149fd6d03cfe45a9e1b93f86f0e3e7d4d6968708aeb017e57be365d",
        "test": "f538e21bf6e1289eb306e89633db6d74ff696881594f27d4355eff939200c9ae",
    },
    "fashion-1k": {
        "test": "d3545890bf0f56a08effa31da54730bf88ccdf6ca61051677381d942b48d918d",
    },
}

PACKAGED_CLASSES = {
    "mnist-5k": IDX_SETS["mnist"].classes,
    "fashion-1k": IDX_SETS["fashion-mnist"].classes,
}


def read_packaged(name: str, split: str) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """Images uint8 [N, 1, 28, 28], labels int64 [N] and the classes of a packaged set.

    Args:
        name: a key of ``PACKAGED_SHA256``.
        split: a key of ``PACKAGED_SHA256[name]``.

    Raises:
        InputError: the installed file is missing or damaged.
    """
    arrays = _read_arrays(name, split)
    images = torch.from_numpy(arrays["images"]).unsqueeze(1)  # (N, 1, H, W)
    return images, torch.from_numpy(arrays["labels"].astype(np.int64)), PACKAGED_CLASSES[name]


def packaged_indices(name: str, split: str) -> Tensor:
    """For each image of a packaged set, its index in the same split of the original set: int64 [N].

    Args:
        name: a key of ``PACKAGED_SHA256``.
        split: a key of ``PACKAGED_SHA256[name]``.

    Raises:
        InputError: the installed file is missing or damaged.
    """
    return torch.from_numpy(_read_arrays(name, split)["indices"].astype(np.int64))


def _read_arrays(name: str, split: str) -> dict[str, NDArray[np.generic]]:
    file = f"{name}-{split}.npz"
    try:
        content = resources.files("robust_hypergan.data").joinpath("packaged_data", file).read_bytes()
    except OSError as error:
        raise _reinstall(file, "missing or unreadable") from error
    if hashlib.sha256(content).hexdigest() != PACKAGED_SHA256[name][split]:
        raise _reinstall(file, "damaged")
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return dict(archive)


def _reinstall(file: str, state: str) -> InputError:
    return InputError(
        f"the packaged file {file} is {state}: "
        "reinstall with pip install --force-reinstall --no-deps robust-hypergan"
    )
