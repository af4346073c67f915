"""Generated networks as files: one plain state dict each, for any code that loads safetensors."""

from __future__ import annotations

from pathlib import Path

import torch

from robust_hypergan.checkpoint import load_checkpoint
from robust_hypergan.errors import InputError, check_range
from robust_hypergan.hypergan import GENERATION_BLOCK
from robust_hypergan.networks import Networks, move, state_dict
from robust_hypergan.progress import track
from robust_hypergan.tensor_files import save_tensors


def parse_indices(text: str) -> range:
    """The network indices that ``FIRST:STOP`` or a single index stands for.

    Raises:
        InputError: neither, or an empty range, or one too large.
    """
    first, colon, stop = text.partition(":")
    try:
        indices = range(int(first), int(stop) if colon else int(first) + 1)
    except ValueError:
        raise InputError(f"networks {text!r}: write FIRST:STOP, such as 0:50, or one index") from None
    if not indices or indices.start < 0:
        raise InputError(f"networks {text!r} is empty: FIRST must be at least 0 and below STOP")
    check_range("networks", indices.stop, 1, 10**9)
    check_range("networks", len(indices), 1, 100_000)
    return indices


def export_networks(
    checkpoint: Path,
    stream: str,
    indices: range,
    seed: int,
    out: Path,
    *,
    classifier: str | None = None,
    device: torch.device | None = None,
    quiet: bool = True,
) -> list[Path]:
    """Writes networks as ``STREAM-INDEX.safetensors``, with their address in the metadata.

    Args:
        checkpoint: trained networks.
        stream: ``source``, ``eot`` or ``fresh``.
        indices: which networks.
        seed: of their addresses.
        out: folder, new or empty.
        classifier: specification of a classifier of the user's own.
        device: where to generate; None is the CPU.
        quiet: no progress bar.

    Returns:
        The files.

    Raises:
        InputError: the checkpoint can't be read, an address is not valid, or the folder is in use.
    """
    distribution = load_checkpoint(checkpoint, classifier).distribution
    move(distribution, device or torch.device("cpu"))
    networks = Networks(seed, stream, indices)
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise InputError(f"{out} is not empty: choose another --out")
    except OSError as error:
        raise InputError(f"can't write to {out} ({error.strerror}): choose another --out") from error
    files = []
    with track("networks", len(networks), quiet) as progress:
        for block in networks.blocks(GENERATION_BLOCK):
            params = distribution.sample(block)
            for row, index in enumerate(block.indices):
                path = out / f"{stream}-{index:06d}.safetensors"
                state = state_dict(distribution.classifier, params, row)
                address = {"seed": str(seed), "stream": stream, "index": str(index)}
                save_tensors(path, state, address, sync=False)  # it is quickly exported again
                files.append(path)
            progress.update(len(block))
    return files
