"""Data files that are truncated, flipped, foreign, empty or enormous, and what only looks like one."""

import gzip
import os
import pickle
import shutil
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robust_hypergan.base.errors import InputError
from robust_hypergan.data.datasets import load_dataset

RAW = Path("data", "KMNIST", "raw")
IMAGES, LABELS = RAW / "t10k-images-idx3-ubyte", RAW / "t10k-labels-idx1-ubyte"
GOOD_LABELS = [0, 1, 2, 3, 9]


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def pictures(*shape: int) -> bytes:
    return idx(np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8))


def classes(*labels: int) -> bytes:
    return idx(np.array(labels, dtype=np.uint8))


GOOD_IMAGES, GOOD = pictures(5, 28, 28), classes(*GOOD_LABELS)
BOMB = gzip.compress(bytes([0, 0, 8, 1]) + struct.pack(">I", 5) + bytes(10**8))
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)

SETS: dict[str, tuple[bytes, bytes]] = {
    "labels out of range": (GOOD_IMAGES, classes(0, 1, 2, 3, 10)),
    "labels far out of range": (GOOD_IMAGES, classes(0, 1, 2, 3, 255)),
    "too few labels": (GOOD_IMAGES, classes(0, 1)),
    "too many labels": (GOOD_IMAGES, classes(*range(6))),
    "no image": (pictures(0, 28, 28), classes()),
    "images without pixels": (pictures(5, 0, 28), GOOD),
    "one class": (GOOD_IMAGES, classes(3, 3, 3, 3, 3)),
    "one image": (pictures(1, 28, 28), classes(3)),
    "flat images": (pictures(5, 784), GOOD),
    "colour images": (pictures(5, 28, 28, 3), GOOD),
    "another size": (pictures(5, 27, 28), GOOD),
    "labels for images": (GOOD, GOOD),
    "images for labels": (GOOD_IMAGES, GOOD_IMAGES),
    "labels in a matrix": (GOOD_IMAGES, pictures(5, 1)),
    "floats": (b"\0\0\x0d\x03" + GOOD_IMAGES[4:], GOOD),
    "NaN images": (b"\0\0\x0d\x03" + struct.pack(">3I", 5, 28, 28) + b"\x7f\xc0\0\0" * 5 * 784, GOOD),
    "little-endian sizes": (GOOD_IMAGES[:4] + struct.pack("<3I", 5, 28, 28) + GOOD_IMAGES[16:], GOOD),
    "sizes of an exabyte": (b"\0\0\x08\x03" + b"\xff" * 12 + bytes(100), GOOD),
    "255 dimensions": (b"\0\0\x08\xff" + b"\0\0\0\x01" * 255 + b"\0", GOOD),
    "no dimension": (b"\0\0\x08\0\0", GOOD),
    "empty files": (b"", b""),
    "a byte too many": (GOOD_IMAGES + b"\0", GOOD),
    "a PNG": (PNG, GOOD),
    "a pickle": (pickle.dumps([1, 2, 3]), GOOD),
    "text": (b"5 28 28\n", GOOD),
    "gzip without its name": (gzip.compress(GOOD_IMAGES), GOOD),
}


def write(folder: Path, images: bytes, labels: bytes, ending: str = "") -> None:
    (folder / RAW).mkdir(parents=True, exist_ok=True)
    (folder / f"{IMAGES}{ending}").write_bytes(images)
    (folder / f"{LABELS}{ending}").write_bytes(labels)


def attack(checkpoint: Path) -> list[str]:
    return ["transfer", "--data", "kmnist", "--out", "r", "--checkpoint", str(checkpoint)]


