"""The tables of a comparison as text, ready for either page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from robust_hypergan.reports.columns import CELL
from robust_hypergan.reports.section import Table
from robust_hypergan.reports.wording import (
    cell_text,
    count,
    duration,
    interval,
    percent,
    points,
    printable,
    shorten,
)


def networks_table(table: pd.DataFrame) -> Table:
    """A row per run: how many networks, how good they are, what they cost."""
    rows = tuple(
        (
            printable(name),
            printable(str(first["kind"])),
            count(first["networks"]),
            *(percent(first[column], 1) for column in ("single_mean", "vote_10", "vote_100", "vote_all")),
            duration(first["training_seconds"]),
        )
        for name, own in by_name(table)
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


def means_table(table: pd.DataFrame) -> Table:
    """How far the attacks carry: a row per cell, a column per run."""
    caption = "Mean fooled fraction over the examples that fooled the source network, with its 95% interval."
    return _wide(
        table,
        caption,
        lambda row: f"{percent(row['fooled_mean'], 1)} ({interval(row['ci_low'], row['ci_high'], 1)})",
    )


def source_table(table: pd.DataFrame) -> Table:
    """What the attacks do to the source network: a row per cell, a column per run."""
    caption = "Share of the initially correct examples that fooled the source network itself (white box)."
    return _wide(table, caption, lambda row: percent(row["source_success"], 1))


def _wide(table: pd.DataFrame, caption: str, text: Callable[[pd.Series], str]) -> Table:
    """A row per cell and a column per run."""
    names = [name for name, _ in by_name(table)]
    rows = []
    for _, own in table.groupby(CELL, sort=False):
        first = own.iloc[0]
        cell = cell_text(str(first["attack"]), str(first["norm"]), float(first["eps"]))
        told = {row["name"]: text(row) for _, row in own.iterrows()}
        rows.append((cell, *(told.get(name, "") for name in names)))
    return Table(caption, ("cell", *(shorten(name) for name in names)), tuple(rows))


def differences_table(table: pd.DataFrame) -> Table:
    """A row per run and cell that differs from the first run by an interval."""
    reference = printable(str(table["name"].iloc[0]))
    rows = tuple(
        (
            f"{printable(row['name'])} \u2212 {reference}",
            cell_text(row["attack"], row["norm"], row["eps"]),
            difference_text(row),
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


def spread_table(table: pd.DataFrame) -> Table:
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


def difference_text(row: Mapping[Any, Any] | pd.Series) -> str:
    """A difference with its interval, in percentage points."""
    return (
        f"{points(row['difference'])} ({points(row['difference_low'])} to {points(row['difference_high'])})"
    )


def _verdict(row: Mapping[Any, Any]) -> str:
    if row["difference_low"] > 0:
        return "fooled more"
    return "fooled less" if row["difference_high"] < 0 else "undecided"


def by_name(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The rows of each run, in the order of the runs."""
    return [(str(name), rows) for name, rows in table.groupby("name", sort=False)]
