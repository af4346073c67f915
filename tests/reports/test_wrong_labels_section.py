"""The section on wrong labels says what its tables hold, for any class names, and nothing without them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from robust_hypergan.reports.columns import EVIDENCE_TABLES
from robust_hypergan.reports.figures.confusion import MOST_PANELS, draw_confusion
from robust_hypergan.reports.figures.style import render
from robust_hypergan.reports.sections.wrong_labels import wrong_labels_section
from robust_hypergan.reports.tables.run import Run, load_run


def with_tables(folder: Path, agreements: list[float]) -> Run:
    rows = [
        ["pgd", "linf", 0.1 * (1 + index), 20, 90, 0.8, 0.7, 0.9, 0.7, 0.4, 0.2, value, 0.1, 0.9]
        for index, value in enumerate(agreements)
    ]
    counts = [["pgd", "linf", 0.1, 3, 3, 30], ["pgd", "linf", 0.1, 3, 8, 10]]
    return replace(
        load_run(folder),
        evidence={
            "wrong_labels": pd.DataFrame(rows, columns=EVIDENCE_TABLES["wrong_labels"]),
            "confusion": pd.DataFrame(counts, columns=EVIDENCE_TABLES["confusion"]),
        },
    )


def test_the_finding_is_computed_from_the_table(folder: Path) -> None:
    section = wrong_labels_section(with_tables(folder, [0.25, 0.75]))
    assert section is not None
    assert "is 75% under pgd, L∞ eps 0.2 and 25% under pgd, L∞ eps 0.1." in section.paragraphs[0]
    assert "80% of the fooled agree" in section.paragraphs[0]
    assert "same one with probability 70%" in section.paragraphs[0]
    assert [row[7] for row in section.tables[0].rows] == ["25%", "75%"]
    assert "pgd, L∞ eps 0.1: 75%" in section.pictures[0].alt


def test_a_run_with_a_target_says_that_any_wrong_answer_counts(folder: Path) -> None:
    run = with_tables(folder, [0.5])
    aimed = tuple(replace(cell, target=3.0) for cell in run.record.cells)
    for own, paragraphs in ((run, 1), (replace(run, record=replace(run.record, cells=aimed)), 2)):
        section = wrong_labels_section(own)
        assert section is not None
        assert len(section.paragraphs) == paragraphs
    assert section is not None
    assert "counts the networks that answer any wrong class" in section.paragraphs[1]


def test_noise_and_cells_of_few_examples_are_left_to_the_table(folder: Path) -> None:
    run = with_tables(folder, [0.25, 0.75, 0.01, 0.99])
    table = run.evidence["wrong_labels"]
    table.loc[2, "attack"] = "noise"
    table.loc[3, "examples"] = 9
    section = wrong_labels_section(run)
    assert section is not None
    assert "is 75% under pgd, L∞ eps 0.2 and 25% under pgd, L∞ eps 0.1." in section.paragraphs[0]
    assert len(section.tables[0].rows) == 4
    table["attack"] = "noise"
    section = wrong_labels_section(run)
    assert section is not None
    assert section.paragraphs[0].startswith("No attack has 10 examples")


def test_there_is_no_section_without_tables_or_fooled_networks(folder: Path) -> None:
    assert wrong_labels_section(load_run(folder)) is None
    run = with_tables(folder, [0.5])
    run.evidence["wrong_labels"]["examples"] = 0
    assert wrong_labels_section(run) is None


def test_the_heat_map_shows_shares_of_each_row() -> None:
    counts = pd.DataFrame(
        [["a", "linf", 0.1, 0, 0, 3], ["a", "linf", 0.1, 0, 2, 1], ["a", "linf", 0.1, 2, 0, 5]],
        columns=EVIDENCE_TABLES["confusion"],
    )
    drawn = draw_confusion(counts, ("zero", "one")).axes[0].images[0].get_array()
    assert drawn is not None
    np.testing.assert_allclose(np.asarray(drawn), [[0.75, 0.25], [1, 0]])


def test_many_attacks_hostile_names_and_a_hundred_classes_are_drawn() -> None:
    rows = [
        [f"$\\frac<{attack}>", "l2", 0.5, label, 99 - label, 1] for attack in range(6) for label in range(100)
    ]
    counts = pd.DataFrame(rows, columns=EVIDENCE_TABLES["confusion"])
    figure = draw_confusion(counts, ())
    assert len([axes for axes in figure.axes if axes.images]) == MOST_PANELS
    assert render(figure, "png")
