"""Accuracy, diversity and transfer of trainings side by side: the table, and the rule that chooses."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from robust_hypergan.reports.statistics.differences import difference_interval

TRADEOFF_COLUMNS = [
    *("name", "noise_share", "step", "measure", "attack", "eps"),
    *("networks", "images", "estimate", "ci_low", "ci_high"),
]
"""``tradeoff.csv``: a row for each state of a training and measure; attack and eps are blank for clean
images."""

STATE = ["name", "noise_share", "step"]
"""What names a state of a training: a snapshot, or its end."""


def choose(table: pd.DataFrame) -> tuple[str, int]:
    """Name and step of the state to prefer: as diverse as can be without a worse vote.

    Of the states whose vote can't be told from the best vote of all (the 95% interval of the paired
    difference holds 0), those whose overlap of the errors can't be told from the least of theirs (likewise,
    the two taken as independent); of these the one with the best vote, of equals the first. Disagreement in
    place of the overlap would favour the less accurate: who errs more disagrees more. Where networks make no
    errors there is no overlap, and nothing can be told.

    Args:
        table: rows as in ``tradeoff.csv``.
    """
    rows = by_state(table).reset_index().to_dict("records")
    equal = [row for row in rows if not row["vote_loss_low"] > 0]
    least = min(equal, key=lambda row: float(row["error_iou"]))
    diverse = [row for row in equal if not difference_interval(_overlap(row), _overlap(least))[1] > 0]
    chosen = max(diverse, key=lambda row: float(row["vote"]))
    return str(chosen["name"]), int(chosen["step"])


def _overlap(row: Mapping[Hashable, Any]) -> tuple[float, float, float]:
    return row["error_iou"], row["error_iou_low"], row["error_iou_high"]


def by_state(table: pd.DataFrame) -> pd.DataFrame:
    """A row for each state, in the order of the table: the estimates of its measures, and their ends.

    Columns are the measures, for attacks ``transfer fgsm`` and the like, then ``.._low`` and ``.._high``.
    """
    found: dict[tuple[object, ...], dict[str, float]] = {}
    for row in table.to_dict("records"):
        measure = f"{row['measure']} {row['attack']}".strip()
        own = found.setdefault(tuple(row[name] for name in STATE), {})
        own |= {measure: row["estimate"], f"{measure}_low": row["ci_low"], f"{measure}_high": row["ci_high"]}
    index = pd.MultiIndex.from_tuples(list(found), names=STATE)
    return pd.DataFrame(list(found.values()), index=index)
