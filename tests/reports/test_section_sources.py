"""The section on several sources, from three small tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from robust_hypergan.reports.columns import EVIDENCE_TABLES
from robust_hypergan.reports.figures.matrix import draw_matrix
from robust_hypergan.reports.sections.sources import sources_section
from robust_hypergan.reports.tables.run import load_run
from robust_hypergan.reports.tables.summary import summarise
from robust_hypergan.reports.wording import interval, percent

KEY = {"attack": "fgsm", "norm": "linf", "eps": 0.1}


def tables(sources: int = 3) -> dict[str, pd.DataFrame]:
    """Each source fools itself on 80 %, the others on 30, 40, 50 % ..., the votes on 60 and 55 %."""
    matrix, rows = [], []
    for source in range(sources):
        row = KEY | {"source": source, "tried": 100}
        for network in range(sources):
            share = 0.8 if network == source else 0.3 + 0.1 * source
            matrix.append(row | {"role": "source", "network": network, "fooled_fraction": share})
        for role, share in (("source vote", 0.6), ("fresh vote", 0.55), ("fresh", 0.5)):
            matrix.append(row | {"role": role, "fooled_fraction": share})
        rows.append(KEY | {"source": source, "source_success": 0.8, "fooled_mean": 0.5})
    summary = KEY | {"sources": sources, "fooled_mean": 0.512, "ci_low": 0.4, "ci_high": 0.61}
    summary |= {"between_variance": 0.0016, "between_sd": 0.04, "fooled_min": 0.44, "fooled_max": 0.58}
    frames = {"matrix": matrix, "sources": rows, "source_summary": [summary]}
    return {stem: pd.DataFrame(rows, columns=EVIDENCE_TABLES[stem]) for stem, rows in frames.items()}


def section_of(folder: Path) -> Any:
    return sources_section(load_run(folder))


def test_a_run_of_one_source_has_no_such_section(folder: Path) -> None:
    assert section_of(folder) is None


def test_its_sentences_and_table_are_those_of_the_tables(folder: Path) -> None:
    for stem, table in tables().items():
        table.to_csv(folder / f"{stem}.csv", index=False)
    section = section_of(folder)
    first, second = section.paragraphs
    for part in ("over 3 sources is 51%", "from 44% to 58%", "4 points", "The first source alone says"):
        assert part in first
    for part in (
        "its own source on 80%",
        "40% fool another source",
        "60% the mean vote",
        "55% the mean vote",
    ):
        assert part in second
    assert section.tables[0].rows[0][1:] == ("3", "80%", "51.2%", "40\u201361%", "44%", "58%", "4 points")


@pytest.mark.parametrize(("sources", "numbers"), [(3, 3 * 6), (14, 0)])
def test_the_figure_writes_every_number_as_long_as_they_can_be_read(sources: int, numbers: int) -> None:
    made = tables(sources)
    figure = draw_matrix(made["matrix"], made["source_summary"])
    (axes,) = figure.axes
    assert len(axes.texts) == numbers
    values = np.asarray(axes.images[0].get_array())
    assert values.shape == (sources, sources + 3)
    assert np.diag(values).tolist() == pytest.approx([0.8] * sources)
    assert values[1, 0] == pytest.approx(0.4)  # made against source 1, tried on source 0
    assert values[0, sources:].tolist() == pytest.approx([0.6, 0.55, 0.5])
    assert "sd 4.0 points" in axes.get_title()


def test_a_cell_that_only_some_sources_finished_leaves_holes() -> None:
    made = tables()
    matrix = made["matrix"].query("source != 1")
    values = np.asarray(draw_matrix(matrix, made["source_summary"]).axes[0].images[0].get_array())
    assert values.shape == (2, 6)


def test_the_cell_whose_sources_differ_most_is_told_beside_the_first_source_alone(folder: Path) -> None:
    made = tables()
    more = made["source_summary"].assign(eps=0.2, fooled_mean=0.9, between_sd=0.01)
    made["source_summary"] = pd.concat([more, made["source_summary"]], ignore_index=True)
    run = replace(load_run(folder), evidence=made)
    summary = summarise(run.examples, run.networks, run.record.cells)
    section = sources_section(run)
    assert section is not None
    text = section.paragraphs[0]
    assert text.startswith("Where the sources differ most (fgsm, L\u221e eps 0.1), the mean")
    own = summary.query("attack == 'fgsm' and eps == 0.1 and norm == 'linf'").iloc[0]
    alone = f"{percent(own['fooled_mean'])} ({interval(own['ci_low'], own['ci_high'])}),"
    assert f"The first source alone says {alone} an interval for that source only." in text
