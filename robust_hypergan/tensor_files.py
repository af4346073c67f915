"""Tensors on disk: safetensors with our format and JSON in the metadata, never pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from robust_hypergan.durable import write_bytes
from robust_hypergan.errors import InputError


def save_tensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str], *, sync: bool = True
) -> None:
    """Writes a safetensors file that is whole or absent.

    Args:
        path: a file in a folder that is there.
        tensors: by name; none may share memory with another.
        metadata: text by name; ``format`` says what :func:`read_tensors` has to find.
        sync: as of :func:`robust_hypergan.durable.write_bytes`.

    Raises:
        InputError: the place can't be written.
    """
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    write_bytes(path, save(plain, dict(metadata)), sync=sync)


def read_tensors(path: Path, format: str, what: str) -> tuple[dict[str, Tensor], Mapping[str, str]]:
    """Tensors and metadata of one of our safetensors files.

    Raises:
        InputError: no such file, not safetensors, truncated, or of another format.
    """
    if not path.is_file():
        raise InputError(f"no {what} at {path}: give the path of a file that robust-hypergan wrote")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is damaged or not a safetensors file ({error})") from error
    if metadata.get("format") != format:
        raise InputError(
            f"{path} is not a {what} ({metadata.get('format', 'no format')!r} instead of {format!r})"
        )
    return tensors, metadata
