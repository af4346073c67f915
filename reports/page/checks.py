"""The credibility checks as the page lists them: verdict first, then what was found and by which rule."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields

from robust_hypergan.reports.section import Table
from robust_hypergan.reports.wording import UNKNOWN

CHECKS = "checks"
"""Name of the section whose place is right after the answer."""

SIGNS = {"PASS": "\u2713", "FAIL": "\u2717", "NOT RUN": "\u2013"}
"""What stands in a verdict's badge beside its word, in the order in which they are counted."""


@dataclass(frozen=True)
class Check:
    """One row of ``checks.csv`` as text; what is not known is empty."""

    verdict: str
    check: str
    value: str = ""
    rule: str = ""
    where: str = ""
    source: str = ""
    detail: str = ""


def checks_of(table: Table) -> list[Check]:
    """The rows of a table of checks, failures first; none when the table is another one."""
    if not {"check", "verdict"} <= set(table.headings):
        return []
    rows = [dict(zip(table.headings, row, strict=True)) for row in table.rows]
    return sorted(map(_check, rows), key=lambda check: check.verdict != "FAIL")


def tally(checks: list[Check]) -> list[tuple[str, int]]:
    """How many checks have each verdict, ``PASS`` first."""
    counts = Counter(check.verdict for check in checks)
    order = [*SIGNS, *sorted(set(counts) - set(SIGNS))]
    return [(verdict, counts[verdict]) for verdict in order if counts[verdict]]


def _check(row: dict[str, str]) -> Check:
    known = {field.name for field in fields(Check)}
    return Check(**{name: text for name, text in row.items() if name in known and text != UNKNOWN})
