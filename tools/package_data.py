"""Make the data files that ship with robust-hypergan from the original IDX files.

    python tools/package_data.py ROOT robust_hypergan/data/packaged_data

``ROOT`` is a folder in torchvision's layout: ``MNIST/raw`` and ``FashionMNIST/raw`` with the official files.
Every member of a class is equally likely: the split is permuted with ``numpy.random.default_rng(0)``, the
first images of each class are taken, and they stay in the permuted order. The archives are ``.npz`` files
whose members are compressed with LZMA: an eighth smaller than deflate on these images, smaller than lossless
WebP, and ``numpy.load`` reads it as it is.
"""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robust_hypergan.data.idx_sets import read_idx_set

# name, split, the original set, images of each class
RECIPES = (
    ("mnist-5k", "train", "mnist", 500),
    ("mnist-5k", "test", "mnist", 200),
    ("fashion-1k", "test", "fashion-mnist", 100),
)


def balanced_indices(labels: NDArray[np.int64], per_class: int) -> NDArray[np.int64]:
    """Indices of ``per_class`` images of each class, in one random order that is always the same.

    Args:
        labels: the split's labels, [N].
        per_class: how many images of each class to take.
    """
    order = np.random.default_rng(0).permutation(len(labels))
    chosen = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        chosen[np.flatnonzero(labels[order] == label)[:per_class]] = True
    return order[chosen]


def archive(arrays: dict[str, NDArray[np.generic]]) -> bytes:
    """An ``.npz`` file of ``arrays``, LZMA-compressed, whose bytes do not depend on the clock."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as members:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, array, allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            members.writestr(entry, member.getvalue(), compress_type=zipfile.ZIP_LZMA)
    return content.getvalue()


def main(root: Path, destination: Path) -> None:
    """Write every packaged file to ``destination`` and print its sha256."""
    for name, split, original, per_class in RECIPES:
        images, labels, _ = read_idx_set(original, split, root=root, download=False)
        indices = balanced_indices(labels.numpy(), per_class)
        content = archive(
            {
                "images": images[indices, 0].numpy(),
                "labels": labels[indices].numpy().astype(np.uint8),
                "indices": indices.astype("<u2"),
            }
        )
        (destination / f"{name}-{split}.npz").write_bytes(content)
        print(hashlib.sha256(content).hexdigest(), f"{name}-{split}.npz", len(content), "bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
