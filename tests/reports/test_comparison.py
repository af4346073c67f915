"""Runs side by side: differences, what is paired, and the page."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from robust_hypergan.base.errors import InputError
from robust_hypergan.reports import compare_runs, load_run, write_comparison
from robust_hypergan.reports.columns import COMPARISON_COLUMNS
from robust_hypergan.reports.figures.comparison import draw_comparison, draw_spread
from robust_hypergan.reports.figures.style import KIND_COLOURS, kind_colours
from robust_hypergan.reports.sections.comparison import comparison_section
from robust_hypergan.reports.sections.comparison_tables import differences_table
from robust_hypergan.reports.statistics.differences import difference_interval, paired_difference_interval
from robust_hypergan.reports.tables.files import read_table
from robust_hypergan.reports.tables.run import Run
from tests.reports.test_page import HOSTILE, Outline

Make = Callable[..., Run]


@pytest.fixture
def make(fabricate: Any, tmp_path: Path) -> Make:
    """A run in a folder of its name, of a kind and on data of a hash, judged by networks of a hash."""

    def write(name: str, *, kind: str = "", data: str = "d", fresh: str = "", **options: Any) -> Run:
        fake = fabricate(**({"attacks": ("fgsm",), "eps": (0.1, 0.2)} | options))
        fake.info["kind"] = kind
        fake.info["data"]["sha256"] = data
        if fresh:
            fake.info["fresh"]["sha256"] = fresh
        return load_run(fake.write(tmp_path / name))

    return write


def test_a_run_does_not_differ_from_itself(make: Make) -> None:
    run = make("a", fresh="n")
    table = compare_runs({"a": run, "b": run})
    own, other = table[table["name"] == "a"], table[table["name"] == "b"]
    assert list(table.columns) == COMPARISON_COLUMNS
    assert own["difference"].isna().all()
    assert (other["difference"] == 0).all()
    assert (other["same_networks"] == 1).all()
    assert (other["pairs"] == 0).all()  # without any spread nothing is learnt from the pairs
    assert (other["difference_low"] < 0).all()


def test_differences_are_over_the_examples_that_fooled_both(make: Make) -> None:
    runs = {"a": make("a"), "b": make("b", seed=1)}
    table = compare_runs(runs)
    for _, row in table[table["name"] == "b"].iterrows():
        sides, networks = [], []
        for name in ("b", "a"):
            rows = runs[name].examples.query("eps == @row.eps and source_fooled")
            sides.append(dict(zip(rows["example"], rows["fooled_fraction"], strict=True)))
            fresh = runs[name].networks.query("eps == @row.eps and role == 'fresh'")
            networks.append(fresh["fooled_fraction"])
        both = sorted(set(sides[0]) & set(sides[1]))
        differences = [sides[0][example] - sides[1][example] for example in both]
        assert row["pairs"] == len(both) >= 10
        assert row["difference"] == pytest.approx(np.mean(differences))
        told = (row["difference"], row["difference_low"], row["difference_high"])
        assert told == pytest.approx(paired_difference_interval(differences, *networks))


def test_the_same_networks_are_paired_and_others_are_not(make: Make) -> None:
    first, second = make("a", fresh="n"), make("b", fresh="n", seed=1)
    other = replace(second, record=replace(second.record, fresh={"sha256": "m"}))
    same, apart = (compare_runs({"a": first, "b": each}).iloc[-1] for each in (second, other))
    assert (same["same_networks"], apart["same_networks"]) == (1, 0)
    assert same["difference"] == apart["difference"]
    assert same["difference_low"] != apart["difference_low"]


def test_other_data_is_compared_as_independent(make: Make) -> None:
    table = compare_runs({"a": make("a"), "b": make("b", seed=1, data="e")})
    for eps in (0.1, 0.2):
        rows = table[table["eps"] == eps]
        means = [tuple(row) for row in rows[["fooled_mean", "ci_low", "ci_high"]].to_numpy()]
        told = rows[["difference", "difference_low", "difference_high"]].iloc[1]
        assert rows["pairs"].iloc[1] == 0
        assert tuple(told) == pytest.approx(difference_interval(means[1], means[0]))


def test_a_single_network_has_no_interval_and_a_missing_cell_no_difference(make: Make) -> None:
    one = make("one", networks=1, seed=1)
    table = compare_runs({"a": make("a"), "one": one, "wide": make("wide", eps=(0.2, 0.4), seed=2)})
    single, wide = table[table["name"] == "one"], table[table["name"] == "wide"]
    assert single[["ci_low", "ci_high", "difference_low", "difference_high"]].isna().all(axis=None)
    assert wide["difference"].notna().tolist() == [True, False]


def test_the_interval_of_a_paired_difference_covers_as_often_as_it_says() -> None:
    """The same examples on two independent sets of few networks: pairs alone cover far too rarely."""
    rng, repetitions, hits, naive = np.random.default_rng(0), 800, 0, 0
    for _ in range(repetitions):
        ease = 2 * rng.standard_normal((80, 1))
        sides = []
        for count in (40, 8):
            chance = expit(0.3 + ease + 0.7 * rng.standard_normal((1, count)))
            sides.append(rng.random((80, count)) < chance)
        differences = sides[0].mean(1) - sides[1].mean(1)
        _, low, high = paired_difference_interval(differences, *(side.mean(0) for side in sides))
        hits += low <= 0 <= high
        _, low, high = paired_difference_interval(differences)
        naive += low <= 0 <= high
    assert 0.93 <= hits / repetitions <= 0.98
    assert naive / repetitions < 0.8


def test_the_interval_needs_two_of_everything() -> None:
    assert paired_difference_interval([0.1, 0.2], [0.5])[0] == pytest.approx(0.15)
    assert np.isnan(paired_difference_interval([0.1, 0.2], [0.5])[1])
    assert np.isnan(paired_difference_interval([0.1], [0.5, 0.6])[1])
    assert np.isnan(paired_difference_interval([], [0.5, 0.6])[0])
    assert paired_difference_interval([0.5, 0.5], [0.1, 0.1]) == (0.5, 0.5, 0.5)


def test_a_kind_has_its_colour_whatever_stands_beside_it() -> None:
    assert kind_colours(["swag", "hypergan"]) == {name: KIND_COLOURS[name] for name in ("swag", "hypergan")}
    mixed = kind_colours(["mine", "ordinary", "yours", "swag"])
    assert mixed["swag"] == KIND_COLOURS["swag"]
    assert len(set(mixed.values())) == 4


def test_the_figure_has_a_row_per_attack_and_a_line_per_kind(make: Make) -> None:
    runs = {kind: make(kind, attacks=("fgsm", "pgd"), seed=i) for i, kind in enumerate(KIND_COLOURS)}
    figure = draw_comparison(compare_runs(runs))
    assert len(figure.axes) == 4
    for axes in figure.axes:
        assert [line.get_color() for line in axes.lines] == list(KIND_COLOURS.values())
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(KIND_COLOURS)


def test_a_panel_with_nothing_to_show_says_why_and_keeps_its_axis(make: Make) -> None:
    table = compare_runs({"swag": make("swag"), "mine": make("mine", seed=1)}).assign(source_fooled=9)
    own, fresh = draw_comparison(table).axes
    (spread,) = draw_spread(table).axes
    assert fresh.get_xlim() == own.get_xlim()
    assert [text.get_text() for axes in (own, fresh, spread) for text in axes.texts] == [
        "fewer than 10 examples\nfooled their source network"
    ] * 2


def test_the_spread_of_each_run_stands_at_its_own_place(make: Make) -> None:
    table = compare_runs({"swag": make("swag"), "mine": make("mine", eps=(0.2, 0.3), seed=1)})
    (axes,) = draw_spread(table).axes
    marks = [line.get_xydata() for line in axes.lines]
    assert [line.get_color() for line in axes.lines] == list(kind_colours(table["name"]).values())
    assert len({x for mark in marks for x, _ in mark}) == 4
    assert [y for mark in marks for _, y in mark] == table["fooled_median"].tolist()
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.1", "0.2", "0.3"]


def test_the_words_say_who_is_fooled_least_and_by_how_much(make: Make) -> None:
    weak, strong = make("weak", seed=1), make("strong", seed=1)
    examples, networks = strong.examples.copy(), strong.networks.copy()
    fresh = networks["role"] == "fresh"
    examples["fooled_fraction"] *= 0.5
    networks.loc[fresh, "fooled_fraction"] *= 0.5
    table = compare_runs({"weak": weak, "strong": replace(strong, examples=examples, networks=networks)})
    section = comparison_section(table, name="x", title="X")
    assert "of 2 cells: strong in 2." in section.paragraphs[0]
    assert (
        "strong is fooled more than weak in 0 of 2 cells, less in 2, undecided in 0" in section.paragraphs[1]
    )
    assert [row[3] for row in section.tables[3].rows] == ["fooled less"] * 2


def test_a_comparison_is_a_page_a_table_and_a_figure(make: Make, tmp_path: Path) -> None:
    folders = [
        make(name, kind=kind, seed=i).folder for i, (name, kind) in enumerate([("a", "swag"), ("b", HOSTILE)])
    ]
    page = write_comparison(folders, tmp_path / "out")
    outline = Outline(page.read_text(encoding="utf-8"))
    assert HOSTILE in outline.text
    assert len(outline.all("script")) == 1  # ours
    assert all((image["src"] or "").startswith("data:image/") for image in outline.all("img"))
    assert "<script" not in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert (tmp_path / "out" / "figures" / "comparison_transfer.png").exists()
    table = read_table(tmp_path / "out" / "comparison.csv", COMPARISON_COLUMNS)
    assert table["name"].tolist() == ["swag"] * 2 + [HOSTILE] * 2
    before = page.read_bytes()
    assert write_comparison(folders, tmp_path / "out").read_bytes() == before


def test_runs_of_one_kind_are_told_apart_by_their_folders(make: Make, tmp_path: Path) -> None:
    folders = [make(name, kind="swag").folder for name in ("a/run", "b/run")]
    write_comparison(folders, tmp_path / "out")
    names = read_table(tmp_path / "out" / "comparison.csv", COMPARISON_COLUMNS)["name"].unique()
    assert names.tolist() == [str(folder.resolve()) for folder in folders]


def test_a_comparison_refuses_what_it_can_not_compare_or_would_overwrite(make: Make, tmp_path: Path) -> None:
    first, second = make("a").folder, make("b").folder
    with pytest.raises(InputError, match="two runs, each given once"):
        write_comparison([first, first], tmp_path / "out")
    with pytest.raises(InputError, match="something else than a comparison"):
        write_comparison([first, second], second)
    with pytest.raises(InputError, match="not a run's folder"):
        write_comparison([first, tmp_path], tmp_path / "out")
    info = json.loads((second / "run.json").read_text(encoding="utf-8"))
    info["cells"] = [cell | {"target": 3} for cell in info["cells"]]
    (second / "run.json").write_text(json.dumps(info), encoding="utf-8")
    with pytest.raises(InputError, match=r"any wrong class and .* at .*3: compare runs of"):
        write_comparison([first, second], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("ends", "outcome"),
    [
        ((0.05, 0.01, 0.09), "fooled more"),
        ((0.05, -0.01, 0.11), "undecided"),
        ((-0.05, -0.11, 0.01), "undecided"),
        ((-0.05, -0.09, -0.01), "fooled less"),
    ],
)
def test_only_an_interval_off_0_says_who_is_fooled_more(
    ends: tuple[float, float, float], outcome: str
) -> None:
    row = {"name": "b", "attack": "fgsm", "norm": "linf", "eps": 0.1, "pairs": 20, "same_networks": 1}
    row |= dict(zip(("difference", "difference_low", "difference_high"), ends, strict=True))
    table = pd.DataFrame([{"name": "a"}, row], columns=COMPARISON_COLUMNS)
    assert [cells[3] for cells in differences_table(table).rows] == [outcome]
