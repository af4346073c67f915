"""Does the ensemble know what it does not know? Uncertainty of clean, adversarial and outlying images.

That of the clean and adversarial images was folded by the transfer. Only outlying images, and an attack that
knows of the detector, are shown to the networks here.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from torch import Tensor

from robust_hypergan.attacks import find_attack
from robust_hypergan.data.datasets import Dataset, to_unit
from robust_hypergan.engine.ensemble import ensemble_forward
from robust_hypergan.evidence.measured import Measured
from robust_hypergan.evidence.probe import comparable
from robust_hypergan.measures.uncertainty import Uncertainty
from robust_hypergan.models.networks import Networks, available, materialise
from robust_hypergan.reports import EVIDENCE_TABLES, detection_table
from robust_hypergan.transferability.cells import Cell
from robust_hypergan.transferability.config import choose_examples
from robust_hypergan.transferability.crafting import craft_cell
from robust_hypergan.transferability.draws import DistributionDraws

ADAPTIVE, HELD = "entropy-pgd", 8
"""The attack that also evades a detector of high entropy, and the networks it holds, if there are so many."""

ADAPTIVE_EXAMPLES = 60
"""Examples it is run on where the run itself has no such cell."""


def detection(measured: Measured) -> dict[str, pd.DataFrame]:
    """``uncertainty.csv``, a row an image, and ``detection.csv``, a row for each kind, cell and score."""
    result = measured.result
    fold, name = result.fold, measured.dataset.name
    tried, *sizes = fold.sizes
    labels = fold.voting.labels
    tables = [_rows(fold.uncertainty, labels, slice(0, tried), ("clean", name), None, result.chosen)]
    start = tried
    done = [cell for cell in result.cells if not cell.error]
    for cell, size in zip(done, sizes, strict=True):
        part = slice(start, start + size)
        tables.append(_rows(fold.uncertainty, labels, part, ("adversarial", name), cell, result.indices))
        start += size
    if not any(cell.attack.partition(":")[0] == ADAPTIVE for cell in done):
        tables += _adaptive(measured, done)
    if measured.outliers is not None:
        tables.append(_outlying(measured, measured.outliers))
    uncertainty = pd.concat(tables, ignore_index=True)
    return {"uncertainty": uncertainty, "detection": detection_table(uncertainty)}


def uncertainty_of(measured: Measured, images: Tensor) -> Uncertainty:
    """Of further images ``[n, C, H, W]`` in [0, 1], by the same networks as in the transfer."""
    uncertainty = Uncertainty(len(images), len(measured.dataset.classes), images.device)
    networks = Networks(measured.config.seed, "fresh", range(measured.result.fold.uncertainty.networks))
    backend = measured.config.backend
    for _, logits in ensemble_forward(measured.distribution, networks, images, backend=backend):
        for own in logits:
            uncertainty.add(own.softmax(1))
    return uncertainty


def _adaptive(measured: Measured, done: Sequence[Cell]) -> list[pd.DataFrame]:
    """Rows of the adaptive attack on some examples at the middle eps; none if it fails.

    It holds the network that was attacked, of saved images the one in their file, and those after it.
    """
    result, config = measured.result, measured.config
    if not result.source_here:
        return []
    source = result.source
    first = source.indices[0]
    held = available(measured.distribution, source.seed, "source", first, HELD)
    own = comparable(done)
    eps = sorted({cell.eps for cell in own})
    images, labels = result.clean[:ADAPTIVE_EXAMPLES], result.labels[:ADAPTIVE_EXAMPLES]
    cell = craft_cell(
        find_attack(f"{ADAPTIVE}:networks={len(held)}"),
        materialise(measured.distribution, source),
        images,
        labels,
        eps=eps[len(eps) // 2],
        norm=own[0].norm,
        target=own[0].target,
        seed=config.seed,
        draws=lambda: DistributionDraws(measured.distribution, source.seed, first),
        advance=lambda _: None,
    )
    if cell.error:
        return []
    uncertainty = uncertainty_of(measured, cell.adversarials)
    kind, every = ("adversarial", measured.dataset.name), slice(0, len(images))
    return [_rows(uncertainty, labels, every, kind, cell, result.indices[:ADAPTIVE_EXAMPLES])]


def _outlying(measured: Measured, outliers: Dataset) -> pd.DataFrame:
    count = min(len(measured.result.chosen), len(outliers.labels))
    chosen = choose_examples(outliers, count, measured.config.seed)
    uncertainty = uncertainty_of(measured, to_unit(outliers.images[chosen].to(measured.device)))
    return _rows(uncertainty, None, slice(0, count), ("outlier", outliers.name), None, chosen.tolist())


def _rows(
    uncertainty: Uncertainty,
    labels: Tensor | None,
    part: slice,
    kind: tuple[str, str],
    cell: Cell | None,
    examples: Sequence[int],
) -> pd.DataFrame:
    """A row for each image of a part; those without a true class have no right or wrong vote."""
    rows = {
        "inputs": kind[0],
        "data": kind[1],
        "attack": cell.attack if cell else "",
        "norm": cell.norm if cell else "",
        "eps": cell.eps if cell else float("nan"),
        "example": examples,
        "networks": uncertainty.networks,
        "entropy": uncertainty.entropy[part].cpu().numpy(),
        "mutual_information": uncertainty.mutual_information[part].cpu().numpy(),
        "variance": uncertainty.variance[part].cpu().numpy(),
        "vote_wrong": float("nan"),
    }
    if labels is not None:
        rows["vote_wrong"] = (uncertainty.mean[part].argmax(1) != labels[part]).double().cpu().numpy()
    return pd.DataFrame(rows)[EVIDENCE_TABLES["uncertainty"]]
