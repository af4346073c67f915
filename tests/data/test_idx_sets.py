"""Data sets in IDX files: MNIST and its kin."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from robust_hypergan.data.datasets import load_dataset
from tests.data.files import flip_bit, idx_bytes, refusal, write_idx_set


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(("split", "stem"), [("train", "train"), ("test", "t10k")])
def test_kmnist_reads_both_splits_compressed_or_not(
    split: str, stem: str, suffix: str, tmp_path: Path
) -> None:
    images = write_idx_set(tmp_path / "KMNIST" / "raw", stem, [9, 0, 4], suffix)
    data = load_dataset("kmnist", split, root=tmp_path)
    assert np.array_equal(data.images[:, 0], images)
    assert data.labels.tolist() == [9, 0, 4]


def test_emnist_letters_are_upright_and_counted_from_zero(tmp_path: Path) -> None:
    images = write_idx_set(tmp_path / "EMNIST" / "raw", "emnist-letters-test", [1, 26, 3])
    data = load_dataset("emnist-letters", "test", root=tmp_path)
    assert np.array_equal(data.images[:, 0], images.transpose(0, 2, 1))
    assert [data.classes[label] for label in data.labels.tolist()] == ["a", "z", "c"]


@pytest.mark.parametrize("label", [0, 27])
def test_emnist_label_that_is_no_letter_is_refused(label: int, tmp_path: Path) -> None:
    write_idx_set(tmp_path / "EMNIST" / "raw", "emnist-letters-test", [1, label])
    assert "labels must be 0 to 25" in refusal("emnist-letters", "test", tmp_path)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_notmnist_needs_only_its_two_test_files(suffix: str, tmp_path: Path) -> None:
    write_idx_set(tmp_path / "notMNIST" / "raw", "t10k", [0, 9], suffix)
    data = load_dataset("notmnist", "test", root=tmp_path, download=True)
    assert [data.classes[label] for label in data.labels.tolist()] == ["A", "J"]


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("keep", [0, 3, 10, 20, -1])
@pytest.mark.parametrize("part", ["images-idx3", "labels-idx1"])
def test_truncated_idx_file_is_refused(part: str, keep: int, suffix: str, tmp_path: Path) -> None:
    write_idx_set(tmp_path / "KMNIST" / "raw", "t10k", list(range(10)) * 5, suffix)
    path = tmp_path / "KMNIST" / "raw" / f"t10k-{part}-ubyte{suffix}"
    path.write_bytes(path.read_bytes()[:keep])
    assert f"{path} is damaged" in refusal("kmnist", "test", tmp_path)


@pytest.mark.parametrize("part", ["images-idx3", "labels-idx1"])
@pytest.mark.parametrize("position", range(8))
def test_flipped_bit_in_an_idx_header_is_refused(position: int, part: str, tmp_path: Path) -> None:
    write_idx_set(tmp_path / "KMNIST" / "raw", "t10k", [1, 2, 3])
    path = tmp_path / "KMNIST" / "raw" / f"t10k-{part}-ubyte"
    flip_bit(path, position)
    assert f"{path} is damaged" in refusal("kmnist", "test", tmp_path)


@pytest.mark.parametrize("position", [0, 50, -100, -5, -1])
def test_flipped_bit_in_a_gzipped_idx_file_is_refused(position: int, tmp_path: Path) -> None:
    write_idx_set(tmp_path / "KMNIST" / "raw", "t10k", [1, 2, 3], ".gz")
    path = tmp_path / "KMNIST" / "raw" / "t10k-images-idx3-ubyte.gz"
    flip_bit(path, position)
    assert f"{path} is damaged" in refusal("kmnist", "test", tmp_path)


def test_images_and_labels_must_agree_in_number(tmp_path: Path) -> None:
    folder = tmp_path / "KMNIST" / "raw"
    write_idx_set(folder, "t10k", [1, 2, 3])
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx_bytes(np.zeros(2, dtype=np.uint8)))
    assert "3 images need as many int64 labels" in refusal("kmnist", "test", tmp_path)
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx_bytes(np.zeros((3, 1), dtype=np.uint8)))
    assert "expected images [N, H, W] and labels [N]" in refusal("kmnist", "test", tmp_path)


def test_empty_idx_set_is_refused(tmp_path: Path) -> None:
    write_idx_set(tmp_path / "KMNIST" / "raw", "t10k", [])
    assert "not empty" in refusal("kmnist", "test", tmp_path)


@pytest.mark.parametrize("download", [False, True])
@pytest.mark.usefixtures("no_network")
def test_old_pickle_beside_the_idx_files_is_never_opened(download: bool, tmp_path: Path) -> None:
    old = tmp_path / "KMNIST" / "processed"
    old.mkdir(parents=True)
    for file in ("training.pt", "test.pt"):
        (old / file).write_bytes(pickle.dumps((torch.zeros(1, 28, 28), torch.zeros(1))))
    expected = "could not be downloaded" if download else "not found"
    assert expected in refusal("kmnist", "test", tmp_path, download=download)
