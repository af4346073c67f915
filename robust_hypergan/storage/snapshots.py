"""Snapshots of a training: checkpoints along the way, ``snapshots/step-000300.safetensors`` in its folder."""

from __future__ import annotations

import re
from pathlib import Path

from robust_hypergan.models.networks import Networks
from robust_hypergan.models.parameters import fingerprint
from robust_hypergan.storage.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

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


def snapshots_beside(path: Path, classifier: str | None, classes: int) -> dict[int, Path]:
    """The snapshots of the training that a checkpoint is the end of, by step; none if there are none of it.

    Args:
        path: the checkpoint; the last snapshot of its training holds the same networks.
        classifier: specification of the classifier, where the checkpoints do not say it themselves.
        classes: number of classes, likewise.

    Raises:
        InputError: the checkpoint or the last snapshot can't be read.
    """
    found = find_snapshots(path.parent)
    if not found:
        return {}
    ends = (load_checkpoint(each, classifier, classes) for each in (path, found[max(found)]))
    end, last = (fingerprint(each.distribution.sample(Networks(0, "source", [0]))) for each in ends)
    return found if last == end else {}


def step_of(path: Path, end: int) -> int:
    """The step of a snapshot by its name; ``end`` for any other file."""
    match = NAME.fullmatch(path.name)
    return int(match[1]) if match else end
