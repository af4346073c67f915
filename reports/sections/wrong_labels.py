"""The section that says whether fooled networks agree on what they see instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from robust_hypergan.reports.columns import CELL
from robust_hypergan.reports.figures.confusion import MOST_PANELS, draw_confusion, shown_cells
from robust_hypergan.reports.figures.kinds import draw_kinds
from robust_hypergan.reports.figures.transfer import FEWEST_EXAMPLES
from robust_hypergan.reports.section import Picture, Section, Table
from robust_hypergan.reports.sections.kinds import Addition, Kinds, add_kinds, attack_titles
from robust_hypergan.reports.tables.run import Run
from robust_hypergan.reports.wording import base, cell_text, count, interval, number, percent, printable

ANY_WRONG = "The run has a target, but this section counts the networks that answer any wrong class."

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


def wrong_labels_section(run: Run) -> Section | None:
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
    section = Section(
        "wrong-labels",
        "Do fooled networks agree?",
        (_finding(told), *([ANY_WRONG] if run.record.targets else [])),
        (Table(caption, HEADINGS, rows),),
        (_picture(run, counts),),
    )
    return add_kinds(section, run, "wrong_labels", _of_all_kinds)


def _worth_telling(table: pd.DataFrame) -> pd.DataFrame:
    """Cells of real attacks with enough examples for a share to mean something."""
    return table[(table["examples"] >= FEWEST_EXAMPLES) & (table["attack"].map(base) != "noise")]


def _finding(table: pd.DataFrame) -> str:
    """How often the fooled answer as the source does, in the cells where they do it most and least."""
    table = _worth_telling(table)
    if table.empty:
        return (
            f"No attack has {FEWEST_EXAMPLES} examples that fooled the source and a fresh network: too few to"
            " say whether the fooled agree."
        )
    ranked = table.sort_values("source_agreement").to_dict("records")
    texts = [f"{percent(row['source_agreement'])} under {_name(row)}" for row in (ranked[-1], ranked[0])]
    modal, two = percent(table["modal_share"].mean()), percent(table["pair_agreement"].mean())
    return (
        "Of the fresh networks that an example fools, the share that answers with the wrong label of the"
        f" source itself is {' and '.join(texts[: len(ranked)])}. Averaged over the cells, {modal} of the"
        " fooled agree on one wrong label, and two of them drawn at random give the same one with"
        f" probability {two}. Cells of random noise, and with fewer than {FEWEST_EXAMPLES} examples, are left"
        " to the table."
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


def _of_all_kinds(kinds: Kinds) -> Addition:
    """Agreement of every kind, where enough examples say something of it."""
    told = kinds.rows[kinds.rows["examples"] > 0]
    worth = _worth_telling(told)
    several = worth[~worth["name"].isin(kinds.single)]
    means = several.groupby("name")["source_agreement"].mean()
    single = [printable(name) for name in kinds.single]
    paragraph = (
        f"The source's wrong label, by kind, mean of the attacks' cells: {kinds.said(means, percent)}."
    )
    if means.empty:
        paragraph = "No kind of more than one network has enough examples to compare the labels by kind."
    if single:
        paragraph += f" Not told of {' and '.join(single)}: a single network agrees with itself."
    pictures = (_picture_of_kinds(worth, kinds, paragraph),) if len(worth) else ()
    caption = "The same for every kind of networks."
    table = replace(kinds, rows=told).table(
        caption, HEADINGS, CELL, lambda own: _row(own.to_dict("records")[0])
    )
    return Addition(paragraph, table, pictures)


def _picture_of_kinds(worth: pd.DataFrame, kinds: Kinds, said: str) -> Picture:
    parts = [
        worth.assign(
            panel=attack_titles(worth, f": {title}"),
            at=worth["eps"],
            value=worth[column],
            low=worth[f"{ends}_low"],
            high=worth[f"{ends}_high"],
        )
        for title, column, ends in (
            ("most frequent wrong label", "modal_share", "modal"),
            ("the source's label", "source_agreement", "source"),
        )
    ]
    points = pd.concat(parts).sort_values(["attack", "norm"], kind="stable")
    return Picture(
        "wrong_labels_kinds",
        "Agreement, kind by kind",
        "Share of the fooled networks that give the most frequent wrong label, and that give the wrong label"
        " of the source, with 95% intervals, against eps; a line for each kind of networks, where at least"
        f" {FEWEST_EXAMPLES} examples say so.",
        f"Line plots against eps, a row of panels per attack. {said}",
        draw_kinds(points, kinds.names, x="eps", y="share of the fooled networks", columns=2),
    )
