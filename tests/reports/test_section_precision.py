"""The section on drawing until sure: only where it was asked for, from the tables and the record alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from robust_hypergan.reports.sections.precision import precision_section
from robust_hypergan.reports.tables.run import load_run


def section_of(folder: Path) -> Any:
    return precision_section(load_run(folder))


def test_a_run_of_one_round_has_no_such_section(folder: Path) -> None:
    assert section_of(folder) is None


def test_it_says_why_no_more_were_drawn_and_what_the_examples_leave(fake: Any, tmp_path: Path) -> None:
    fake.info["stopping"] = {"rounds": [500, 1000], "reason": "every interval is narrow"}
    section = section_of(fake.write(tmp_path / "run"))
    assert section.paragraphs[0] == "Every interval is narrow."
    assert "500, 1,000" in section.paragraphs[1]
    (table,) = section.tables
    assert len(table.rows) == len(fake.truths)
    for row in table.rows:
        assert 0 < float(row[4]) <= float(row[3]) + 0.1
