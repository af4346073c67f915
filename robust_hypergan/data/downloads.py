"""Downloads through torchvision, with every way they fail as one plain line."""

from __future__ import annotations

import http.client
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import ModuleType

from robust_hypergan.base.errors import InputError


def one_line(error: BaseException) -> str:
    """What an exception says, on one line; its type's name if it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


def torchvision_datasets() -> ModuleType:
    """The module ``torchvision.datasets``, imported only when it is needed: that takes over a second.

    Raises:
        InputError: torchvision cannot be imported.
    """
    try:
        import torchvision.datasets  # type: ignore[import-untyped]  # it ships no type hints
    except (ImportError, RuntimeError, OSError) as error:  # RuntimeError: a build for another torch
        raise InputError(
            f"torchvision cannot be imported ({one_line(error)}): "
            "install the release that goes with your torch"
        ) from error
    module: ModuleType = torchvision.datasets
    return module


@contextmanager
def failures_as_input_error(what: str, cure: str) -> Iterator[None]:
    """Turn whatever reading or downloading a data set raises into a one-line InputError.

    Args:
        what: what failed, for example ``"data set svhn could not be read from data"``.
        cure: what to do about it.
    """
    try:
        yield
    except (
        OSError,  # no network, no space, no permission; URLError is one
        RuntimeError,  # torchvision: every mirror failed, or an MD5 is wrong
        ValueError,
        EOFError,
        http.client.HTTPException,
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise InputError(f"{what} ({one_line(error)}): {cure}") from error


def download_failures(name: str, root: Path) -> AbstractContextManager[None]:
    """``failures_as_input_error`` for a download of data set ``name`` into the folder ``root``."""
    return failures_as_input_error(
        f"data set {name} could not be downloaded into {root}",
        "check the network, or put the files there yourself",
    )


def download_idx_files(name: str, class_name: str, root: Path, *, train: bool, split: str | None) -> None:
    """Have torchvision put the files of a set of the MNIST family into ``root / class_name / "raw"``.

    Its constructor is passed over, because that would go on to read what it finds, old pickles included.

    Args:
        name: the set's name, for messages.
        class_name: the class in ``torchvision.datasets``, for example ``"KMNIST"``.
        root: the folder that holds the data sets; created if need be.
        train: whether the training or the test files are missing.
        split: EMNIST's ``split``, for example ``"letters"``; None for the others.

    Raises:
        InputError: the download failed.
    """
    source_class = getattr(torchvision_datasets(), class_name)
    source = source_class.__new__(source_class)
    source.root, source.train, source.split = str(root), train, split
    with download_failures(name, root):
        source.download()
