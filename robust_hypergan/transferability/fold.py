"""What the fresh networks make of every cell, folded network by network into the two tables."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from robust_hypergan.attacks import NORMS
from robust_hypergan.engine.near_ties import NearTies
from robust_hypergan.measures.tally import Tally, answers, summand
from robust_hypergan.measures.uncertainty import UNCERTAINTY_NETWORKS, Uncertainty
from robust_hypergan.measures.voting import Voting
from robust_hypergan.reports import EXAMPLES_COLUMNS, NETWORKS_COLUMNS, wilson_interval
from robust_hypergan.transferability.cells import Cell


class CellFold:
    """One cell: votes on its adversarial images, flips, and how many images fool each network.

    Args:
        cell: a cell that did not fail.
        labels: true classes ``[n]`` of its images.
        classes: number of classes.
    """

    STATE: ClassVar = ("tally", "fooled", "flipped", "fooled_by_network")

    def __init__(self, cell: Cell, labels: Tensor, classes: int) -> None:
        self.cell, self.labels = cell, labels
        self.source_fooled = cell.fooled(cell.source_labels, labels)
        self.tally = Tally(labels, classes)
        self.fooled, self.flipped = torch.zeros_like(labels), torch.zeros_like(labels)
        self.fooled_by_network: list[int] = []

    def add(self, logits: Tensor, clean_right: Tensor) -> None:
        """Adds one network: its logits ``[n, classes]``, and which clean images ``[n]`` it got right."""
        self.count(*answers(logits), clean_right)

    def count(self, predictions: Tensor, probability: Tensor, clean_right: Tensor) -> None:
        """Adds one network by its :func:`robust_hypergan.measures.tally.answers`."""
        self.tally.count(predictions, probability)
        fooled = self.cell.fooled(predictions, self.labels)
        self.fooled += fooled
        self.flipped += fooled & clean_right
        self.fooled_by_network.append(int((fooled & self.source_fooled).sum()))

    def extend(self, later: CellFold) -> None:
        """Adds what was folded of the networks that follow."""
        self.tally.extend(later.tally)
        self.fooled += later.fooled
        self.flipped += later.flipped
        self.fooled_by_network += later.fooled_by_network

    @property
    def fooled_fractions(self) -> tuple[np.ndarray, np.ndarray]:
        """Of each example that fooled the source, and of each network on these; empty if none did."""
        hits = int(self.source_fooled.sum())
        by_network = np.array(self.fooled_by_network if hits else [], dtype=float) / max(hits, 1)
        return _array(self.fooled[self.source_fooled]) / max(self.tally.networks, 1), by_network

    @property
    def modal_wrong_label(self) -> tuple[Tensor, Tensor]:
        """The most frequent answer of the networks that each image fools, and how many give it."""
        if self.cell.target is None:
            return self.tally.modal_wrong_label
        return torch.full_like(self.labels, self.cell.target), self.fooled


class Fold:
    """The clean images and the adversarial images of all cells as one batch, and the tables they fill.

    Args:
        cells: all cells; failed ones are left out.
        images: the tried images ``[N, C, H, W]`` in [0, 1].
        labels: their true classes ``[N]``.
        correct: which of them the source classifies correctly, ``[N]`` bool; the cells are of these n.
        classes: number of classes.
        seed: of the networks that answer one query each.
    """

    STATE: ClassVar = ("clean", "cells", "clean_accuracy", "voting", "uncertainty", "near_ties")

    def __init__(
        self, cells: Sequence[Cell], images: Tensor, labels: Tensor, correct: Tensor, classes: int, seed: int
    ) -> None:
        self.correct, self.labels, self.classes, self.seed = correct, labels, classes, seed
        self.images = torch.cat([images, *(cell.adversarials for cell in cells if not cell.error)])
        self.clean_images = images[correct]
        self._begin([cell for cell in cells if not cell.error], 0)

    def _begin(self, cells: Sequence[Cell], start: int) -> None:
        """Nothing folded yet of the networks from ``start`` on."""
        labels, classes = self.labels, self.classes
        self.clean = Tally(labels, classes)
        self.cells = [CellFold(cell, labels[self.correct], classes) for cell in cells]
        self.sizes = [len(labels), *(len(each.labels) for each in self.cells)]
        self.clean_accuracy: list[float] = []
        all_labels = torch.cat([labels, *(each.labels for each in self.cells)])
        tried, *parts = torch.arange(len(all_labels), device=labels.device).split(self.sizes)
        queries = [tried, tried[self.correct], *parts]
        self.voting = Voting(all_labels, classes, queries, self.seed, start)
        most = max(0, UNCERTAINTY_NETWORKS - start)
        self.uncertainty = Uncertainty(len(all_labels), classes, labels.device, most)
        self.near_ties = NearTies()

    def part(self, start: int) -> Fold:
        """An empty fold of the same images, for the networks from ``start`` on; see :meth:`extend`."""
        later = copy.copy(self)
        later._begin([each.cell for each in self.cells], start)
        return later

    def extend(self, later: Fold) -> None:
        """Adds a part that starts where this one ends: the same as its networks one after the other."""
        self.clean.extend(later.clean)
        self.clean_accuracy += later.clean_accuracy
        for each, more in zip(self.cells, later.cells, strict=True):
            each.extend(more)
        self.voting.extend(later.voting)
        self.uncertainty.extend(later.uncertainty)
        self.near_ties.extend(later.near_ties)

    def add(self, logits: Tensor) -> None:
        """Adds the logits of one fresh network on all images."""
        softmax = logits.softmax(1)
        predictions, probability = (each.split(self.sizes) for each in (logits.argmax(1), summand(softmax)))
        right = self.clean.count(predictions[0], probability[0])
        self.clean_accuracy.append(right.double().mean().item())
        right = right[self.correct]
        for each, *own in zip(self.cells, predictions[1:], probability[1:], strict=True):
            each.count(own[0], own[1], right)
        self.voting.add(softmax)
        self.uncertainty.add(softmax)
        self.near_ties.add(logits)

    @property
    def networks(self) -> int:
        """Networks added."""
        return self.clean.networks

    @property
    def votes(self) -> list[Tensor]:
        """Networks that predict each class, ``[n, classes]`` for each cell that did not fail."""
        return [each.tally.votes for each in self.cells]

    def examples_table(self, indices: Sequence[int]) -> pd.DataFrame:
        """``examples.csv``: a row for each cell and example.

        Args:
            indices: index in the split of each of the n examples.
        """
        tables = [self._examples(each, indices) for each in self.cells]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=EXAMPLES_COLUMNS)

    def near_ties_table(self, chosen: Sequence[int], indices: Sequence[int]) -> pd.DataFrame:
        """``near_ties.csv``: a row for each near-tie; the attack of clean images is ``clean``.

        Args:
            chosen: index in the split of each of the N tried images.
            indices: of each of the n examples.
        """
        cells = [each.cell for each in self.cells]
        places = [("clean", "", np.nan, example) for example in chosen]
        places += [(cell.attack, cell.norm, cell.eps, example) for cell in cells for example in indices]
        rows = [(*places[image], network) for network, image in self.near_ties.found]
        return pd.DataFrame(rows, columns=["attack", "norm", "eps", "example", "network"])

    def networks_table(self, source: int, source_accuracy: float) -> pd.DataFrame:
        """``networks.csv``: a row for each cell and network.

        Args:
            source: index of the source network.
            source_accuracy: of the source on the tried images.
        """
        rows = []
        for each in self.cells:
            hits, correct = int(each.source_fooled.sum()), len(each.labels)
            own = (each.cell.attack, each.cell.norm, each.cell.eps)
            rows.append((*own, source, "source", source_accuracy, correct, hits, hits / correct))
            for index, (accuracy, fooled) in enumerate(
                zip(self.clean_accuracy, each.fooled_by_network, strict=True)
            ):
                rows.append((*own, index, "fresh", accuracy, hits, fooled, fooled / hits if hits else np.nan))
        return pd.DataFrame(rows, columns=NETWORKS_COLUMNS)

    def _examples(self, each: CellFold, indices: Sequence[int]) -> pd.DataFrame:
        cell, networks = each.cell, each.tally.networks
        fooled, flipped = _array(each.fooled), _array(each.flipped)
        networks_correct = networks - _array(self.clean.wrong[self.correct])
        wrong_label, wrong_count = map(_array, each.modal_wrong_label)
        delta = cell.adversarials - self.clean_images
        low, high = wilson_interval(fooled, networks)
        with np.errstate(invalid="ignore"):  # nothing to divide by is NaN, as the tables want it
            flipped_fraction, wrong_share = flipped / networks_correct, wrong_count / fooled
        columns = {
            "attack": cell.attack,
            "norm": cell.norm,
            "eps": cell.eps,
            "example": indices,
            "label": _array(each.labels),
            "source_correct": True,
            "source_fooled": _array(each.source_fooled),
            "networks": networks,
            "fooled": fooled,
            "fooled_fraction": fooled / networks,
            "ci_low": low,
            "ci_high": high,
            "networks_correct": networks_correct,
            "flipped": flipped,
            "flipped_fraction": flipped_fraction,
            "wrong_label": pd.Series(wrong_label, dtype="Int64").where(fooled > 0),
            "wrong_share": wrong_share,
            "entropy_clean": _array(self.clean.entropy[self.correct]),
            "entropy_adversarial": _array(each.tally.entropy),
            "linf": _array(NORMS["linf"].length(delta)),
            "l2": _array(NORMS["l2"].length(delta)),
        }
        return pd.DataFrame(columns)[EXAMPLES_COLUMNS]


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.cpu().numpy()
