"""Files of data sets: small ones are written, some are damaged, and loading them is refused."""

from __future__ import annotations

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from robust_hypergan.base.errors import InputError
from robust_hypergan.data.datasets import load_dataset


def idx_bytes(array: np.ndarray) -> bytes:
    """An array of bytes as the content of an IDX file."""
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


def write_idx_set(folder: Path, stem: str, labels: list[int], suffix: str = "") -> np.ndarray:
    """Write random 28 x 28 images with ``labels`` as a pair of IDX files; the images are returned."""
    images = np.random.default_rng(0).integers(0, 256, (len(labels), 28, 28), dtype=np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in [("images-idx3", images), ("labels-idx1", np.array(labels, dtype=np.uint8))]:
        content = idx_bytes(array)
        content = gzip.compress(content) if suffix == ".gz" else content
        (folder / f"{stem}-{name}-ubyte{suffix}").write_bytes(content)
    return images


def md5_of(path: Path) -> str:
    """The MD5 of a file, in hexadecimal."""
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def flip_bit(path: Path, position: int) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def refusal(name: str, split: str, root: Path | None = None, *, download: bool = False) -> str:
    """The message with which loading fails, which must be one line."""
    with pytest.raises(InputError) as caught:
        load_dataset(name, split, root=root, download=download)
    message = str(caught.value)
    assert "\n" not in message
    return message


def write_svhn(path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """A small ``test_32x32.mat`` whose MD5 passes for the published one; the images [H, W, C, N]."""
    import torchvision.datasets

    images = np.random.default_rng(0).integers(0, 256, (32, 32, 3, 4), dtype=np.uint8)
    savemat(path, {"X": images, "y": np.array([[1], [10], [9], [5]], dtype=np.uint8)})
    published = {"test": ["http://ufldl.stanford.edu/housenumbers/test_32x32.mat", path.name, md5_of(path)]}
    monkeypatch.setattr(torchvision.datasets.SVHN, "split_list", published)
    return images
