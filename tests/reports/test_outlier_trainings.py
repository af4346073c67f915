"""What is said of several trainings, from areas that are known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from robust_hypergan.reports.figures.outliers import draw_trainings
from robust_hypergan.reports.statistics.differences import independent_difference_interval
from robust_hypergan.reports.studies.out_of_distribution import claims
from robust_hypergan.reports.studies.outlier_trainings import (
    areas_over_trainings,
    differences_over_trainings,
    trainings_section,
)
from robust_hypergan.reports.tables.outliers import OUTLIER_TABLES
from robust_hypergan.reports.tables.study import Study
from robust_hypergan.reports.wording import DASH, MINUS

AREAS = {"hypergan": [0.985, 0.987, 0.986], "ordinary": [0.981, 0.975, 0.990], "mc-dropout": [0.97]}


def trainings(areas: dict[str, list[float]], data: str = "notmnist") -> pd.DataFrame:
    """Trainings with these areas by the entropy of 100 networks, and smaller ones by that of 1."""
    rows = [
        [name, name, asked, asked, training, data, "entropy", area if asked == 100 else area - 0.1]
        for asked in (1, 100)
        for name, own in areas.items()
        for training, area in enumerate(own, 1)
    ]
    rows += [[*row[:6], score, np.nan] for score in ("mutual_information", "variance") for row in rows]
    return pd.DataFrame(rows, columns=OUTLIER_TABLES["ood_trainings"])


def study(areas: dict[str, list[float]]) -> Study:
    """A study with the tables that its claims are read from; over images every difference is clear."""
    table = trainings(areas)
    ood = table[table["training"] == 1].drop(columns="training")
    ood = ood.assign(outliers=9, inliers=9, ci_low=0.97, ci_high=0.99)
    others = ood[ood["name"] != "hypergan"].assign(reference="hypergan", reference_networks=100)
    inlier = {"name": "hypergan", "kind": "hypergan", "asked": 100, "networks": 100, "role": "inlier"}
    return Study(
        Path("nowhere"),
        "uncertainty",
        json.loads("{}"),
        {
            "entropy": pd.DataFrame([inlier | {"data": "mnist"}]),
            "ood": ood,
            "ood_differences": others.assign(difference=0.1, ci_low=0.09, ci_high=0.11),
            "ood_trainings": table,
        },
    )


def test_welchs_interval_is_the_one_of_the_formula() -> None:
    first, second = np.array([0.2, 0.5, 0.4]), np.array([0.1, 0.9, 0.3, 0.2])
    parts = np.array([first.var(ddof=1) / 3, second.var(ddof=1) / 4])
    freedom = parts.sum() ** 2 / (parts**2 / [2, 3]).sum()
    difference, low, high = independent_difference_interval(first, second)
    assert difference == pytest.approx(first.mean() - second.mean())
    reach = stats.t.ppf(0.975, freedom) * np.sqrt(parts.sum())
    assert (high - difference, difference - low) == pytest.approx((reach, reach), rel=1e-9)


def test_few_or_equal_values_have_no_interval_or_none_to_speak_of() -> None:
    difference, *ends = independent_difference_interval([0.5], [0.1, 0.2])
    assert (difference, np.isnan(ends).all()) == (pytest.approx(0.35), True)
    assert independent_difference_interval([0.5, 0.5], [0.25, 0.25]) == (0.25, 0.25, 0.25)


def test_means_and_differences_are_over_the_trainings_of_a_name() -> None:
    table = trainings(AREAS)
    rows = areas_over_trainings(table).query("asked == 100 and score == 'entropy'").set_index("name")
    assert rows["trainings"].to_dict() == {name: len(own) for name, own in AREAS.items()}
    assert rows["auroc"].to_dict() == pytest.approx({name: np.mean(own) for name, own in AREAS.items()})
    reach = 4.3027 * 0.001 / np.sqrt(3)
    assert rows.loc["hypergan", "ci_high"] - 0.986 == pytest.approx(reach, rel=1e-3)
    assert np.isnan(rows.loc["mc-dropout", "ci_low"])
    found = (
        differences_over_trainings(table, "hypergan")
        .query("asked == 100 and score == 'entropy'")
        .set_index("name")
    )
    expected = independent_difference_interval(AREAS["hypergan"], AREAS["ordinary"])
    assert tuple(found.loc["ordinary", ["difference", "ci_low", "ci_high"]]) == pytest.approx(expected)
    assert tuple(found.loc["ordinary", ["trainings", "other_trainings"]]) == (3, 3)
    assert found.loc["mc-dropout", "difference"] == pytest.approx(0.016)
    assert np.isnan(found.loc["mc-dropout", "ci_low"])


def test_claims_are_made_over_trainings_where_there_are_several() -> None:
    said = {claim.claim: claim for claim in claims(study(AREAS))}
    than = "hypergan tells outliers from inliers better than "
    assert said[than + "an ordinary network"].verdict == "undecided"
    assert said[than + "an ordinary network"].ours.endswith(", over 3 and 3 trainings")
    assert said[than + "MC dropout"].verdict == "holds"  # trained once: over images
    assert "trainings" not in said[than + "MC dropout"].ours
    (aim,) = (claim for claim in said.values() if claim.claim.startswith("AUROC"))
    assert aim.ours.startswith("0.9860 (0.9835")
    assert aim.ours.endswith("with 100 networks, over 3 trainings")
    assert aim.verdict == "holds"
    clearly = AREAS | {"ordinary": [0.976, 0.975, 0.977]}
    assert {c.claim: c.verdict for c in claims(study(clearly))}[than + "an ordinary network"] == "holds"


def test_a_second_hypergan_has_claims_and_differences_of_its_own() -> None:
    made = study(AREAS | {"ours": [0.991, 0.992, 0.993]})
    tables = {stem: table.copy() for stem, table in made.tables.items()}
    for table in tables.values():
        table.loc[table["name"] == "ours", "kind"] = "hypergan"
    both = replace(made, tables=tables)
    said = {claim.claim: claim for claim in claims(both)}
    than = "tells outliers from inliers better than an ordinary network"
    assert said[f"hypergan {than}"].verdict == "undecided"
    assert said[f"ours {than}"].verdict == "undecided"  # the ordinary ones reach from .975 to .990
    clearly = {stem: table.copy() for stem, table in tables.items()}
    rows = clearly["ood_trainings"]
    rows.loc[rows["name"] == "ordinary", "auroc"] -= 0.02
    rows.loc[(rows["name"] == "ordinary") & (rows["training"] == 3), "auroc"] = 0.96
    assert {c.claim: c.verdict for c in claims(replace(both, tables=clearly))}[f"ours {than}"] == "holds"
    aims = {text: claim.ours[:6] for text, claim in said.items() if text.startswith("AUROC")}
    of_all = "AUROC of the entropy, notmnist against the inliers"
    assert aims == {of_all: "0.9860", f"{of_all}: ours": "0.9920"}
    section = trainings_section(both)
    assert section is not None
    assert [[row[1] for row in table.rows] for table in section.tables[1:]] == [
        [f"hypergan {MINUS} ordinary", f"hypergan {MINUS} mc-dropout", f"hypergan {MINUS} ours"],
        [f"ours {MINUS} hypergan", f"ours {MINUS} ordinary", f"ours {MINUS} mc-dropout"],
    ]


def test_the_section_shows_every_training_of_the_most_networks() -> None:
    section = trainings_section(study(AREAS))
    assert section is not None
    areas, differences = section.tables
    assert [row[1:5] for row in areas.rows] == [
        ("hypergan", "100", "3", f"0.9860 (0.9835{DASH}0.9885)"),
        ("ordinary", "100", "3", f"0.9820 (0.9632{DASH}1.0000)"),
        ("mc-dropout", "100", "1", "0.9700"),
    ]
    assert [row[2] for row in differences.rows] == ["3 and 3", "3 and 1"]
    (picture,) = section.pictures
    assert "ordinary, notmnist 0.9750 to 0.9900" in picture.alt
    drawn = draw_trainings(trainings(AREAS).query("score == 'entropy' and asked == 100"))
    assert [len(line.get_xdata()) for line in drawn.axes[0].lines] == [3, 1, 3, 1, 1, 1]


def test_tables_show_one_set_of_outliers_after_the_other() -> None:
    made = study(AREAS)
    tables = {**made.tables, "ood_trainings": trainings(AREAS).assign(data="a")}
    more = trainings(AREAS).assign(data="b")
    both = pd.concat([tables["ood_trainings"], more]).sort_values(["name", "training"], kind="stable")
    section = trainings_section(replace(made, tables={**tables, "ood_trainings": both}))
    assert section is not None
    assert ["".join(row[0] for row in table.rows) for table in section.tables] == ["aaabbb", "aabb"]


def test_trainings_of_one_kind_alone_have_areas_and_nothing_to_compare_them_with() -> None:
    alone = study({"hypergan": AREAS["hypergan"]})
    section = trainings_section(alone)
    assert section is not None
    assert (len(section.tables), len(section.paragraphs)) == (1, 1)
    assert [claim.verdict for claim in claims(alone)] == ["holds"]


def test_where_all_were_trained_once_there_is_no_such_section() -> None:
    assert trainings_section(study({name: own[:1] for name, own in AREAS.items()})) is None
