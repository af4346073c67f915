"""The answer of a run in words: two sentences, and whether the paper's two statements hold here."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from robust_hypergan.reports.differences import difference_interval, paired_difference_interval
from robust_hypergan.reports.figure_style import BAND
from robust_hypergan.reports.run import Run
from robust_hypergan.reports.section_checks import checks_sentence
from robust_hypergan.reports.tables import rows_of, summarise
from robust_hypergan.reports.wording import (
    cell_text,
    eps_text,
    interval,
    norm_text,
    percent,
    plural,
    printable,
)

PAPERS = ("fgsm", "pgd")
"""The attacks of the paper's Figure 4, both on one network and towards any wrong class."""

SEVERAL = "several networks"

NO_CELLS = "The run has no fgsm or pgd cells, towards any wrong class, that fooled the source network."


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


@dataclass(frozen=True)
class Findings:
    """Everything that is said in words. ``sentences`` are the answer, in order."""

    sentences: tuple[str, ...]
    statements: tuple[Statement, ...]
    comparisons: tuple[Comparison, ...]


def find(examples: pd.DataFrame, summary: pd.DataFrame) -> Findings:
    """The findings of a run.

    Args:
        examples: rows as in ``examples.csv``.
        summary: rows as in ``summary.csv``.
    """
    measured = summary[summary["fooled_mean"].notna()]
    as_in_the_paper = measured[measured["target"].isna() & measured["attack"].map(base).isin(PAPERS)]
    comparisons = compare(examples, as_in_the_paper)
    statements = (_band_statement(as_in_the_paper), _order_statement(comparisons))
    return Findings(_sentences(_without_baseline(measured)), statements, comparisons)


def headline(run: Run) -> str:
    """The findings of a run as a few lines of plain text, for the terminal."""
    summary = summarise(run.examples, run.networks, run.record.cells)
    findings = find(run.examples, summary)
    lines = [" ".join(findings.sentences)]
    lines += [f'Paper: "{one.claim}": {one.verdict}. {one.detail}' for one in findings.statements]
    failed = int((summary["status"] != "done").sum())
    if failed:
        lines.append(f"Left out because unfinished: {failed} of {plural(len(summary), 'cell')}.")
    if "checks" in run.evidence:
        lines.append(checks_sentence(run.evidence["checks"]))
    return "\n".join(lines)


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


def base(attack: str) -> str:
    """An attack's name without its settings: ``"pgd:steps=40" -> "pgd"``."""
    return attack.split(":", 1)[0]


def _without_baseline(measured: pd.DataFrame) -> pd.DataFrame:
    """The real attacks; random noise is what they are compared with, and stays only when it is alone."""
    attacks = measured[measured["attack"].map(base) != "noise"]
    return measured if attacks.empty else attacks


def _compare(examples: pd.DataFrame, fgsm: dict[Hashable, Any], pgd: dict[Hashable, Any]) -> Comparison:
    norm, eps = str(fgsm["norm"]), float(fgsm["eps"])
    sides, means = [], []
    for cell in (fgsm, pgd):
        rows = rows_of(examples, str(cell["attack"]), norm, eps)
        means.append((float(cell["fooled_mean"]), float(cell["ci_low"]), float(cell["ci_high"])))
        fooling = rows[rows["source_correct"].astype(bool) & rows["source_fooled"].astype(bool)]
        sides.append(fooling.set_index("example")["fooled_fraction"])
    differences = (sides[0] - sides[1]).dropna()  # aligned by example
    return Comparison(
        str(fgsm["attack"]),
        str(pgd["attack"]),
        norm,
        eps,
        own=Difference(*difference_interval(*means)),
        pairs=len(differences),
        paired=Difference(*paired_difference_interval(differences)),
    )


def _sentences(measured: pd.DataFrame) -> tuple[str, ...]:
    """The mean and the spread; says so when nothing could be measured.

    Attacks on several networks start from more knowledge: they have a sentence of their own.
    """
    if measured.empty:
        return (
            "No adversarial example fooled the source network, so there was nothing to transfer.",
            "Try a larger eps, more steps or more examples.",
        )
    several = measured["attacker"] == SEVERAL
    sentences = [_mean_sentence(rows) for rows in (measured[~several], measured[several]) if len(rows)]
    return (*sentences, _spread_sentence(measured))


