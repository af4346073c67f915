"""The study of adversarial training: plain networks beside hardened ones."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from robust_hypergan.reports.columns import COMPARISON_COLUMNS
from robust_hypergan.reports.section import Section
from robust_hypergan.reports.section_comparison import comparison_section
from robust_hypergan.reports.study import Claim, Study, StudyReport
from robust_hypergan.reports.wording import cell_text, percent, points, printable

Row = Mapping[Hashable, Any]

TITLE = "Adversarial training: what becomes of accuracy, white-box success and transfer"


def hardening_sections(study: Study) -> list[Section]:
    """The comparison of the runs, as between any runs."""
    return [comparison_section(study.tables["hardening"], name="hardening", title=TITLE)]


def hardening_claims(study: Study) -> list[Claim]:
    """What each of the others does, against the first, in the cell where the first is fooled most often."""
    rows = study.tables["hardening"].to_dict("records")
    plain = [row for row in rows if row["name"] == rows[0]["name"]]
    claims = []
    for name in dict.fromkeys(row["name"] for row in rows):
        own = {(row["attack"], row["norm"], row["eps"]): row for row in rows if row["name"] == name}
        if name != rows[0]["name"]:
            claims += _against(str(name), plain, own)
    return claims


def _against(name: str, plain: Sequence[Row], own: Mapping[tuple[Any, ...], Row]) -> list[Claim]:
    shown = printable(name)
    first = plain[0]
    hardened = next(iter(own.values()))
    lost = hardened["single_mean"] - first["single_mean"]
    claims = [
        Claim(
            f"{shown}: adversarial training costs clean accuracy",
            "not in the paper",
            f"{percent(first['single_mean'], 2)} to {percent(hardened['single_mean'], 2)}"
            f" ({points(lost, 2)} points) for one network",
            "holds" if lost < 0 else "does not hold",
        )
    ]
    for measure, said in (
        ("source_success", "white-box success falls"),
        ("fooled_mean", "attacks carry less far"),
    ):
        cells = [(row, own[key]) for row in plain if (key := (row["attack"], row["norm"], row["eps"])) in own]
        known = [pair for pair in cells if not any(math.isnan(row[measure]) for row in pair)]
        if not known:
            continue
        changes = [its[measure] - mine[measure] for mine, its in known]
        lower = sum(change < 0 for change in changes)
        mine, its = max(known, key=lambda pair: abs(pair[1][measure] - pair[0][measure]))
        cell = cell_text(str(mine["attack"]), str(mine["norm"]), mine["eps"])
        claims.append(
            Claim(
                f"{shown}: {said}",
                "not in the paper",
                f"in {lower} of {len(known)} cells; the largest change is from {percent(mine[measure])} to"
                f" {percent(its[measure])} ({cell})",
                "holds" if lower == len(known) else "holds in part" if lower else "does not hold",
            )
        )
    return claims


HARDENING = StudyReport(
    "Adversarial training",
    {"hardening": COMPARISON_COLUMNS},
    hardening_sections,
    hardening_claims,
    texts=frozenset({"name", "kind"}),
)
