"""The kinds of study that can be reported."""

from __future__ import annotations

from robust_hypergan.reports.study import StudyReport
from robust_hypergan.reports.study_out_of_distribution import OUT_OF_DISTRIBUTION

STUDIES: dict[str, StudyReport] = {
    "uncertainty": OUT_OF_DISTRIBUTION,
}
"""By the name that ``run.json`` gives; in the order in which a reproduction shows them."""
