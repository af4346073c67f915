"""The summary table: one row per cell, from the tables of examples and networks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from robust_hypergan.base.errors import InputError
from robust_hypergan.reports.columns import EXAMPLES_COLUMNS, NETWORKS_COLUMNS, SUMMARY_COLUMNS
from robust_hypergan.reports.statistics.intervals import crossed_mean_interval
from robust_hypergan.reports.tables.record import Cell, audit_text, parse_cell

FEWEST_NETWORKS = 2
"""Of fewer fresh networks there is no interval: they are a sample, too."""

__all__ = ["EXAMPLES_COLUMNS", "NETWORKS_COLUMNS", "SUMMARY_COLUMNS", "rows_of", "summarise"]

QUANTILES = {"q05": 0.05, "q25": 0.25, "fooled_median": 0.5, "q75": 0.75, "q95": 0.95}


def summarise(
    examples: pd.DataFrame, networks: pd.DataFrame, cells: Sequence[Mapping[str, Any] | Cell]
) -> pd.DataFrame:
    """One row per cell, in the order of ``cells``, with the columns ``SUMMARY_COLUMNS``.

    All shares are fractions in [0, 1]. ``fooled_mean``, its interval ``ci_low``..``ci_high`` (see
    `crossed_mean_interval`), the quantiles, ``fools_all``, ``fools_none``, ``flipped_mean`` and
    ``wrong_share_mean`` run over the examples that fooled the source, the paper's protocol (Ratzlaff &
    Li 2019, Figure 4); ``fooled_mean_all`` runs over every initially correct example. What is undefined
    (nothing fooled the source, or the cell failed) is NaN.

    Args:
        examples: rows as in ``examples.csv``.
        networks: rows as in ``networks.csv``.
        cells: entries as in ``run.json``'s ``cells``.

    Raises:
        InputError: when the two tables contradict each other.
    """
    rows = [_summary_row(examples, networks, parse_cell(cell)) for cell in cells]
    table = pd.DataFrame(rows, columns=SUMMARY_COLUMNS)
    texts = {"attack", "norm", "status", "audit", "attacker"}
    return table.astype({name: str if name in texts else float for name in SUMMARY_COLUMNS})


def rows_of(table: pd.DataFrame, attack: str, norm: str, eps: float) -> pd.DataFrame:
    """The rows of one cell, in their order."""
    return table[(table["attack"] == attack) & (table["norm"] == norm) & (table["eps"] == eps)]


def _summary_row(examples: pd.DataFrame, networks: pd.DataFrame, cell: Cell) -> dict[str, Any]:
    """One row; columns that are not set become NaN."""
    row: dict[str, Any] = {
        "attack": cell.attack,
        "norm": cell.norm,
        "eps": cell.eps,
        "seconds": cell.seconds,
        "status": cell.status,
        "linf_max": cell.audit.linf_max,
        "l2_max": cell.audit.l2_max,
        "repaired": cell.audit.repaired if cell.audit.known else math.nan,
        "audit": audit_text(cell.audit),
        "attacker": cell.attacker,
        "target": cell.target,
    }
    if cell.status != "done":
        return row | {"audit": cell.error or row["audit"]}
    key = (cell.attack, cell.norm, cell.eps)
    return row | _measured(rows_of(examples, *key), rows_of(networks, *key), cell)


def _measured(examples: pd.DataFrame, networks: pd.DataFrame, cell: Cell) -> dict[str, float]:
    """What the examples and networks of a finished cell say."""
    correct = examples[examples["source_correct"].astype(bool)]
    fooling = correct[correct["source_fooled"].astype(bool)]
    fresh = networks[networks["role"] == "fresh"]
    _check_fit(correct, fooling, networks, cell)
    fractions = fooling["fooled_fraction"]
    low, high = _interval(fooling, fresh, cell)
    return {
        "examples": len(correct),
        "source_success": len(fooling) / len(correct) if len(correct) else math.nan,
        "source_fooled": len(fooling),
        "fooled_mean": fractions.mean(),
        "ci_low": low,
        "ci_high": high,
        **{name: float(fractions.quantile(level)) for name, level in QUANTILES.items()},
        "fools_all": (fooling["fooled"] == fooling["networks"]).mean(),
        "fools_none": (fooling["fooled"] == 0).mean(),
        "fooled_mean_all": correct["fooled_fraction"].mean(),
        "flipped_mean": fooling["flipped_fraction"].mean(),
        "wrong_share_mean": fooling["wrong_share"].mean(),
        "networks": len(fresh),
    }


def _interval(fooling: pd.DataFrame, fresh: pd.DataFrame, cell: Cell) -> tuple[float, float]:
    """Crossed interval of the mean fooled fraction; NaN if nothing fooled the source, or for one network."""
    if len(fooling) == 0 or len(fresh) < FEWEST_NETWORKS:
        return math.nan, math.nan
    try:
        return crossed_mean_interval(fooling["fooled_fraction"], fresh["fooled_fraction"])
    except ValueError as error:
        raise InputError(f"networks.csv and examples.csv do not fit for {_name(cell)}: {error}") from error


def _check_fit(correct: pd.DataFrame, fooling: pd.DataFrame, networks: pd.DataFrame, cell: Cell) -> None:
    """Refuses tables of which one has lost rows."""
    source, fresh = (networks[networks["role"] == role] for role in ("source", "fresh"))
    if fresh.empty or not (fresh["examples"] == len(fooling)).all():
        raise InputError(
            f"networks.csv and examples.csv do not fit for {_name(cell)}: every fresh network must have been"
            f" tried on the {len(fooling)} examples that fooled the source; repeat the run"
        )
    if not ((source["examples"] == len(correct)) & (source["fooled"] == len(fooling))).all():
        raise InputError(
            f"networks.csv and examples.csv do not fit for {_name(cell)}: of {len(correct)} examples the"
            f" source was fooled by {len(fooling)} in one of them, not in the other; repeat the run"
        )


def _name(cell: Cell) -> str:
    return f"{cell.attack} {cell.norm} {cell.eps}"
