"""Generated networks as files: one plain state dict each, for any code that loads safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from robust_hypergan.base.durable import PARTIAL, remove_partials
from robust_hypergan.base.errors import InputError, check_range
from robust_hypergan.base.progress import track
from robust_hypergan.models.hypergan import GENERATION_BLOCK
from robust_hypergan.models.networks import Networks, move
from robust_hypergan.models.parameters import fingerprint, state_dict
from robust_hypergan.storage.checkpoint import load_checkpoint
from robust_hypergan.storage.tensor_files import save_tensors


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
    checkpoint: Path | str,
    stream: str,
    indices: range,
    seed: int,
    out: Path | str,
    *,
    classifier: str | None = None,
    device: torch.device | None = None,
    quiet: bool = True,
) -> list[Path]:
    """Writes networks as ``STREAM-INDEX.safetensors``, with their address in the metadata.

    Files of the same networks that are there already are kept as they are: what was interrupted goes on.

    Args:
        checkpoint: trained networks.
        stream: ``source``, ``eot`` or ``fresh``.
        indices: which networks.
        seed: of their addresses.
        out: folder: new, empty, or with networks of the same checkpoint and seed.
        classifier: specification of a classifier of the user's own.
        device: where to generate; None is the CPU.
        quiet: no progress bar.

    Returns:
        The files.

    Raises:
        InputError: the checkpoint can't be read, an address is not valid, or the folder holds something else.
    """
    out = Path(out)
    distribution = load_checkpoint(checkpoint, classifier).distribution
    move(distribution, device or torch.device("cpu"))
    networks = Networks(seed, stream, indices)
    origin = {
        "seed": str(seed),
        "networks": fingerprint(distribution.sample(Networks(seed, "source", [0]))),
    }
    finished = _finished(out, origin)
    files = {index: out / f"{stream}-{index:06d}.safetensors" for index in indices}
    with track("networks", len(networks), quiet) as progress:
        for block in networks.blocks(GENERATION_BLOCK):
            missing = [index for index in block.indices if files[index] not in finished]
            params = distribution.sample(Networks(seed, stream, missing)) if missing else {}
            for row, index in enumerate(missing):
                state = state_dict(distribution.classifier, params, row)
                metadata = origin | {"stream": stream, "index": str(index)}
                save_tensors(files[index], state, metadata, sync=False)  # it is quickly exported again
            progress.update(len(block))
    return list(files.values())


def _finished(out: Path, origin: Mapping[str, str]) -> set[Path]:
    """The networks of this origin that are whole in a folder, which is made if it is not there.

    Raises:
        InputError: it holds something else too, or can't be used.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        found = {path: _metadata(path) for path in out.iterdir() if not path.match(PARTIAL)}
    except OSError as error:
        raise InputError(f"can't write to {out} ({error.strerror}): choose another --out") from error
    for path, metadata in found.items():
        if metadata and not origin.items() <= metadata.items():
            raise InputError(
                f"{out} is not empty: {path.name} is none of these networks; choose another --out"
            )
    remove_partials(out)
    return {path for path, metadata in found.items() if metadata}


def _metadata(path: Path) -> Mapping[str, str]:
    """The metadata of a file; empty for one that a power cut left without its content."""
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {"": ""})
    except (SafetensorError, OSError):
        return {} if path.is_file() and path.suffix == ".safetensors" else {"": ""}
