"""Do fooled networks agree? Which wrong classes the fresh networks answer, and how often the source's.

From the votes that the transfer counted: no network runs again.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from robust_hypergan.evidence.measured import Measured
from robust_hypergan.reports import EVIDENCE_TABLES, effective_wilson_interval
from robust_hypergan.transferability.cells import Cell

Votes = NDArray[np.int64]


def wrong_labels(measured: Measured) -> dict[str, pd.DataFrame]:
    """``wrong_labels.csv``, a row for each cell, and ``confusion.csv``, a row for each pair of wrong answers.

    Over the examples that fooled the source. A wrong answer is any class but the true one, with a target too.
    """
    result = measured.result
    labels = result.labels.cpu().numpy()
    agreements, confusions = [], []
    for cell, votes in zip(result.cells, result.votes, strict=True):
        if cell.error:
            continue
        answers = cell.source_labels.cpu().numpy()
        fooling = cell.fooled(cell.source_labels, result.labels).cpu().numpy()
        wrong = votes.cpu().numpy().copy()  # (n, classes)
        wrong[np.arange(len(labels)), labels] = 0
        agreements.append(_named(cell) | agreement(wrong[fooling], answers[fooling]))
        confusions += [_named(cell) | row for row in confusion(wrong[fooling], answers[fooling])]
    return {
        "wrong_labels": pd.DataFrame(agreements, columns=EVIDENCE_TABLES["wrong_labels"]),
        "confusion": pd.DataFrame(confusions, columns=EVIDENCE_TABLES["confusion"]),
    }


def agreement(wrong: Votes, source_labels: Votes) -> dict[str, float]:
    """How far fooled networks agree, as means over the examples that fool at least one of them.

    ``modal_share`` is the share of the wrong answers that are the example's most frequent one;
    ``pair_agreement`` the probability that two of its fooled networks answer the same, which unlike the
    first does not grow when they are few; ``entropy`` that of the wrong answers in nats, and
    ``entropy_normalised`` its share of the greatest possible, ``log(classes - 1)``; ``source_agreement`` the
    share of the wrong answers that are the source's. The intervals are Wilson's with the examples as the
    trials, which is conservative for shares, and not of width 0 where a few examples all agree.

    Args:
        wrong: fresh networks that answer each wrong class, ``[n, classes]``, 0 at the true one.
        source_labels: the source's wrong answers ``[n]``.
    """
    some = wrong.sum(1) > 0
    counts, answers = wrong[some], source_labels[some]
    totals = counts.sum(1)
    shares = counts / totals[:, None]
    entropy = -np.where(counts > 0, shares * np.log(np.where(counts > 0, shares, 1.0)), 0.0).sum(1)
    several = totals > 1
    same = (counts * (counts - 1)).sum(1)[several] / (totals * (totals - 1))[several]
    modal, modal_low, modal_high = _estimate(shares.max(1))
    source, source_low, source_high = _estimate(shares[np.arange(len(answers)), answers])
    greatest = np.log(wrong.shape[1] - 1) if wrong.shape[1] > 2 else np.nan
    mean_entropy = _mean(entropy)
    return {
        "examples": int(some.sum()),
        "wrong_answers": int(totals.sum()),
        "modal_share": modal,
        "modal_low": modal_low,
        "modal_high": modal_high,
        "pair_agreement": _mean(same),
        "entropy": mean_entropy,
        "entropy_normalised": mean_entropy / greatest,
        "source_agreement": source,
        "source_low": source_low,
        "source_high": source_high,
    }


def confusion(wrong: Votes, source_labels: Votes) -> list[dict[str, int]]:
    """Wrong answers of fresh networks by the source's wrong answer; pairs that never occur are left out."""
    classes = wrong.shape[1]
    table = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(table, source_labels, wrong)
    return [
        {"source_label": int(row), "fresh_label": int(column), "count": int(table[row, column])}
        for row, column in np.argwhere(table)
    ]


def _named(cell: Cell) -> dict[str, object]:
    return {"attack": cell.attack, "norm": cell.norm, "eps": cell.eps}


def _estimate(shares: NDArray[np.float64]) -> tuple[float, float, float]:
    mean = _mean(shares)
    return mean, *effective_wilson_interval(shares, [mean])


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else float("nan")
