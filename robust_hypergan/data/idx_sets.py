"""The MNIST family, read from IDX files in the folders where torchvision keeps them.

torchvision is used for downloads only. Its own reader would also load an old ``processed/*.pt``, which is a
pickle, and checks neither the length nor the content of what it finds.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robust_hypergan.base.errors import InputError
from robust_hypergan.data.downloads import download_idx_files, one_line

MNIST_STEMS = {"train": "train", "test": "t10k"}
DIGITS = tuple("0123456789")

LARGEST = 2**31
"""Bytes of the largest file that is read; the largest of these sets has a tenth of a gigabyte."""


@dataclass(frozen=True)
class IdxSet:
    """Where a set of the MNIST family lies, and what its labels mean.

    Attributes:
        folder: the folder below the root; also the name of torchvision's class.
        stems: for each split, how its file names begin.
        classes: the classes' names.
        first_label: the label in the file that stands for the first class.
        transposed: whether the file holds each image with rows and columns exchanged.
        downloadable: whether torchvision can download it.
        torchvision_split: the ``split`` that torchvision's class wants, beside train or test.
        md5: MD5 of the uncompressed official files, where one was published for their compressed form.
    """

    folder: str
    stems: dict[str, str]
    classes: tuple[str, ...]
    first_label: int = 0
    transposed: bool = False
    downloadable: bool = True
    torchvision_split: str | None = None
    md5: dict[str, str] | None = None


IDX_SETS = {
    "mnist": IdxSet(
        folder="MNIST",
        stems=MNIST_STEMS,
        classes=DIGITS,
        md5={
            "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
            "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
            "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
            "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
        },
    ),
    "fashion-mnist": IdxSet(
        folder="FashionMNIST",
        stems=MNIST_STEMS,
        classes=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        md5={
            "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
            "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
            "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
            "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
        },
    ),
    "kmnist": IdxSet(
        folder="KMNIST",
        stems=MNIST_STEMS,
        classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    ),
    "emnist-letters": IdxSet(
        folder="EMNIST",
        stems={"train": "emnist-letters-train", "test": "emnist-letters-test"},
        classes=tuple("abcdefghijklmnopqrstuvwxyz"),
        first_label=1,
        transposed=True,
        torchvision_split="letters",
    ),
    "notmnist": IdxSet(
        folder="notMNIST", stems={"test": "t10k"}, classes=tuple("ABCDEFGHIJ"), downloadable=False
    ),
}


def read_idx_set(
    name: str, split: str, *, root: Path, download: bool
) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """Images uint8 [N, 1, H, W], labels int64 [N] from 0, and the classes of a set of the MNIST family.

    Files are looked for as ``ROOT/FOLDER/raw/STEM-images-idx3-ubyte``, compressed (``.gz``) first because
    that carries a checksum. MNIST and Fashion-MNIST must be the published files, checked by MD5. The other
    sets have no published checksum of the uncompressed files: their header, length and labels are checked.

    Args:
        name: a key of ``IDX_SETS``.
        split: a key of its ``stems``.
        root: the folder that holds the data sets.
        download: fetch the files through torchvision if they are missing.

    Raises:
        InputError: a file is missing, damaged, or cannot be downloaded.
    """
    source = IDX_SETS[name]
    folder = root / source.folder / "raw"
    files = [f"{source.stems[split]}-{part}-ubyte" for part in ("images-idx3", "labels-idx1")]
    paths = [find_file(folder, file) for file in files]
    if None in paths and download and source.downloadable:
        download_idx_files(name, source.folder, root, train=split == "train", split=source.torchvision_split)
        paths = [find_file(folder, file) for file in files]
    arrays = []
    for file, path in zip(files, paths, strict=True):
        if path is None:
            raise _missing(name, folder, files, source.downloadable)
        arrays.append(_read_checked(name, path, (source.md5 or {}).get(file), source.downloadable))
    images, labels = torch.from_numpy(arrays[0]), torch.from_numpy(arrays[1]).long() - source.first_label
    if images.ndim != 3 or labels.ndim != 1:
        raise InputError(
            f"data set {name} in {folder}: expected images [N, H, W] and labels [N], "
            f"found {list(images.shape)} and {list(labels.shape)}; put the right files there"
        )
    if source.transposed:
        images = images.transpose(1, 2)
    return images.unsqueeze(1).contiguous(), labels, source.classes


def find_file(folder: Path, file: str) -> Path | None:
    """The path of ``file`` in ``folder``, compressed or not; None if it has neither."""
    candidates = (folder / f"{file}.gz", folder / file)
    # Path.is_file raises if the folder may not be entered
    return next((path for path in candidates if os.path.isfile(path)), None)


def read_idx(path: Path, *, md5: str | None = None) -> NDArray[np.uint8]:
    """The array of bytes in an IDX file, which may be gzipped.

    The format: two zero bytes, the type (8, unsigned bytes), the number of dimensions, each dimension as a
    big-endian 32-bit integer, then the data.

    Args:
        path: the file; gzipped if its name ends in ``.gz``.
        md5: the MD5 that the uncompressed content must have, if it is known.

    Raises:
        ValueError: the content is not what the header or the MD5 says.
        OSError, EOFError, zlib.error: the file cannot be read or decompressed.
    """
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        header = file.read(4)
        if len(header) < 4 or header[:3] != b"\0\0\x08":
            raise ValueError("it is not an IDX file of unsigned bytes")
        header += file.read(4 * header[3])
        start = 4 + 4 * header[3]
        if len(header) < start:
            raise ValueError("it ends within its header")
        shape = struct.unpack(f">{header[3]}I", header[4:])
        expected = start + int(np.prod(shape, dtype=object))
        if expected > LARGEST:
            raise ValueError(f"its header says {expected} bytes, more than any such set has")
        content = header + file.read(expected - start + 1)  # a small file may unpack to a huge one
    if len(content) != expected:
        more = "more" if len(content) > expected else len(content)
        raise ValueError(f"it holds {more} bytes where its header says {expected}")
    if md5 is not None and hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
        raise ValueError("its MD5 is not that of the published file")
    return np.frombuffer(bytearray(content), dtype=np.uint8, offset=start).reshape(shape)


def _read_checked(name: str, path: Path, md5: str | None, downloadable: bool) -> NDArray[np.uint8]:
    try:
        return read_idx(path, md5=md5)
    except (ValueError, OSError, EOFError, zlib.error) as error:
        cure = " and run again with --download" if downloadable else " and put the right file there"
        raise InputError(
            f"data set {name}: {path} is damaged ({one_line(error)}): delete it{cure}"
        ) from error


def _missing(name: str, folder: Path, files: list[str], downloadable: bool) -> InputError:
    cure = ", or run again with --download" if downloadable else ""
    return InputError(f"data set {name} not found: put {' and '.join(files)} (or .gz) into {folder}{cure}")
