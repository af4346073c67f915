"""The ways to use an ensemble side by side: a fixed draw, a fresh draw for each query, and mean votes.

From what the transfer folded: no network runs again.
"""

from __future__ import annotations

import math
from dataclasses import astuple

import pandas as pd

from robust_hypergan.evidence.measured import Measured
from robust_hypergan.measures.voting import Use
from robust_hypergan.reports import EVIDENCE_TABLES, wilson_interval

CLEAN = ("", "", math.nan)
"""Stands for attack, norm and eps of images that nobody attacked."""


def uses(measured: Measured) -> dict[str, pd.DataFrame]:
    """``uses.csv``: accuracy of the source network and of each use of the fresh ones.

    Its ``images`` are ``tried``, all the clean images of the run; ``clean``, those of them that the source
    answers rightly; and ``adversarial``, for each cell, made of the latter. A right answer is the true class,
    with a target too.
    """
    result = measured.result
    clean_accuracy = result.networks.loc[result.networks["role"] == "source", "clean_accuracy"].iloc[0]
    parts = [("tried", *CLEAN, clean_accuracy), ("clean", *CLEAN, 1.0)]
    for cell in result.cells:
        if not cell.error:
            right = (cell.source_labels == result.labels).double().mean().item()
            parts.append(("adversarial", cell.attack, cell.norm, cell.eps, right))
    rows = []
    for index, (*part, source_accuracy) in enumerate(parts):
        examples = len(result.fold.voting.parts[index])
        source = _source(source_accuracy, examples)
        for use in (source, *result.fold.voting.uses(index)):
            name, networks, votes, *estimate = astuple(use)
            rows.append((*part, name, networks, votes, examples, *estimate))
    return {"uses": pd.DataFrame(rows, columns=EVIDENCE_TABLES["uses"])}


def _source(accuracy: float, examples: int) -> Use:
    low, high = wilson_interval(round(accuracy * examples), examples)
    return Use("source", 1, 1, accuracy, float(low), float(high))
