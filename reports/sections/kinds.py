"""Kinds of networks side by side: a table of evidence of all of them, and what a section adds for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from robust_hypergan.reports.section import Picture, Section, Table
from robust_hypergan.reports.tables.run import Run
from robust_hypergan.reports.wording import norm_text, printable


@dataclass(frozen=True)
class Kinds:
    """One table of evidence of a run and of those beside it.

    Attributes:
        names: all kinds, the run's own first; some may lack the table.
        rows: of those that have it, with the column ``name`` for the kind.
        single: kinds of one network only.
    """

    names: tuple[str, ...]
    rows: pd.DataFrame
    single: tuple[str, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Kinds without the table."""
        return tuple(name for name in self.names if name not in set(self.rows["name"]))

    def table(
        self,
        caption: str,
        headings: Sequence[str],
        cell: list[str],
        row: Callable[[pd.DataFrame], tuple[str, ...]],
    ) -> Table:
        """A row for each cell and kind, the kinds of a cell under one another.

        Args:
            caption: of the table.
            headings: of what ``row`` gives; the kind stands after the first.
            cell: columns that name a cell.
            row: the texts of one cell of one kind, from its rows.
        """
        rows = [
            (first, printable(name), *rest)
            for _, own in self.rows.groupby(cell, sort=False, dropna=False)
            for name in self.names
            if len(mine := own[own["name"] == name])
            for first, *rest in [row(mine)]
        ]
        return Table(caption, (headings[0], "kind", *headings[1:]), tuple(rows))

    def said(self, values: pd.Series, text: Callable[[float], str]) -> str:
        """``hypergan 43%, swag 40%``: a value for each kind, the greatest first; NaN is left out."""
        ordered = values.dropna().sort_values(ascending=False, kind="stable")
        return ", ".join(f"{printable(str(name))} {text(float(value))}" for name, value in ordered.items())


@dataclass(frozen=True)
class Addition:
    """What a section gets where there are other kinds beside the run."""

    paragraph: str
    table: Table
    pictures: tuple[Picture, ...]


def add_kinds(section: Section, run: Run, stem: str, make: Callable[[Kinds], Addition]) -> Section:
    """The section with what ``make`` says of all kinds; as it is where no other kind has the table.

    Args:
        section: of the run alone.
        run: with the runs beside it.
        stem: of the table of evidence.
        make: called with the table of all kinds.
    """
    kinds = kinds_of(run, stem)
    if kinds is None:
        return section
    added = make(kinds)
    return replace(
        section,
        paragraphs=(*section.paragraphs, added.paragraph),
        tables=(*section.tables, added.table),
        pictures=(*section.pictures, *added.pictures),
    )


def kinds_of(run: Run, stem: str) -> Kinds | None:
    """A table of evidence of all kinds; None where no kind beside the run has any row of it."""
    tables = {name: own.evidence.get(stem) for name, own in run.kinds.items()}
    told = {name: table for name, table in tables.items() if table is not None and len(table)}
    if not set(told) - {run.record.kind}:
        return None
    rows = pd.concat([table.assign(name=name) for name, table in told.items()], ignore_index=True)
    single = tuple(
        name
        for name, own in run.kinds.items()
        if own.networks.loc[own.networks["role"] == "fresh", "network"].nunique() < 2
    )
    return Kinds(tuple(run.kinds), rows, single)


def attack_titles(rows: pd.DataFrame, suffix: str = "") -> pd.Series:
    """What the panel of each row's attack is called: ``fgsm, Linf`` and the suffix."""
    titles = [
        f"{printable(str(attack))}, {norm_text(str(norm))}{suffix}"
        for attack, norm in zip(rows["attack"], rows["norm"], strict=True)
    ]
    return pd.Series(titles, index=rows.index, dtype=str)
