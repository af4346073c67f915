"""CIFAR-10, whose pickles are opened only if they are the published ones, and SVHN."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from robust_hypergan.data import colour_sets
from robust_hypergan.data.datasets import load_dataset
from tests.data.files import flip_bit, refusal, write_svhn


class Trap:
    """A pickle that, when loaded, creates a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.trace,))


CIFAR_FILES = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta"]


@pytest.mark.parametrize("file", CIFAR_FILES)
@pytest.mark.parametrize("split", ["train", "test"])
def test_no_cifar_pickle_is_opened_unless_it_is_the_published_one(
    split: str, file: str, originals: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for published in CIFAR_FILES:
        (folder / published).symlink_to(originals / "cifar-10-batches-py" / published)
    (folder / file).unlink()
    trace = tmp_path / "it was loaded"
    (folder / file).write_bytes(pickle.dumps(Trap(trace)))
    message = refusal("cifar10", split, tmp_path)
    assert f"missing or not the published file in {folder}: {file}; put" in message
    assert not trace.exists()
    pickle.loads((folder / file).read_bytes())
    assert trace.exists(), "the trap itself must work"


@pytest.mark.parametrize("name", ["cifar10", "cifar5", "cifar5-out"])
@pytest.mark.parametrize("download", [False, True])
@pytest.mark.usefixtures("no_network")
def test_a_folder_of_foreign_pickles_is_never_opened(name: str, download: bool, tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    trace = tmp_path / "it was loaded"
    for file in CIFAR_FILES:
        (folder / file).write_bytes(pickle.dumps(Trap(trace)))
    message = refusal(name, "train", tmp_path, download=download)
    assert f"data set {name}" in message
    assert not trace.exists()


def test_svhn_reads_images_and_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = write_svhn(tmp_path / "test_32x32.mat", monkeypatch)
    data = load_dataset("svhn", "test", root=tmp_path)
    assert np.array_equal(data.images, images.transpose(3, 2, 0, 1))
    assert [data.classes[label] for label in data.labels.tolist()] == ["1", "0", "9", "5"]


@pytest.mark.parametrize("damage", ["flip", "truncate"])
def test_damaged_svhn_file_is_refused(damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "test_32x32.mat"
    write_svhn(path, monkeypatch)
    if damage == "flip":
        flip_bit(path, 5000)
    else:
        path.write_bytes(path.read_bytes()[:-1])
    assert "not the published file" in refusal("svhn", "test", tmp_path)


def test_reading_failure_behind_the_right_checksum_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "test_32x32.mat"
    write_svhn(path, monkeypatch)
    path.write_bytes(path.read_bytes()[:300])
    monkeypatch.setattr(colour_sets, "_has_md5", lambda *_: True)
    assert "could not be read from" in refusal("svhn", "test", tmp_path)
