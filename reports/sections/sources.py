"""Several sources: does the answer hang on the one network that was attacked?"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from robust_hypergan.reports.columns import CELL
from robust_hypergan.reports.figures.kinds import draw_kinds
from robust_hypergan.reports.figures.matrix import MOST_EPS, MOST_NUMBERS, draw_matrix
from robust_hypergan.reports.section import Picture, Section, Table
from robust_hypergan.reports.sections.kinds import Addition, Kinds, add_kinds, attack_titles, kinds_of
from robust_hypergan.reports.tables.run import Run
from robust_hypergan.reports.wording import cell_text, count, interval, number, percent, plural, printable

CAPTION = (
    "The mean fooled fraction over the sources, each over the examples that fooled it; 95% intervals count"
    " sources, examples and networks as samples. The deviation between sources is what examples and networks"
    " do not explain."
)
HEADINGS = (
    "cell",
    "sources",
    "success on the source",
    "mean fooled",
    "95% interval",
    "least",
    "most",
    "between sd",
)


def sources_section(run: Run) -> Section | None:
    """None where the run attacked one source alone."""
    means, rows, matrix = (run.evidence.get(stem) for stem in ("source_summary", "sources", "matrix"))
    if means is None or rows is None or matrix is None or means.empty:
        return None
    paragraphs = (_finding(means, run.summary), _matrix_finding(matrix))
    picture = Picture(
        "matrix",
        "Who fools whom",
        "Share, in percent, of each source's successful adversarial examples (rows) that fool each network"
        " (columns): the sources, their mean vote, that of the fresh networks, and the fresh networks"
        " one by one, on average. Framed: the white-box success on the source's own initially correct"
        f" examples.{_left_out(matrix)}",
        f"Heat maps, a row per source network that was attacked. {paragraphs[1]}",
        draw_matrix(matrix, means),
    )
    table = Table(CAPTION, HEADINGS, tuple(_row(row) for row in _with_success(means, rows)))
    section = Section("sources", "Another source, the same answer?", paragraphs, (table,), (picture,))
    return add_kinds(section, run, "source_summary", lambda kinds: _of_all_kinds(kinds, run))


def _finding(means: pd.DataFrame, summary: pd.DataFrame) -> str:
    """The cell whose sources lie farthest apart, and what one source alone would have said there."""
    ordered = means.sort_values("between_sd", ascending=False, na_position="last", kind="stable")
    row = ordered.iloc[0]
    name = cell_text(str(row["attack"]), str(row["norm"]), float(row["eps"]))
    own = summary.merge(ordered.head(1)[["attack", "norm", "eps"]], on=["attack", "norm", "eps"])
    alone = ""
    if len(own):
        first = own.iloc[0]
        ends = interval(first["ci_low"], first["ci_high"])
        alone = (
            f" The first source alone says {percent(first['fooled_mean'])} ({ends}),"
            " an interval for that source only."
        )
    return (
        f"Where the sources differ most ({name}), the mean fooled fraction over"
        f" {plural(int(row['sources']), 'source')} is {percent(row['fooled_mean'])} (95% interval"
        f" {interval(row['ci_low'], row['ci_high'])}, with sources, examples and networks all counted as"
        f" samples), from {percent(row['fooled_min'])} to {percent(row['fooled_max'])}; the deviation (sd)"
        f" between sources beyond what examples and networks explain is {_sd(row)}.{alone}"
    )


def _matrix_finding(matrix: pd.DataFrame) -> str:
    """White box, another source, and the votes: means over all cells and sources."""
    on_sources = matrix["role"] == "source"
    own = on_sources & (matrix["network"] == matrix["source"])
    white, other = (matrix[mask]["fooled_fraction"].mean() for mask in (own, on_sources & ~own))
    held, fresh = (
        matrix[matrix["role"] == role]["fooled_fraction"].mean() for role in ("source vote", "fresh vote")
    )
    return (
        f"Over all cells, an attack fools its own source on {percent(white)} of the examples; of those that"
        f" do, {percent(other)} fool another source, {percent(held)} the mean vote of the sources (which"
        f" holds the attacked one) and {percent(fresh)} the mean vote of the fresh networks."
    )


def _with_success(means: pd.DataFrame, rows: pd.DataFrame, keys: list[str] = CELL) -> list[pd.Series]:
    """The rows of ``source_summary.csv``, with the mean success on the sources themselves."""
    success = rows.groupby(keys, as_index=False)["source_success"].mean()
    return [row for _, row in means.merge(success, on=keys, how="left").iterrows()]


def _row(row: pd.Series) -> tuple[str, ...]:
    return (
        cell_text(str(row["attack"]), str(row["norm"]), float(row["eps"])),
        count(row["sources"]),
        percent(row["source_success"]),
        percent(row["fooled_mean"], 1),
        interval(row["ci_low"], row["ci_high"]),
        percent(row["fooled_min"]),
        percent(row["fooled_max"]),
        _sd(row),
    )


def _of_all_kinds(kinds: Kinds, run: Run) -> Addition:
    """The means over the sources of every kind; a single network has no other source."""
    sources = kinds_of(run, "sources")
    means = kinds.rows
    if sources is not None:
        means = pd.DataFrame(_with_success(means, sources.rows, ["name", *CELL]))
    several = means[means["sources"] > 1]
    over = several.groupby("name")["fooled_mean"].mean()
    paragraph = (
        f"Mean fooled fraction over the sources by kind, mean of the cells: {kinds.said(over, percent)}."
    )
    missing = [printable(name) for name in kinds.names if name not in over]
    if missing:
        paragraph += f" Nothing of {' and '.join(missing)}: no other source was measured."
    pictures = (_picture_of_kinds(several, kinds, paragraph),) if len(several) else ()
    table = replace(kinds, rows=means).table(
        "The same for every kind of networks.", HEADINGS, CELL, lambda own: _row(own.iloc[0])
    )
    return Addition(paragraph, table, pictures)


def _picture_of_kinds(several: pd.DataFrame, kinds: Kinds, said: str) -> Picture:
    points = several.assign(panel=attack_titles(several)).rename(
        columns={"eps": "at", "fooled_mean": "value", "ci_low": "low", "ci_high": "high"}
    )
    return Picture(
        "sources_kinds",
        "Over several sources, kind by kind",
        "Mean fooled fraction over the sources against eps, with the 95% interval that counts sources,"
        " examples and networks as samples; a line for each kind of networks.",
        f"Line plots, a panel per attack. {said}",
        draw_kinds(points, kinds.names, x="eps", y="mean fooled fraction"),
    )


def _sd(row: pd.Series) -> str:
    return f"{number(100 * row['between_sd'], 2)} points"


def _left_out(matrix: pd.DataFrame) -> str:
    many = matrix.groupby(["attack", "norm"])["eps"].nunique().max() > MOST_EPS
    dense = matrix["source"].nunique() > MOST_NUMBERS
    note = f" Of the eps of each attack, {MOST_EPS} are shown; matrix.csv has all." if many else ""
    return note + (" The numbers are in matrix.csv." if dense else "")
