"""The tables of the report as text, ready for either page: headings and rows of strings."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from robust_hypergan.reports.figures.style import attack_colours
from robust_hypergan.reports.section import Table
from robust_hypergan.reports.sections.paper_statements import Comparison
from robust_hypergan.reports.tables.record import Record, audit_text
from robust_hypergan.reports.wording import (
    DASH,
    MINUS,
    UNKNOWN,
    cell_text,
    count,
    duration,
    eps_text,
    interval,
    norm_text,
    number,
    percent,
    points,
    printable,
)

NUMBER = re.compile(rf"[<>]?[-+{MINUS}]?[\d.,]+(e[-+]?\d+)?%?( ?[-({DASH}/].*)?$")
"""A number as the tables write it, on its own or at the head of an interval or a bracket."""


@dataclass(frozen=True)
class Mark:
    """A row of the main table for the page: its group, its name in it, and its gauge.

    The gauge is a mean with its interval on a line from 0 to 100; ``measured`` is False where there is
    nothing to draw.
    """

    attack: str
    setting: str
    colour: str
    measured: bool
    mean: float
    low: float
    high: float


SUMMARY_HEADINGS = (
    "attack",
    "fooled the source",
    "mean fooled fraction",
    "95% interval",
    "median",
    "5\u201395% of examples",
    "fool all",
    "fool none",
    "flipped",
    "of all initially correct",
    "same wrong label",
)


def numeric(table: Table) -> list[bool]:
    """Which columns hold numbers, percentages or intervals, and dashes where there is none."""
    columns = zip(*table.rows, strict=True) if table.rows else [()] * len(table.headings)
    return [
        bool(filled := [cell for cell in column if cell.strip(f"{UNKNOWN} ")])
        and all(NUMBER.match(cell) for cell in filled)
        for column in columns
    ]


def summary_table(summary: pd.DataFrame) -> Table:
    """The main table, a row per cell in the order of the run."""
    rows = tuple(_summary_row(row) for row in summary.to_dict("records"))
    caption = (
        "How far each attack carries, over the examples that fooled the source unless a column says else."
    )
    return Table(caption, SUMMARY_HEADINGS, rows)


def marks(summary: pd.DataFrame) -> list[Mark]:
    """What the page shows beside each row of the main table."""
    colours = attack_colours(summary["attack"])
    return [_mark(row, colours[row["attack"]]) for row in summary.to_dict("records")]


def comparison_table(comparisons: tuple[Comparison, ...]) -> Table:
    """FGSM against PGD."""
    rows = tuple(
        (
            f"{norm_text(one.norm)} eps {eps_text(one.eps)}",
            f"{printable(one.fgsm)} \u2212 {printable(one.pgd)}",
            f"{points(one.own.value)} ({points(one.own.low)} to {points(one.own.high)})",
            one.own.verdict,
            count(one.pairs),
            f"{points(one.paired.value)} ({points(one.paired.low)} to {points(one.paired.high)})",
            one.paired.verdict,
        )
        for one in comparisons
    )
    caption = (
        "FGSM minus PGD: difference of the mean fooled fractions in percentage points with its 95% interval"
        " (positive: FGSM carries further). First as in the paper, each attack over the examples with which"
        " it fooled the source; then over the examples that fooled the source under both, where the interval"
        " is over examples and the fresh networks, the same for both, are held fixed."
    )
    header = ("setting", "attacks", "own successes", "outcome", "examples", "same examples", "outcome")
    return Table(caption, header, rows)


def accuracy_table(record: Record) -> Table:
    """Clean accuracy of single networks and of their votes; no rows when the run did not measure it."""
    names = {
        "single_mean": "one network, mean",
        "single_min": "one network, worst",
        "single_max": "one network, best",
    }
    votes = {name: f"mean vote of {name[5:]}" for name in record.accuracy if name.startswith("vote_")}
    shown = [
        (label, record.accuracy[name]) for name, label in (names | votes).items() if name in record.accuracy
    ]
    networks, images = record.accuracy.get("networks", math.nan), record.accuracy.get("examples", math.nan)
    caption = f"Accuracy on clean images: {count(networks)} networks, {count(images)} test images."
    return Table(
        caption, ("classifier", "accuracy"), tuple((label, percent(value, 1)) for label, value in shown)
    )


def audit_table(record: Record) -> Table:
    """What the audit of each cell's adversarial images found."""
    rows = tuple(
        (
            cell_text(cell.attack, cell.norm, cell.eps),
            number(cell.audit.linf_max),
            number(cell.audit.l2_max),
            *(
                count(value if cell.audit.known else None)
                for value in (
                    cell.audit.repaired,
                    cell.audit.non_finite,
                    cell.audit.out_of_ball,
                    cell.audit.out_of_range,
                )
            ),
            printable(audit_text(cell.audit)),
        )
        for cell in record.cells
    )
    headings = (
        "cell",
        "largest L\u221e",
        "largest L2",
        "repaired",
        "non-finite",
        "out of ball",
        "out of range",
        "finding",
    )
    return Table(
        "Audit of the adversarial images: numbers of examples, and the largest perturbations.", headings, rows
    )


