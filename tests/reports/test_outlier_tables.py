"""The tables of the study of uncertainty, recounted from scores that are known."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from robust_hypergan.reports.statistics.detection import auroc_difference_interval
from robust_hypergan.reports.tables.outliers import (
    OUTLIER_TABLES,
    SCORES,
    SHARES,
    ScoredImages,
    outlier_tables,
    reference_of,
)

RANDOM = np.random.default_rng(0)
INLIERS = RANDOM.random(200)


def scored(name: str, asked: int, networks: int, shift: float, training: int = 1) -> ScoredImages:
    """Two sets of outliers, ``shift`` and half of it above 200 inliers; one network has an entropy alone."""
    noise = RANDOM.random(200) / 10
    entropies = {
        "digits": INLIERS + noise,
        "letters": INLIERS[:150] + noise[:150] + shift,
        "clothes": INLIERS + shift / 2,
    }
    scores = {
        data: {
            score: values if score == "entropy" or networks > 1 else np.full_like(values, math.nan)
            for score in SCORES
        }
        for data, values in entropies.items()
    }
    return ScoredImages(name, name, asked, networks, training, 0.9, scores)


@pytest.fixture(scope="module")
def every() -> list[ScoredImages]:
    names = [("ordinary", 1, 1, 0.2), ("ordinary", 10, 1, 0.2)]
    return [scored(*each) for each in [*names, ("hypergan", 1, 1, 0.4), ("hypergan", 10, 10, 0.4)]]


@pytest.fixture(scope="module")
def tables(every: list[ScoredImages]) -> dict[str, pd.DataFrame]:
    return outlier_tables(every)


def test_every_table_has_its_columns_and_a_row_for_each_case(tables: dict[str, pd.DataFrame]) -> None:
    assert {stem: list(table.columns) for stem, table in tables.items()} == OUTLIER_TABLES
    lengths = {stem: len(table) for stem, table in tables.items()}
    expected = {"entropy": 4 * 3, "entropy_cdf": 4 * 3 * len(SHARES), "ood": 4 * 2 * 3}
    assert lengths == expected | {"ood_differences": 2 * 2 * 3, "ood_trainings": 4 * 2 * 3}


def test_the_distance_is_that_of_the_empirical_distributions(tables: dict[str, pd.DataFrame]) -> None:
    own = tables["entropy"].query("name == 'hypergan' and asked == 10").set_index("data")
    assert own["role"].tolist() == ["inlier", "outlier", "outlier"]
    assert own["accuracy"].dropna().tolist() == [0.9]
    assert own.loc["digits"].filter(like="ks_").isna().all()
    constant = ScoredImages(
        "hypergan",
        "hypergan",
        1,
        1,
        1,
        1.0,
        {
            name: dict.fromkeys(SCORES, np.array(v))
            for name, v in {"a": [1.0, 2, 3, 4], "b": [0, 3.5, 5, 6]}.items()
        },
    )
    row = outlier_tables([constant])["entropy"].iloc[1]
    assert (row["ks_right"], row["ks_left"]) == (0.5, 0.25)  # at 3 (3/4 - 1/4) and at 0 (1/4 - 0)
    assert (row["mean"], row["median"], row["examples"]) == (3.625, 4.25, 4)


def test_a_distribution_gives_its_own_quantiles_back(
    tables: dict[str, pd.DataFrame], every: list[ScoredImages]
) -> None:
    rows = tables["entropy_cdf"].query("name == 'hypergan' and asked == 10 and data == 'letters'")
    values = every[-1].scores["letters"]["entropy"]
    assert set(rows["entropy"]) <= set(values)
    for row in rows.to_dict("records"):
        assert (values <= row["entropy"]).mean() >= row["share"] - 1e-12
        assert (values < row["entropy"]).mean() <= row["share"] + 1e-12


def test_one_network_has_an_entropy_and_no_other_score(tables: dict[str, pd.DataFrame]) -> None:
    ood = tables["ood"]
    single = ood["networks"] == 1
    assert ood.loc[single, "auroc"].isna().tolist() == (ood.loc[single, "score"] != "entropy").tolist()
    assert ood.loc[~single, ["auroc", "ci_low", "ci_high", "fpr95", "fpr95_low"]].notna().all(axis=None)
    assert ood.loc[ood["asked"] == 10, "networks"].unique().tolist() == [1, 10]


def test_differences_are_of_the_hypergan_on_the_same_images(
    tables: dict[str, pd.DataFrame], every: list[ScoredImages]
) -> None:
    rows = tables["ood_differences"]
    assert set(rows["reference"]) == {"hypergan"}
    assert set(rows["name"]) == {"ordinary"}
    row = rows.query("asked == 10 and data == 'letters' and score == 'entropy'").iloc[0]
    assert (row["reference_networks"], row["networks"]) == (10, 1)
    first, second = (
        [each.scores[data]["entropy"] for data in ("letters", "digits")] for each in (every[3], every[1])
    )
    expected = auroc_difference_interval((first[0], first[1]), (second[0], second[1]))
    assert (row["difference"], row["ci_low"], row["ci_high"]) == expected
    assert row["ci_low"] > 0


def test_only_the_areas_are_of_every_training(every: list[ScoredImages]) -> None:
    again = [scored("hypergan", asked, asked, 0.1, training=2) for asked in (1, 10)]
    tables, first = outlier_tables([*every, *again]), outlier_tables(every)
    for stem in set(OUTLIER_TABLES) - {"ood_trainings"}:
        pd.testing.assert_frame_equal(tables[stem], first[stem])
    rows = tables["ood_trainings"].query("name == 'hypergan' and asked == 10 and data == 'letters'")
    rows = rows[rows["score"] == "entropy"].set_index("training")
    assert rows.index.tolist() == [1, 2]
    for training, each in ((1, every[3]), (2, again[1])):
        high, low = each.scores["letters"]["entropy"], each.scores["digits"]["entropy"]
        assert rows.loc[training, "auroc"] == pytest.approx((high[:, None] > low).mean())


def test_without_a_hypergan_the_first_is_the_reference() -> None:
    assert reference_of(pd.DataFrame({"name": ["b", "a"], "kind": ["swag", "ordinary"]})) == "b"
    assert reference_of(pd.DataFrame({"name": ["b", "a"], "kind": ["swag", "hypergan"]})) == "a"
