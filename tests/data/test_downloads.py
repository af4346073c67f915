"""Data sets that are missing: what is said, what is downloaded, and downloads that fail."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from robust_hypergan.data.datasets import load_dataset
from tests.data.files import md5_of, refusal, write_idx_set, write_svhn

PLACES = [
    ("mnist", "MNIST/raw"),
    ("fashion-mnist", "FashionMNIST/raw"),
    ("kmnist", "KMNIST/raw"),
    ("emnist-letters", "EMNIST/raw"),
    ("cifar10", "cifar-10-batches-py"),
    ("cifar5", "cifar-10-batches-py"),
    ("cifar5-out", "cifar-10-batches-py"),
    ("svhn", ""),
]


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize(("name", "folder"), PLACES)
def test_missing_set_says_what_to_put_where(name: str, folder: str, split: str, tmp_path: Path) -> None:
    message = refusal(name, split, tmp_path / "nowhere")
    assert f"data set {name}" in message
    assert str(tmp_path / "nowhere" / folder) in message
    assert "run again with --download" in message
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("download", [False, True])
def test_missing_notmnist_promises_no_download(download: bool, tmp_path: Path) -> None:
    message = refusal("notmnist", "test", tmp_path, download=download)
    assert "t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte (or .gz)" in message
    assert str(tmp_path / "notMNIST" / "raw") in message
    assert "--download" not in message


@pytest.mark.parametrize("name", [name for name, _ in PLACES])
@pytest.mark.usefixtures("no_network")
def test_failed_download_is_one_line(name: str, tmp_path: Path) -> None:
    message = refusal(name, "train", tmp_path, download=True)
    assert f"data set {name} could not be downloaded into {tmp_path}" in message
    assert "no network in this test" in message
    assert "put the files there yourself" in message


def test_download_into_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    assert "could not be downloaded" in refusal("kmnist", "test", tmp_path / "taken", download=True)


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """A folder and the address under which its files can be downloaded."""
    folder = tmp_path / "served"
    folder.mkdir()
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_kmnist_is_downloaded_and_read(
    served: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import KMNIST

    folder, address = served
    write_idx_set(folder, "train", [1, 2], ".gz")
    images = write_idx_set(folder, "t10k", [7], ".gz")
    monkeypatch.setattr(KMNIST, "mirrors", [address])
    monkeypatch.setattr(KMNIST, "resources", [(path.name, md5_of(path)) for path in folder.iterdir()])
    data = load_dataset("kmnist", "test", root=tmp_path / "new", download=True)
    assert np.array_equal(data.images[:, 0], images)
    assert load_dataset("kmnist", "train", root=tmp_path / "new").labels.tolist() == [1, 2]


def test_emnist_is_downloaded_and_read(
    served: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import EMNIST

    folder, address = served
    write_idx_set(folder / "gzip", "emnist-letters-train", [1, 2], ".gz")
    write_idx_set(folder / "gzip", "emnist-letters-test", [26], ".gz")
    shutil.make_archive(str(folder / "gzip"), "zip", folder, "gzip")
    monkeypatch.setattr(EMNIST, "url", address + "gzip.zip")
    monkeypatch.setattr(EMNIST, "md5", md5_of(folder / "gzip.zip"))
    assert load_dataset("emnist-letters", "test", root=tmp_path, download=True).labels.tolist() == [25]
    assert load_dataset("emnist-letters", "train", root=tmp_path).labels.tolist() == [0, 1]


def test_svhn_is_downloaded_in_place_of_a_damaged_file(
    served: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import SVHN

    folder, address = served
    write_svhn(folder / "test_32x32.mat", monkeypatch)
    SVHN.split_list["test"][0] = address + "test_32x32.mat"
    (tmp_path / "test_32x32.mat").write_bytes(b"half a download")
    assert load_dataset("svhn", "test", root=tmp_path, download=True).labels.tolist() == [1, 0, 9, 5]


def test_download_with_another_checksum_is_refused(
    served: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import KMNIST

    folder, address = served
    write_idx_set(folder, "t10k", [7], ".gz")
    monkeypatch.setattr(KMNIST, "mirrors", [address])
    monkeypatch.setattr(KMNIST, "resources", [("t10k-images-idx3-ubyte.gz", "0" * 32)])
    assert "could not be downloaded" in refusal("kmnist", "test", tmp_path / "new", download=True)
