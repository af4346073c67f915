"""Several source networks attacked one after the other: does the answer hang on the one that was?

Every further source of the ``source`` stream gets the same attacks at the same eps on the same candidate
examples, and all are tried on the same fresh networks, and on each other: the S x M transfer matrix in the
layout of DVERGE (Yang et al., NeurIPS 2020, arXiv:2009.14720), with columns for the mean votes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from robust_hypergan.base.errors import InputError
from robust_hypergan.base.progress import track
from robust_hypergan.data.datasets import to_unit
from robust_hypergan.engine.cascade import Account
from robust_hypergan.engine.ensemble import ensemble_forward, network_logits
from robust_hypergan.evidence.measured import Measured
from robust_hypergan.models.networks import Networks, materialise
from robust_hypergan.reports import (
    EVIDENCE_TABLES,
    SourceMatrix,
    crossed_mean_interval,
    sources_mean_interval,
)
from robust_hypergan.storage.resumable import Saved, digest
from robust_hypergan.transferability.cells import Cell
from robust_hypergan.transferability.config import choose_examples
from robust_hypergan.transferability.crafting import craft_cells
from robust_hypergan.transferability.fold import CellFold


@dataclass(frozen=True)
class SourceCell:
    """A cell crafted on one of the sources.

    Attributes:
        source: index of the source in its stream.
        cell: its adversarial images.
        labels: their true classes ``[n]``.
        examples: their indices in the split ``[n]``, of the examples that this source classifies correctly.
    """

    source: int
    cell: Cell
    labels: Tensor
    examples: Tensor


def measure_sources(measured: Measured) -> dict[str, pd.DataFrame]:
    """``sources.csv``, ``source_summary.csv`` and ``matrix.csv``; none with one source.

    A distribution that has fewer source networks is measured with those it has. A source that classifies
    no example correctly, and a cell that failed, are left out.
    """
    if measured.evidence.sources == 1:
        return {}
    attacked, config = list(_attack_sources(measured)), measured.config
    indices = sorted({each.source for each in attacked})
    on_fresh = _try_networks(measured, attacked, Networks(config.seed, "fresh", range(config.networks)))
    on_sources = _try_networks(measured, attacked, Networks(config.seed, "source", indices))
    tables: dict[str, list[dict[str, Any]]] = {
        "sources": [row for each in on_fresh for row in each.source_rows()],
        "source_summary": [row for each in on_fresh for row in each.summary_rows()],
        "matrix": [
            row
            for fresh, held in zip(on_fresh, on_sources, strict=True)
            for row in _matrix_rows(fresh, held, indices)
        ],
    }
    return {stem: pd.DataFrame(rows, columns=EVIDENCE_TABLES[stem]) for stem, rows in tables.items()}


def _attack_sources(measured: Measured) -> Iterator[SourceCell]:
    """The finished cells of the transfer's own source, then those of the further ones."""
    config, result, dataset = measured.config, measured.result, measured.dataset
    own = torch.tensor(result.indices)
    yield from _finished(config.source, result.cells, result.labels, own)
    chosen = choose_examples(dataset, config.examples, config.seed)
    if config.target is not None:
        chosen = chosen[dataset.labels[chosen] != config.target]
    images = to_unit(dataset.images[chosen].to(measured.device))
    labels = dataset.labels[chosen].to(measured.device)
    for index in range(config.source + 1, config.source + measured.evidence.sources):
        try:
            network = materialise(measured.distribution, Networks(config.seed, "source", [index]))
        except InputError:  # a finite distribution ends here
            return
        correct = network_logits(network, images).argmax(1) == labels
        if correct.any():
            cells = craft_cells(
                measured.distribution,
                network,
                images[correct],
                labels[correct],
                replace(config, source=index),
                measured.quiet,
                measured.progress,
            )
            yield from _finished(index, cells, labels[correct], chosen[correct.cpu()])


def _finished(
    source: int, cells: Iterator[Cell] | list[Cell], labels: Tensor, examples: Tensor
) -> Iterator[SourceCell]:
    return (SourceCell(source, cell, labels, examples) for cell in cells if not cell.error)


