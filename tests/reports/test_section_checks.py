"""The list of checks: on the page, in the terminal, and read back as text."""

from dataclasses import replace

import pandas as pd
import pytest

from robust_hypergan.evidence.check_rules import RULES
from robust_hypergan.reports.columns import CHECKS_COLUMNS
from robust_hypergan.reports.page.findings import headline
from robust_hypergan.reports.sections.checks import MEANING, checks_section, checks_sentence
from robust_hypergan.reports.tables.files import write_table
from robust_hypergan.reports.tables.run import load_run


@pytest.fixture
def checks():
    """Fifteen pass, 13 fails, 16 is not run."""
    verdicts = {13: "FAIL", 16: "NOT RUN"}
    rows = [
        (rule.number, rule.name, "", "0", rule.passes, verdicts.get(rule.number, "PASS"), rule.source, "")
        for rule in RULES
    ]
    return pd.DataFrame(rows, columns=CHECKS_COLUMNS)


def test_the_sentence_counts_and_names_what_fails(checks):
    assert checks_sentence(checks) == (
        "Checks: 15 pass, 1 fails (13 white box at least as strong as transfer), 1 not run."
    )
    assert checks_sentence(checks.assign(verdict="PASS")) == "Checks: 17 pass, 0 fail, 0 not run."


def test_the_section_has_every_row_and_says_what_a_failure_means(folder, checks):
    run = replace(load_run(folder), evidence={"checks": checks})
    section = checks_section(run)
    (table,) = section.tables
    assert section.name == "checks"
    assert table.headings[:6] == ("check", "verdict", "value", "rule", "where", "source")
    assert [row[1] for row in table.rows] == checks["verdict"].tolist()
    assert MEANING[13] in section.paragraphs[1]
    assert section.paragraphs[2] == "Not run, and therefore open: 16 undefended twin beside."
    assert MEANING.keys() == {rule.number for rule in RULES}


def test_nothing_run_and_nothing_failed_are_said_differently(folder, checks):
    run = load_run(folder)
    words = {
        verdict: checks_section(replace(run, evidence={"checks": checks.assign(verdict=verdict)})).paragraphs
        for verdict in ("PASS", "NOT RUN")
    }
    assert words["PASS"][1].startswith("None of the checks that were run gives a reason")
    assert words["NOT RUN"][1].startswith("Nothing was checked")
    assert checks_section(run) is None


def test_a_table_read_back_keeps_its_text_and_stands_in_the_headline(folder, checks):
    write_table(checks, folder / "checks.csv")
    run = load_run(folder)
    assert run.evidence["checks"].equals(checks)  # the value "0" is text, the number of the check is not
    assert headline(run).splitlines()[-1].startswith("Checks: 15 pass")


def test_one_check_that_was_not_run_does_not_mean_that_none_was(folder, checks):
    verdicts = checks["verdict"].replace("FAIL", "PASS")
    run = replace(load_run(folder), evidence={"checks": checks.assign(verdict=verdicts)})
    words = checks_section(run).paragraphs
    assert words[1].startswith("None of the checks that were run gives a reason")
    assert words[2].startswith("Not run, and therefore open: 16")


def test_the_value_of_a_check_stands_before_its_detail_and_a_reason_in_its_place(folder, checks):
    told = checks.assign(value=["", *["0.5"] * 16], detail="why")
    (table,) = checks_section(replace(load_run(folder), evidence={"checks": told})).tables
    assert [row[2] for row in table.rows] == ["why", *["0.5"] * 16]
