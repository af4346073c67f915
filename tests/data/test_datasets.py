"""Data sets by name, their splits, and the object that holds one."""

from __future__ import annotations

import hashlib
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from robust_hypergan.base.errors import InputError
from robust_hypergan.data.datasets import dataset_names, load_dataset, make_dataset, to_unit
from tests.data.files import refusal, write_idx_set


def test_every_data_set_has_a_name() -> None:
    assert dataset_names() == (
        "mnist-5k",
        "fashion-1k",
        "mnist",
        "fashion-mnist",
        "kmnist",
        "emnist-letters",
        "notmnist",
        "cifar10",
        "cifar5",
        "cifar5-out",
        "svhn",
    )


def test_unknown_name_suggests_the_nearest() -> None:
    assert refusal("mnist5k", "train").startswith("unknown data set 'mnist5k': did you mean mnist-5k")


@pytest.mark.parametrize(
    ("name", "split"), [("fashion-1k", "train"), ("notmnist", "train"), ("mnist", "dev")]
)
def test_absent_split_names_those_that_exist(name: str, split: str) -> None:
    message = refusal(name, split)
    assert f"{name} has no split {split!r}: choose from " in message
    assert message.endswith("test")


def test_root_is_the_data_folder_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    images = write_idx_set(Path("data/KMNIST/raw"), "t10k", [3, 0])
    assert np.array_equal(load_dataset("kmnist", "test").images[:, 0], images)


def test_hash_covers_images_and_labels() -> None:
    images = torch.arange(2 * 1 * 3 * 3, dtype=torch.uint8).reshape(2, 1, 3, 3)
    labels = torch.tensor([1, 0])
    first = make_dataset("mine", "train", images, labels, ("a", "b"))
    expected = bytes(range(18)) + struct.pack("<2q", 1, 0)
    assert first.sha256 == hashlib.sha256(expected).hexdigest()
    assert make_dataset("mine", "train", images, 1 - labels, ("a", "b")).sha256 != first.sha256
    strided = images.to(memory_format=torch.channels_last).transpose(2, 3).contiguous().transpose(2, 3)
    assert make_dataset("mine", "train", strided, labels, ("a", "b")).sha256 == first.sha256


@pytest.mark.parametrize(
    ("images", "labels", "said"),
    [
        (torch.zeros(2, 1, 3, 3), torch.zeros(2, dtype=torch.int64), "uint8"),
        (torch.zeros(2, 3, 3, dtype=torch.uint8), torch.zeros(2, dtype=torch.int64), "N, C, H, W"),
        (torch.zeros(0, 1, 3, 3, dtype=torch.uint8), torch.zeros(0, dtype=torch.int64), "not empty"),
        (torch.zeros(2, 1, 3, 3, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64), "2 images"),
        (torch.zeros(2, 1, 3, 3, dtype=torch.uint8), torch.zeros(2, dtype=torch.int32), "int64"),
        (torch.zeros(2, 1, 3, 3, dtype=torch.uint8), torch.tensor([0, 2]), "0 to 1, they run from 0 to 2"),
        (torch.zeros(2, 1, 3, 3, dtype=torch.uint8), torch.tensor([-1, 1]), "from -1 to 1"),
    ],
)
def test_wrong_arrays_are_refused(images: torch.Tensor, labels: torch.Tensor, said: str) -> None:
    with pytest.raises(InputError, match=said):
        make_dataset("mine", "train", images, labels, ("a", "b"))


def test_to_unit_divides_by_255() -> None:
    every_byte = torch.arange(256, dtype=torch.uint8)
    unit = to_unit(every_byte)
    assert unit.dtype == torch.float32
    assert torch.equal(unit, torch.arange(256, dtype=torch.float32) / 255)
    assert torch.equal(every_byte, torch.arange(256, dtype=torch.uint8))


def test_to_unit_refuses_images_that_are_scaled_already() -> None:
    with pytest.raises(InputError, match=r"takes uint8 images, got torch\.float32"):
        to_unit(torch.zeros(1))


def test_loading_without_torchvision_sets_does_not_import_torchvision() -> None:
    program = "import sys, robust_hypergan; robust_hypergan.load_dataset('fashion-1k', 'test')"
    check = "; sys.exit('torchvision' in sys.modules)"
    subprocess.run([sys.executable, "-c", program + check], check=True)


def test_arrays_of_numpy_are_data_as_well():
    images, labels = np.zeros((3, 1, 4, 4), np.uint8), np.array([0, 1, 1])
    dataset = make_dataset("mine", "train", images, labels, ["a", "b"])
    assert dataset.sha256 == make_dataset("mine", "train", dataset.images, dataset.labels, ("a", "b")).sha256
    assert (dataset.labels.tolist(), dataset.classes) == ([0, 1, 1], ("a", "b"))
