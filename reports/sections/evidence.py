"""The sections that show the evidence of a run, in the order of the page."""

from __future__ import annotations

from collections.abc import Callable

from robust_hypergan.reports.section import Section
from robust_hypergan.reports.sections.beside import beside_section
from robust_hypergan.reports.sections.checks import checks_section
from robust_hypergan.reports.sections.coverage import coverage_section
from robust_hypergan.reports.sections.detection import detection_section
from robust_hypergan.reports.sections.pairs import pairs_section
from robust_hypergan.reports.sections.precision import precision_section
from robust_hypergan.reports.sections.sources import sources_section
from robust_hypergan.reports.sections.uses import uses_section
from robust_hypergan.reports.sections.wrong_labels import wrong_labels_section
from robust_hypergan.reports.tables.run import Run

SECTIONS: list[Callable[[Run], Section | None]] = [
    checks_section,
    precision_section,
    beside_section,
    coverage_section,
    sources_section,
    uses_section,
    detection_section,
    wrong_labels_section,
    pairs_section,
]
"""Each is given the run, and answers None where the run has no table for it."""


def evidence_sections(run: Run) -> list[Section]:
    """Those that this run has tables for."""
    return [section for make in SECTIONS if (section := make(run)) is not None]
