"""The kinds of study that can be reported."""

from __future__ import annotations

from robust_hypergan.reports.studies.adversarial import ADVERSARIAL
from robust_hypergan.reports.studies.classification import CLASSIFICATION
from robust_hypergan.reports.studies.diversity import DIVERSITY
from robust_hypergan.reports.studies.hardening import HARDENING
from robust_hypergan.reports.studies.out_of_distribution import OUT_OF_DISTRIBUTION
from robust_hypergan.reports.studies.regression import REGRESSION
from robust_hypergan.reports.studies.tradeoff import TRADEOFF
from robust_hypergan.reports.tables.study import StudyReport

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
