"""Files that neither a reader nor a kill nor a power cut ever finds half written."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path

from robust_hypergan.base.errors import InputError

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

PARTIAL = ".*.partial"
"""Names of what is being written, or removed; whatever of it a kill left behind is rubbish."""


def read_text(path: Path) -> str:
    """The text of a file in UTF-8; of a regular one, since a pipe or a device might never end.

    Raises:
        OSError: it can't be read, or is no regular file.
        UnicodeDecodeError: it is not UTF-8.
    """
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is not a file")
    return path.read_bytes().decode()


def write_bytes(path: Path, content: bytes, *, sync: bool = True) -> None:
    """Writes beside the path, then moves into place: the file is whole or as it was before.

    Args:
        path: a file in a folder that is there; none is made: one that vanished shall not come back empty.
        content: the whole file.
        sync: wait until content and name are on the disk, which takes some milliseconds, so that a power
            cut can't undo it. Without, the file may come out of a power cut empty.

    Raises:
        InputError: the place can't be written.
    """
    beside = _partial(path)
    try:
        with beside.open("wb") as file:
            file.write(content)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        os.replace(beside, path)
        if sync:
            _sync_folder(path.parent)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}{_advice(error)}") from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def make_folder(folder: Path, *, parents: bool = False) -> None:
    """Makes a folder, which may be there already.

    Args:
        folder: the folder.
        parents: make those above it, too.

    Raises:
        InputError: it can't be made.
    """
    try:
        folder.mkdir(parents=parents, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make {folder}: {error.strerror or error}{_advice(error)}") from error


def remove_folder(folder: Path) -> None:
    """Removes a folder with all that is in it; it is there whole or, from one moment on, not at all."""
    gone = _partial(folder)
    shutil.rmtree(gone, ignore_errors=True)
    with contextlib.suppress(OSError):  # it is not there, or may not be changed
        os.replace(folder, gone)
        _sync_folder(folder.parent)
    shutil.rmtree(gone, ignore_errors=True)


def remove_partials(folder: Path) -> None:
    """Removes what a killed process left half written or half removed, at any depth."""
    for path in list(folder.rglob(PARTIAL)):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink()


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial")


def _sync_folder(folder: Path) -> None:
    """Makes a rename in it last."""
    if os.name == "nt":  # there a folder can't be opened
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that can't; the content is safe anyway
            raise
    finally:
        os.close(descriptor)


def _advice(error: OSError) -> str:
    if error.errno in NO_ROOM:
        return "; make room and give the same command again: what is finished is kept"
    if error.errno == errno.ENOENT:
        return "; its folder is gone"
    return ""
