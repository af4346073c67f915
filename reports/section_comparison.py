"""Runs side by side as a section of a page: who is fooled least, and by how much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from robust_hypergan.reports.columns import CELL
from robust_hypergan.reports.figure_comparison import draw_comparison, draw_spread
from robust_hypergan.reports.figure_transfer import FEWEST_EXAMPLES
from robust_hypergan.reports.findings import base
from robust_hypergan.reports.section import Picture, Section, Table
from robust_hypergan.reports.wording import (
    cell_text,
    count,
    duration,
    interval,
    percent,
    plural,
    points,
    printable,
    shorten,
)


def comparison_section(table: pd.DataFrame, *, name: str, title: str, notes: tuple[str, ...] = ()) -> Section:
    """The whole comparison; ``name`` is the section's anchor and begins its figure's.

    Args:
        table: rows as in ``comparison.csv``, at least one.
        name: a word of letters, digits and hyphens.
        title: of the section.
        notes: paragraphs after those that say what was found.
    """
    tables = (
        _networks_table(table),
        _means_table(table),
        _source_table(table),
        _differences_table(table),
        _rest_table(table),
    )
    carried = Picture(
        f"{name}_transfer",
        "Attacked, and carried over",
        "Left: share of the initially correct examples with which the attack fools the source network it was"
        " made against. Right: mean fooled fraction of the fresh networks over those examples, with its 95%"
        " interval; a single network has none, and is fooled by all of its own.",
        "Line plots against eps, a row per attack and a line per row of the tables, whose numbers it shows."
        f" {' '.join(_lead_sentences(table))}",
        draw_comparison(table),
    )
    spread = Picture(
        f"{name}_spread",
        "Example by example",
        "Fooled fraction over the examples that fooled the source network, where at least"
        f" {FEWEST_EXAMPLES} did: median, middle half (thick) and 5% to 95% (thin).",
        "A bar per row of the last table, from its 5% to its 95% quantile, a panel per attack.",
        draw_spread(table),
    )
    return Section(name, title, (*_sentences(table), *notes), tables, (carried, spread))


def _sentences(table: pd.DataFrame) -> tuple[str, ...]:
    """Who is fooled least, with numbers; then each against the first; then the single networks."""
    found = (" ".join([*_least_sentences(table), *_lead_sentences(table)]), *_outcome_sentences(table))
    single = [printable(name) for name, rows in _by_name(table) if (rows["networks"] < 2).all()]
    alone = (
        f"{' and '.join(single)}: a single network, attacked and judged itself, so that whatever fools it"
        " carries over by construction. What says something of it is the share of the examples that fool it.",
    )
    return tuple(text for text in found if text) + (alone if single else ())


def _judged(table: pd.DataFrame) -> pd.DataFrame:
    """Rows to be ranked: real attacks where there are any, more networks than one, and something beside."""
    rows = table[table["fooled_mean"].notna() & (table["networks"] >= 2)]
    attacks = rows[rows["attack"].map(lambda attack: base(str(attack)) != "noise")]
    rows = rows if attacks.empty else attacks
    return rows[rows.groupby(CELL)["name"].transform("size") > 1]


def _least_sentences(table: pd.DataFrame) -> list[str]:
    cells = [rows for _, rows in _judged(table).groupby(CELL, sort=False)]
    if not cells:
        return ["There is no cell that two of them with more networks than one have both measured."]
    least = Counter(str(rows["name"].iloc[int(rows["fooled_mean"].argmin())]) for rows in cells)
    counts = ", ".join(f"{printable(name)} in {amount}" for name, amount in least.most_common())
    return [
        f"Fooled least by examples made against another network, of {plural(len(cells), 'cell')}: {counts}."
    ]


def _lead_sentences(table: pd.DataFrame) -> list[str]:
    """The numbers of each attack at the middle eps."""
    sentences = []
    for (attack, norm), rows in _judged(table).groupby(["attack", "norm"], sort=False):
        levels = sorted(rows["eps"].unique())
        eps = levels[(len(levels) - 1) // 2]
        means = [
            f"{printable(row['name'])} {percent(row['fooled_mean'])}"
            f" ({interval(row['ci_low'], row['ci_high'])})"
            for row in rows[rows["eps"] == eps].sort_values("fooled_mean").to_dict("records")
        ]
        sentences.append(f"At {cell_text(str(attack), str(norm), float(eps))}: {', '.join(means)}.")
    return sentences


def _outcome_sentences(table: pd.DataFrame) -> tuple[str, ...]:
    reference = printable(str(table["name"].iloc[0]))
    sentences = []
    for name, rows in _by_name(_judged(table)):
        told = rows[rows["difference_low"].notna()]
        if told.empty:
            continue
        more, less = int((told["difference_low"] > 0).sum()), int((told["difference_high"] < 0).sum())
        where = told.iloc[int(told["difference"].abs().argmax())]
        at = cell_text(str(where["attack"]), str(where["norm"]), float(where["eps"]))
        sentences.append(
            f"{printable(name)} is fooled more than {reference} in {more} of {plural(len(told), 'cell')},"
            f" less in {less}, undecided in {len(told) - more - less}; the largest difference is"
            f" {_difference_text(where)} points ({at})."
        )
    return tuple(sentences)


def _networks_table(table: pd.DataFrame) -> Table:
    rows = tuple(
        (
            printable(name),
            printable(str(first["kind"])),
            count(first["networks"]),
            *(percent(first[column], 1) for column in ("single_mean", "vote_10", "vote_100", "vote_all")),
            duration(first["training_seconds"]),
        )
        for name, own in _by_name(table)
        for first in [own.iloc[0]]
    )
    headings = (
        "run",
        "kind",
        "fresh networks",
        "one network, mean",
        "vote of 10",
        "of 100",
        "of all",
        "training",
    )
    caption = (
        "The networks: accuracy on clean images of one and of the mean vote of several (of all: of the fresh"
        " networks there are, at most 100), and the time to train them."
    )
    return Table(caption, headings, rows)


def _means_table(table: pd.DataFrame) -> Table:
    caption = "Mean fooled fraction over the examples that fooled the source network, with its 95% interval."
    return _wide(
        table,
        caption,
        lambda row: f"{percent(row['fooled_mean'], 1)} ({interval(row['ci_low'], row['ci_high'], 1)})",
    )


def _source_table(table: pd.DataFrame) -> Table:
    caption = "Share of the initially correct examples that fooled the source network itself (white box)."
    return _wide(table, caption, lambda row: percent(row["source_success"], 1))


def _wide(table: pd.DataFrame, caption: str, text: Callable[[pd.Series], str]) -> Table:
    """A row per cell and a column per run."""
    names = [name for name, _ in _by_name(table)]
    rows = []
    for _, own in table.groupby(CELL, sort=False):
        first = own.iloc[0]
        cell = cell_text(str(first["attack"]), str(first["norm"]), float(first["eps"]))
        told = {row["name"]: text(row) for _, row in own.iterrows()}
        rows.append((cell, *(told.get(name, "") for name in names)))
    return Table(caption, ("cell", *(shorten(name) for name in names)), tuple(rows))


def _differences_table(table: pd.DataFrame) -> Table:
    reference = printable(str(table["name"].iloc[0]))
    rows = tuple(
        (
            f"{printable(row['name'])} \u2212 {reference}",
            cell_text(row["attack"], row["norm"], row["eps"]),
            _difference_text(row),
            _verdict(row),
            count(row["pairs"]) if row["pairs"] else "not paired",
            "the same" if row["same_networks"] == 1 else "others",
        )
        for row in table[table["difference_low"].notna()].to_dict("records")
    )
    caption = (
        f"Difference of the mean fooled fractions from {reference} in percentage points, with its 95%"
        " interval (positive: fooled more). Over the same examples, those that fooled the source network of"
        " both, where both runs have the same data; examples and networks are counted as samples."
    )
    headings = ("runs", "cell", "difference", "outcome", "same examples", "fresh networks")
    return Table(caption, headings, rows)


def _rest_table(table: pd.DataFrame) -> Table:
    """What else the summaries of the runs hold."""
    rows = tuple(
        (
            printable(row["name"]),
            cell_text(row["attack"], row["norm"], row["eps"]),
            percent(row["fooled_median"]),
            interval(row["q25"], row["q75"]),
            interval(row["q05"], row["q95"]),
            *(percent(row[column]) for column in ("fools_all", "fools_none")),
            *(percent(row[column], 1) for column in ("flipped_mean", "fooled_mean_all")),
            percent(row["wrong_share_mean"]),
        )
        for row in table.to_dict("records")
    )
    caption = "The same over the single examples; those that fooled the source unless a column says else."
    headings = (
        "run",
        "cell",
        "median",
        "middle half",
        "5\u201395%",
        "fool all",
        "fool none",
        "flipped",
        "of all initially correct",
        "same wrong label",
    )
    return Table(caption, headings, rows)


def _difference_text(row: Mapping[Any, Any] | pd.Series) -> str:
    return (
        f"{points(row['difference'])} ({points(row['difference_low'])} to {points(row['difference_high'])})"
    )


def _verdict(row: Mapping[Any, Any]) -> str:
    if row["difference_low"] > 0:
        return "fooled more"
    return "fooled less" if row["difference_high"] < 0 else "undecided"


def _by_name(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The rows of each run, in the order of the runs."""
    return [(str(name), rows) for name, rows in table.groupby("name", sort=False)]