def failed_cells(record: Record) -> list[str]:
    """A line for each cell that did not finish, with its error."""
    return [
        f"{cell_text(cell.attack, cell.norm, cell.eps)}: {printable(cell.error or cell.status)}"
        for cell in record.cells
        if cell.status != "done"
    ]


def repeat_rows(record: Record) -> list[tuple[str, str]]:
    """What is needed to repeat the run, as (label, value); unknown values are left out."""
    data = [record.data_name, *_images(record), record.data_sha256 and f"sha256 {record.data_sha256}"]
    weights = f"{record.weights:,} weights" if record.weights is not None else ""
    rows = [
        ("seed", "" if record.seed is None else str(record.seed)),
        ("source network", _draw(record.source)),
        ("fresh networks", _draw(record.fresh)),
        ("data", ", ".join(part for part in data if part)),
        ("classifier", ", ".join(part for part in (record.classifier, weights) if part)),
        ("device", ", ".join(part for part in (record.device, record.machine, record.backend) if part)),
        ("versions", ", ".join(f"{name} {version}" for name, version in record.versions.items())),
        ("started", record.started),
        ("finished", record.finished),
        ("time", ", ".join(f"{stage} {duration(seconds)}" for stage, seconds in record.seconds.items())),
    ]
    return [(label, printable(value)) for label, value in rows if value]


def _summary_row(row: Mapping[Any, Any]) -> tuple[str, ...]:
    name = cell_text(row["attack"], row["norm"], row["eps"])
    if row["status"] != "done":
        return (name, printable(row["status"]), *[percent(math.nan)] * (len(SUMMARY_HEADINGS) - 2))
    return (
        name,
        f"{percent(row['source_success'])} ({count(row['source_fooled'])}/{count(row['examples'])})",
        percent(row["fooled_mean"], 1),
        interval(row["ci_low"], row["ci_high"], 1),
        percent(row["fooled_median"]),
        interval(row["q05"], row["q95"]),
        percent(row["fools_all"]),
        percent(row["fools_none"]),
        percent(row["flipped_mean"], 1),
        percent(row["fooled_mean_all"], 1),
        percent(row["wrong_share_mean"]),
    )


def _mark(row: Mapping[Any, Any], colour: str) -> Mark:
    mean, low, high = (100 * row[name] for name in ("fooled_mean", "ci_low", "ci_high"))
    setting = f"{norm_text(row['norm'])} eps {eps_text(row['eps'])}"
    return Mark(printable(row["attack"]), setting, colour, not math.isnan(mean), mean, low, high)


def _images(record: Record) -> list[str]:
    """``5,000 training images`` and the like, where known."""
    amounts = {"training": record.train_images, "test": record.test_images}
    return [f"{amount:,} {name} images" for name, amount in amounts.items() if amount is not None]


def _draw(address: Mapping[str, Any]) -> str:
    """``seed 0, stream fresh, networks 0 to 499`` from a network address."""
    parts = [f"{key} {address[key]}" for key in ("seed", "stream", "index") if key in address]
    if "start" in address and "stop" in address:
        parts.append(f"networks {address['start']} to {int(address['stop']) - 1}")
    return ", ".join(parts)
