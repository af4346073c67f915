"""The answer of a run in words: two sentences, and whether the paper's two statements hold here."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from robust_hypergan.reports.sections.checks import checks_sentence
from robust_hypergan.reports.sections.paper_statements import (
    Comparison,
    Statement,
    as_in_the_paper,
    band_statement,
    compare,
    order_statement,
)
from robust_hypergan.reports.tables.run import Run
from robust_hypergan.reports.tables.summary import summarise
from robust_hypergan.reports.wording import base, cell_text, interval, percent, plural

SEVERAL = "several networks"

FAR = 0.2
"""Quartiles that are so far apart, as shares of the networks, lie far from the mean."""


@dataclass(frozen=True)
class Findings:
    """Everything that is said in words. ``sentences`` are the answer, in order."""

    sentences: tuple[str, ...]
    statements: tuple[Statement, ...]
    comparisons: tuple[Comparison, ...]


def find(examples: pd.DataFrame, summary: pd.DataFrame, *, itself: bool = False) -> Findings:
    """The findings of a run.

    Args:
        examples: rows as in ``examples.csv``.
        summary: rows as in ``summary.csv``.
        itself: the one network that is tried is the attacked one.
    """
    measured = summary[summary["fooled_mean"].notna()]
    papers = as_in_the_paper(measured)
    if itself:  # nothing is transferred
        papers = papers.iloc[:0]
    comparisons = compare(examples, papers)
    statements = (band_statement(papers), order_statement(comparisons))
    return Findings(_sentences(_without_baseline(measured), itself), statements, comparisons)


def headline(run: Run) -> str:
    """The findings of a run as a few lines of plain text, for the terminal."""
    summary = summarise(run.examples, run.networks, run.record.cells)
    findings = find(run.examples, summary, itself=run.record.itself)
    lines = [" ".join(findings.sentences)]
    lines += [f'Paper: "{one.claim}": {one.verdict}. {one.detail}' for one in findings.statements]
    failed = int((summary["status"] != "done").sum())
    if failed:
        lines.append(f"Left out because unfinished: {failed} of {plural(len(summary), 'cell')}.")
    if "checks" in run.evidence:
        lines.append(checks_sentence(run.evidence["checks"]))
    return "\n".join(lines)


def left_out(run: Run) -> list[str]:
    """A line for each cell, and each kind of networks beside, that failed: what and why."""
    cells = [
        f"{cell.attack} at eps {cell.eps:g}: {cell.error}"
        for cell in run.record.cells
        if cell.status != "done"
    ]
    kinds = [f"beside {kind}: {text}" for kind, text in run.record.beside.items() if text != "done"]
    return [*cells, *kinds]


def _without_baseline(measured: pd.DataFrame) -> pd.DataFrame:
    """The real attacks; random noise is what they are compared with, and stays only when it is alone."""
    attacks = measured[measured["attack"].map(base) != "noise"]
    return measured if attacks.empty else attacks


def _sentences(measured: pd.DataFrame, itself: bool) -> tuple[str, ...]:
    """The mean and the spread; says so when nothing could be measured.

    Attacks on several networks start from more knowledge: they have a sentence of their own.
    """
    if measured.empty:
        return (
            "No adversarial example fooled the source network, so there was nothing to transfer.",
            "Try a larger eps, more steps or more examples.",
        )
    if itself:
        return (_itself_sentence(measured),)
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
        subject = "One that was made against several networks, and fools the source network, also fools"
    if measured["target"].notna().all():
        subject = subject.replace("fools", "draws the target class from")
    shares = _mean_text(strongest)
    if len(measured) > 1:
        shares = f"between {_mean_text(weakest)} and {shares}"
    return f"{subject}, on average, {shares} of {networks} which the attack never saw."


def _itself_sentence(measured: pd.DataFrame) -> str:
    """Rows of one network that is attacked and judged itself."""
    ordered = measured.sort_values("source_success", kind="stable")
    texts = [
        f"{percent(row['source_success'])}"
        f" ({cell_text(str(row['attack']), str(row['norm']), float(row['eps']))})"
        for row in ordered.iloc[[0, -1] if len(ordered) > 1 else [0]].to_dict("records")
    ]
    shares = f"between {texts[0]} and {texts[1]}" if len(texts) > 1 else texts[0]
    return (
        f"The attacks fool this network, which is attacked and judged itself, on {shares} of the images that"
        " it classifies correctly. What fools it carries over by construction: how far attacks carry, several"
        " networks have to say."
    )


def _mean_text(row: pd.Series) -> str:
    """``59% (95% interval 56-62%; fgsm, Linf eps 0.1; 213 examples)``."""
    name = cell_text(str(row["attack"]), str(row["norm"]), float(row["eps"]))
    examples = plural(int(row["source_fooled"]), "example")
    ends = "" if math.isnan(row["ci_low"]) else f"95% interval {interval(row['ci_low'], row['ci_high'])}; "
    return f"{percent(row['fooled_mean'])} ({ends}{name}; {examples})"


def _spread_sentence(measured: pd.DataFrame) -> str:
    total, none = _range(measured["fools_all"]), _range(measured["fools_none"])
    widest = measured.iloc[int((measured["q75"] - measured["q25"]).argmax())]
    name = cell_text(str(widest["attack"]), str(widest["norm"]), float(widest["eps"]))
    scope = "" if len(measured) == 1 else "depending on the cell, "
    start = f"Single examples lie far from that mean: {scope}{total} of them"
    if widest["q75"] - widest["q25"] < FAR:
        start = f"{scope.capitalize()}{total} of the examples"
    return (
        f"{start} fool every fresh network and {none} fool none, and the middle half reaches from"
        f" {percent(widest['q25'])} to {percent(widest['q75'])}"
        f" of the networks{'' if len(measured) == 1 else f' where it is widest ({name})'}."
    )


def _range(shares: pd.Series) -> str:
    """``3% to 71%``, or one number when both ends read the same."""
    low, high = percent(float(shares.min())), percent(float(shares.max()))
    return low if low == high else f"{low} to {high}"
