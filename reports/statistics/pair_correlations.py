"""Correlation of two matrices over pairs of networks, with a test that knows that pairs share networks."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from robust_hypergan.reports.columns import EVIDENCE_TABLES

Matrix = NDArray[np.float64]

MEASURES = {
    "disagreement": "disagreement on clean images",
    "weight_distance": "distance of the weights",
    "error_iou": "overlap of the errors (IoU)",
}
PERMUTATIONS = 4999
FEWEST_NETWORKS = 5
"""With fewer, the permutations of the networks are too few to find anything."""


def mantel(
    first: Matrix, second: Matrix, *, permutations: int = PERMUTATIONS, seed: int = 0
) -> tuple[float, float]:
    """Spearman's correlation of the entries off the diagonal, and its two-sided permutation p-value.

    Source: Mantel 1967, Cancer Research 27. The K (K - 1) pairs are made of K networks and are not
    independent, so whole networks are permuted: rows and columns of one matrix together.

    Args:
        first: (K, K), any diagonal; need not be symmetric.
        second: likewise.
        permutations: random ones; the p-value is at least 1 / (permutations + 1).
        seed: of the permutations.

    Returns:
        The correlation and the p-value; NaN for fewer than five networks, or a matrix that is constant.
    """
    count = len(first)
    off = ~np.eye(count, dtype=bool)
    if count < FEWEST_NETWORKS or np.ptp(first[off]) == 0 or np.ptp(second[off]) == 0:
        return float("nan"), float("nan")
    one, other = _ranked(first, off), _ranked(second, off)  # ranks stay what they are under a permutation
    random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(53,)))
    observed = float((one * other).sum())
    orders = (random.permutation(count) for _ in range(permutations))
    found = np.array([(one[np.ix_(order, order)] * other).sum() for order in orders])
    extreme = int((np.abs(found) >= abs(observed) - 1e-12).sum())
    return observed, (1 + extreme) / (1 + permutations)


def correlate_pairs(pairs: pd.DataFrame) -> pd.DataFrame:
    """``pair_correlations.csv`` from ``pairs.csv``: each measure of diversity against the transfer rate.

    A network that no image fooled has no transfer rate and is left out, as a source and as a target.
    """
    named = _named(pairs)
    kept = _kept(named)

    def matrix(column: str) -> Matrix:
        table = named.pivot_table(index="first", columns="second", values=column)
        return table.reindex(index=kept, columns=kept).fillna(0.0).to_numpy(dtype=float)

    rows = []
    for measure in MEASURES:
        rho, p_value = mantel(matrix(measure), matrix("transfer_rate")) if kept else (np.nan, np.nan)
        rows.append((measure, len(kept), len(kept) * (len(kept) - 1), rho, p_value, PERMUTATIONS))
    return pd.DataFrame(rows, columns=EVIDENCE_TABLES["pair_correlations"])


def kept_pairs(pairs: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``pairs.csv`` between two networks that :func:`correlate_pairs` keeps."""
    named = _named(pairs)
    kept = _kept(named)
    return pairs[named["first"].isin(kept) & named["second"].isin(kept)]


def _named(pairs: pd.DataFrame) -> pd.DataFrame:
    """With a name for either network of a pair: ``first`` and ``second``."""
    names = [f"{side}_{part}" for side in ("from", "to") for part in ("stream", "network")]
    ends = [pairs[name].astype(str) for name in names]
    return pairs.assign(first=ends[0] + ends[1], second=ends[2] + ends[3])


def _kept(named: pd.DataFrame) -> list[str]:
    sources = named.groupby("first", sort=False)
    return [str(name) for name, rows in sources if rows["transfer_rate"].notna().all()]


def _ranked(values: Matrix, off: NDArray[np.bool_]) -> Matrix:
    """Ranks of the entries off the diagonal, centred and of length 1; the diagonal is 0."""
    ranks = np.zeros_like(values, dtype=float)
    ranks[off] = stats.rankdata(values[off])
    ranks[off] -= ranks[off].mean()
    length = float(np.sqrt(np.square(ranks).sum()))
    return np.asarray(ranks / length)
