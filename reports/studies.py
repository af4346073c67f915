"""The kinds of study that can be reported."""

from __future__ import annotations

from robust_hypergan.reports.study import StudyReport

STUDIES: dict[str, StudyReport] = {}
"""By the name that ``run.json`` gives; in the order in which a reproduction shows them."""
