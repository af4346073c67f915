"""The interval of a mean over several source networks: sources, examples and networks are all samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from robust_hypergan.reports.statistics.intervals import (
    Floats,
    crossed_variance,
    is_concentrated,
    logit_interval,
    student_reach,
    wilson_score,
    zero_one_variance,
)


@dataclass(frozen=True)
class SourceMatrix:
    """What C networks made of one source's R adversarial examples, by its margins.

    Attributes:
        examples: (R,) index of each example among the E candidates, which the sources share.
        rows: (R,) fooled fraction of each example over the C networks.
        columns: (C,) fooled fraction of each network over the R examples; the sources share the networks.
    """

    examples: NDArray[np.int64]
    rows: Floats
    columns: Floats


@dataclass(frozen=True)
class SourcesMean:
    """The mean over sources with its interval, and how far the sources themselves lie apart.

    Attributes:
        mean: of the sources' means.
        low: of the interval.
        high: likewise.
        between_variance: between sources, beyond what the choice of examples and networks explains, or, where
            too few of these tell that, an upper bound: with it; NaN with one source.
    """

    mean: float
    low: float
    high: float
    between_variance: float


def sources_mean_interval(
    sources: Sequence[SourceMatrix], squares: float, confidence: float = 0.95
) -> SourcesMean:
    """Interval for the mean of S 0/1 matrices that share their columns, and rows where both have them.

    With source s's mean m_s over its own examples, the mean of the m_s varies by

        V = B / S + (Z - (T - Z) / (S - 1))

    where B is the sample variance of the m_s, Z the two-way variance
    (:func:`robust_hypergan.reports.statistics.intervals.crossed_variance`) of the matrix that averages the
    sources, and T the mean of the sources' own two-way variances: the first has what differs from source
    to source, the second what they share, and (T - Z) / (S - 1), the sources' own noise that stands in
    both, is taken away. For equal sets of examples this is the analysis of variance of three crossed
    random factors (Searle, Casella & McCulloch 1992, ch. 4). The two parts' Student intervals, with
    S - 1 and with Satterthwaite's degrees of freedom, are squared and added (Zou & Donner 2008): with two
    or three sources, whose spread says little, this errs to the wide side. The interval is formed on the
    logit scale. With one source it is ``crossed_mean_interval`` of
    :mod:`robust_hypergan.reports.statistics.intervals`, and conditional on that source.

    Args:
        sources: margins of each source that fooled itself with at least one example.
        squares: sum over examples and networks of the square of
            ``sum over sources of fooled / (number of the source's examples x number of sources)``.
        confidence: nominal coverage in (0, 1).
    """
    count, networks = len(sources), sources[0].columns.size
    means = np.array([source.rows.mean() for source in sources])
    mean, columns = float(means.mean()), np.mean([source.columns for source in sources], axis=0)
    examples, actual, expected = _contributions(sources, means)
    spread = float(means.var(ddof=1)) if count > 1 else float("nan")
    if doubtful := [axis.size for axis in (examples, columns) if is_concentrated(axis)]:
        low, high = map(float, wilson_score(mean, min(doubtful), confidence))
        if count > 1 and 0 < mean < 1:  # how far the sources lie apart counts here, too
            ends = logit_interval(mean, student_reach(spread / count, count - 1, confidence))
            low, high = min(low, ends[0]), max(high, ends[1])
        return SourcesMean(mean, low, high, spread)
    shared = crossed_variance(
        actual - expected,
        (columns - mean) / networks,
        squares / networks**2 - float((2 * actual * expected - expected**2).sum()) / networks,
    )
    reach = student_reach(shared.total, shared.freedom, confidence)
    if count == 1:
        return SourcesMean(mean, *logit_interval(mean, reach), spread)
    own = [zero_one_variance(each.rows, each.columns).total for each in sources if each.rows.size > 1]
    twice = max(float(np.mean(own)) - shared.total, 0.0) / (count - 1) if own else 0.0
    reach *= np.sqrt(max(1 - twice / shared.total, 0.0)) if shared.total else 0.0
    reach = float(np.hypot(reach, student_reach(spread / count, count - 1, confidence)))
    return SourcesMean(mean, *logit_interval(mean, reach), max(spread - count * twice, 0.0))


def _contributions(sources: Sequence[SourceMatrix], means: Floats) -> tuple[Floats, Floats, Floats]:
    """For each example: its fooled fraction, its part of the overall mean, and what that part should be."""
    table = pd.concat(
        pd.DataFrame(
            {
                "example": source.examples,
                "fraction": source.rows,
                "actual": source.rows / (len(source.rows) * len(sources)),
                "expected": mean / (len(source.rows) * len(sources)),
            }
        )
        for source, mean in zip(sources, means, strict=True)
    ).groupby("example")
    fraction, parts = table["fraction"].mean(), table[["actual", "expected"]].sum()
    return fraction.to_numpy(), parts["actual"].to_numpy(), parts["expected"].to_numpy()
