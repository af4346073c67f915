"""Data sets: the packaged ones, the torchvision layouts, and every way their files can be wrong."""

from __future__ import annotations

import gzip
import hashlib
import pickle
import shutil
import struct
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch
from scipy.io import savemat

from robust_hypergan import colour_sets, packaged
from robust_hypergan.datasets import Dataset, dataset_names, load_dataset, make_dataset, to_unit
from robust_hypergan.errors import InputError
from robust_hypergan.packaged import PACKAGED_SHA256, packaged_indices, read_packaged

ORIGINALS = Path(__file__).resolve().parents[2] / "shared" / "data"

PACKAGED = [("mnist-5k", "train", 500), ("mnist-5k", "test", 200), ("fashion-1k", "test", 100)]


@pytest.fixture(scope="session")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The original data sets in torchvision's layout, removed at the end: they are 290 MB."""
    if not (ORIGINALS / "unpack.py").is_file():
        pytest.skip("the original data sets are not beside the repository, in ../shared/data")
    root = tmp_path_factory.mktemp("originals")
    subprocess.run([sys.executable, ORIGINALS / "unpack.py", root], check=True, capture_output=True)
    yield root
    shutil.rmtree(root)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every attempt to open an address fails."""

    def refuse(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no network\nin this test")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)


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


# --- names, splits, the Dataset itself ---


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


# --- packaged ---


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
    folder = resources.files("robust_hypergan").joinpath("packaged_data")
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
        resources.files("robust_hypergan").joinpath("packaged_data", "fashion-1k-test.npz").read_bytes()
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


# --- the originals, where they are available ---


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


# --- IDX files ---


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


# --- CIFAR-10 and SVHN ---


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


def write_svhn(path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """A small ``test_32x32.mat`` whose MD5 passes for the published one; the images [H, W, C, N]."""
    import torchvision.datasets

    images = np.random.default_rng(0).integers(0, 256, (32, 32, 3, 4), dtype=np.uint8)
    savemat(path, {"X": images, "y": np.array([[1], [10], [9], [5]], dtype=np.uint8)})
    published = {"test": ["http://ufldl.stanford.edu/housenumbers/test_32x32.mat", path.name, md5_of(path)]}
    monkeypatch.setattr(torchvision.datasets.SVHN, "split_list", published)
    return images


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


# --- missing, and downloads that fail ---

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


def test_loading_without_torchvision_sets_does_not_import_torchvision() -> None:
    program = (
        "import sys; from robust_hypergan.datasets import load_dataset; load_dataset('fashion-1k', 'test')"
    )
    check = "; sys.exit('torchvision' in sys.modules)"
    subprocess.run([sys.executable, "-c", program + check], check=True)
