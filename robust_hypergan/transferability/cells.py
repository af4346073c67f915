"""A cell: one attack at one eps with the images it made, in memory and on disk."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from robust_hypergan.attacks import NORMS, Audit
from robust_hypergan.base.durable import make_folder
from robust_hypergan.base.errors import InputError
from robust_hypergan.base.text import file_name
from robust_hypergan.data.datasets import Dataset
from robust_hypergan.models.networks import Networks
from robust_hypergan.storage.tensor_files import read_tensors, save_tensors

FORMAT = "robust-hypergan adversarials 3"

DESCRIBED = ("attack", "norm", "eps", "options", "target", "attacker", "audit")
"""What a file of adversarial images says of its cell."""


@dataclass(frozen=True)
class Cell:
    """One attack, its settings and one eps, with the adversarial images it made.

    Attributes:
        attack: the attack as the user wrote it.
        norm: ``linf`` or ``l2``.
        eps: radius of the ball.
        options: the attack's options.
        target: class that it aims at, or None for any wrong class.
        adversarials: ``[n, C, H, W]`` in [0, 1]; empty if the attack failed.
        source_labels: the classes the source network gives them, ``[n]``; empty likewise.
        audit: what the attack really did.
        seconds: of crafting.
        attacker: what it was made against, ``one network`` or ``several networks``.
        error: why it failed, or None.
    """

    attack: str
    norm: str
    eps: float
    options: Mapping[str, Any] = field(default_factory=dict)
    target: int | None = None
    adversarials: Tensor = field(default_factory=lambda: torch.empty(0))
    source_labels: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))
    audit: Audit = field(default_factory=Audit)
    seconds: float = 0.0
    attacker: str = "one network"
    error: str | None = None

    def fooled(self, predictions: Tensor, labels: Tensor) -> Tensor:
        """Which predictions ``[n]`` are the attack's success: wrong or, with a target, the target."""
        return predictions != labels if self.target is None else predictions == self.target

    def to(self, device: torch.device) -> Cell:
        """The same cell with its tensors on a device."""
        moved = self.adversarials.to(device), self.source_labels.to(device)
        return replace(self, adversarials=moved[0], source_labels=moved[1])


def cell_record(cell: Cell) -> dict[str, Any]:
    """A cell as it stands in ``run.json``: everything but its images."""
    return {
        "attack": cell.attack,
        "norm": cell.norm,
        "eps": cell.eps,
        "target": cell.target,
        "attacker": cell.attacker,
        "options": dict(cell.options),
        "seconds": cell.seconds,
        "status": "failed" if cell.error else "done",
        "error": cell.error,
        "audit": cell.audit.record() if cell.audit.examples else None,
    }


@dataclass(frozen=True)
class SavedCell:
    """A cell with what it was made of and against, as it is kept in a file.

    Attributes:
        cell: the cell; its seconds are not kept.
        labels: true classes ``[n]``.
        examples: index of each image in its split, ``[n]``.
        tried: index in the split of every image that was tried, ``[N]``, initially correct or not.
        correct: which of them the source classifies correctly, ``[N]`` bool; the n images are these, less
            those of the target class.
        logits: of the source on the images that were tried, ``[N, classes]``.
        data_sha256: of the split.
        source: address of the source network.
    """

    cell: Cell
    labels: Tensor
    examples: list[int]
    tried: list[int]
    correct: Tensor
    logits: Tensor
    data_sha256: str
    source: Networks


def save_cell(folder: Path, saved: SavedCell) -> None:
    """Writes a cell losslessly as ``ATTACK-EPS.safetensors``, in L2 ``ATTACK-l2-EPS.safetensors``.

    Args:
        folder: where to.
        saved: a cell that did not fail, and what it is of.
    """
    make_folder(folder)
    cell = saved.cell
    tensors = {
        "adversarials": cell.adversarials,
        "labels": saved.labels,
        "examples": torch.tensor(saved.examples),
        "tried": torch.tensor(saved.tried),
        "correct": saved.correct,
        "logits": saved.logits,
        "source_labels": cell.source_labels,
    }
    described = {name: getattr(cell, name) for name in DESCRIBED}
    described |= {"options": dict(cell.options), "audit": asdict(cell.audit)}
    metadata = {
        "format": FORMAT,
        "cell": json.dumps(described, sort_keys=True),
        "data_sha256": saved.data_sha256,
        "source": json.dumps(saved.source.record()),
    }
    norm = "" if cell.norm == "linf" else f"-{cell.norm}"
    save_tensors(folder / f"{file_name(cell.attack)}{norm}-{cell.eps:g}.safetensors", tensors, metadata)


