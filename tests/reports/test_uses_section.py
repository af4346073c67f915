"""The section on the uses of an ensemble says and draws what ``uses.csv`` holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from robust_hypergan.reports.columns import EVIDENCE_TABLES
from robust_hypergan.reports.figures.uses import draw_uses
from robust_hypergan.reports.section import Section
from robust_hypergan.reports.sections.uses import uses_section
from robust_hypergan.reports.tables.run import load_run
from robust_hypergan.reports.wording import DASH

NAMES = ["source", "fixed draw", "fresh per query", "mean vote of 10 networks"]


def table(accuracies: dict[tuple[str, float], list[float]]) -> pd.DataFrame:
    rows = []
    for (images, eps), values in accuracies.items():
        attack, norm = ("pgd", "linf") if images == "adversarial" else ("", "")
        for use, value in zip(("source", "fixed draw", "fresh per query", "mean vote"), values, strict=False):
            networks = 10 if use == "mean vote" else 1
            rows.append([images, attack, norm, eps, use, networks, 5, 40, value, value - 0.05, value + 0.05])
    return pd.DataFrame(rows, columns=EVIDENCE_TABLES["uses"])


SMALL = {
    ("tried", np.nan): [0.95, 0.94, 0.93, 0.97],
    ("clean", np.nan): [1.0, 0.96, 0.96, 0.98],
    ("adversarial", 0.2): [0.1, 0.4, 0.42, 0.45],
    ("adversarial", 0.1): [0.3, 0.6, 0.61, 0.8],
}


def section_of(folder: Path, uses: pd.DataFrame) -> Section | None:
    uses.to_csv(folder / "uses.csv", index=False)
    return uses_section(load_run(folder))


def test_the_finding_and_the_table_are_those_of_the_csv(folder: Path) -> None:
    section = section_of(folder, table(SMALL))
    assert section is not None
    text = section.paragraphs[0]
    assert (
        "The mean vote of 10 networks answers 97.0% of the clean images rightly, a fixed draw 94.0%" in text
    )
    assert (
        "Under attack the vote gains most on a fixed draw with 80.0% against 60.0% under pgd, L∞ eps 0.1"
        in text
    )
    assert "least with 45.0% against 40.0% under pgd, L∞ eps 0.2" in text
    assert section.tables[0].headings == ("images", *NAMES)
    assert section.tables[0].rows[2][:2] == ("pgd, L∞ eps 0.2", f"10.0% (5{DASH}15%)")
    assert "5 votes of 10 networks" in section.tables[0].caption
    assert "mean vote of 10 networks 45% to 80%" in section.pictures[0].alt


@pytest.mark.parametrize(
    ("votes", "said"),
    [
        (
            [0.45, 0.5],
            "gains most on a fixed draw with 45.0% against 40.0% under pgd, L∞ eps 0.2, and loses most with",
        ),
        (
            [0.4, 0.5],
            "gains nothing on a fixed draw, and loses most with 50.0% against 60.0% under pgd, L∞ eps 0.1.",
        ),
        ([0.35, 0.5], "under pgd, L∞ eps 0.1, least with 35.0% against 40.0% under pgd, L∞ eps 0.2."),
        ([0.4, 0.6], "Under attack the vote gains nothing on a fixed draw."),
    ],
)
def test_a_vote_that_loses_is_not_said_to_gain(folder: Path, votes: list[float], said: str) -> None:
    cells = [("adversarial", 0.2), ("adversarial", 0.1)]
    section = section_of(
        folder,
        table(SMALL | {cell: [*SMALL[cell][:3], vote] for cell, vote in zip(cells, votes, strict=True)}),
    )
    assert section is not None
    assert said in section.paragraphs[0]


def test_one_network_has_no_vote(folder: Path) -> None:
    section = section_of(folder, table({key: values[:3] for key, values in SMALL.items()}))
    assert section is not None
    assert "there is no vote" in section.paragraphs[0]
    assert section.tables[0].headings == ("images", *NAMES[:3])


def test_there_is_no_section_without_the_table(folder: Path) -> None:
    run = load_run(folder)
    assert uses_section(run) is None
    assert uses_section(replace(run, evidence={"uses": table(SMALL).iloc[:8]})) is None


def test_each_line_runs_from_the_clean_images_through_the_eps() -> None:
    figure = draw_uses(table(SMALL))
    (axes,) = figure.axes
    assert len(axes.lines) == len(NAMES)
    np.testing.assert_allclose(np.asarray(axes.lines[3].get_xdata(), dtype=float), [0, 0.1, 0.2])
    np.testing.assert_allclose(np.asarray(axes.lines[3].get_ydata(), dtype=float), [0.98, 0.8, 0.45])


def test_the_largest_vote_is_the_one_that_is_told(folder: Path) -> None:
    uses = table(SMALL)
    larger = uses[uses["use"] == "mean vote"].assign(networks=100, votes=1)
    larger["accuracy"] += 0.01
    section = section_of(folder, pd.concat([uses, larger], ignore_index=True))
    assert section is not None
    assert "The mean vote of 100 networks answers 98.0% of the clean images" in section.paragraphs[0]
