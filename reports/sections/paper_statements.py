"""The paper's two statements about transfer, and FGSM against PGD cell by cell."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from robust_hypergan.reports.figures.style import BAND
from robust_hypergan.reports.statistics.differences import (
    FEWEST_PAIRS,
    difference_interval,
    paired_difference_interval,
)
from robust_hypergan.reports.tables.summary import rows_of
from robust_hypergan.reports.wording import base, eps_text, interval, norm_text, plural, printable

PAPERS = ("fgsm", "pgd")
"""The attacks of the paper's Figure 4, both on one network and towards any wrong class."""

NO_CELLS = "The run has no fgsm or pgd cells, towards any wrong class, that fooled the source network."
NO_PAIRS = (
    "The run has no fgsm and pgd cells at the same norm and eps, towards any wrong class, that both fooled"
    " the source network."
)


@dataclass(frozen=True)
class Statement:
    """A statement of the paper, what became of it on this run, and the numbers behind that."""

    claim: str
    verdict: str
    detail: str


@dataclass(frozen=True)
class Difference:
    """FGSM minus PGD: a difference of fooled fractions with its 95% interval."""

    value: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """Which of the two transfers better, as far as the interval decides it."""
        if self.low > 0:
            return "FGSM better"
        return "PGD better" if self.high < 0 else "undecided"


@dataclass(frozen=True)
class Comparison:
    """FGSM against PGD at one norm and eps.

    ``own`` is the paper's comparison: each attack's mean over the examples with which it fooled the
    source. Those are other examples for each, and the ones that a single step fools are the easy ones;
    ``paired`` therefore stands beside it, over the ``pairs`` examples that fooled the source under both.
    """

    fgsm: str
    pgd: str
    norm: str
    eps: float
    own: Difference
    pairs: int
    paired: Difference


def compare(examples: pd.DataFrame, summary: pd.DataFrame) -> tuple[Comparison, ...]:
    """Every FGSM cell against every PGD cell of the same norm and eps.

    The interval of the paired difference is over examples: both attacks meet the same fresh networks,
    which are held fixed.
    """
    rows = summary.to_dict("records")
    return tuple(
        _compare(examples, fgsm, pgd)
        for fgsm in rows
        for pgd in rows
        if (base(fgsm["attack"]), base(pgd["attack"])) == ("fgsm", "pgd")
        and (fgsm["norm"], fgsm["eps"]) == (pgd["norm"], pgd["eps"])
    )


def as_in_the_paper(measured: pd.DataFrame) -> pd.DataFrame:
    """The rows of a summary with the paper's attacks, towards any wrong class."""
    return measured[measured["target"].isna() & measured["attack"].map(base).isin(PAPERS)]


def _compare(examples: pd.DataFrame, fgsm: dict[Hashable, Any], pgd: dict[Hashable, Any]) -> Comparison:
    norm, eps = str(fgsm["norm"]), float(fgsm["eps"])
    sides, means = [], []
    for cell in (fgsm, pgd):
        rows = rows_of(examples, str(cell["attack"]), norm, eps)
        means.append((float(cell["fooled_mean"]), float(cell["ci_low"]), float(cell["ci_high"])))
        fooling = rows[rows["source_correct"].astype(bool) & rows["source_fooled"].astype(bool)]
        sides.append(fooling.set_index("example")["fooled_fraction"])
    differences = (sides[0] - sides[1]).dropna()  # aligned by example
    paired, *ends = paired_difference_interval(differences)
    if len(differences) < FEWEST_PAIRS or ends[0] == ends[1]:  # all may be equal by chance
        ends = [math.nan, math.nan]
    return Comparison(
        str(fgsm["attack"]),
        str(pgd["attack"]),
        norm,
        eps,
        own=Difference(*difference_interval(*means)),
        pairs=len(differences),
        paired=Difference(paired, *ends),
    )


def band_statement(measured: pd.DataFrame) -> Statement:
    """Where the mean fooled fraction lies in the paper's band, per attack, as far as intervals decide it."""
    claim = f"the mean fooled fraction lies in {interval(*BAND)}"
    if measured.empty:
        return Statement(claim, "not tested", NO_CELLS)
    inside = measured[measured["fooled_mean"].between(*BAND)]
    surely, partly, verdict = in_band(measured["ci_low"], measured["ci_high"])
    where = "; ".join(
        f"{printable(str(attack))} ({norm_text(str(norm))}): {_eps_list(rows)}"
        for (attack, norm), rows in inside.groupby(["attack", "norm"], sort=False)
    )
    detail = f"Inside in {len(inside)} of {plural(len(measured), 'cell')}, {surely} with the whole interval"
    if partly:
        detail += f"; {partly} with an interval that reaches over an end of the band, or with none"
    return Statement(claim, verdict, f"{detail}. {where}." if where else f"{detail}; {_outside(measured)}.")


def in_band(low: pd.Series, high: pd.Series) -> tuple[int, int, str]:
    """How many intervals lie in the paper's band, how many reach over an end or are missing; the verdict."""
    surely = int(((low >= BAND[0]) & (high <= BAND[1])).sum())
    outside = int(((high < BAND[0]) | (low > BAND[1])).sum())
    partly = len(low) - surely - outside
    if surely:
        return surely, partly, "holds" if surely == len(low) else "holds in part"
    return surely, partly, "undecided" if partly else "does not hold"


def _eps_list(rows: pd.DataFrame) -> str:
    return "eps " + ", ".join(eps_text(eps) for eps in sorted(rows["eps"]))


def _outside(measured: pd.DataFrame) -> str:
    """On which side of the band the cells lie when none is inside."""
    below, above = (
        int((measured["fooled_mean"] < BAND[0]).sum()),
        int((measured["fooled_mean"] > BAND[1]).sum()),
    )
    return f"{below} below and {above} above"


def order_statement(comparisons: tuple[Comparison, ...]) -> Statement:
    """Whether FGSM transfers better than PGD by the paper's measure, at which eps, and on equal examples."""
    claim = "FGSM transfers better than PGD"
    if not comparisons:
        return Statement(claim, "not tested", NO_PAIRS)
    own = [(one, one.own.verdict) for one in comparisons]
    paired = [(one, one.paired.verdict) for one in comparisons]
    better = [verdict for _, verdict in own].count("FGSM better")
    verdict = "holds in part" if better else "does not hold"
    if all(verdict == "undecided" for _, verdict in own):
        verdict = "undecided"
    if better == len(own):
        verdict = "holds"
    detail = (
        f"Each attack over its own successes, as in the paper: {_outcomes(own)}."
        f" On the examples that fooled the source under both: {_outcomes(paired)}."
    )
    return Statement(claim, verdict, detail)


def _outcomes(verdicts: list[tuple[Comparison, str]]) -> str:
    """``FGSM better at Linf eps 0.1, 0.2; undecided at L2 eps 1``."""
    where: dict[str, dict[str, list[str]]] = {}
    for one, verdict in verdicts:
        where.setdefault(verdict, {}).setdefault(norm_text(one.norm), []).append(eps_text(one.eps))
    return "; ".join(
        f"{verdict} at "
        + " and ".join(f"{norm} eps {', '.join(dict.fromkeys(eps))}" for norm, eps in norms.items())
        for verdict, norms in where.items()
    )
