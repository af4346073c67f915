"""Several sources: does the answer hang on the one network that was attacked?"""

from __future__ import annotations

import pandas as pd

from robust_hypergan.reports.figure_matrix import MOST_EPS, MOST_NUMBERS, draw_matrix
from robust_hypergan.reports.run import Run
from robust_hypergan.reports.section import Picture, Section, Table
from robust_hypergan.reports.wording import cell_text, count, interval, number, percent, plural


def sources_section(run: Run, summary: pd.DataFrame) -> Section | None:
    """None where the run attacked one source alone."""
    means, rows, matrix = (run.evidence.get(stem) for stem in ("source_summary", "sources", "matrix"))
    if means is None or rows is None or matrix is None or means.empty:
        return None
    paragraphs = (_finding(means, summary), _matrix_finding(matrix))
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
    return Section(
        "sources", "Another source, the same answer?", paragraphs, (_table(means, rows),), (picture,)
    )


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


def _table(means: pd.DataFrame, rows: pd.DataFrame) -> Table:
    sources = rows.groupby(["attack", "norm", "eps"])["source_success"].mean()
    return Table(
        "The mean fooled fraction over the sources, each over the examples that fooled it; 95% intervals"
        " count sources, examples and networks as samples. The deviation between sources is what examples and"
        " networks do not explain.",
        (
            "cell",
            "sources",
            "success on the source",
            "mean fooled",
            "95% interval",
            "least",
            "most",
            "between sd",
        ),
        tuple(
            (
                cell_text(*key),
                count(row["sources"]),
                percent(sources[key]),
                percent(row["fooled_mean"], 1),
                interval(row["ci_low"], row["ci_high"]),
                percent(row["fooled_min"]),
                percent(row["fooled_max"]),
                _sd(row),
            )
            for _, row in means.iterrows()
            for key in [(str(row["attack"]), str(row["norm"]), float(row["eps"]))]
        ),
    )


def _sd(row: pd.Series) -> str:
    return f"{number(100 * row['between_sd'], 2)} points"


def _left_out(matrix: pd.DataFrame) -> str:
    many = matrix.groupby(["attack", "norm"])["eps"].nunique().max() > MOST_EPS
    dense = matrix["source"].nunique() > MOST_NUMBERS
    note = f" Of the eps of each attack, {MOST_EPS} are shown; matrix.csv has all." if many else ""
    return note + (" The numbers are in matrix.csv." if dense else "")