def _mean_sentence(measured: pd.DataFrame) -> str:
    """Rows of one attacker: from the attack that carries least to the one that carries furthest."""
    ordered = measured.sort_values("fooled_mean", kind="stable")
    weakest, strongest = ordered.iloc[0], ordered.iloc[-1]
    networks = plural(int(measured["networks"].max()), "fresh network")
    subject = "An adversarial example that fools the one network it was made against also fools"
    if measured["attacker"].iloc[0] == SEVERAL:
        subject = "One that was made against several networks, and fools the first of them, also fools"
    if measured["target"].notna().all():
        subject = subject.replace("fools", "draws the target class from")
    shares = _mean_text(strongest)
    if len(measured) > 1:
        shares = f"between {_mean_text(weakest)} and {shares}"
    return f"{subject}, on average, {shares} of {networks} which the attack never saw."


def _mean_text(row: pd.Series) -> str:
    """``59% (95% interval 56-62%; fgsm, Linf eps 0.1; 213 examples)``."""
    name = cell_text(str(row["attack"]), str(row["norm"]), float(row["eps"]))
    examples = plural(int(row["source_fooled"]), "example")
    ends = interval(row["ci_low"], row["ci_high"])
    return f"{percent(row['fooled_mean'])} (95% interval {ends}; {name}; {examples})"


def _spread_sentence(measured: pd.DataFrame) -> str:
    total, none = _range(measured["fools_all"]), _range(measured["fools_none"])
    widest = measured.iloc[int((measured["q75"] - measured["q25"]).argmax())]
    name = cell_text(str(widest["attack"]), str(widest["norm"]), float(widest["eps"]))
    scope = "" if len(measured) == 1 else "depending on the cell, "
    return (
        f"Single examples lie far from that mean: {scope}{total} of them fool every fresh network and {none}"
        f" fool none, and the middle half reaches from {percent(widest['q25'])} to {percent(widest['q75'])}"
        f" of the networks{'' if len(measured) == 1 else f' where it is widest ({name})'}."
    )


def _range(shares: pd.Series) -> str:
    """``3% to 71%``, or one number when both ends read the same."""
    low, high = percent(float(shares.min())), percent(float(shares.max()))
    return low if low == high else f"{low} to {high}"


def _band_statement(measured: pd.DataFrame) -> Statement:
    """Where the mean fooled fraction lies in the paper's band, per attack."""
    claim = f"the mean fooled fraction lies in {interval(*BAND)}"
    if measured.empty:
        return Statement(claim, "not tested", NO_CELLS)
    inside = measured[measured["fooled_mean"].between(*BAND)]
    surely = inside[(inside["ci_low"] >= BAND[0]) & (inside["ci_high"] <= BAND[1])]
    verdict = "holds in part" if len(inside) else "does not hold"
    verdict = "holds" if len(inside) == len(measured) else verdict
    where = "; ".join(
        f"{printable(str(attack))} ({norm_text(str(norm))}): {_eps_list(rows)}"
        for (attack, norm), rows in inside.groupby(["attack", "norm"], sort=False)
    )
    detail = (
        f"Inside in {len(inside)} of {plural(len(measured), 'cell')}, {len(surely)} with the whole interval"
    )
    return Statement(claim, verdict, f"{detail}. {where}." if where else f"{detail}; {_outside(measured)}.")


def _eps_list(rows: pd.DataFrame) -> str:
    return "eps " + ", ".join(eps_text(eps) for eps in sorted(rows["eps"]))


def _outside(measured: pd.DataFrame) -> str:
    """On which side of the band the cells lie when none is inside."""
    below, above = (
        int((measured["fooled_mean"] < BAND[0]).sum()),
        int((measured["fooled_mean"] > BAND[1]).sum()),
    )
    return f"{below} below and {above} above"


def _order_statement(comparisons: tuple[Comparison, ...]) -> Statement:
    """Whether FGSM transfers better than PGD by the paper's measure, at which eps, and on equal examples."""
    claim = "FGSM transfers better than PGD"
    if not comparisons:
        return Statement(claim, "not tested", "The run has no fgsm and pgd cells at the same norm and eps.")
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