class AcrossSources:
    """One attack at one eps, crafted on each source: networks are folded in one after the other.

    Args:
        cells: the same cell of each source.
        classes: number of classes.
    """

    STATE: ClassVar = ("folds", "squares")

    def __init__(self, cells: Sequence[SourceCell], classes: int) -> None:
        self.cells = cells
        self.folds = [CellFold(each.cell, each.labels, classes) for each in cells]
        self.hits = [fold.source_fooled for fold in self.folds]
        fooling = sum(bool(hits.any()) for hits in self.hits)
        self.weights = [hits.double() / max(1, int(hits.sum()) * fooling) for hits in self.hits]
        self.squares = 0.0

    def add(self, parts: Sequence[Tensor]) -> None:
        """Adds one network by its logits ``[n, classes]`` on the images of each source."""
        candidates = 1 + max(int(each.examples.max()) for each in self.cells)
        contributions = torch.zeros(candidates, dtype=torch.float64)
        for each, fold, weight, logits in zip(self.cells, self.folds, self.weights, parts, strict=True):
            fold.add(logits, torch.zeros_like(fold.source_fooled))
            fooled = each.cell.fooled(logits.argmax(1), each.labels)
            contributions[each.examples] += (fooled * weight).cpu()
        self.squares += float(contributions.square().sum())

    @property
    def key(self) -> dict[str, Any]:
        """What names the cell in the tables."""
        cell = self.cells[0].cell
        return {"attack": cell.attack, "norm": cell.norm, "eps": cell.eps}

    def source_rows(self) -> Iterator[dict[str, Any]]:
        """Rows of ``sources.csv``."""
        for each, fold in zip(self.cells, self.folds, strict=True):
            examples, networks = fold.fooled_fractions
            low, high = crossed_mean_interval(examples, networks)
            yield self.key | {
                "source": each.source,
                "examples": len(each.labels),
                "source_fooled": len(examples),
                "source_success": len(examples) / len(each.labels),
                "fooled_mean": examples.mean() if len(examples) else np.nan,
                "ci_low": low,
                "ci_high": high,
                "networks": fold.tally.networks,
            }

    def summary_rows(self) -> Iterator[dict[str, Any]]:
        """The row of ``source_summary.csv``; none if no source was fooled."""
        matrices = [
            SourceMatrix(each.examples[hits.cpu()].numpy(), *fold.fooled_fractions)
            for each, fold, hits in zip(self.cells, self.folds, self.hits, strict=True)
            if hits.any()
        ]
        if matrices:
            over = sources_mean_interval(matrices, self.squares)
            means = [matrix.rows.mean() for matrix in matrices]
            yield self.key | {
                "sources": len(matrices),
                "fooled_mean": over.mean,
                "ci_low": over.low,
                "ci_high": over.high,
                "between_variance": over.between_variance,
                "between_sd": over.between_variance**0.5,
                "fooled_min": min(means),
                "fooled_max": max(means),
                "networks": matrices[0].columns.size,
            }


def _try_networks(
    measured: Measured, attacked: Sequence[SourceCell], networks: Networks
) -> list[AcrossSources]:
    """What some networks make of all cells of all sources, by cell."""
    cells: dict[tuple[str, float], list[SourceCell]] = {}
    for each in attacked:
        cells.setdefault((each.cell.attack, each.cell.eps), []).append(each)
    folds = [AcrossSources(group, len(measured.dataset.classes)) for group in cells.values()]
    images = torch.cat([each.cell.adversarials for fold in folds for each in fold.cells])
    sizes = [len(each.labels) for fold in folds for each in fold.cells]
    account = Account()
    things = {"folds": folds, "account": account}
    saved = Saved(
        measured.progress and measured.progress / f"sources-{networks.stream}.safetensors",
        "measurement of several sources",
        {"networks": [networks.seed, len(networks)], "images": digest(images)},
    )
    done = (saved.load(things) or {"done": 0})["done"]
    with track(f"{networks.stream} networks", len(networks), measured.quiet, initial=done) as progress:
        for block, logits in ensemble_forward(
            measured.distribution,
            networks,
            images,
            backend=measured.config.backend,
            precision=measured.config.precision,
            account=account,
            done=done,
        ):
            for own in logits:
                parts = iter(own.split(sizes))
                for fold in folds:
                    fold.add([next(parts) for _ in fold.cells])
            progress.update(len(block))
            done += len(block)
            if saved.due:
                saved.save(things, done=done)
    return folds


def _matrix_rows(
    fresh: AcrossSources, held: AcrossSources, indices: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """Rows of ``matrix.csv``: each source's successful images on every source, the votes, the fresh mean.

    On its own network all of them succeed by choice, so there it is the white-box success on the examples
    that it classified correctly.
    """
    for each, on_fresh, on_sources in zip(fresh.cells, fresh.folds, held.folds, strict=True):
        hits = on_fresh.source_fooled
        count = int(hits.sum())
        row = fresh.key | {"source": each.source}
        for index, fooled in zip(indices, on_sources.fooled_by_network, strict=True):
            own = index == each.source
            values = (count, len(each.labels)) if own else (fooled, count)
            yield row | {"role": "source", "network": index} | _share(*values)
        yield row | {"role": "source vote"} | _share(_fooled_by_vote(on_sources), count)
        yield row | {"role": "fresh vote"} | _share(_fooled_by_vote(on_fresh), count)
        by_network = on_fresh.fooled_by_network
        yield row | {"role": "fresh"} | _share(sum(by_network), count * len(by_network))


def _fooled_by_vote(fold: CellFold) -> int:
    return int((fold.cell.fooled(fold.tally.mean_vote, fold.labels) & fold.source_fooled).sum())


def _share(fooled: int, tried: int) -> dict[str, float]:
    return {"tried": tried, "fooled": fooled, "fooled_fraction": fooled / tried if tried else np.nan}
