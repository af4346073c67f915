"""The part of the page about coverage, from its table alone."""

from dataclasses import replace

import pandas as pd
import pytest

from robust_hypergan.reports.columns import COVERAGE_COLUMNS
from robust_hypergan.reports.sections.coverage import coverage_section
from robust_hypergan.reports.tables.run import load_run


@pytest.fixture
def coverage():
    shares = ((1, 0.4), (4, 0.6), (16, 0.7))
    table = pd.DataFrame([{"held": held, "fooled_mean": fresh} for held, fresh in shares])
    table = table.assign(attack="ensemble-pgd", norm="linf", eps=0.1, examples=40, networks=50, seconds=1.0)
    table = table.assign(attacked_mean=0.9, gap_mean=0.9 - table["fooled_mean"])
    for name, reach in (("fooled", 0.05), ("attacked", 0.05), ("gap", 0.1)):
        table[f"{name}_low"], table[f"{name}_high"] = (table[f"{name}_mean"] + end for end in (-reach, reach))
    return table[COVERAGE_COLUMNS]


def test_the_section_says_what_more_networks_bring(folder, coverage):
    run = replace(load_run(folder), evidence={"coverage": coverage})
    section = coverage_section(run)
    assert "With 1 attacked network the strongest attack fools 40%" in section.paragraphs[0]
    assert "with 16 70%" in section.paragraphs[0]
    assert "+50.0 points" in section.paragraphs[1]
    assert [row[1] for row in section.tables[0].rows] == ["1", "4", "16"]
    (axes,) = section.pictures[0].figure.axes
    assert axes.get_xscale() == "log"
    assert [text.get_text() for text in axes.get_xticklabels()] == ["1", "4", "16"]


def test_a_run_without_coverage_has_no_section(folder, coverage):
    run = load_run(folder)
    assert coverage_section(run) is None
    assert coverage_section(replace(run, evidence={"coverage": coverage[:0]})) is None


def test_the_strongest_attack_on_several_networks_is_told(folder, coverage):
    weaker = coverage.assign(attack="arc", fooled_mean=coverage["fooled_mean"] - 0.2)
    run = replace(load_run(folder), evidence={"coverage": pd.concat([coverage, weaker], ignore_index=True)})
    first, second = coverage_section(run).paragraphs
    assert "ensemble-pgd, L\u221e eps 0.1" in first
    assert "+50.0 points more often than the fresh ones with 1, +20.0 with 16" in second
