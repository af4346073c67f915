"""The data sets that come with the package."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest
import torch

from robust_hypergan.data import packaged
from robust_hypergan.data.datasets import load_dataset
from robust_hypergan.data.packaged import PACKAGED_SHA256, packaged_indices, read_packaged
from tests.data.files import flip_bit, refusal

PACKAGED = [("mnist-5k", "train", 500), ("mnist-5k", "test", 200), ("fashion-1k", "test", 100)]


@pytest.mark.parametrize(("name", "split", "per_class"), PACKAGED)
def test_packaged_set_is_balanced_and_shuffled(name: str, split: str, per_class: int) -> None:
    data = load_dataset(name, split)
    assert data.images.shape == (10 * per_class, 1, 28, 28)
    assert data.images.dtype == torch.uint8
    assert data.labels.dtype == torch.int64
    assert data.labels.bincount().tolist() == [per_class] * 10
    assert len(data.classes) == 10
    assert len(data.labels[:50].unique()) > 5
    assert len(packaged_indices(name, split).unique()) == len(data.labels)


@pytest.mark.parametrize(("name", "split", "per_class"), PACKAGED)
def test_packaged_set_matches_the_original_pixel_for_pixel(
    name: str, split: str, per_class: int, originals: Path
) -> None:
    data = load_dataset(name, split)
    original = load_dataset({"mnist-5k": "mnist", "fashion-1k": "fashion-mnist"}[name], split, root=originals)
    indices = packaged_indices(name, split)
    assert len(indices) == 10 * per_class
    assert torch.equal(data.images, original.images[indices])
    assert torch.equal(data.labels, original.labels[indices])
    assert data.classes == original.classes


def test_packaged_files_are_small_and_their_hashes_are_in_the_readme() -> None:
    folder = resources.files("robust_hypergan.data").joinpath("packaged_data")
    readme = folder.joinpath("README.md").read_text(encoding="utf-8")
    total = 0
    for name, splits in PACKAGED_SHA256.items():
        for split, sha256 in splits.items():
            content = folder.joinpath(f"{name}-{split}.npz").read_bytes()
            total += len(content)
            assert f"`{name}-{split}.npz`" in readme
            assert f"{len(content):,} | `{sha256}`" in readme
    assert total < 2_000_000


def test_damaged_or_missing_packaged_file_says_reinstall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = (
        resources.files("robust_hypergan.data").joinpath("packaged_data", "fashion-1k-test.npz").read_bytes()
    )
    monkeypatch.setattr(packaged.resources, "files", lambda _: tmp_path)
    assert "fashion-1k-test.npz is missing or unreadable: reinstall" in refusal("fashion-1k", "test")
    copy = tmp_path / "packaged_data" / "fashion-1k-test.npz"
    copy.parent.mkdir()
    copy.write_bytes(installed)
    assert len(read_packaged("fashion-1k", "test")[0]) == 1000
    flip_bit(copy, len(installed) // 2)
    assert "fashion-1k-test.npz is damaged: reinstall" in refusal("fashion-1k", "test")
    copy.write_bytes(installed[:-1])
    assert "fashion-1k-test.npz is damaged: reinstall" in refusal("fashion-1k", "test")
