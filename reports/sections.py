"""The sections that show the evidence of a run, in the order of the page."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from robust_hypergan.reports.run import Run
from robust_hypergan.reports.section import Section
from robust_hypergan.reports.section_beside import beside_section

SECTIONS: list[Callable[[Run, pd.DataFrame], Section | None]] = [
    beside_section,
]
"""Each is given the run and its summary, and answers None where the run has no table for it."""


def sections(run: Run, summary: pd.DataFrame) -> list[Section]:
    """Those that this run has tables for."""
    return [section for make in SECTIONS if (section := make(run, summary)) is not None]
