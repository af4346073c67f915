"""The kinds of study that can be reported."""

from __future__ import annotations

from robust_hypergan.reports.study import StudyReport
from robust_hypergan.reports.study_adversarial import ADVERSARIAL
from robust_hypergan.reports.study_classification import CLASSIFICATION
from robust_hypergan.reports.study_diversity import DIVERSITY

STUDIES: dict[str, StudyReport] = {
    "classification": CLASSIFICATION,
    "adversarial": ADVERSARIAL,
    "diversity": DIVERSITY,
}
"""By the name that ``run.json`` gives; in the order in which a reproduction shows them."""
