"""What is said of clean accuracy, beside the paper's: only as far as the intervals go."""

from pathlib import Path

import pandas as pd

from robust_hypergan.reports.studies.classification import CLASSIFICATION_TABLES, classification_claims
from robust_hypergan.reports.tables.study import Study

ROWS = [
    ("hypergan", 1, 100, 0.966, 0.001, 0.96, 0.975, 0.95, 0.98, 1000),
    ("hypergan", 10, 10, 0.974, 0.001, 0.97, 0.98, 0.97, 0.98, 1000),
    ("hypergan", 100, 1, 0.9775, 0.0, 0.97, 0.985, 0.9775, 0.9775, 1000),
    ("deep-ensemble", 10, 1, 0.97, 0.0, 0.96, 0.98, 0.97, 0.97, 1000),
]
DIFFERENCES = [
    ("hypergan", 10, "hypergan", 1, 0.008, 0.004, 0.012),
    ("hypergan", 100, "hypergan", 10, 0.0035, -0.001, 0.008),
    ("hypergan", 100, "hypergan", 1, 0.0115, 0.01, 0.013),
    ("hypergan", 100, "deep-ensemble", 10, 0.0075, -0.001, 0.016),
    ("hypergan", 1, "deep-ensemble", 1, 0.01, 0.005, 0.015),
]


def test_accuracies_and_gains_are_judged_beside_the_papers() -> None:
    tables = {
        stem: pd.DataFrame(rows, columns=columns)
        for (stem, columns), rows in zip(CLASSIFICATION_TABLES.items(), (ROWS, DIFFERENCES), strict=True)
    }
    study = Study(Path(), "classification", {"data": {"name": "mnist-5k"}}, tables)
    found = [(claim.claim, claim.paper, claim.verdict) for claim in classification_claims(study)]
    assert found == [
        ("hypergan: single networks answer at least as well as the paper's", "96.69%", "does not hold"),
        ("hypergan: votes of 10 answer at least as well as the paper's", "97.33%", "holds"),
        ("hypergan: votes of 100 answer at least as well as the paper's", "97.71%", "holds"),
        ("hypergan: single networks answer at least as well as we mean to", "97.20%", "does not hold"),
        ("hypergan: votes of 100 answer at least as well as we mean to", "97.90%", "does not hold"),
        ("A vote of 100 gains on one network", "+1.02 points", "holds"),
        (
            "hypergan, vote of 100, is more accurate than deep-ensemble (10 networks)",
            "+0.62 points",
            "undecided",
        ),
    ]


def test_the_papers_numbers_are_beside_a_hypergan_alone() -> None:
    rows, differences = (
        pd.DataFrame(each, columns=columns).replace("hypergan", "mine")
        for each, columns in zip((ROWS, DIFFERENCES), CLASSIFICATION_TABLES.values(), strict=True)
    )
    tables = dict(zip(CLASSIFICATION_TABLES, (rows, differences), strict=True))
    for kind, papers in (("ordinary", {"not in the paper"}), ("hypergan", {"+1.02 points", "+0.62 points"})):
        record = {"data": {"name": "mnist-5k"}, "kinds": {"mine": kind}}
        claims = classification_claims(Study(Path(), "classification", record, tables))
        assert {claim.paper for claim in claims if "answer at least" not in claim.claim} == papers
        assert any("answer at least" in claim.claim for claim in claims) == (kind == "hypergan")
