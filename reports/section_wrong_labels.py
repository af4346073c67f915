"""The section that says whether fooled networks agree on what they see instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from robust_hypergan.reports.figure_confusion import MOST_PANELS, draw_confusion, shown_cells
from robust_hypergan.reports.run import Run
from robust_hypergan.reports.section import Picture, Section, Table
from robust_hypergan.reports.wording import cell_text, count, interval, number, percent

HEADINGS = (
    "attack",
    "examples",
    "most frequent wrong label",
    "95% interval",
    "two agree",
    "entropy, nats",
    "of the greatest",
    "the source's label",
    "95% interval of it",
)


def wrong_labels_section(run: Run, summary: pd.DataFrame) -> Section | None:  # noqa: ARG001 - its signature
    """From ``wrong_labels.csv`` and ``confusion.csv``; None without them, or with nobody fooled."""
    table, counts = run.evidence.get("wrong_labels"), run.evidence.get("confusion")
    if table is None or counts is None:
        return None
    told = table[table["examples"] > 0]
    if told.empty:
        return None
    rows = tuple(_row(row) for row in told.to_dict("records"))
    caption = (
        "Answers of the fooled fresh networks, averaged over the examples that fooled the source and at least"
        " one of them. The intervals count the examples as the sample."
    )
    return Section(
        "wrong-labels",
        "Do fooled networks agree?",
        (_finding(told),),
        (Table(caption, HEADINGS, rows),),
        (_picture(run, counts),),
    )


def _finding(table: pd.DataFrame) -> str:
    """How often the fooled answer as the source does, in the cells where they do it most and least."""
    ranked = table.sort_values("source_agreement").to_dict("records")
    texts = [f"{percent(row['source_agreement'])} under {_name(row)}" for row in (ranked[-1], ranked[0])]
    modal, two = percent(table["modal_share"].mean()), percent(table["pair_agreement"].mean())
    return (
        "Of the fresh networks that an example fools, the share that answers with the wrong label of the"
        f" source itself is {' and '.join(texts[: len(ranked)])}. Averaged over the cells, {modal} of the"
        " fooled agree on one wrong label, and two of them drawn at random give the same one with"
        f" probability {two}."
    )


def _name(row: Mapping[Any, Any]) -> str:
    return cell_text(row["attack"], row["norm"], row["eps"])


def _row(row: Mapping[Any, Any]) -> tuple[str, ...]:
    return (
        _name(row),
        count(row["examples"]),
        percent(row["modal_share"]),
        interval(row["modal_low"], row["modal_high"]),
        percent(row["pair_agreement"]),
        number(row["entropy"]),
        percent(row["entropy_normalised"]),
        percent(row["source_agreement"]),
        interval(row["source_low"], row["source_high"]),
    )


def _picture(run: Run, counts: pd.DataFrame) -> Picture:
    cells = shown_cells(counts)
    parts = []
    for attack, norm, eps, rows in cells:
        diagonal = rows.loc[rows["source_label"] == rows["fresh_label"], "count"].sum() / rows["count"].sum()
        parts.append(f"{cell_text(attack, norm, eps)}: {percent(diagonal)}")
    return Picture(
        "confusion",
        "The source's wrong label against those of the fresh networks",
        "Each row is the wrong label that the source gave, and its colours are the shares of the wrong labels"
        " that fresh networks gave to the same images. A dark diagonal: they err as the source does. One eps"
        f" of each attack, at most {MOST_PANELS}; confusion.csv has all.",
        f"Heat maps of wrong labels. Share of the answers on the diagonal: {'; '.join(parts)}.",
        draw_confusion(counts, run.record.classes),
    )
