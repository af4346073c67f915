"""How narrow the intervals became as networks were drawn, and what still stands in the way."""

from __future__ import annotations

import pandas as pd

from robust_hypergan.reports.section import Section, Table
from robust_hypergan.reports.statistics.intervals import unlimited_columns_interval
from robust_hypergan.reports.tables.run import Run
from robust_hypergan.reports.tables.summary import rows_of
from robust_hypergan.reports.wording import UNKNOWN, cell_text, count, percent


def precision_section(run: Run) -> Section | None:
    """None unless fresh networks were drawn until the intervals were narrow enough."""
    reason = str(run.record.stopping.get("reason") or "")
    if not reason:
        return None
    rounds = [count(value) for value in run.record.stopping.get("rounds", [])]
    paragraphs = (
        f"{reason[0].upper()}{reason[1:]}.",
        f"Fresh networks after each round: {', '.join(rounds) or UNKNOWN}. Every table and figure holds all.",
    )
    summary = run.summary
    measured = summary[summary["fooled_mean"].notna()]
    table = Table(
        "Width of the 95% interval of each mean fooled fraction, in percentage points: as it is, and as it"
        " would be with any number of networks, which only more examples can narrow.",
        ("cell", "mean fooled", "examples", "width", "with any number of networks"),
        tuple(_row(run, row) for _, row in measured.iterrows()),
    )
    return Section("precision", "How many networks it took", paragraphs, (table,))


def _row(run: Run, row: pd.Series) -> tuple[str, ...]:
    key = (str(row["attack"]), str(row["norm"]), float(row["eps"]))
    examples, networks = rows_of(run.examples, *key), rows_of(run.networks, *key)
    fooling = examples[examples["source_fooled"].astype(bool)]["fooled_fraction"]
    fresh = networks[networks["role"] == "fresh"]["fooled_fraction"]
    low, high = unlimited_columns_interval(fooling, fresh)
    widths = (row["ci_high"] - row["ci_low"], high - low)
    return (
        cell_text(*key),
        percent(row["fooled_mean"], 1),
        count(row["source_fooled"]),
        *(f"{100 * width:.1f}" for width in widths),
    )
