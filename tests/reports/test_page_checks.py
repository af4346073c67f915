"""The checks as the page lists them."""

from __future__ import annotations

from robust_hypergan.reports.page.checks import Check, checks_of, tally
from robust_hypergan.reports.section import Table

HEADINGS = ("check", "verdict", "value", "rule", "where", "source")


def test_failures_come_first_and_the_rest_keeps_its_order() -> None:
    verdicts = {"a": "PASS", "b": "NOT RUN", "c": "FAIL"}
    rows = [(name, verdict, "1", "r", "w", "s") for name, verdict in verdicts.items()]
    checks = checks_of(Table("", HEADINGS, tuple(rows)))
    assert [check.check for check in checks] == ["c", "a", "b"]
    assert checks[0] == Check("FAIL", "c", "1", "r", "w", "s")


def test_another_table_is_no_list_of_checks() -> None:
    assert checks_of(Table("", ("attack", "verdict"), (("fgsm", "PASS"),))) == []


def test_columns_are_found_by_their_heading_and_dashes_and_further_ones_left_out() -> None:
    table = Table("", ("verdict", "more", "check", "value"), (("PASS", "x", "eps grows", "\u2013"),))
    assert checks_of(table) == [Check("PASS", "eps grows", value="")]


def test_verdicts_are_counted_passes_first_and_unknown_ones_last() -> None:
    checks = [Check(verdict, "") for verdict in ("FAIL", "ODD", "PASS", "PASS")]
    assert tally(checks) == [("PASS", 2), ("FAIL", 1), ("ODD", 1)]
