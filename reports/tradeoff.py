"""Accuracy, diversity and transfer of trainings side by side: the table, and the rule that chooses from it."""

from __future__ import annotations

import pandas as pd

TRADEOFF_COLUMNS = [
    *("name", "noise_share", "step", "measure", "attack", "eps"),
    *("networks", "images", "estimate", "ci_low", "ci_high"),
]
"""``tradeoff.csv``: a row for each state of a training and measure; attack and eps are blank for clean images."""

STATE = ["name", "noise_share", "step"]
"""What names a state of a training: a snapshot, or its end."""


def choose(table: pd.DataFrame) -> tuple[str, int]:
    """Name and step of the state to prefer: diverse, but with a vote that is no worse than the best one.

    Of the states whose vote can't be told from the best vote of all (the 95% interval of the paired difference
    holds 0), the one whose networks disagree most; of equals the first.

    Args:
        table: rows as in ``tradeoff.csv``.
    """
    states = by_state(table)
    eligible = states[states["vote_loss_low"] <= 0]
    name, _, step = eligible["disagreement"].idxmax()
    return str(name), int(step)


def by_state(table: pd.DataFrame) -> pd.DataFrame:
    """A row for each state, in the order of the table: the estimates of its measures, and their ends.

    Columns are the measures, for attacks ``transfer fgsm`` and the like, then ``.._low`` and ``.._high``.
    """
    measure = (table["measure"] + " " + table["attack"]).str.strip()
    wide = [
        table.assign(column=measure + suffix).pivot_table(
            index=STATE, columns="column", values=value, sort=False, dropna=False
        )
        for value, suffix in (("estimate", ""), ("ci_low", "_low"), ("ci_high", "_high"))
    ]
    return pd.concat(wide, axis=1)
