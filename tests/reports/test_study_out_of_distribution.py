"""The page of the study of uncertainty: what it claims, shows and refuses, from its tables alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from robust_hypergan.base.errors import InputError
from robust_hypergan.reports import write_report
from robust_hypergan.reports.figures.extremes import draw_extremes
from robust_hypergan.reports.figures.outliers import draw_detectors, draw_differences, draw_entropy_cdf
from robust_hypergan.reports.figures.style import KIND_COLOURS
from robust_hypergan.reports.statistics.detection import false_alarms, false_alarms_interval
from robust_hypergan.reports.studies.kinds import STUDIES
from robust_hypergan.reports.studies.out_of_distribution import claims, sections
from robust_hypergan.reports.tables.outliers import OUTLIER_GALLERY, SCORES, ScoredImages, outlier_tables
from robust_hypergan.reports.tables.study import Study, load_study
from robust_hypergan.reports.wording import UNKNOWN

SETS = {"mnist": 0.0, "notmnist": 2.6, "fashion-mnist": 4.0}


def scored(
    kind: str, asked: int, networks: int, sharpness: float, sign: float, training: int = 1
) -> ScoredImages:
    """Normal entropies, outliers ``sign * sharpness`` times their usual distance above the inliers."""
    scores = {}
    for place, (data, distance) in enumerate(SETS.items()):
        noise = np.random.default_rng(place).standard_normal(400)
        values = 10 + noise + sign * sharpness * distance
        missing = np.full_like(values, np.nan)
        scores[data] = {score: values if networks > 1 or score == "entropy" else missing for score in SCORES}
    return ScoredImages(kind, kind, asked, networks, training, 0.97, scores)


def write(folder: Path, kinds: dict[str, tuple[int, float]], sign: float = 1.0) -> Path:
    """A finished study of kinds with at most so many networks and such sharpness."""
    made = [
        scored(kind, asked, min(asked, most), sharpness, sign)
        for kind, (most, sharpness) in kinds.items()
        for asked in (1, 10)
    ]
    rows = [
        [
            row,
            "hypergan",
            10,
            data,
            "inlier" if data == "mnist" else "outlier",
            rank,
            7 + row,
            0.5,
            "A",
            "3",
            0.9,
        ]
        for row, (data, rank) in enumerate((data, rank) for data in SETS for rank in range(2))
    ]
    gallery = pd.DataFrame(rows, columns=OUTLIER_GALLERY)
    folder.mkdir(exist_ok=True)
    for stem, table in {**outlier_tables(made), "gallery": gallery}.items():
        table.to_csv(folder / f"{stem}.csv", index=False)
    save_file({"images": np.zeros((len(rows), 1, 4, 4), np.uint8)}, folder / "gallery.safetensors")
    record = {"format": 1, "study": "uncertainty", "status": "done", "command": "robust-hypergan uncertainty"}
    (folder / "run.json").write_text(json.dumps(record))
    return folder


KINDS = {"hypergan": (100, 1.3), "ordinary": (1, 0.7), "mc-dropout": (100, 1.3)}


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return load_study(write(tmp_path / "study", KINDS), STUDIES)


def verdicts(study: Study) -> dict[str, str]:
    return {claim.claim: claim.verdict for claim in claims(study)}


def test_the_verdicts_follow_the_tables(study: Study) -> None:
    found = verdicts(study)
    assert list(found.values()) == ["holds", "holds", "holds", "holds", "holds", "undecided"]
    assert "hypergan tells outliers from inliers better than an ordinary network" in found
    area = (
        study.tables["ood"]
        .query("name == 'hypergan' and asked == 10 and data == 'notmnist' and score == 'entropy'")["auroc"]
        .item()
    )
    aim = next(claim for claim in claims(study) if "AUROC of the entropy, notmnist" in claim.claim)
    assert aim.ours.startswith(f"{area:.4f} (")
    assert aim.ours.endswith("with 10 networks")
    assert "at least 0.98" in aim.paper
    assert "our aim" in aim.paper


def test_outliers_of_low_entropy_are_said_to_have_it(tmp_path: Path) -> None:
    study = load_study(write(tmp_path / "study", KINDS, sign=-1.0), STUDIES)
    found = list(verdicts(study).values())
    assert found == ["does not hold"] * 5 + ["undecided"]


def test_where_the_sharper_kind_is_the_other_the_claim_does_not_hold(tmp_path: Path) -> None:
    kinds = {"hypergan": (100, 0.5), "mc-dropout": (100, 0.9)}
    found = verdicts(load_study(write(tmp_path / "study", kinds), STUDIES))
    assert found["hypergan tells outliers from inliers better than MC dropout"] == "does not hold"


def test_the_page_is_made_from_the_folder(study: Study) -> None:
    page = write_report(study.folder).read_text()
    text = (study.folder / "report.md").read_text()
    for name in ("entropy-cdf", "outliers-auroc", "outliers-fpr95", "outliers-differences", "extremes"):
        assert (study.folder / "figures" / f"{name}.png").exists()
        assert f"figures/{name}.png" in text
    assert "Uncertainty in and out of distribution" in page
    assert "Kinds with fewer networks stand with all of theirs: ordinary has 1." in text


def test_tables_show_each_network_once_and_no_score_that_there_is_not(study: Study) -> None:
    every = {section.name: section for section in sections(study)}
    for section in every.values():
        assert all(len(row) == len(table.headings) for table in section.tables for row in table.rows)
    (first, _) = every["outliers"].tables
    assert [row[:2] for row in first.rows] == [
        ("hypergan", "1"),
        ("hypergan", "10"),
        ("ordinary", "1"),
        ("mc-dropout", "1"),
        ("mc-dropout", "10"),
    ]
    assert set(first.rows[0][4:]) == {UNKNOWN}  # one network has neither mutual information nor variance
    assert first.rows[0][2] != UNKNOWN


def test_one_kind_alone_has_no_differences(tmp_path: Path) -> None:
    study = load_study(write(tmp_path / "study", {"hypergan": (100, 1.0)}), STUDIES)
    assert [section.name for section in sections(study)] == ["entropy", "outliers", "extremes"]
    assert len(claims(study)) == 4


def test_outliers_are_solid_and_inliers_dashed_in_the_colour_of_the_kind(study: Study) -> None:
    figure = draw_entropy_cdf(study.tables["entropy_cdf"])
    panels = figure.axes
    assert [axes.get_title() for axes in panels[:2]] == ["notmnist, 1 network", "notmnist, 10 networks"]
    lines = [line for line in panels[0].lines if len(line.get_xdata())]
    drawn = {(line.get_linestyle(), line.get_color()) for line in lines}
    assert drawn == {(style, KIND_COLOURS[kind]) for style in ("-", "--") for kind in KINDS}


def test_detectors_stand_at_the_number_of_networks_they_have(study: Study) -> None:
    ood = study.tables["ood"]
    axes = draw_detectors(ood, "auroc", ("ci_low", "ci_high"), "AUROC").axes[0]
    points = {line.get_label(): len(line.get_xdata()) for line in axes.lines}
    assert points == {"hypergan": 2, "ordinary": 1, "mc-dropout": 2}
    main = ood.query("name == 'hypergan' and data == 'notmnist' and score == 'entropy'")
    np.testing.assert_allclose(axes.lines[0].get_ydata(), main["auroc"])


def test_differences_are_drawn_with_their_intervals(study: Study) -> None:
    table = study.tables["ood_differences"].query("asked == 10 and score == 'entropy'")
    axes = draw_differences(table).axes[0]
    points = [line.get_xdata()[0] for line in axes.lines[1:]]
    assert points == table.loc[table["data"] == "notmnist", "difference"].tolist()
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["ordinary", "mc-dropout"]


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_carry_what_was_said_of_them(study: Study, channels: int) -> None:
    table = study.tables["gallery"]
    figure = draw_extremes(table, np.zeros((len(table), channels, 4, 4), np.uint8))
    texts = [text.get_text() for axes in figure.get_axes() for text in axes.texts]
    assert texts == ["A\nsays 3\n0.5"] * 6


def lost(folder: Path) -> None:
    (folder / "gallery.safetensors").unlink()


def another(folder: Path) -> None:
    save_file({"images": np.zeros((1, 1, 4, 4), np.uint8)}, folder / "gallery.safetensors")


@pytest.mark.parametrize(("damage", "message"), [(lost, "is damaged"), (another, "does not fit gallery.csv")])
def test_a_damaged_gallery_is_an_input_error(
    study: Study, damage: Callable[[Path], None], message: str
) -> None:
    damage(study.folder)
    with pytest.raises(InputError, match=message):
        sections(study)


BETTER, WORSE, EITHER = (0.1, 0.05, 0.15), (-0.1, -0.15, -0.05), (0.01, -0.05, 0.07)


@pytest.mark.parametrize(
    ("right", "left", "verdict"),
    [
        (0.01, 0.2, "holds"),
        (0.01, 0.01, "holds in part"),
        (0.2, 0.01, "does not hold"),
        (0.2, 0.2, "undecided"),
    ],
)
def test_outliers_lie_right_of_inliers_where_the_two_tests_say_so(
    study: Study, right: float, left: float, verdict: str
) -> None:
    study.tables["entropy"] = study.tables["entropy"].assign(ks_right_p=right, ks_left_p=left)
    assert verdicts(study)["The entropy of outliers (notmnist) lies right of that of inliers"] == verdict


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [((0.981, 0.99), "holds"), ((0.97, 0.99), "undecided"), ((0.96, 0.975), "does not hold")],
)
def test_an_aim_is_reached_only_by_the_whole_interval(
    study: Study, ends: tuple[float, float], verdict: str
) -> None:
    study.tables["ood"] = study.tables["ood"].assign(auroc=0.985, ci_low=ends[0], ci_high=ends[1])
    assert verdicts(study)["AUROC of the entropy, notmnist against the inliers"] == verdict


def test_aims_are_for_networks_of_mnist_alone(study: Study) -> None:
    entropy = study.tables["entropy"]
    study.tables["entropy"] = entropy.assign(data=entropy["data"].mask(entropy["role"] == "inlier", "cifar5"))
    assert not [claim for claim in verdicts(study) if claim.startswith("AUROC")]


@pytest.mark.parametrize(
    ("sets", "verdict"),
    [
        ((BETTER, BETTER), "holds"),
        ((BETTER, EITHER), "holds in part"),
        ((BETTER, WORSE), "holds in part"),
        ((EITHER, WORSE), "does not hold"),
        ((EITHER, EITHER), "undecided"),
    ],
)
def test_a_kind_is_better_as_far_as_it_is_on_every_set_of_outliers(
    study: Study, sets: tuple[tuple[float, float, float], ...], verdict: str
) -> None:
    table = study.tables["ood_differences"].copy()
    for data, values in zip(("notmnist", "fashion-mnist"), sets, strict=True):
        table.loc[table["data"] == data, ["difference", "ci_low", "ci_high"]] = values
    study.tables["ood_differences"] = table
    assert verdicts(study)["hypergan tells outliers from inliers better than an ordinary network"] == verdict


def test_false_alarms_are_inliers_above_what_finds_the_outliers() -> None:
    own = scored("hypergan", 10, 10, 0.5, 1.0)
    row = outlier_tables([own])["ood"].query("data == 'notmnist' and score == 'entropy'").iloc[0]
    high, low = own.scores["notmnist"]["entropy"], own.scores["mnist"]["entropy"]
    expected = (false_alarms(high, low), *false_alarms_interval(high, low))
    assert tuple(row[["fpr95", "fpr95_low", "fpr95_high"]]) == expected
