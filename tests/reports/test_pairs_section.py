"""Correlations over pairs of networks: known cases, a test of the right size, and the section."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from robust_hypergan.reports.columns import EVIDENCE_TABLES
from robust_hypergan.reports.figures.pairs import draw_pairs
from robust_hypergan.reports.sections.pairs import pairs_section
from robust_hypergan.reports.statistics.pair_correlations import correlate_pairs, mantel
from robust_hypergan.reports.tables.run import load_run
from robust_hypergan.reports.wording import MINUS


def symmetric(random: np.random.Generator, count: int) -> np.ndarray:
    values = random.random((count, count))
    return values + values.T


def test_the_correlation_is_spearmans_off_the_diagonal() -> None:
    random = np.random.default_rng(0)
    first, second = symmetric(random, 7), random.random((7, 7))
    off = ~np.eye(7, dtype=bool)
    rho, p_value = mantel(first, second, permutations=99)
    assert rho == pytest.approx(stats.spearmanr(first[off], second[off]).statistic)
    assert 0.01 <= p_value <= 1


def test_a_matrix_against_itself_is_as_significant_as_can_be() -> None:
    first = symmetric(np.random.default_rng(1), 9)
    assert mantel(first, -first, permutations=199) == (pytest.approx(-1), 1 / 200)


def test_dependent_pairs_are_not_mistaken_for_evidence() -> None:
    """Two matrices made of independent properties of the networks: 5% of p-values are below 0.05.

    A test that takes the pairs as independent is wrong far more often.
    """
    random = np.random.default_rng(2)
    small, naive = 0, 0
    off = ~np.eye(10, dtype=bool)
    for trial in range(200):
        one, other = random.standard_normal((2, 10))
        first, second = np.add.outer(one, one), np.add.outer(other, other)
        small += mantel(first, second, permutations=199, seed=trial)[1] < 0.05
        naive += stats.spearmanr(first[off], second[off]).pvalue < 0.05
    assert small / 200 < 0.1
    assert naive / 200 > 0.2


def test_few_networks_and_constant_matrices_have_no_correlation() -> None:
    random = np.random.default_rng(3)
    assert math.isnan(mantel(symmetric(random, 4), symmetric(random, 4))[0])
    assert math.isnan(mantel(np.ones((6, 6)), symmetric(random, 6))[1])


def make_pairs(count: int = 6) -> pd.DataFrame:
    random = np.random.default_rng(4)
    apart = symmetric(random, count)
    rows = []
    for one in range(count):
        for other in range(count):
            if one != other:
                rate = 1 - apart[one, other] / 2
                key = ["source", one, "fresh" if other == 9 else "source", other, "fgsm", "linf", 0.1]
                rows.append(
                    [
                        *key,
                        100,
                        round(100 * rate),
                        rate,
                        apart[one, other] / 9,
                        apart[one, other],
                        random.random(),
                    ]
                )
    return pd.DataFrame(rows, columns=EVIDENCE_TABLES["pairs"])


def test_a_network_without_a_transfer_rate_is_left_out() -> None:
    pairs = make_pairs()
    whole = correlate_pairs(pairs).set_index("measure")
    assert whole.loc["disagreement", ["networks", "pairs"]].tolist() == [6, 30]
    assert whole.loc["weight_distance", "spearman"] == pytest.approx(-1)
    pairs.loc[pairs["from_network"] == 2, "transfer_rate"] = np.nan
    rest = correlate_pairs(pairs).set_index("measure")
    assert rest.loc["disagreement", ["networks", "pairs"]].tolist() == [5, 20]
    assert rest.loc["weight_distance", "spearman"] == pytest.approx(-1)
    pairs["transfer_rate"] = np.nan
    assert correlate_pairs(pairs)["spearman"].isna().all()


def test_the_section_says_what_the_tables_hold(folder: Path) -> None:
    assert pairs_section(load_run(folder)) is None
    pairs = make_pairs()
    pairs.to_csv(folder / "pairs.csv", index=False)
    correlate_pairs(pairs).to_csv(folder / "pair_correlations.csv", index=False)
    section = pairs_section(load_run(folder))
    assert section is not None
    assert "6 networks were attacked one after the other (fgsm, L∞ eps 0.1)" in section.paragraphs[0]
    assert f"{round(100 * pairs['transfer_rate'].mean())}% on average" in section.paragraphs[0]
    assert f"disagreement on clean images {MINUS}1 (p = " in section.paragraphs[1]
    assert "overlap of the errors (IoU)" in section.paragraphs[1]
    assert len(section.tables[0].rows) == 3


def test_ranges_and_points_are_of_the_pairs_that_are_correlated(fake: Any, tmp_path: Path) -> None:
    pairs = make_pairs(7)
    pairs.loc[pairs["from_network"] == 2, "transfer_rate"] = np.nan
    pairs.loc[pairs["to_network"] == 2, ["transfer_rate", "error_iou"]] = [0.9999, 7.0]
    fake.info["cells"][0]["target"] = 3
    folder = fake.write(tmp_path / "run")
    pairs.to_csv(folder / "pairs.csv", index=False)
    correlate_pairs(pairs).to_csv(folder / "pair_correlations.csv", index=False)
    section = pairs_section(load_run(folder))
    assert section is not None
    assert "7 networks were attacked" in section.paragraphs[0]
    assert "Left out: 1 that no image fooled." in section.paragraphs[0]
    assert ">99%" not in section.paragraphs[0]
    row = section.tables[0].rows[2]
    assert row[1:3] == ("6", "30")
    assert float(row[5]) < 1
    assert "over 30 pairs" in section.pictures[0].alt
    assert len(np.asarray(section.pictures[0].figure.axes[0].collections[0].get_offsets())) == 30
    assert "towards any wrong class" in section.paragraphs[2]


def test_kinds_are_compared_over_the_same_pairs(folder: Path) -> None:
    pairs = make_pairs(7)
    pairs.loc[pairs["from_network"] == 2, "transfer_rate"] = np.nan
    tables = {"pairs": pairs, "pair_correlations": correlate_pairs(pairs)}
    run = replace(load_run(folder), evidence=tables)
    section = pairs_section(replace(run, beside={"swag": run}))
    assert section is not None
    assert {row[2:4] for row in section.tables[1].rows} == {("6", "30")}


def test_one_network_that_was_fooled_makes_no_pair(folder: Path) -> None:
    pairs = make_pairs(2)
    pairs.loc[pairs["from_network"] == 1, "transfer_rate"] = np.nan
    tables = {"pairs": pairs, "pair_correlations": correlate_pairs(pairs)}
    assert pairs_section(replace(load_run(folder), evidence=tables)) is None


def test_every_pair_is_a_point() -> None:
    pairs = make_pairs()
    for axes, measure in zip(
        draw_pairs(pairs.assign(name="mine"), ["mine"]).axes,
        ("disagreement", "weight_distance", "error_iou"),
        strict=True,
    ):
        points = np.asarray(axes.collections[0].get_offsets())
        np.testing.assert_allclose(points, pairs[[measure, "transfer_rate"]])


def test_a_correlation_without_evidence_is_said_to_have_none(folder: Path) -> None:
    correlations = correlate_pairs(make_pairs())
    correlations["p_value"] = [0.04, 0.06, 0.5]
    run = replace(load_run(folder), evidence={"pairs": make_pairs(), "pair_correlations": correlations})
    section = pairs_section(run)
    assert section is not None
    told = [", no evidence" in text for text in section.paragraphs[1].split(";")]
    assert told == [False, True, True]
