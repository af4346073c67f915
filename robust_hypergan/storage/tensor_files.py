"""Tensors on disk: safetensors with format, JSON and a SHA-256 of it all in the metadata, never pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from robust_hypergan.base.durable import write_bytes
from robust_hypergan.base.errors import InputError

HASH = "sha256"
"""Key of the hash in the metadata."""


def save_tensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str], *, sync: bool = True
) -> None:
    """Writes a safetensors file that is whole or absent.

    Args:
        path: a file in a folder that is there.
        tensors: by name; none may share memory with another.
        metadata: text by name; ``format`` says what :func:`read_tensors` has to find.
        sync: as of :func:`robust_hypergan.base.durable.write_bytes`.

    Raises:
        InputError: the place can't be written.
    """
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    whole = {**metadata, HASH: _sha256(plain, metadata)}
    write_bytes(path, save(plain, whole), sync=sync)


def read_tensors(
    path: Path, format: str, what: str, *, unhashed: str | None = None
) -> tuple[dict[str, Tensor], Mapping[str, str]]:
    """Tensors and metadata of one of our safetensors files, as they were written.

    Args:
        path: the file.
        format: that the metadata must name.
        what: the file is, for messages.
        unhashed: an older format, whose files carry no hash and are read without.

    Raises:
        InputError: no such file, not safetensors, truncated, of another format, or changed since.
    """
    if not path.is_file():
        raise InputError(f"no {what} at {path}: give the path of a file that robust-hypergan wrote")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is damaged or not a safetensors file ({error})") from error
    found = metadata.get("format")
    if found not in (format, unhashed) or found is None:
        raise InputError(f"{path} is not a {what} ({found or 'no format'!r} instead of {format!r})")
    if found != unhashed and metadata.get(HASH) != _sha256(tensors, metadata):
        raise InputError(f"{path} is damaged (its SHA-256 is not that of its content): write it again")
    return tensors, metadata


def _sha256(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """Of names, types, shapes and bytes of all tensors, and of the metadata beside the hash itself."""
    shapes = {name: [str(value.dtype), list(value.shape)] for name, value in tensors.items()}
    texts = {key: value for key, value in metadata.items() if key != HASH}
    digest = hashlib.sha256(json.dumps([shapes, texts], sort_keys=True).encode())
    for _, value in sorted(tensors.items()):
        if value.numel():  # an empty one may have strides that can't be viewed
            digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
