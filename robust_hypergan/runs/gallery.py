"""The pictures a report shows: for every cell, examples across the range of the fooled fraction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from robust_hypergan.reports import write_table
from robust_hypergan.storage.tensor_files import save_tensors
from robust_hypergan.transferability.measurement import TransferResult

QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


def write_gallery(folder: Path, result: TransferResult) -> None:
    """Writes ``gallery.csv`` and ``gallery.safetensors``: five examples that fooled the source for each cell.

    They stand at the least, the quartiles and the greatest fooled fraction, so that nothing is picked by eye.
    """
    rows: list[dict[str, object]] = []
    clean, adversarial = [], []
    for cell, votes in zip(result.cells, result.votes, strict=True):
        if cell.error:
            continue
        own = result.examples.query("attack == @cell.attack and norm == @cell.norm and eps == @cell.eps")
        fractions = own["fooled_fraction"].to_numpy()
        fooling = np.flatnonzero(own["source_fooled"].to_numpy())
        if not len(fooling):
            continue
        ranked = fooling[np.argsort(fractions[fooling], kind="stable")]
        places = {round(quantile * (len(ranked) - 1)): quantile for quantile in reversed(QUANTILES)}
        for place, quantile in sorted(places.items()):
            at = int(ranked[place])
            counts = {f"counts_{label}": int(count) for label, count in enumerate(votes[at])}
            rows.append(
                {
                    "row": len(rows),
                    "attack": cell.attack,
                    "norm": cell.norm,
                    "eps": cell.eps,
                    "example": result.indices[at],
                    "label": int(result.labels[at]),
                    "quantile": quantile,
                    "fooled_fraction": fractions[at],
                    "source_label": int(cell.source_labels[at]),
                }
                | counts
            )
            clean.append(result.clean[at])
            adversarial.append(cell.adversarials[at])
    if rows:
        images = {"clean": torch.stack(clean), "adversarial": torch.stack(adversarial)}
        save_tensors(folder / "gallery.safetensors", images, {})
        write_table(pd.DataFrame(rows), folder / "gallery.csv")
