"""What every column of a run's tables holds is written down."""

import re
from pathlib import Path

import pytest

from robust_hypergan.reports import columns

GUIDE = (Path(__file__).parents[2] / "docs" / "tables.md").read_text(encoding="utf-8")

TABLES = columns.EVIDENCE_TABLES | {
    "examples": columns.EXAMPLES_COLUMNS,
    "networks": columns.NETWORKS_COLUMNS,
    "summary": columns.SUMMARY_COLUMNS,
    "training": columns.TRAINING_COLUMNS,
    "gallery": columns.GALLERY_COLUMNS,
    "comparison": columns.COMPARISON_COLUMNS,
}

EVERYWHERE = {*columns.CELL, "ci_low", "ci_high"}


def told(stem: str) -> set[str]:
    """The names in the section of a table."""
    sections = re.split(r"^## ", GUIDE, flags=re.MULTILINE)
    (section,) = (each for each in sections if f"{stem}.csv" in each.partition("\n")[0].split(", "))
    return set(re.findall(r"`([a-z0-9_]+)`", section))


@pytest.mark.parametrize("stem", TABLES)
def test_every_column_of_a_table_is_explained(stem: str) -> None:
    known = told(stem) | EVERYWHERE
    if TABLES[stem] is columns.COMPARISON_COLUMNS:
        known |= told("summary")
    assert not [column for column in TABLES[stem] if column not in known]
