"""How many networks an attacker must hold: the part of the page about coverage."""

from __future__ import annotations

import pandas as pd

from robust_hypergan.reports.columns import CELL
from robust_hypergan.reports.figures.coverage import draw_coverage
from robust_hypergan.reports.figures.kinds import draw_kinds
from robust_hypergan.reports.section import Picture, Section, Table
from robust_hypergan.reports.sections.kinds import Addition, Kinds, add_kinds, attack_titles
from robust_hypergan.reports.tables.run import Run
from robust_hypergan.reports.wording import (
    MINUS,
    UNKNOWN,
    cell_text,
    count,
    interval,
    percent,
    plural,
    points,
    printable,
)

HEADINGS = ("attack", "K", "fresh networks", "interval", "attacked networks", "gap (points)", "interval")


def coverage_section(run: Run) -> Section | None:
    """The table of ``coverage.csv``, its figure, and what it says in words."""
    coverage = run.evidence.get("coverage")
    if coverage is None or coverage.empty:
        return None
    best = coverage.sort_values("fooled_mean", kind="stable").iloc[-1]
    rows = [row for _, row in coverage.iterrows()]
    table = Table(
        "Fooled by an attack on K networks at once, with 95% intervals",
        HEADINGS,
        tuple(_cells(row) for row in rows),
    )
    ends = "; ".join(f"{row['attack']} K={row['held']:.0f} {percent(row['fooled_mean'])}" for row in rows)
    picture = Picture(
        "coverage",
        "How many networks an attacker must hold",
        "Mean fooled fraction of the fresh networks, over all initially correct examples that were tried,"
        " with its 95% interval. Dashed, in the same colour: the networks that were attacked.",
        f"Line plot of the fooled fraction against the number of attacked networks: {printable(ends)}.",
        draw_coverage(coverage),
    )
    title = "How many networks must an attacker hold?"
    section = Section("coverage", title, _words(coverage, best), (table,), (picture,))
    return add_kinds(section, run, "coverage", _of_all_kinds)


def _words(coverage: pd.DataFrame, best: pd.Series) -> tuple[str, ...]:
    own = coverage[coverage["attack"] == best["attack"]].sort_values("held")
    one, most = own.iloc[0], own.iloc[-1]
    place = cell_text(str(best["attack"]), str(best["norm"]), float(best["eps"]))
    sizes = f"{plural(int(one['examples']), 'example')} and {plural(int(one['networks']), 'fresh network')}"
    return (
        f"With {plural(int(one['held']), 'attacked network')} the strongest attack fools"
        f" {percent(one['fooled_mean'])} ({interval(one['fooled_low'], one['fooled_high'])}) of the fresh"
        f" networks, with {int(most['held'])} {percent(most['fooled_mean'])}"
        f" ({interval(most['fooled_low'], most['fooled_high'])}): {place}, {sizes}.",
        f"The attacked networks themselves are fooled {points(one['gap_mean'])} points more often than the"
        f" fresh ones with {int(one['held'])}, {points(most['gap_mean'])} with {int(most['held'])}:"
        " the gap is what an attack learns of its own networks alone.",
    )


def _cells(row: pd.Series) -> tuple[str, ...]:
    """One attack on K networks; one fresh network is no sample and has no interval."""
    fooled = gap = UNKNOWN
    if row["networks"] > 1:
        low, high = (f"{round(100 * row[name])}".replace("-", MINUS) for name in ("gap_low", "gap_high"))
        fooled, gap = interval(row["fooled_low"], row["fooled_high"]), f"{low} to {high}"
    return (
        printable(str(row["attack"])),
        count(row["held"]),
        percent(row["fooled_mean"]),
        fooled,
        percent(row["attacked_mean"]),
        points(row["gap_mean"]),
        gap,
    )


def _of_all_kinds(kinds: Kinds) -> Addition:
    """The same attacks on K networks of every kind, at the eps of the run."""
    rows = kinds.rows
    first = rows[rows["attack"] == rows["attack"].iloc[0]]
    most = first.sort_values("held").groupby("name").tail(1).set_index("name")
    said = "; ".join(
        f"{printable(name)} {percent(most['fooled_mean'][name])} with {most['held'][name]:.0f}"
        for name in kinds.names
        if name in most.index
    )
    paragraph = (
        "Every kind beside was attacked at the same eps. Fooled with the most networks that each of them"
        f" has to hold ({printable(str(first['attack'].iloc[0]))}): {said}."
    )
    if kinds.single:
        paragraph += f" Judged by a single network: {' and '.join(map(printable, kinds.single))}."
    drawn = rows.assign(panel=attack_titles(rows)).rename(
        columns={"held": "at", "fooled_mean": "value", "fooled_low": "low", "fooled_high": "high"}
    )
    drawn[["low", "high"]] = drawn[["low", "high"]].mask(drawn["networks"] < 2)
    picture = Picture(
        "coverage_kinds",
        "Networks held, kind by kind",
        "Mean fooled fraction of the fresh networks, with its 95% interval, against the number of networks"
        " that the attacker holds; a line for each kind. A single network has no interval.",
        f"Line plots on a logarithmic axis, a panel per attack. {paragraph}",
        draw_kinds(drawn, kinds.names, x="networks held", y="share fooled", columns=2, doubling=True),
    )
    caption = "The same for every kind of networks."
    table = kinds.table(caption, HEADINGS, [*CELL, "held"], lambda own: _cells(own.iloc[0]))
    return Addition(paragraph, table, (picture,))
