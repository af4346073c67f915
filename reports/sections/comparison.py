"""Runs side by side as a section of a page: who is fooled least, and by how much."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from robust_hypergan.reports.columns import CELL
from robust_hypergan.reports.figures.comparison import draw_comparison, draw_spread
from robust_hypergan.reports.figures.transfer import FEWEST_EXAMPLES
from robust_hypergan.reports.section import Picture, Section
from robust_hypergan.reports.sections.comparison_tables import (
    by_name,
    difference_text,
    differences_table,
    means_table,
    networks_table,
    source_table,
    spread_table,
)
from robust_hypergan.reports.wording import (
    base,
    cell_text,
    interval,
    percent,
    plural,
    printable,
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
        networks_table(table),
        means_table(table),
        source_table(table),
        differences_table(table),
        spread_table(table),
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
    single = [(name, rows) for name, rows in by_name(table) if (rows["networks"] < 2).all()]
    itself = [printable(name) for name, rows in single if (rows["kind"] == "ordinary").all()]
    other = [printable(name) for name, rows in single if not (rows["kind"] == "ordinary").all()]
    alone = (
        f"{' and '.join(itself)}: a single network, attacked and judged itself, so that whatever fools it"
        " carries over by construction. What says something of it is the share of the examples that fool it.",
    )
    few = (f"{' and '.join(other)}: one fresh network, so that there is no interval over networks.",)
    return tuple(text for text in found if text) + (alone if itself else ()) + (few if other else ())


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
    lowest = [rows.loc[rows["fooled_mean"] == rows["fooled_mean"].min(), "name"] for rows in cells]
    least = Counter(printable(str(names.iloc[0])) for names in lowest if len(names) == 1)
    tied = sum(len(names) > 1 for names in lowest)
    amounts = [*least.most_common(), *([("several alike", tied)] if tied else [])]
    counts = ", ".join(f"{name} in {amount}" for name, amount in amounts)
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
    for name, rows in by_name(_judged(table)):
        told = rows[rows["difference_low"].notna()]
        if told.empty:
            continue
        more, less = int((told["difference_low"] > 0).sum()), int((told["difference_high"] < 0).sum())
        where = told.iloc[int(told["difference"].abs().argmax())]
        at = cell_text(str(where["attack"]), str(where["norm"]), float(where["eps"]))
        sentences.append(
            f"{printable(name)} is fooled more than {reference} in {more} of {plural(len(told), 'cell')},"
            f" less in {less}, undecided in {len(told) - more - less}; the largest difference is"
            f" {difference_text(where)} points ({at})."
        )
    return tuple(sentences)
