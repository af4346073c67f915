"""Accuracy, diversity and transfer of trainings side by side: the table, and the rule that chooses."""

from __future__ import annotations

import pandas as pd

TRADEOFF_COLUMNS = [
    *("name", "noise_share", "step", "measure", "attack", "eps"),
    *("networks", "images", "estimate", "ci_low", "ci_high"),
]
"""``tradeoff.csv``: a row for each state of a training and measure; attack and eps are blank for clean
images."""

STATE = ["name", "noise_share", "step"]
"""What names a state of a training: a snapshot, or its end."""


def choose(table: pd.DataFrame) -> tuple[str, int]:
    """Name and step of the state to prefer: diverse, but with a vote that is no worse than the best one.

    Of the states whose vote can't be told from the best vote of all (the 95% interval of the paired
    difference holds 0), the one whose networks disagree most; of equals the first.

    Args:
        table: rows as in ``tradeoff.csv``.
    """
    states = by_state(table)
    eligible = states[states["vote_loss_low"] <= 0]
    row = eligible.reset_index().iloc[int(eligible["disagreement"].to_numpy().argmax())]
    return str(row["name"]), int(row["step"])


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
