"""The transfer measurement: craft against one network, try on M fresh ones, tabulate each example.

Protocol: Ratzlaff & Li, ICML 2019, Figure 4, on initially correct examples only. The source network
comes from the ``source`` stream and the fresh ones from ``fresh``: no attack ever saw them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from robust_hypergan.attacks import NORMS, find_attack
from robust_hypergan.crafting import Cell, SavedCell, craft_cell
from robust_hypergan.datasets import Dataset, to_unit
from robust_hypergan.ensemble import BACKENDS, ensemble_forward
from robust_hypergan.errors import InputError, check_range, unknown
from robust_hypergan.networks import NetworkDistribution, Networks, materialise
from robust_hypergan.progress import track
from robust_hypergan.reports import EXAMPLES_COLUMNS, NETWORKS_COLUMNS, summarise, wilson_interval
from robust_hypergan.tally import Tally


@dataclass(frozen=True)
class TransferConfig:
    """What is attacked with, and what it is tried on.

    Attributes:
        attacks: attacks as in ``pgd:steps=40``.
        eps: radii of the ball, each in (0, 1] for L-inf and above 0 for L2.
        norm: ``linf`` or ``l2``.
        networks: fresh networks, 1 to 100,000.
        examples: images of the test split, chosen at random but the same for a seed.
        source: index of the attacked network in the ``source`` stream.
        seed: of the networks' addresses, the choice of examples and the attacks' randomness.
        backend: of the ensemble forward; None is the device's default.

    Raises:
        InputError: a value outside its range, or an attack that does not exist.
    """

    attacks: Sequence[str] = ("fgsm", "pgd")
    eps: Sequence[float] = (0.05, 0.1, 0.15, 0.2, 0.3)
    norm: str = "linf"
    networks: int = 500
    examples: int = 500
    source: int = 0
    seed: int = 0
    backend: str | None = None

    def __post_init__(self) -> None:
        if self.norm not in NORMS:
            raise unknown("norm", self.norm, NORMS)
        if not self.attacks or not self.eps:
            raise InputError("nothing to do: give at least one attack and one eps")
        if self.backend is not None and self.backend not in BACKENDS:
            raise unknown("backend", self.backend, BACKENDS)
        for eps in self.eps:
            if not 0 < eps < float("inf") or (self.norm == "linf" and eps > 1):
                allowed = "in (0, 1]: images are in [0, 1]" if self.norm == "linf" else "above 0"
                raise InputError(f"eps {eps:g} is out of range: it must be {allowed}")
        check_range("networks", self.networks, 1, 100_000)
        for name, least in (("examples", 1), ("source", 0), ("seed", 0)):
            check_range(name, getattr(self, name), least)
        if len(set(self.attacks)) < len(self.attacks) or len(set(self.eps)) < len(self.eps):
            raise InputError("an attack or an eps is given twice: name each once")
        for attack in self.attacks:
            find_attack(attack)


@dataclass(frozen=True)
class TransferResult:
    """Tables and images of a transfer measurement.

    Attributes:
        examples: a row for each cell and initially correct example (``examples.csv``).
        networks: a row for each cell and network (``networks.csv``).
        cells: the cells with their adversarial images, audits and seconds.
        clean: the initially correct images ``[n, C, H, W]`` in [0, 1].
        labels: their true classes ``[n]``.
        indices: their indices in the split.
        votes: for each cell the fresh networks that predict each class, ``[n, classes]``; empty if it failed.
        source_labels: for each cell what the source makes of the adversarial images, ``[n]``; empty likewise.
        tried: examples tried, initially correct or not.
        seconds: of crafting and of the fresh networks.
    """

    examples: pd.DataFrame
    networks: pd.DataFrame
    cells: list[Cell]
    clean: Tensor
    labels: Tensor
    indices: list[int]
    votes: list[Tensor]
    source_labels: list[Tensor]
    tried: int
    seconds: dict[str, float]

    @property
    def summary(self) -> pd.DataFrame:
        """A row for each cell (``summary.csv``)."""
        return summarise(self.examples, self.networks, [cell_record(cell) for cell in self.cells])


def choose_examples(dataset: Dataset, count: int, seed: int) -> Tensor:
    """Indices of ``count`` images of a split, drawn without replacement, ascending.

    Raises:
        InputError: the split has fewer images.
    """
    total = len(dataset.labels)
    if count > total:
        raise InputError(f"{dataset.name} has {total} test images, not {count}: ask for at most {total}")
    random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(5,)))
    return torch.from_numpy(np.sort(random.choice(total, count, replace=False)))


def transfer(
    distribution: NetworkDistribution,
    dataset: Dataset,
    config: TransferConfig,
    *,
    device: torch.device | None = None,
    saved: Sequence[SavedCell] = (),
    quiet: bool = True,
) -> TransferResult:
    """Attacks the source network and tries the adversarial images on the fresh ones.

    Args:
        distribution: what the networks are drawn from.
        dataset: a test split.
        config: attacks, eps and counts.
        device: where to compute; None is the CPU.
        saved: cells crafted before, tried instead of crafting ``config.attacks`` at ``config.eps``;
            all of the same examples.
        quiet: no progress bars.

    Raises:
        InputError: the split has fewer images than asked for, or the source classifies none correctly.
    """
    chosen = (
        torch.tensor(saved[0].examples) if saved else choose_examples(dataset, config.examples, config.seed)
    )
    images, labels = to_unit(dataset.images[chosen].to(device)), dataset.labels[chosen].to(device)
    source = materialise(distribution, Networks(config.seed, "source", [config.source]))
    with torch.no_grad():
        correct = torch.ones_like(labels, dtype=torch.bool) if saved else source(images).argmax(1) == labels
        source_accuracy = correct.double().mean().item()
    if not correct.any():
        raise InputError("the source network classifies no example correctly: train it longer")

    started = time.perf_counter()
    clean, own_labels = images[correct], labels[correct]
    cells = [each.cell for each in saved] or list(_craft(source, clean, own_labels, config, quiet))
    crafted = time.perf_counter()

    fold = _Fold(cells, images, labels, correct, len(dataset.classes))
    addresses = Networks(config.seed, "fresh", range(config.networks))
    with track("fresh networks", config.networks, quiet) as progress:
        for block, logits in ensemble_forward(distribution, addresses, fold.images, backend=config.backend):
            for index, own in zip(block.indices, logits, strict=True):
                fold.add(index, own)
            progress.update(len(block))
    finished = time.perf_counter()

    indices = chosen[correct.cpu()].tolist()
    with torch.no_grad():
        source_labels = [
            source(cell.adversarials).argmax(1) if not cell.error else torch.empty(0) for cell in cells
        ]
    return TransferResult(
        examples=fold.examples_table(indices),
        networks=fold.networks_table(config.source, source_accuracy),
        cells=cells,
        clean=clean,
        labels=own_labels,
        indices=indices,
        votes=fold.votes(),
        source_labels=source_labels,
        tried=len(chosen),
        seconds={"crafting": crafted - started, "transfer": finished - crafted},
    )


def cell_record(cell: Cell) -> dict[str, Any]:
    """A cell as it stands in ``run.json``: everything but its images."""
    return {
        "attack": cell.attack,
        "norm": cell.norm,
        "eps": cell.eps,
        "options": dict(cell.options),
        "seconds": cell.seconds,
        "status": "failed" if cell.error else "done",
        "error": cell.error,
        "audit": asdict(cell.audit),
    }


def _craft(
    source: nn.Module, images: Tensor, labels: Tensor, config: TransferConfig, quiet: bool
) -> Iterator[Cell]:
    total = len(config.attacks) * len(config.eps) * len(images)
    with track("crafting", total, quiet) as progress:
        for spec in config.attacks:
            for eps in config.eps:
                progress.set_postfix_str(f"{spec} at eps {eps:g}")
                yield craft_cell(
                    find_attack(spec),
                    source,
                    images,
                    labels,
                    eps=eps,
                    norm=config.norm,
                    seed=config.seed,
                    advance=progress.update,
                )


class _Fold:
    """Clean images and all cells' adversarials as one batch, and what each network makes of them."""

    def __init__(
        self, cells: list[Cell], images: Tensor, labels: Tensor, correct: Tensor, classes: int
    ) -> None:
        self.cells, self.correct = cells, correct
        self.done = [cell for cell in cells if not cell.error]
        self.labels = labels[correct]
        self.clean_images = images[correct]
        adversarials = [cell.adversarials.to(images) for cell in self.done]
        self.images = torch.cat([images, *adversarials])
        self.sizes = [len(images), *[len(each) for each in adversarials]]
        self.clean = Tally(labels, classes)
        self.tallies = [Tally(self.labels, classes) for _ in self.done]
        self.flipped = [torch.zeros_like(self.labels) for _ in self.done]
        self.rows: list[tuple[int, float, list[int]]] = []

    def add(self, index: int, logits: Tensor) -> None:
        """Adds the logits of one fresh network on all images."""
        clean_logits, *parts = logits.split(self.sizes)
        right = self.clean.add(clean_logits)
        own_right = right[self.correct]
        fooled = []
        for cell, tally, flipped, part in zip(self.done, self.tallies, self.flipped, parts, strict=True):
            wrong = ~tally.add(part)
            flipped += wrong & own_right
            fooled.append(int((wrong & cell.source_fooled).sum()))
        self.rows.append((index, right.double().mean().item(), fooled))

    def votes(self) -> list[Tensor]:
        """Votes of each cell, empty where it failed."""
        tallies = iter(self.tallies)
        return [torch.empty(0) if cell.error else next(tallies).votes for cell in self.cells]

    def examples_table(self, indices: Sequence[int]) -> pd.DataFrame:
        """``examples.csv``."""
        tables = [
            self._cell_examples(cell, tally, flipped, indices)
            for cell, tally, flipped in zip(self.done, self.tallies, self.flipped, strict=True)
        ]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=EXAMPLES_COLUMNS)

    def _cell_examples(
        self, cell: Cell, tally: Tally, flipped: Tensor, indices: Sequence[int]
    ) -> pd.DataFrame:
        fooled = tally.wrong.cpu().numpy()
        low, high = wilson_interval(fooled, tally.networks)
        networks_correct = (tally.networks - self.clean.wrong[self.correct]).cpu().numpy()
        wrong_label, wrong_count = (each.cpu().numpy() for each in tally.modal_wrong_label)
        any_fooled = fooled > 0
        delta = cell.adversarials.to(self.clean_images) - self.clean_images
        flipped_count = flipped.cpu().numpy()
        with np.errstate(invalid="ignore"):
            flipped_fraction = flipped_count / networks_correct
            wrong_share = wrong_count / fooled
        table = pd.DataFrame(
            {
                "attack": cell.attack,
                "norm": cell.norm,
                "eps": cell.eps,
                "example": indices,
                "label": self.labels.cpu().numpy(),
                "source_correct": True,
                "source_fooled": cell.source_fooled.cpu().numpy(),
                "networks": tally.networks,
                "fooled": fooled,
                "fooled_fraction": fooled / tally.networks,
                "ci_low": low,
                "ci_high": high,
                "networks_correct": networks_correct,
                "flipped": flipped_count,
                "flipped_fraction": flipped_fraction,
                "wrong_label": pd.array(np.where(any_fooled, wrong_label, -1), dtype="Int64"),
                "wrong_share": np.where(any_fooled, wrong_share, np.nan),
                "entropy_clean": self.clean.entropy[self.correct].cpu().numpy(),
                "entropy_adversarial": tally.entropy.cpu().numpy(),
                "linf": NORMS["linf"].length(delta).cpu().numpy(),
                "l2": NORMS["l2"].length(delta).cpu().numpy(),
            }
        )
        table.loc[~any_fooled, "wrong_label"] = pd.NA
        return table[EXAMPLES_COLUMNS]

    def networks_table(self, source: int, source_accuracy: float) -> pd.DataFrame:
        """``networks.csv``."""
        rows = []
        for position, cell in enumerate(self.done):
            hits = int(cell.source_fooled.sum())
            own = (cell.attack, cell.norm, cell.eps)
            correct = len(self.labels)
            rows.append((*own, source, "source", source_accuracy, correct, hits, hits / correct))
            for index, accuracy, fooled in self.rows:
                share = fooled[position] / hits if hits else np.nan
                rows.append((*own, index, "fresh", accuracy, hits, fooled[position], share))
        return pd.DataFrame(rows, columns=NETWORKS_COLUMNS)