@pytest.mark.parametrize(("images", "labels"), SETS.values(), ids=SETS)
def test_a_set_that_is_none_is_one_line_that_names_it(images, labels, traps, refuse, checkpoint):
    write(traps, images, labels)
    refuse(*attack(checkpoint), names=("kmnist",))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        GOOD_IMAGES,
        gzip.compress(GOOD_IMAGES)[:-9],
        gzip.compress(GOOD_IMAGES)[:-9] + bytes(9),
        BOMB,
        PNG,
        gzip.compress(b""),
        gzip.compress(GOOD_IMAGES) + b"more",
        b"\x1f\x8b" + bytes(30),
    ],
    ids=range(9),
)
def test_a_compressed_file_that_is_none_is_one_line(content, traps, refuse, checkpoint):
    write(traps, content, gzip.compress(GOOD), ".gz")
    refuse(*attack(checkpoint), names=("t10k-images-idx3-ubyte.gz",))


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
@pytest.mark.parametrize("file", [IMAGES, LABELS])
def test_what_is_no_file_is_one_line(file, make, traps, refuse, checkpoint):
    write(traps, GOOD_IMAGES, GOOD)
    (traps / file).unlink()
    make(traps / file)
    refuse(*attack(checkpoint), names=("kmnist",))


def test_training_on_one_class_is_refused(traps, refuse):
    write(traps, GOOD_IMAGES, classes(3, 3, 3, 3, 3))
    for file in (traps / RAW).iterdir():
        shutil.copy(file, file.with_name(file.name.replace("t10k", "train")))
    (traps / LABELS).write_bytes(GOOD)
    refuse("train", "--data", "kmnist", "--out", "r", names=("kmnist, train",))


@given(
    cut=st.none() | st.integers(0, len(GOOD_IMAGES) - 1),
    flips=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 7)), max_size=3),
    compressed=st.booleans(),
)
def test_a_damaged_file_is_the_same_shape_of_set_or_one_line(cut, flips, compressed, tmp_path):
    content = bytearray(GOOD_IMAGES)
    for place, bit in flips:
        content[place] ^= 1 << bit
    content = content[:cut]
    shutil.rmtree(tmp_path / "data", ignore_errors=True)
    ending = ".gz" if compressed else ""
    write(tmp_path, gzip.compress(content) if compressed else bytes(content), gzip.compress(GOOD), ending)
    (tmp_path / LABELS).write_bytes(GOOD)
    try:
        images = load_dataset("kmnist", "test", root=tmp_path / "data").images
    except InputError as error:
        assert "\n" not in str(error)
        assert "kmnist" in str(error)
        return
    assert images.shape[0] == 5  # a flipped pixel, or rows and columns that give the same length
    assert images[0].numel() == 784


def test_a_big_header_needs_no_memory(traps, refuse, checkpoint):
    import resource

    write(traps, BOMB, gzip.compress(GOOD), ".gz")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refuse(*attack(checkpoint), names=("t10k-images-idx3-ubyte.gz",))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KB; the bomb is 100 MB


def test_an_archive_cannot_write_beside_its_folder(tmp_path, monkeypatch):
    """torchvision unpacks EMNIST's archive; even one with the right checksum stays in its folder."""
    import hashlib
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    from torchvision.datasets import EMNIST

    served, root = tmp_path / "served", tmp_path / "a" / "b" / "root"
    served.mkdir()
    with zipfile.ZipFile(served / "gzip.zip", "w") as archive:
        for name in ("../escaped", "../../../../escaped", f"{tmp_path}/escaped", "gzip/inside"):
            archive.writestr(name, "x")
    md5 = hashlib.md5((served / "gzip.zip").read_bytes(), usedforsecurity=False).hexdigest()
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    monkeypatch.setenv("no_proxy", "*")
    handler = partial(SimpleHTTPRequestHandler, directory=str(served))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setattr(EMNIST, "url", f"http://127.0.0.1:{server.server_port}/gzip.zip")
        try:
            for expected in ("0" * 32, md5):
                monkeypatch.setattr(EMNIST, "md5", expected)
                with pytest.raises(InputError, match="emnist-letters"):
                    load_dataset("emnist-letters", "test", root=root, download=True)
                escaped = [each for each in tmp_path.rglob("*escaped*") if not each.is_relative_to(root)]
                assert escaped == []
                assert expected == md5 or not [*root.rglob("inside")]  # nothing is unpacked unchecked
        finally:
            server.shutdown()
            thread.join()
    assert not Path("/escaped").exists()
