"""The kinds of study that can be reported."""

from __future__ import annotations

from robust_hypergan.reports.study import StudyReport
from robust_hypergan.reports.study_adversarial import ADVERSARIAL
from robust_hypergan.reports.study_classification import CLASSIFICATION
from robust_hypergan.reports.study_diversity import DIVERSITY
from robust_hypergan.reports.study_hardening import HARDENING
from robust_hypergan.reports.study_out_of_distribution import OUT_OF_DISTRIBUTION
from robust_hypergan.reports.study_regression import REGRESSION
from robust_hypergan.reports.study_tradeoff import TRADEOFF

STUDIES: dict[str, StudyReport] = {
    "classification": CLASSIFICATION,
    "uncertainty": OUT_OF_DISTRIBUTION,
    "adversarial": ADVERSARIAL,
    "hardening": HARDENING,
    "tradeoff": TRADEOFF,
    "regression": REGRESSION,
    "diversity": DIVERSITY,
}
"""By the name that ``run.json`` gives; in the order in which a reproduction shows them."""
