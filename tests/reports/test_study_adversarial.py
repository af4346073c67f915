"""The page of the study of transfer over trainings: what it says, and what it can not, from its tables."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from robust_hypergan.reports import write_study
from robust_hypergan.reports.studies.adversarial import (
    ADVERSARIAL_TABLES,
    adversarial_claims,
    adversarial_sections,
    over_trainings,
)
from robust_hypergan.reports.studies.kinds import STUDIES
from robust_hypergan.reports.tables.study import Study, load_study

EPS = (0.1, 0.2)


def write(
    folder: Path,
    *,
    attacks: tuple[str, ...] = ("fgsm", "pgd"),
    fooled: float = 0.6,
    trainings: int = 3,
    apart: float = 0.0,
) -> Path:
    """A finished study of two attacked networks a training; PGD carries .2 less far than FGSM."""
    places = [(f"seed {name}", source) for name in range(trainings) for source in range(2)]
    rows = [
        [name, source, attack, eps, 50, 25, 0.5, mean, mean / 2, mean, mean / 4, 0.1, 30]
        for name, source in places
        for place, attack in enumerate(attacks)
        for eps in EPS
        for mean in [fooled - 0.2 * place + 0.01 * source + apart * int(name[-1])]
    ]
    pairs = [
        [name, source, eps, 0.2, 0.1, 0.3, 25, 0.2, 0.1, 0.3]
        for name, source in places
        for eps in EPS
        if len(attacks) > 1
    ]
    folder.mkdir()
    for (stem, columns), own in zip(ADVERSARIAL_TABLES.items(), (rows, pairs), strict=True):
        pd.DataFrame(own, columns=columns).to_csv(folder / f"{stem}.csv", index=False)
    record = {"format": 1, "study": "adversarial", "status": "done", "command": "robust-hypergan adversarial"}
    (folder / "run.json").write_text(json.dumps(record))
    return folder


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return load_study(write(tmp_path / "study"), STUDIES)


def test_means_are_over_trainings_of_means_over_their_sources(study: Study) -> None:
    means = over_trainings(study.tables["adversarial"], ("attack", "eps"), ("fooled_mean",))
    assert means["fooled_mean"].tolist() == pytest.approx([0.605, 0.605, 0.405, 0.405])
    assert (means["trainings"] == 3).all()
    assert means["fooled_mean_low"].to_numpy() == pytest.approx(means["fooled_mean"].to_numpy())


def test_what_the_paper_says_is_judged(study: Study) -> None:
    found = {claim.claim: claim.verdict for claim in adversarial_claims(study)}
    assert list(found.values()) == ["holds in part", "holds", "holds", "holds"]
    assert [section.name for section in adversarial_sections(study)] == ["transfer", "order"]


def test_one_training_decides_nothing(tmp_path: Path) -> None:
    study = load_study(write(tmp_path / "study", trainings=1), STUDIES)
    assert {claim.verdict for claim in adversarial_claims(study)} == {"undecided"}


def test_the_band_is_decided_by_intervals_over_the_trainings(tmp_path: Path) -> None:
    study = load_study(write(tmp_path / "study", apart=0.04), STUDIES)
    band = adversarial_claims(study)[0]
    assert band.verdict == "undecided"
    assert band.ours.startswith("inside in 2 of 4 cells, 0 with the whole interval, 4 with an interval")


def test_more_attacks_than_marks_are_drawn(tmp_path: Path) -> None:
    attacks = ("fgsm", "pgd", *(f"other:steps={place}" for place in range(10)))
    assert write_study(write(tmp_path / "study", attacks=attacks)).exists()


def test_one_attack_alone_is_set_against_no_other(tmp_path: Path) -> None:
    folder = write(tmp_path / "study", attacks=("pgd",))
    study = load_study(folder, STUDIES)
    assert [section.name for section in adversarial_sections(study)] == ["transfer"]
    assert not [claim for claim in adversarial_claims(study) if "FGSM" in claim.claim]
    assert "Does FGSM transfer better" not in write_study(folder).read_text(encoding="utf-8")


def test_where_nothing_was_fooled_nothing_is_claimed(tmp_path: Path) -> None:
    study = load_study(write(tmp_path / "study", fooled=np.nan), STUDIES)
    assert adversarial_claims(study) == []
    assert "nan" not in write_study(study.folder).read_text(encoding="utf-8").lower()


def test_one_attack_that_covers_the_distribution_is_enough(study: Study) -> None:
    table = study.tables["adversarial"].copy()
    table.loc[(table["attack"] == "fgsm") & (table["eps"] == 0.2), "fools_all"] = 0.9
    study.tables["adversarial"] = table
    claim = adversarial_claims(study)[-1]
    assert claim.verdict == "does not hold"
    assert claim.ours.startswith("at most 90% (fgsm, eps 0.2), ")
