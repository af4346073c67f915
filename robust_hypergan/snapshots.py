"""Snapshots of a training: checkpoints along the way, ``snapshots/step-000300.safetensors`` in its folder."""

from __future__ import annotations

import re
from pathlib import Path

from robust_hypergan.checkpoint import Checkpoint, save_checkpoint

FOLDER = "snapshots"
NAME = re.compile(r"step-(\d+)\.safetensors")


def keep_snapshot(folder: Path, step: int, checkpoint: Checkpoint) -> None:
    """Writes what a training in this folder has reached after a step; it is whole or absent."""
    path = folder / FOLDER / f"step-{step:06d}.safetensors"
    path.parent.mkdir(exist_ok=True)
    save_checkpoint(path, checkpoint)


def find_snapshots(folder: Path) -> dict[int, Path]:
    """The snapshots that a training has left in its folder, by step; none if there are none."""
    named = ((NAME.fullmatch(path.name), path) for path in (folder / FOLDER).glob("*"))
    return dict(sorted((int(match[1]), path) for match, path in named if match))
