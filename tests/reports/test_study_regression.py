"""The study of one-dimensional regression, from tables with known contents."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from robust_hypergan.reports.statistics.regression import (
    by_distance,
    change_outside,
    geometric_mean,
    over_seeds,
    sampling_error,
    summarise_regression,
)
from robust_hypergan.reports.studies.regression import REGRESSION
from robust_hypergan.reports.tables.study import Study

X = np.linspace(-6, 6, 49)
INSIDE = np.abs(X) <= 4


def predictions(kind, seed, networks, bias, sd_inside, sd_outside):
    sd = np.where(INSIDE, sd_inside, sd_outside)
    values = {"kind": kind, "seed": seed, "networks": networks, "x": X, "mean": X**3 + bias, "sd": sd}
    return pd.DataFrame(values)


def make_study(bias=1.0, sd=1.0, outside=4.0, kept=1.0, change=1.0, seeds=3):
    """The same numbers for every kind, but that the seeds differ a little, and anchored is always fine."""
    rows, course = [], []
    for seed in range(seeds):
        wobble = 1 + 0.01 * seed
        for kind in ("hypergan", "hypergan-anchored", "deep-ensemble", "mc-dropout"):
            fine = kind != "hypergan"
            own = (1.0, 1.0, 4.0) if fine else (bias, sd, outside)
            sizes = (10,) if kind == "deep-ensemble" else (10, 100, 1000)
            for size in sizes:
                factor = change if size == 1000 and not fine else 1.0
                table = predictions(
                    kind, seed, size, own[0] * wobble, own[1] * wobble, own[2] * wobble * factor
                )
                rows.append(table)
        for kind, share in (("hypergan", kept), ("hypergan-anchored", 1.0)):
            for step, width in ((10, 1.0), (20, share)):
                course.append(
                    {"kind": kind, "seed": seed, "step": step, "loss": 1.0, "sd_inside": width * wobble}
                    | {"sd_outside": 4.0}
                )
    table = pd.concat(rows, ignore_index=True)
    data = pd.DataFrame([(seed, x, x**3 + 1) for seed in range(seeds) for x in (-4.0, 0.0, 4.0)])
    tables = {
        "regression": table,
        "regression_data": data.set_axis(["seed", "x", "y"], axis=1),
        "regression_summary": summarise_regression(table, 4.0),
        "regression_training": pd.DataFrame(course),
    }
    return Study(Path(), "regression", {}, tables)


def test_a_band_is_judged_inside_and_outside_the_data():
    (row,) = summarise_regression(predictions("a", 0, 10, 2.0, 0.5, 2.0), 4.0).to_dict("records")
    assert row["rmse_inside"] == pytest.approx(2)
    assert (row["coverage_inside"], row["coverage_outside"]) == (0, 1)
    assert (row["sd_inside"], row["sd_outside"], row["growth"]) == (0.5, 2.0, 4.0)


def test_the_end_of_the_data_lies_inside():
    table = predictions("a", 0, 10, 0.0, 1.0, 9.0)
    assert summarise_regression(table, 4.0)["sd_inside"].item() == 1
    assert summarise_regression(table, 3.9)["sd_outside"].item() < 9


def test_means_over_seeds_are_geometric_but_for_shares():
    summary = pd.DataFrame({"growth": [2.0, 8.0], "coverage_inside": [1.0, 0.8]})
    mean, low, high = over_seeds(summary, "growth")
    assert mean == pytest.approx(4)
    assert low * high == pytest.approx(16)
    mean, low, high = over_seeds(summary, "coverage_inside")
    assert (mean, high) == (pytest.approx(0.9), 1)
    assert 0 <= low < 0.9


def test_one_seed_has_no_interval():
    mean, low, high = geometric_mean(np.array([3.0]))
    assert mean == pytest.approx(3)
    assert np.isnan([low, high]).all()


def test_chance_moves_an_estimated_sd_by_as_much_as_is_said():
    values = np.random.default_rng(0).standard_normal((4000, 100))
    assert np.median(np.abs(values.std(1, ddof=1) - 1)) == pytest.approx(sampling_error(100), rel=0.06)


def test_the_change_between_ensembles_is_that_outside_the_data():
    table = pd.concat([predictions("a", 0, 10, 0, 1, 4), predictions("a", 0, 100, 0, 7, 5)])
    assert change_outside(table, "a", 10, 100, 4.0) == pytest.approx(0.25)


def test_the_width_at_a_distance_is_that_of_both_sides():
    table = predictions("a", 0, 10, 0, 1, 4)
    table.loc[table["x"] == 5, "sd"] = 6.0
    assert by_distance(table, 4.0, (0.0, 1.0))["sd"].tolist() == [1, 5]


@pytest.mark.parametrize(
    ("changes", "verdicts"),
    [
        ({}, ["holds"] * 6),
        ({"bias": 9.0}, ["holds in part", "holds in part", "holds", "holds", "holds", "holds"]),
        ({"outside": 0.5}, ["holds", "holds", "holds in part", "holds", "holds", "holds"]),
        ({"outside": 0.2}, ["holds", "holds", "holds in part", "holds in part", "holds", "holds"]),
        ({"change": 1.3}, ["holds", "holds", "holds", "holds", "holds in part", "holds"]),
        ({"kept": 0.5}, ["holds", "holds", "holds", "holds", "holds", "holds in part"]),
        ({"seeds": 1}, [*["undecided"] * 4, "holds", "undecided"]),  # but for what is no mean over seeds
    ],
)
def test_every_claim_can_fail(changes, verdicts):
    outside = {"outside": 4.0} | ({"outside": 9.0} if "bias" in changes else {})
    claims = REGRESSION.claims(make_study(**(outside | changes)))
    assert [claim.verdict for claim in claims] == verdicts


def test_a_claim_says_what_was_found_for_both_losses():
    claim = REGRESSION.claims(make_study(kept=0.5, seeds=1))[-1]
    assert claim.ours == "kept: HyperGAN 50%; HyperGAN, anchored 100%"


def test_one_number_of_networks_can_not_change():
    study = make_study()
    for stem in ("regression", "regression_summary"):
        table = study.tables[stem]
        study.tables[stem] = table[table["networks"] == 10]
    assert len(REGRESSION.claims(study)) == 5
    assert REGRESSION.sections(study)[0].title == "The predictive distribution"


def test_the_panels_are_those_of_the_paper_for_both_losses_then_all_kinds():
    first, beside, *_ = REGRESSION.sections(make_study())
    figure = first.pictures[0].figure
    assert [axes.get_title().split("\n")[1] for axes in figure.axes[:3]] == [
        "10 networks",
        "100 networks",
        "1,000 networks",
    ]
    assert len(figure.axes) == 6
    titles = [axes.get_title() for axes in beside.pictures[0].figure.axes]
    assert titles[2:] == ["deep ensemble\n10 networks", "MC dropout\n1,000 networks"]
    assert len(beside.tables[0].rows) == 10


def test_inside_the_data_the_difference_from_the_function_is_drawn():
    _, beside, *_ = REGRESSION.sections(make_study(bias=2.5))
    axes = beside.pictures[1].figure.axes[0]
    mean, function, observations = axes.lines[:3]
    np.testing.assert_allclose(mean.get_ydata(), 2.5, atol=1e-9)
    np.testing.assert_allclose(function.get_ydata(), 0)
    np.testing.assert_allclose(observations.get_ydata(), 1)
    assert axes.get_xlim() == (-4, 4)


def test_a_kind_has_one_colour_in_all_figures():
    sections = REGRESSION.sections(make_study())
    anchored = sections[0].pictures[0].figure.axes[3].lines[0].get_color()
    legends = [section.pictures[0].figure.legends[0] for section in sections[2:]]
    for legend in legends:
        names = [text.get_text().startswith("HyperGAN, anchored") for text in legend.get_texts()]
        assert legend.get_lines()[names.index(True)].get_color() == anchored


def test_the_second_half_of_the_training_begins_in_its_middle():
    study = make_study()
    early = study.tables["regression_training"].query("step == 10").assign(step=2)
    early["sd_inside"] *= 3
    study.tables["regression_training"] = pd.concat([early, study.tables["regression_training"]])
    assert REGRESSION.claims(study)[-1].verdict == "holds"


def test_what_the_only_kind_misses_does_not_hold():
    study = make_study(bias=9.0, outside=9.0)
    for stem in ("regression", "regression_summary", "regression_training"):
        table = study.tables[stem]
        study.tables[stem] = table[table["kind"] == "hypergan"]
    assert [claim.verdict for claim in REGRESSION.claims(study)][:2] == ["does not hold"] * 2


def test_an_interval_that_reaches_over_the_end_decides_nothing():
    study = make_study()
    summary = study.tables["regression_summary"]
    wide = summary["rmse_inside"].mask(summary["seed"] == 1, 9.0)
    study.tables["regression_summary"] = summary.assign(rmse_inside=wide)
    assert REGRESSION.claims(study)[0].verdict == "undecided"


def test_chance_is_that_of_the_smaller_ensemble():
    assert REGRESSION.claims(make_study(change=1.05))[4].verdict == "holds"


def test_one_look_at_the_band_and_one_seed_decide_nothing():
    study = make_study()
    training = study.tables["regression_training"]
    study.tables["regression_training"] = training[training["step"] == training["step"].max()]
    assert (REGRESSION.claims(study)[-1].verdict, "100%" in REGRESSION.claims(study)[-1].ours) == (
        "undecided",
        False,
    )
    alone = make_study()
    for stem, table in alone.tables.items():
        alone.tables[stem] = table[table["seed"] == table["seed"].min()] if "seed" in table else table
    assert {claim.verdict for claim in REGRESSION.claims(alone)[:4]} == {"undecided"}
