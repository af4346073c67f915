"""Adversarial examples against the source network: one cell for each attack and eps."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from robust_hypergan.attacks import Attack, AttackError, Audit, Draws, asks_for_draws, craft_audited
from robust_hypergan.distributed import Ranks
from robust_hypergan.durable import make_folder
from robust_hypergan.errors import InputError
from robust_hypergan.resumable import NOWHERE, Saved
from robust_hypergan.shared_fold import share_state
from robust_hypergan.tensor_files import read_tensors, save_tensors
from robust_hypergan.text import file_name

FORMAT = "robust-hypergan adversarials 1"

CRAFT_BATCH = 125
"""Examples an attack is given at once."""


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


def craft_cell(
    attack: Attack,
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    eps: float,
    norm: str,
    target: int | None,
    seed: int,
    draws: Callable[[], Draws],
    advance: Callable[[int], object],
    saved: Saved = NOWHERE,
) -> Cell:
    """Runs one attack at one eps on all examples, batch by batch; an attack that fails makes a failed cell.

    Args:
        attack: the attack with its options.
        model: the source network.
        images: ``[n, C, H, W]`` in [0, 1].
        labels: ``[n]``.
        eps: radius of the ball.
        norm: ``linf`` or ``l2``.
        target: class to aim at, or None for any wrong class.
        seed: of the attack's randomness, which is the same in every cell.
        draws: gives each batch further networks, from the same start, for an attack that asks for them.
        advance: called with the number of examples done.
        saved: where the batches done are kept now and then, and the cell in the end: what is there already is
            not crafted again.
    """
    generator = torch.Generator().manual_seed(
        int(np.random.SeedSequence(seed, spawn_key=(4,)).generate_state(1)[0])
    )
    cell = begun_cell(attack, images, labels, eps=eps, norm=norm, target=target)
    things = {"generator": generator, "images": cell.adversarials, "labels": cell.source_labels}
    facts = saved.load(things) or {"done": 0, "seconds": 0.0, "audit": {}}
    done, audit, began = facts["done"], _audit(facts["audit"]), time.perf_counter() - facts["seconds"]
    advance(done)
    while done < len(images):
        batch = slice(done, done + CRAFT_BATCH)
        try:
            made, findings = craft_audited(
                attack,
                model,
                images[batch],
                labels[batch],
                eps=eps,
                norm=norm,
                generator=generator,
                targets=None if target is None else torch.full_like(labels[batch], target),
                draws=draws(),
            )
        except AttackError as error:  # which is not kept: another try may fare better
            failed = Cell(attack.spec, norm, eps, attack.options, target, attacker=cell.attacker)
            return replace(failed, seconds=time.perf_counter() - began, error=str(error))
        cell.adversarials[batch] = made
        with torch.no_grad():
            cell.source_labels[batch] = model(made).argmax(1)
        audit += findings
        done += len(made)
        advance(len(made))
        if saved.due or done == len(images):
            saved.save(things, done=done, seconds=time.perf_counter() - began, audit=asdict(audit))
    return replace(cell, seconds=time.perf_counter() - began, audit=audit)


def begun_cell(
    attack: Attack, images: Tensor, labels: Tensor, *, eps: float, norm: str, target: int | None
) -> Cell:
    """A cell before its first batch, with room for all images; arguments as of :func:`craft_cell`."""
    return Cell(
        attack.spec,
        norm,
        eps,
        attack.options,
        target,
        torch.empty_like(images, memory_format=torch.contiguous_format),
        torch.zeros_like(labels),
        attacker="several networks" if asks_for_draws(attack.craft) else "one network",
    )


def share_cell(cell: Cell, ranks: Ranks) -> Cell:
    """The leader's cell; the others bring theirs as it began."""
    told = ranks.told({"error": cell.error, "seconds": cell.seconds, "audit": asdict(cell.audit)})
    if not told["error"]:
        share_state(ranks, images=cell.adversarials, labels=cell.source_labels)
    return replace(cell, error=told["error"], seconds=told["seconds"], audit=_audit(told["audit"]))


def _audit(record: Mapping[str, Any]) -> Audit:
    """An audit that was JSON, which knows no tuples."""
    return replace(Audit(**record), notes=tuple(record.get("notes", ())))


def save_cell(
    folder: Path,
    cell: Cell,
    labels: Tensor,
    examples: Sequence[int],
    data_sha256: str,
    source: Mapping[str, Any],
) -> None:
    """Writes a cell's adversarial images losslessly as ``ATTACK-EPS.safetensors``.

    Args:
        folder: where to.
        cell: a cell that did not fail.
        labels: true classes ``[n]``.
        examples: index of each image in its split.
        data_sha256: of the split.
        source: the source network's address.
    """
    make_folder(folder)
    tensors = {
        "adversarials": cell.adversarials,
        "labels": labels,
        "examples": torch.tensor(examples),
        "source_labels": cell.source_labels,
    }
    described = {name: getattr(cell, name) for name in ("attack", "norm", "eps", "target", "attacker")}
    described["options"] = dict(cell.options)
    metadata = {
        "format": FORMAT,
        "cell": json.dumps(described, sort_keys=True),
        "data_sha256": data_sha256,
        "source": json.dumps(dict(source)),
    }
    norm = "" if cell.norm == "linf" else f"-{cell.norm}"
    save_tensors(folder / f"{file_name(cell.attack)}{norm}-{cell.eps:g}.safetensors", tensors, metadata)


@dataclass(frozen=True)
class SavedCell:
    """A cell read back, with the labels and examples that it was made from.

    Attributes:
        cell: the cell; its audit and seconds are not saved.
        labels: true classes ``[n]``.
        examples: index of each image in its split, ``[n]``.
        data_sha256: of the split.
        source: the source network's address: seed, stream and index.
    """

    cell: Cell
    labels: Tensor
    examples: list[int]
    data_sha256: str
    source: Mapping[str, Any]


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
        source = {key: json.loads(metadata["source"])[key] for key in ("seed", "stream", "index")}
        images, answers = tensors["adversarials"], tensors["source_labels"]
        labels, examples = tensors["labels"], tensors["examples"].tolist()
        cell = Cell(**described, adversarials=images, source_labels=answers)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} does not fit its own description ({error}): craft it again") from error
    if not len(images) == len(answers) == len(labels) == len(examples):
        raise InputError(f"{path} has {len(images)} images but {len(labels)} labels: craft it again")
    return SavedCell(cell, labels, examples, metadata.get("data_sha256", ""), source)
