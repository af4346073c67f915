"""The original data sets, pixel for pixel, where they are available."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from robust_hypergan.data.datasets import Dataset, load_dataset
from tests.data.files import flip_bit, refusal


@pytest.mark.parametrize(
    ("name", "split", "shape", "first_labels", "counts"),
    [
        ("mnist", "train", (60000, 1, 28, 28), [5, 0, 4, 1, 9], None),
        ("mnist", "test", (10000, 1, 28, 28), [7, 2, 1, 0, 4], None),
        ("fashion-mnist", "train", (60000, 1, 28, 28), [9, 0, 0, 3, 0], [6000] * 10),
        ("fashion-mnist", "test", (10000, 1, 28, 28), [9, 2, 1, 1, 6], [1000] * 10),
        ("notmnist", "test", (10000, 1, 28, 28), [3, 5, 9, 2, 7], [1000] * 10),
        ("cifar10", "train", (50000, 3, 32, 32), [6, 9, 9, 4, 1], [5000] * 10),
        ("cifar10", "test", (10000, 3, 32, 32), [3, 8, 8, 0, 6], [1000] * 10),
        ("cifar5", "test", (5000, 3, 32, 32), [3, 0, 1, 3, 1], [1000] * 5),
        ("cifar5-out", "test", (5000, 3, 32, 32), [3, 3, 1, 1, 1], [1000] * 5),
    ],
)
def test_original_loads(
    name: str,
    split: str,
    shape: tuple[int, ...],
    first_labels: list[int],
    counts: list[int] | None,
    originals: Path,
) -> None:
    data = load_dataset(name, split, root=originals)
    assert isinstance(data, Dataset)
    assert data.images.shape == shape
    assert data.images.is_contiguous()
    assert data.labels[:5].tolist() == first_labels
    assert counts is None or data.labels.bincount().tolist() == counts
    assert data.images.float().std() > 50


@pytest.mark.filterwarnings("ignore:dtype:numpy.exceptions.VisibleDeprecationWarning")  # numpy 2.4.0 to 2.4.4
def test_cifar_images_keep_their_colours_and_rows(originals: Path) -> None:
    from torchvision.datasets import CIFAR10

    reference = CIFAR10(originals, train=False)
    image, label = reference[17]
    data = load_dataset("cifar10", "test", root=originals)
    assert np.array_equal(data.images[17].permute(1, 2, 0).numpy(), np.asarray(image))
    assert data.classes[int(data.labels[17])] == reference.classes[label]


def test_cifar_halves_split_cifar10(originals: Path) -> None:
    whole = load_dataset("cifar10", "test", root=originals)
    inside = load_dataset("cifar5", "test", root=originals)
    outside = load_dataset("cifar5-out", "test", root=originals)
    assert inside.classes + outside.classes == whole.classes
    assert torch.equal(inside.images, whole.images[whole.labels < 5])
    assert torch.equal(outside.images, whole.images[whole.labels >= 5])
    assert torch.equal(outside.labels + 5, whole.labels[whole.labels >= 5])


@pytest.mark.parametrize("compress", [False, True])
def test_flipped_pixel_of_a_published_file_is_noticed(
    compress: bool, originals: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for part in ("images-idx3", "labels-idx1"):
        shutil.copy(originals / "MNIST" / "raw" / f"t10k-{part}-ubyte", folder)
    load_dataset("mnist", "test", root=tmp_path)
    damaged = folder / "t10k-images-idx3-ubyte"
    flip_bit(damaged, 5_000_000)
    if compress:
        damaged.with_name(f"{damaged.name}.gz").write_bytes(gzip.compress(damaged.read_bytes(), 1))
    message = refusal("mnist", "test", tmp_path)
    assert "t10k-images-idx3-ubyte" in message
    assert "MD5 is not that of the published file" in message
    assert "delete it and run again with --download" in message