def load_cells(folder: Path) -> list[SavedCell]:
    """All cells that were saved in a folder.

    Raises:
        InputError: none there, or a file that is damaged or not ours.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise InputError(f"no saved adversarials in {folder}: give a folder that --save-adversarials wrote")
    return sorted((_load_cell(file) for file in files), key=lambda saved: (saved.cell.attack, saved.cell.eps))


def _load_cell(path: Path) -> SavedCell:
    tensors, metadata = read_tensors(path, FORMAT, "file of adversarial images")
    try:
        described = json.loads(metadata["cell"])
        source = json.loads(metadata["source"])
        source = Networks(int(source["seed"]), source["stream"], [int(source["index"])])
        images, answers = tensors["adversarials"], tensors["source_labels"]
        labels, examples = tensors["labels"], tensors["examples"].tolist()
        tried, correct, logits = tensors["tried"].tolist(), tensors["correct"], tensors["logits"]
        described = {name: described[name] for name in DESCRIBED}
        described["audit"] = Audit.from_json(described["audit"])
        cell = Cell(**described, adversarials=images, source_labels=answers)
        typed = (
            isinstance(cell.attack, str)
            and isinstance(cell.attacker, str)
            and isinstance(cell.options, dict)
            and type(cell.eps) in (int, float)
            and (cell.target is None or type(cell.target) is int)
        )
        if not typed or cell.norm not in NORMS or not 0 < cell.eps < math.inf:
            raise ValueError("attack, norm, eps or options can't be right")
        if not len(images) == len(labels) == len(examples) or answers.shape != labels.shape != ():
            raise ValueError(f"{len(images)} images but {len(labels)} labels")
        if correct.dtype != torch.bool or not correct.shape == logits.shape[:1] == (len(tried),):
            raise ValueError(f"{len(tried)} images tried, but not as many right or wrong answers")
    except (InputError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{path} does not fit its own description ({error}): craft it again") from error
    return SavedCell(cell, labels, examples, tried, correct, logits, metadata.get("data_sha256", ""), source)


def check_saved(saved: SavedCell, dataset: Dataset) -> None:
    """Refuses adversarial images, labels and classes that are none of this data set.

    Raises:
        InputError: says what is wrong.
    """
    images, examples, classes = saved.cell.adversarials, saved.examples, range(len(dataset.classes))
    indices = [*examples, *saved.tried]
    inside = all(isinstance(each, int) and 0 <= each < len(dataset.labels) for each in indices)
    answers, target = saved.cell.source_labels, saved.cell.target
    wrong = {
        "images": images.dtype != torch.float32
        or images.shape[1:] != dataset.images.shape[1:]
        or not bool(((images >= 0) & (images <= 1)).all()),  # NaN is neither
        "examples": not examples or not inside or examples != _attacked(saved, dataset),
        "labels": not inside or not torch.equal(saved.labels, dataset.labels[torch.tensor(examples).long()]),
        "source labels": answers.dtype != torch.int64 or not {*answers.flatten().tolist()} <= {*classes},
        "target": target is not None and target not in classes,
    }
    for what, is_wrong in wrong.items():
        if is_wrong:
            raise InputError(f"the {what} of {saved.cell.attack} are none of {dataset.name}: craft it again")


def _attacked(saved: SavedCell, dataset: Dataset) -> list[int]:
    """Indices of the images that a cell has to be of."""
    tried = torch.tensor(saved.tried)
    aimed = dataset.labels[tried] == (-1 if saved.cell.target is None else saved.cell.target)
    found: list[int] = tried[saved.correct & ~aimed].tolist()
    return found
