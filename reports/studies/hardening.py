"""The study of adversarial training: plain networks beside hardened ones."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from robust_hypergan.base.errors import InputError
from robust_hypergan.base.text import file_name
from robust_hypergan.reports.columns import COMPARISON_COLUMNS
from robust_hypergan.reports.section import Section
from robust_hypergan.reports.sections.comparison import comparison_section
from robust_hypergan.reports.statistics.differences import difference_interval
from robust_hypergan.reports.statistics.intervals import wilson_score
from robust_hypergan.reports.tables.record import parse_record
from robust_hypergan.reports.tables.run import read_record
from robust_hypergan.reports.tables.study import Claim, Study, StudyReport
from robust_hypergan.reports.wording import cell_text, percent, plural, points, printable

TITLE = "Adversarial training: what becomes of accuracy, white-box success and transfer"

Row = Mapping[Hashable, Any]
Estimate = tuple[float, float, float]
"""A value with the ends of its interval, NaN where there is none."""


@dataclass(frozen=True)
class Measured:
    """The rows of one run, and how many images its accuracy and its white-box success are over, else NaN.

    ``clean`` is whether its networks are known to have been trained on clean images.
    """

    name: str
    clean: bool
    rows: Sequence[Row]
    images: float
    attacked: float


def hardening_sections(study: Study) -> list[Section]:
    """The comparison of the runs, as between any runs."""
    return [comparison_section(study.tables["hardening"], name="hardening", title=TITLE)]


def hardening_claims(study: Study) -> list[Claim]:
    """What each of the others does against the first, as far as the intervals decide it."""
    rows: dict[str, list[Row]] = {}
    for row in study.tables["hardening"].to_dict("records"):
        rows.setdefault(str(row["name"]), []).append(row)
    plain, *others = (_measured(study, name, own) for name, own in rows.items())
    return [claim for own in others for claim in (_accuracy(plain, own), *_falls(plain, own))]


def _measured(study: Study, name: str, rows: Sequence[Row]) -> Measured:
    """One run; how many images are behind its rows is said by them, or by its own ``run.json``."""
    counts = [row["source_fooled"] / row["source_success"] for row in rows if row["source_success"] > 0]
    images, attacked = math.nan, round(max(counts)) if counts else math.nan
    with contextlib.suppress(InputError):
        record = parse_record(read_record(study.folder / file_name(name)))
        images = record.accuracy.get("examples", math.nan)
        attacked = record.source_correct or attacked
    return Measured(printable(name), _pgd_eps(study).get(name) == 0, rows, images, attacked)


def _pgd_eps(study: Study) -> Mapping[str, Any]:
    """The radius of each adversarial training that is known, 0 where it was on clean images."""
    known = study.record.get("pgd_eps")
    return known if isinstance(known, Mapping) else {}


def _accuracy(plain: Measured, hardened: Measured) -> Claim:
    before, after = (_share(run.rows[0]["single_mean"], run.images) for run in (plain, hardened))
    lost, low, high = difference_interval(after, before)
    known = f"95% interval over images {points(low, 2)} to {points(high, 2)}"
    return Claim(
        f"{hardened.name}, trained on clean images: it is less accurate on them"
        if hardened.clean
        else f"{hardened.name}: adversarial training costs clean accuracy",
        "not in the paper",
        f"{percent(before[0], 2)} to {percent(after[0], 2)} ({points(lost, 2)} points,"
        f" {'no interval' if math.isnan(low + high) else known}) for one network",
        _verdict([(lost, low, high)]),
    )


def _falls(plain: Measured, hardened: Measured) -> Iterator[Claim]:
    """White-box success and transfer over the cells that both runs have, where there are any."""
    cells = {_key(row): row for row in hardened.rows}
    pairs = [(row, cells[_key(row)]) for row in plain.rows if _key(row) in cells]
    for said, measure in (
        ("white-box success falls", "source_success"),
        ("attacks carry less far", "fooled_mean"),
    ):
        known = [pair for pair in pairs if not any(math.isnan(row[measure]) for row in pair)]
        if not known:
            continue
        changes = [
            difference_interval(
                _share(its[measure], hardened.attacked), _share(mine[measure], plain.attacked)
            )
            if measure == "source_success"
            else (its["difference"], its["difference_low"], its["difference_high"])
            for mine, its in known
        ]
        lower, higher = sum(high < 0 for *_, high in changes), sum(low > 0 for _, low, _ in changes)
        mine, its = max(known, key=lambda pair: abs(pair[1][measure] - pair[0][measure]))
        yield Claim(
            f"{hardened.name}: {said}",
            "not in the paper",
            f"lower in {lower} of {plural(len(known), 'cell')}, higher in {higher}, undecided in"
            f" {len(known) - lower - higher}; the largest change is from {percent(mine[measure])} to"
            f" {percent(its[measure])} ({cell_text(str(mine['attack']), str(mine['norm']), mine['eps'])})",
            _verdict(changes),
        )


def _key(row: Row) -> tuple[Any, ...]:
    return row["attack"], row["norm"], row["eps"]


def _share(share: float, trials: float) -> Estimate:
    low, high = wilson_score(share, trials, 0.95)
    return share, float(low), float(high)


def _verdict(changes: Sequence[Estimate]) -> str:
    """Over the cells: each lower, some, none and one higher, or undecided."""
    lower = [high < 0 for *_, high in changes]
    if any(lower):
        return "holds" if all(lower) else "holds in part"
    return "does not hold" if any(low > 0 for _, low, _ in changes) else "undecided"


HARDENING = StudyReport(
    "Adversarial training",
    {"hardening": COMPARISON_COLUMNS},
    hardening_sections,
    hardening_claims,
    texts=frozenset({"name", "kind"}),
)
