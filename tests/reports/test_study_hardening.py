"""What is said of adversarial training holds only as far as the intervals beside it decide."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from robust_hypergan.reports.columns import COMPARISON_COLUMNS
from robust_hypergan.reports.studies.hardening import hardening_claims
from robust_hypergan.reports.studies.kinds import STUDIES
from robust_hypergan.reports.tables.study import Claim, load_study

LESS, MORE, EITHER = (-0.2, -0.3, -0.1), (0.2, 0.1, 0.3), (-0.02, -0.1, 0.06)


def row(name: str, eps: float, **measured: Any) -> dict[str, Any]:
    fixed = {"name": name, "kind": "hypergan", "attack": "fgsm", "norm": "linf", "eps": eps, "networks": 50}
    return (
        fixed
        | {"source_success": 0.5, "source_fooled": 200, "fooled_mean": 0.5, "single_mean": 0.97}
        | measured
    )


def changed(eps: float, change: tuple[float, float, float], **measured: Any) -> dict[str, Any]:
    ends = dict(zip(("difference", "difference_low", "difference_high"), change, strict=True))
    return row("hard", eps, fooled_mean=0.5 + change[0], **ends, **measured)


def claims(
    folder: Path, hardened: list[dict[str, Any]], images: int | None = 10000, **known: Any
) -> list[tuple[str, str]]:
    """What is found, and the verdict: of accuracy, of the white box, of transfer."""
    return [(claim.ours, claim.verdict) for claim in all_claims(folder, hardened, images, **known)]


def all_claims(
    folder: Path, hardened: list[dict[str, Any]], images: int | None = 10000, **known: Any
) -> list[Claim]:
    rows = [*(row("plain", own["eps"]) for own in hardened), *hardened]
    for name in ("plain", "hard") if images else ():
        (folder / name).mkdir(parents=True)
        record = {"status": "done", "data": {"name": "mnist"}, "cells": [], "accuracy": {"examples": images}}
        record |= {"examples": {"source_correct": 400}}
        (folder / name / "run.json").write_text(json.dumps(record))
    pd.DataFrame(rows, columns=COMPARISON_COLUMNS).to_csv(folder / "hardening.csv", index=False)
    (folder / "run.json").write_text(json.dumps({"study": "hardening", "status": "done"} | known))
    return hardening_claims(load_study(folder, STUDIES))


@pytest.mark.parametrize(
    ("known", "named"),
    [
        ({}, "hard: adversarial training costs clean accuracy"),
        ({"pgd_eps": {"plain": 0.0, "hard": 0.2}}, "hard: adversarial training costs clean accuracy"),
        (
            {"pgd_eps": {"plain": 0.0, "hard": 0.0}},
            "hard, trained on clean images: it is less accurate on them",
        ),
    ],
)
def test_only_adversarial_training_is_called_so(tmp_path: Path, known: dict[str, Any], named: str) -> None:
    assert all_claims(tmp_path, [changed(0.1, EITHER)], **known)[0].claim == named


@pytest.mark.parametrize(
    ("changes", "verdict", "counted"),
    [
        ([LESS, LESS], "holds", "lower in 2 of 2 cells, higher in 0, undecided in 0;"),
        ([LESS, EITHER], "holds in part", "lower in 1 of 2 cells, higher in 0, undecided in 1;"),
        ([MORE, EITHER], "does not hold", "lower in 0 of 2 cells, higher in 1, undecided in 1;"),
        ([EITHER, EITHER], "undecided", "lower in 0 of 2 cells, higher in 0, undecided in 2;"),
        ([(-0.2, np.nan, np.nan)], "undecided", "lower in 0 of 1 cell, higher in 0, undecided in 1;"),
    ],
)
def test_attacks_carry_less_far_where_the_intervals_say_so(
    tmp_path: Path, changes: list[tuple[float, float, float]], verdict: str, counted: str
) -> None:
    hardened = [changed(0.1 * (1 + place), change) for place, change in enumerate(changes)]
    found, said = claims(tmp_path, hardened)[2]
    assert said == verdict
    assert found.startswith(counted)


@pytest.mark.parametrize(
    ("success", "fooled", "verdict"),
    [(0.2, 80, "holds"), (0.49, 196, "undecided"), (0.8, 320, "does not hold"), (0.0, 0, "holds")],
)
def test_the_white_box_is_decided_by_intervals_over_the_examples(
    tmp_path: Path, success: float, fooled: int, verdict: str
) -> None:
    hardened = [changed(0.1, EITHER, source_success=success, source_fooled=fooled)]
    assert claims(tmp_path, hardened)[1][1] == verdict


@pytest.mark.parametrize(
    ("accuracy", "images", "verdict"),
    [
        (0.90, 10000, "holds"),
        (0.9694, 10000, "undecided"),
        (0.99, 10000, "does not hold"),
        (0.90, None, "undecided"),
    ],
)
def test_accuracy_is_lost_where_the_images_are_enough_to_say_so(
    tmp_path: Path, accuracy: float, images: int | None, verdict: str
) -> None:
    found, said = claims(tmp_path, [changed(0.1, EITHER, single_mean=accuracy)], images)[0]
    assert said == verdict
    assert ("95% interval over images" in found) == (images is not None)
    assert ("no interval" in found) == (images is None)


def test_the_largest_change_is_told(tmp_path: Path) -> None:
    hardened = [changed(0.1, EITHER), changed(0.2, LESS)]
    assert "the largest change is from 50% to 30% (fgsm, L\u221e eps 0.2)" in claims(tmp_path, hardened)[2][0]
