"""AUROC and false alarms against counting every pair, and the section that shows them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from robust_hypergan.reports.columns import EVIDENCE_TABLES
from robust_hypergan.reports.figures.entropy import draw_entropy
from robust_hypergan.reports.sections.detection import detection_section
from robust_hypergan.reports.statistics.detection import (
    auroc_difference_interval,
    auroc_interval,
    detection_table,
    false_alarms,
    false_alarms_interval,
)
from robust_hypergan.reports.tables.run import load_run


def kernels(positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    """1 where the positive is higher, 1/2 where equal, for every pair."""
    return (positives[:, None] > negatives) + 0.5 * (positives[:, None] == negatives)


def test_the_area_is_the_share_of_pairs_and_the_variance_delongs() -> None:
    random = np.random.default_rng(0)
    positives, negatives = random.integers(3, 12, 40).astype(float), random.integers(0, 9, 60).astype(float)
    pairs = kernels(positives, negatives)
    area, low, high = auroc_interval(positives, negatives)
    assert area == pytest.approx(pairs.mean())
    variance = pairs.mean(1).var(ddof=1) / 40 + pairs.mean(0).var(ddof=1) / 60
    logit = math.log(area / (1 - area))
    reach = 1.959963984540054 * math.sqrt(variance) / (area * (1 - area))
    assert low == pytest.approx(1 / (1 + math.exp(reach - logit)))
    assert high == pytest.approx(1 / (1 + math.exp(-reach - logit)))


def test_the_interval_covers_the_true_area() -> None:
    random = np.random.default_rng(1)
    truth = 0.8413447460685429  # P(N(sqrt 2, 1) > N(0, 1)) = Phi(1)
    hits = 0
    for _ in range(400):
        _, low, high = auroc_interval(random.standard_normal(50) + math.sqrt(2), random.standard_normal(80))
        hits += low <= truth <= high
    assert 0.92 <= hits / 400 <= 0.985


def test_perfect_equal_and_missing_scores() -> None:
    area, low, high = auroc_interval([5, 6, 7, 8], [1, 2, 3])
    assert (area, high) == (1.0, 1.0)
    assert 0.3 < low < 0.6  # three of three
    assert auroc_interval([1, 1], [1, 1, 1])[0] == 0.5
    assert all(math.isnan(value) for value in auroc_interval([], [1.0]))
    assert math.isnan(false_alarms([], [1.0]))


def test_false_alarms_at_95_percent_found() -> None:
    positives = np.arange(100, 120)  # 19 of 20 must be found: the threshold is 101
    assert false_alarms(positives, [0, 100, 101, 500]) == 0.5
    assert false_alarms(positives, [0, 1]) == 0


def test_a_score_that_is_nan_ranks_nothing() -> None:
    for positives, negatives in (([1.0, math.nan], [0.0, 0.5]), ([1.0, 2.0], [math.nan, 0.5])):
        assert all(math.isnan(value) for value in auroc_interval(positives, negatives))
        assert math.isnan(false_alarms(positives, negatives))
        assert all(math.isnan(value) for value in false_alarms_interval(positives, negatives))
        other = ([1.0, 2.0], [0.0, 0.5])
        assert all(math.isnan(end) for end in auroc_difference_interval(other, (positives, negatives)))


def test_the_paired_difference_is_delongs() -> None:
    random = np.random.default_rng(3)
    first = random.integers(2, 12, 30).astype(float), random.integers(0, 9, 50).astype(float)
    second = first[0] + random.integers(-3, 3, 30), first[1] + random.integers(-3, 3, 50)
    pairs = kernels(*first) - kernels(*second)
    difference, low, high = auroc_difference_interval(first, second)
    assert difference == pytest.approx(pairs.mean())
    reach = 1.959963984540054 * math.sqrt(pairs.mean(1).var(ddof=1) / 30 + pairs.mean(0).var(ddof=1) / 50)
    assert (low, high) == pytest.approx((difference - reach, difference + reach))
    apart = [auroc_interval(*each) for each in (first, second)]
    assert high - low < sum(ends[2] - ends[1] for ends in apart)  # what both find easy cancels
    assert auroc_difference_interval(first, first) == (0, 0, 0)
    with pytest.raises(ValueError, match="different images"):
        auroc_difference_interval(first, (second[0][1:], second[1]))


def test_the_paired_interval_covers_the_true_difference() -> None:
    random = np.random.default_rng(4)
    truth = 0.8413447460685429 - 0.7602499389065234  # Phi(1) - Phi(1 / sqrt 2)
    hits = 0
    for _ in range(300):
        shared = random.standard_normal(60) + math.sqrt(2), random.standard_normal(70)
        noise = random.standard_normal(60) * math.sqrt(2) + 0, random.standard_normal(70) * math.sqrt(2)
        noisy = (shared[0] + noise[0] * math.sqrt(0.5), shared[1] + noise[1] * math.sqrt(0.5))
        _, low, high = auroc_difference_interval(shared, noisy)
        hits += low <= truth <= high
    assert 0.91 <= hits / 300 <= 0.985


def test_the_interval_of_false_alarms_covers_the_share_at_the_true_threshold() -> None:
    random = np.random.default_rng(5)
    truth = 0.36123997  # P(N(0, 1) > 2 - 1.6448536), the threshold that finds 95% of N(2, 1)
    hits, widths = 0, []
    for _ in range(300):
        positives, negatives = random.standard_normal(150) + 2, random.standard_normal(200)
        low, high = false_alarms_interval(positives, negatives)
        assert low <= false_alarms(positives, negatives) <= high
        hits += low <= truth <= high
        widths.append(high - low)
    assert 0.92 <= hits / 300 <= 0.99
    assert np.mean(widths) > 2 * 1.96 * math.sqrt(truth * (1 - truth) / 200)  # the threshold is uncertain too


def test_no_false_alarm_at_all_still_leaves_some_possible() -> None:
    low, high = false_alarms_interval(np.arange(100, 200), np.arange(50))
    assert low == 0
    assert 0.01 < high < 0.1
    assert false_alarms_interval([5.0], [9.0])[1] == pytest.approx(1, abs=1e-3)


def make_uncertainty() -> pd.DataFrame:
    random = np.random.default_rng(2)
    kinds = [
        ("clean", "digits", "", "", math.nan, 0.2),
        ("adversarial", "digits", "pgd", "linf", 0.1, 0.8),
        ("adversarial", "digits", "entropy-pgd:networks=8", "linf", 0.1, 0.1),
        ("outlier", "clothes", "", "", math.nan, 1.5),
    ]
    tables = []
    for *key, level in kinds:
        rows = pd.DataFrame({"example": range(50), "networks": 9, "entropy": level * random.random(50)})
        rows["mutual_information"] = rows["entropy"] / 2
        rows["variance"] = 0.1
        rows["vote_wrong"] = math.nan if key[0] == "outlier" else (rows["example"] % 2).astype(float)
        for place, (name, value) in enumerate(zip(EVIDENCE_TABLES["uncertainty"][:5], key, strict=True)):
            rows.insert(place, name, value)
        tables.append(rows)
    return pd.concat(tables, ignore_index=True)


def test_the_table_sets_every_kind_against_the_clean_images() -> None:
    uncertainty = make_uncertainty()
    table = detection_table(uncertainty)
    assert len(table) == 2 * (2 + 2 + 1)
    row = table.query("attack == 'pgd' and subset == 'vote wrong' and score == 'entropy'").iloc[0]
    clean = uncertainty[uncertainty["inputs"] == "clean"]["entropy"].to_numpy()
    wrong = uncertainty.query("attack == 'pgd' and vote_wrong == 1")["entropy"].to_numpy()
    assert (row["positives"], row["negatives"]) == (25, 50)
    assert row["auroc"] == pytest.approx(kernels(wrong, clean).mean())


def test_the_section_says_what_the_tables_hold_and_is_remade_from_the_files(folder: Path) -> None:
    uncertainty = make_uncertainty()
    assert detection_section(load_run(folder)) is None
    uncertainty.to_csv(folder / "uncertainty.csv", index=False)
    table = detection_table(uncertainty)
    table.to_csv(folder / "detection.csv", index=False)
    section = detection_section(load_run(folder))
    assert section is not None
    outlying, plain, adaptive = section.paragraphs
    area = table.query("inputs == 'outlier' and score == 'entropy'")["auroc"].item()
    assert f"Outlying images (clothes) are told from clean ones with AUROC {area:.3g}" in outlying
    assert "(pgd, L∞ eps 0.1)" in plain
    assert "knows of the detector (entropy-pgd:networks=8, L∞ eps 0.1)" in adaptive
    assert [row[0] for row in section.tables[0].rows][-1] == "outliers: clothes"
    assert all(len(row) == len(section.tables[0].headings) for row in section.tables[0].rows)


def test_clean_is_dashed_and_the_others_solid() -> None:
    figure = draw_entropy(make_uncertainty())
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert len(panels) == 2
    for axes in panels:
        assert [line.get_linestyle() for line in axes.lines] == ["--", "-", "-"]
    entropies = make_uncertainty().query("attack == 'pgd'")["entropy"]
    drawn = np.asarray(panels[0].lines[2].get_xdata(), dtype=float)[1:]
    np.testing.assert_allclose(drawn, np.sort(entropies))


def test_cells_of_few_wrong_votes_say_nothing_of_the_detector(folder: Path) -> None:
    uncertainty = make_uncertainty()
    pgd = uncertainty["attack"] == "pgd"
    uncertainty.loc[pgd, "vote_wrong"] = (uncertainty.loc[pgd, "example"] < 9).astype(float)
    tables = {"uncertainty": uncertainty, "detection": detection_table(uncertainty)}
    section = detection_section(replace(load_run(folder), evidence=tables))
    assert section is not None
    assert not [text for text in section.paragraphs if "(pgd, " in text]


def test_all_adversarial_images_are_counted_beside_those_that_make_the_vote_wrong() -> None:
    table = detection_table(make_uncertainty()).query("attack == 'pgd' and score == 'entropy'")
    assert dict(zip(table["subset"], table["positives"], strict=True)) == {"all": 50, "vote wrong": 25}
