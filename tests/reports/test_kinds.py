"""Kinds of networks side by side in every section: the same rows as in their own runs, one colour each."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex

from robust_hypergan.reports.columns import COMPARISON_COLUMNS, COVERAGE_COLUMNS
from robust_hypergan.reports.figures.kinds import draw_kinds, draw_kinds_cumulative
from robust_hypergan.reports.figures.networks import draw_networks_of_kinds
from robust_hypergan.reports.figures.style import KIND_COLOURS, kind_colours
from robust_hypergan.reports.section import Section
from robust_hypergan.reports.sections.beside import beside_section
from robust_hypergan.reports.sections.coverage import coverage_section
from robust_hypergan.reports.sections.detection import detection_section
from robust_hypergan.reports.sections.kinds import attack_titles, kinds_of
from robust_hypergan.reports.sections.pairs import pairs_section
from robust_hypergan.reports.sections.sources import sources_section
from robust_hypergan.reports.sections.uses import uses_section
from robust_hypergan.reports.sections.wrong_labels import wrong_labels_section
from robust_hypergan.reports.statistics.detection import detection_table
from robust_hypergan.reports.statistics.pair_correlations import correlate_pairs
from robust_hypergan.reports.tables.run import Run, beside_folder, load_run
from robust_hypergan.reports.wording import DASH
from tests.reports import (
    test_detection,
    test_pairs_section,
    test_section_sources,
    test_uses_section,
    test_wrong_labels_section,
)

KINDS = ("hypergan", "swag", "ordinary")
Evidence = Mapping[str, Mapping[str, pd.DataFrame]]


@pytest.fixture
def together(folder: Path) -> Any:
    """A run of HyperGAN with swag and an ordinary network beside it, each with its own evidence."""
    base = load_run(folder)
    one = base.networks[(base.networks["role"] == "source") | (base.networks["network"] == 0)]

    def make(evidence: Evidence) -> Run:
        runs = {
            kind: replace(
                base,
                record=replace(base.record, kind=kind),
                networks=one if kind == "ordinary" else base.networks,
                evidence=evidence.get(kind, {}),
            )
            for kind in KINDS
        }
        return replace(runs["hypergan"], beside={kind: runs[kind] for kind in KINDS[1:]})

    return make


def colours(axes: Axes) -> list[str]:
    return [to_hex(line.get_color()).upper() for line in axes.lines if len(np.asarray(line.get_xdata()))]


def ends(section: Section | None) -> tuple[str, Any, Any]:
    """What a section says last of all: paragraph, table, picture."""
    assert section is not None
    return section.paragraphs[-1], section.tables[-1], section.pictures[-1]


def test_a_run_is_read_with_those_beside_it_and_no_further(fabricate: Any, tmp_path: Path) -> None:
    fake = fabricate(attacks=("fgsm",), eps=(0.1,))
    fake.info["kind"] = "hypergan"
    fake.info["beside"] = {"swag": "done", "my kind: 2": "done", "ordinary": "it failed", "gone": "done"}
    folder = fake.write(tmp_path / "run")
    for name in ("swag", "my kind: 2", "ordinary"):
        fake.info["kind"] = name
        fake.write(beside_folder(folder, name))
    shutil.copytree(beside_folder(folder, "swag"), beside_folder(beside_folder(folder, "swag"), "swag"))
    run = load_run(folder)
    assert list(run.kinds) == ["hypergan", "swag", "my kind: 2"]
    assert all(not own.beside for own in run.beside.values())
    assert beside_folder(folder, "my kind: 2").parent == folder / "beside"


def test_the_rows_of_each_kind_are_named_and_what_lacks_the_table_is_known(together: Any) -> None:
    table = test_uses_section.table(test_uses_section.SMALL)
    run = together({kind: {"uses": table} for kind in KINDS[:2]})
    kinds = kinds_of(run, "uses")
    assert kinds is not None
    assert (kinds.names, kinds.missing, kinds.single) == (KINDS, ("ordinary",), ("ordinary",))
    assert kinds.rows["name"].tolist() == ["hypergan"] * len(table) + ["swag"] * len(table)
    assert kinds_of(together({"hypergan": {"uses": table}}), "uses") is None
    assert kinds_of(together({"hypergan": {"uses": table}, "swag": {"uses": table[:0]}}), "uses") is None


@pytest.mark.parametrize("doubling", [False, True])
def test_a_kind_has_its_colour_and_place_whoever_is_missing(doubling: bool) -> None:
    points = pd.DataFrame(
        [("p", name, at, 0.1 * at, 0.0, 1.0) for name in ("swag", "ordinary") for at in (1, 2)],
        columns=["panel", "name", "at", "value", "low", "high"],
    )
    (axes,) = draw_kinds(points, list(KINDS), x="K", y="share", doubling=doubling).axes
    drawn = [line for line in axes.lines if len(np.asarray(line.get_xdata()))]
    assert colours(axes) == [KIND_COLOURS["swag"].upper(), KIND_COLOURS["ordinary"]]
    for line in drawn:
        np.testing.assert_allclose(np.asarray(line.get_ydata(), dtype=float), [0.1, 0.2])
        np.testing.assert_allclose(np.asarray(line.get_xdata(), dtype=float), [1, 2], rtol=0.05)
    assert len({line.get_marker() for line in drawn}) == 2
    assert len({float(np.asarray(line.get_xdata(), dtype=float)[0]) for line in drawn}) == 2


@pytest.mark.parametrize(("at", "ticks"), [(0.1, ["0.1"]), (np.nan, [])])
def test_kinds_at_one_value_or_none_stand_side_by_side(at: float, ticks: list[str]) -> None:
    points = pd.DataFrame({"panel": "p", "name": KINDS, "at": at, "value": 0.5, "low": 0.4, "high": 0.6})
    (axes,) = draw_kinds(points, list(KINDS), x="eps", y="share").axes
    assert [float(np.asarray(line.get_xdata())[0]) for line in axes.lines] == [-1, 0, 1]
    assert [label.get_text() for label in axes.get_xticklabels()] == ticks


def test_attacks_with_names_alike_at_their_beginning_have_panels_of_their_own() -> None:
    attacks = [f"ensemble-pgd:loss=mean-{what},restarts=3,steps=40" for what in ("logit", "probability")]
    points = pd.DataFrame({"attack": attacks, "norm": "linf", "name": "swag", "at": 1.0, "value": 0.5})
    points = points.assign(panel=attack_titles(points, ": entropy"), low=0.4, high=0.6)
    panels = draw_kinds(points, ["swag"], x="eps", y="share").axes
    assert ["".join(axes.get_title().split()) for axes in panels] == [
        f"{attack},L∞:entropy" for attack in attacks
    ]


def test_a_curve_is_the_distribution_of_its_kind() -> None:
    values = pd.DataFrame({"panel": "p", "name": ["swag"] * 3 + ["mine"] * 2, "value": [3, 1, 2, 5, 4]})
    (axes,) = draw_kinds_cumulative(values, ["swag", "mine"], x="entropy").axes
    assert [to_hex(line.get_color()) for line in axes.lines] == [
        colour.lower() for colour in kind_colours(["swag", "mine"]).values()
    ]
    drawn = [np.asarray(line.get_xdata(), dtype=float)[1:].tolist() for line in axes.lines]
    assert drawn == [[1, 2, 3], [4, 5]]


def test_uses_have_every_kind_with_its_largest_vote(together: Any) -> None:
    small = test_uses_section.SMALL
    tables = {
        "hypergan": test_uses_section.table(small),
        "swag": test_uses_section.table({key: [0.9 * value for value in row] for key, row in small.items()}),
        "ordinary": test_uses_section.table({key: row[:3] for key, row in small.items()}),
    }
    tables["swag"].loc[tables["swag"]["use"] == "mean vote", "networks"] = 5
    run = together({kind: {"uses": table} for kind, table in tables.items()})
    text, table, picture = ends(uses_section(run))
    assert "hypergan 62% (vote of 10), swag 56% (vote of 5)." in text
    assert "No vote for ordinary: a single network." in text
    assert [row[1] for row in table.rows] == list(KINDS) * 4
    votes = ("mean vote of 5 networks", "mean vote of 10 networks")
    assert table.headings == ("images", "kind", "source", "fixed draw", "fresh per query", *votes)
    at_most = [row for row in table.rows if row[0] == "pgd, L∞ eps 0.2"]
    assert at_most[0][-2:] == ("", f"45.0% (40{DASH}50%)")
    assert at_most[1][-2:] == (f"40.5% (36{DASH}46%)", "")
    assert at_most[2][3:] == (f"40.0% (35{DASH}45%)", f"42.0% (37{DASH}47%)", "", "")
    panels = {axes.get_title(): axes for axes in picture.figure.axes}
    assert list(panels) == [f"pgd, L∞: {use}" for use in ("fixed draw", "fresh per query", "largest vote")]
    assert [len(colours(axes)) for axes in panels.values()] == [3, 3, 2]
    line = panels["pgd, L∞: largest vote"].lines[1]
    np.testing.assert_allclose(np.asarray(line.get_ydata(), dtype=float), [0.882, 0.72, 0.405])
    assert to_hex(line.get_color()).upper() == KIND_COLOURS["swag"].upper()


def test_a_run_without_others_beside_it_has_the_sections_as_before(together: Any) -> None:
    run = together({"hypergan": {"uses": test_uses_section.table(test_uses_section.SMALL)}})
    section = uses_section(run)
    assert section is not None
    assert (len(section.paragraphs), len(section.tables), len(section.pictures)) == (1, 1, 1)


def test_the_adaptive_attack_stands_in_one_panel_whatever_it_held(together: Any) -> None:
    evidence = {}
    for kind, held in zip(KINDS, (8, 5, 1), strict=True):
        uncertainty = test_detection.make_uncertainty()
        uncertainty["attack"] = uncertainty["attack"].str.replace("networks=8", f"networks={held}")
        if kind == "swag":
            uncertainty.loc[uncertainty["inputs"] == "outlier", "entropy"] += 1
        evidence[kind] = {"uncertainty": uncertainty, "detection": detection_table(uncertainty)}
    text, table, cumulative = ends(section := detection_section(together(evidence)))
    assert section is not None
    areas = section.pictures[1].figure.axes
    titles = ["pgd, L∞", "entropy-pgd, L∞", "outliers: clothes"]
    assert [axes.get_title() for axes in areas] == [
        f"{title}: {score}" for title in titles for score in ("entropy", "mutual information")
    ]
    assert all(colours(axes) == [KIND_COLOURS[kind].upper() for kind in KINDS] for axes in areas)
    found = evidence["swag"]["detection"].query("attack == 'pgd' and subset == 'vote wrong'")["auroc"].iloc[0]
    assert float(np.asarray(areas[0].lines[1].get_ydata())[0]) == found
    assert [axes.get_title() for axes in cumulative.figure.axes] == ["clean", *titles]
    assert text.startswith("AUROC of entropy by kind, outlying images: swag 1, ")
    assert "For ordinary, a single network, mutual information is always 0." in text
    assert [row[:2] for row in table.rows[3:6]] == [("entropy-pgd, L∞ eps 0.1", kind) for kind in KINDS]


def test_several_adaptive_attacks_are_not_thrown_together(together: Any) -> None:
    uncertainty = test_detection.make_uncertainty()
    more = uncertainty[uncertainty["attack"].str.startswith("entropy")].assign(
        attack="entropy-pgd:networks=2"
    )
    uncertainty = pd.concat([uncertainty, more], ignore_index=True)
    tables = {"uncertainty": uncertainty, "detection": detection_table(uncertainty)}
    told, table, _ = ends(detection_section(together(dict.fromkeys(KINDS, tables))))
    assert "entropy-pgd:networks=2, L∞ eps 0.1" in {row[0] for row in table.rows}
    areas = tables["detection"].query("subset == 'vote wrong' and score == 'entropy'").set_index("attack")
    assert f"mean of the cells: hypergan {areas.loc['pgd', 'auroc']:.3g}" in told
    adaptive = areas.loc[areas.index.str.startswith("entropy-pgd"), "auroc"].mean()
    assert f"the same under the attack that knows of the detector: hypergan {adaptive:.3g}" in told


def test_pairs_of_every_kind_in_its_colour_and_a_single_network_has_none(together: Any) -> None:
    tables = {"hypergan": test_pairs_section.make_pairs(), "swag": test_pairs_section.make_pairs()}
    tables["swag"]["transfer_rate"] /= 2
    evidence = {
        kind: {"pairs": table, "pair_correlations": correlate_pairs(table)} for kind, table in tables.items()
    }
    text, table, picture = ends(pairs_section(together(evidence)))
    mean = tables["hypergan"]["transfer_rate"].mean()
    assert f"by kind: hypergan {mean:.0%}, swag {mean / 2:.0%}." in text
    assert "Nothing of ordinary: no pairs of networks" in text
    assert [row[:2] for row in table.rows[:3]] == [
        ("transfer rate", "hypergan"),
        ("transfer rate", "swag"),
        ("disagreement on clean images", "hypergan"),
    ]
    assert len(table.rows) == 2 * 4
    for axes in picture.figure.axes:
        shown = [points for points in axes.collections if len(np.asarray(points.get_offsets()))]
        assert [to_hex(points.get_facecolor()[0]) for points in shown] == [
            KIND_COLOURS[kind].lower() for kind in KINDS[:2]
        ]
        np.testing.assert_allclose(np.asarray(shown[1].get_offsets())[:, 1], tables["swag"]["transfer_rate"])


def test_wrong_labels_of_every_kind_where_there_are_enough(folder: Path, together: Any) -> None:
    evidence = {
        kind: test_wrong_labels_section.with_tables(folder, shares).evidence
        for kind, shares in (("hypergan", [0.25, 0.75]), ("swag", [0.4, 0.9]), ("ordinary", [1.0, 1.0]))
    }
    evidence["swag"]["wrong_labels"].loc[1, "examples"] = 9
    text, table, picture = ends(wrong_labels_section(together(evidence)))
    assert "hypergan 50%, swag 40%." in text
    assert "Not told of ordinary: a single network agrees with itself." in text
    assert [row[1] for row in table.rows] == [*KINDS, *KINDS]
    most, own = picture.figure.axes
    assert (most.get_title(), own.get_title()) == (
        "pgd, L∞: most frequent wrong label",
        "pgd, L∞: the source's label",
    )
    drawn = [np.asarray(line.get_ydata(), dtype=float).tolist() for line in own.lines]
    assert drawn == [[0.25, 0.75], [0.4], [1.0, 1.0]]
    for tables in evidence.values():
        tables["wrong_labels"]["examples"] = 3
    section = wrong_labels_section(together(evidence))
    assert section is not None
    assert len(section.pictures) == 1
    assert "No kind of more than one network has enough examples" in section.paragraphs[-1]


def test_coverage_of_every_kind_as_far_as_it_has_networks(together: Any) -> None:
    def table(shares: list[float]) -> pd.DataFrame:
        rows = pd.DataFrame({"held": [1, 4, 16][: len(shares)], "fooled_mean": shares})
        rows = rows.assign(attack="ensemble-pgd", norm="linf", eps=0.1, examples=40, seconds=1.0)
        rows["networks"] = 50 if len(shares) > 1 else 1
        return rows.reindex(columns=COVERAGE_COLUMNS).fillna(0.5)

    shares = {"hypergan": [0.4, 0.6, 0.7], "swag": [0.3, 0.5], "ordinary": [0.9]}
    run = together({kind: {"coverage": table(own)} for kind, own in shares.items()})
    text, rows, picture = ends(coverage_section(run))
    assert "hypergan 70% with 16; swag 50% with 4; ordinary 90% with 1." in text
    assert [row[:3] for row in rows.rows[-3:]] == [
        ("ensemble-pgd", "hypergan", "4"),
        ("ensemble-pgd", "swag", "4"),
        ("ensemble-pgd", "hypergan", "16"),
    ]
    assert rows.rows[2][1:] == ("ordinary", "1", "90%", DASH, "50%", "+50.0", DASH)  # one is no sample
    (axes,) = picture.figure.axes
    assert axes.get_xscale() == "log"
    segments = [segment for own in axes.collections for segment in own.get_segments()]
    assert [len(segment) for segment in segments] == [2] * 5 + [0]
    assert [np.asarray(line.get_ydata(), dtype=float).tolist() for line in axes.lines] == [*shares.values()]


def test_several_sources_of_every_kind(together: Any) -> None:
    run = together(
        {
            "hypergan": test_section_sources.tables(),
            "swag": test_section_sources.tables(),
            "ordinary": test_section_sources.tables(sources=1),
        }
    )
    swag = run.beside["swag"].evidence["source_summary"]
    swag["fooled_mean"] = 0.3
    text, table, picture = ends(sources_section(run))
    assert "hypergan 51%, swag 30%." in text
    assert "Nothing of ordinary: no other source was measured" in text
    assert [row[1:5] for row in table.rows[:2]] == [
        ("hypergan", "3", "80%", "51.2%"),
        ("swag", "3", "80%", "30.0%"),
    ]
    (axes,) = picture.figure.axes
    assert [float(np.asarray(line.get_ydata())[0]) for line in axes.lines[:2]] == [0.512, 0.3]


def test_the_networks_of_every_kind_are_strips_of_points_in_its_colour(together: Any) -> None:
    run = together({})
    networks = pd.concat([own.networks.assign(name=kind) for kind, own in run.kinds.items()])
    upper, lower = draw_networks_of_kinds(networks, list(KINDS)).axes
    assert [axes.get_title(loc="left") for axes in (upper, lower)] == ["fgsm", "pgd:steps=40"]
    drawn = [
        (to_hex(points.get_facecolor()[0]).upper(), len(np.asarray(points.get_offsets())))
        for points in upper.collections
        if isinstance(points, PathCollection)
    ]
    sizes = {"hypergan": 50, "swag": 50, "ordinary": 1}
    assert drawn == [(KIND_COLOURS[kind].upper(), sizes[kind]) for kind in KINDS for _ in range(3)]


def test_the_section_beside_shows_the_networks_where_their_runs_are_there(together: Any) -> None:
    row = dict.fromkeys(COMPARISON_COLUMNS, 0.5) | {"attack": "fgsm", "norm": "linf", "eps": 0.1}
    table = pd.DataFrame([row | {"name": kind, "kind": kind, "networks": 50} for kind in KINDS])
    run = together({"hypergan": {"beside": table}})
    section = beside_section(run)
    assert section is not None
    assert [picture.name for picture in section.pictures][-1] == "beside_networks"
    alone = beside_section(replace(run, beside={}))
    assert alone is not None
    assert "beside_networks" not in [picture.name for picture in alone.pictures]


def test_the_images_that_make_the_vote_wrong_are_counted_apart(together: Any) -> None:
    uncertainty = test_detection.make_uncertainty()
    tables = {"uncertainty": uncertainty, "detection": detection_table(uncertainty)}
    section = detection_section(together({"hypergan": tables}))
    assert section is not None
    assert [(row[1], row[6]) for row in section.tables[0].rows] == [("50", "25"), ("50", "25"), ("50", DASH)]


def test_a_single_network_does_not_count_as_one_that_agrees(together: Any, folder: Path) -> None:
    tables = test_wrong_labels_section.with_tables(folder, [0.25, 0.75]).evidence
    text, *_ = ends(wrong_labels_section(together(dict.fromkeys(KINDS, tables))))
    assert "mean of the attacks' cells: hypergan 50%, swag 50%." in text
    assert "Not told of ordinary" in text
