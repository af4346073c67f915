"""The section that sets how different two networks are against how far attacks carry between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from robust_hypergan.reports.figures.pairs import draw_pairs
from robust_hypergan.reports.section import Picture, Section, Table
from robust_hypergan.reports.sections.kinds import Addition, Kinds, add_kinds, kinds_of
from robust_hypergan.reports.statistics.pair_correlations import MEASURES, kept_pairs
from robust_hypergan.reports.tables.run import Run
from robust_hypergan.reports.wording import MINUS, cell_text, count, number, percent, plural, printable

SIGNIFICANT = 0.05
ANY_WRONG = (
    "The run has a target, but this section attacks towards any wrong class, and counts the networks that"
    " answer any."
)
HEADINGS = ("measure", "networks", "pairs", "least", "mean", "greatest", "Spearman's correlation", "p")


def pairs_section(run: Run) -> Section | None:
    """From ``pairs.csv`` and ``pair_correlations.csv``; None without them, or two that were fooled."""
    every, correlations = run.evidence.get("pairs"), run.evidence.get("pair_correlations")
    if every is None or correlations is None or (pairs := kept_pairs(every)).empty:
        return None
    rows = tuple(_row(row, pairs) for row in correlations.to_dict("records"))
    permutations = count(correlations["permutations"].max())
    caption = (
        "Each measure over the pairs of networks, and its correlation with the transfer rate. The p-value is"
        f" that of Mantel's test: {permutations} permutations of the networks, since pairs share them."
    )
    section = Section(
        "pairs",
        "Do attacks carry less far between networks that differ more?",
        (_rates(every, pairs), _finding(correlations), *([ANY_WRONG] if run.record.targets else [])),
        (Table(caption, HEADINGS, rows),),
        (_picture(pairs.assign(name=run.record.kind), rows),),
    )
    return add_kinds(section, run, "pairs", lambda kinds: _of_all_kinds(kinds, run))


def _row(row: Mapping[Any, Any], pairs: pd.DataFrame) -> tuple[str, ...]:
    """One measure: its range over the pairs, and its correlation with the transfer rate."""
    return (
        MEASURES.get(row["measure"], str(row["measure"])),
        count(row["networks"]),
        count(row["pairs"]),
        *(number(float(value)) for value in _range(pairs[row["measure"]])),
        _signed(row["spearman"]),
        number(row["p_value"]),
    )


def _rates(every: pd.DataFrame, pairs: pd.DataFrame) -> str:
    """How far the attacks carry over ``pairs``, those of ``every`` pair that are kept."""
    first = pairs.to_dict("records")[0]
    networks, kept = _networks(every), _networks(pairs)
    left_out = f" Left out: {networks - kept} that no image fooled." if kept < networks else ""
    least, mean, most = _range(pairs["transfer_rate"])
    return (
        f"{plural(networks, 'network')} were attacked one after the other"
        f" ({cell_text(first['attack'], first['norm'], first['eps'])}).{left_out} Of the images that fool one"
        f" of them, another is fooled by {percent(mean)} on average, from {percent(least)} to {percent(most)}"
        " from pair to pair."
    )


def _networks(pairs: pd.DataFrame) -> int:
    return len(pairs[["from_stream", "from_network"]].drop_duplicates())


def _finding(correlations: pd.DataFrame) -> str:
    """Which measures go with the transfer rate, as far as the test tells."""
    told = correlations[correlations["spearman"].notna()].to_dict("records")
    if not told:
        return "The networks are too few, or too much alike, to correlate anything over their pairs."
    texts = [
        f"{MEASURES.get(row['measure'], str(row['measure']))} {_signed(row['spearman'])} (p ="
        f" {number(row['p_value'])}{'' if row['p_value'] < SIGNIFICANT else ', no evidence'})"
        for row in told
    ]
    return f"Rank correlation of the transfer rate with {'; '.join(texts)}."


def _signed(correlation: float) -> str:
    return number(correlation, 2).replace("-", MINUS)


def _range(values: pd.Series) -> tuple[float, float, float]:
    return float(values.min()), float(values.mean()), float(values.max())


def _picture(pairs: pd.DataFrame, rows: tuple[tuple[str, ...], ...]) -> Picture:
    texts = [f"{row[0]} {row[-2]}" for row in rows]
    return Picture(
        "pairs",
        "Transfer against diversity, pair by pair",
        "Each point is an ordered pair of networks: the share of the images fooling the first that fool the"
        " second too, against how different the two are. Where the errors overlap more, the networks are more"
        " alike.",
        f"Scatter plots of the transfer rate over {plural(len(pairs), 'pair')}; rank correlation with:"
        f" {'; '.join(texts)}.",
        draw_pairs(pairs, list(pairs["name"].unique())),
    )


def _of_all_kinds(kinds: Kinds, run: Run) -> Addition:
    """Transfer and diversity of every kind that has pairs; a single network has none, and it is said."""
    pairs = pd.concat([kept_pairs(own) for _, own in kinds.rows.groupby("name", sort=False)])
    rates = pairs.groupby("name")["transfer_rate"].mean()
    apart = pairs.groupby("name")["disagreement"].mean()
    missing = [printable(name) for name in kinds.names if name not in rates]
    paragraph = (
        f"Mean transfer rate from network to network by kind: {kinds.said(rates, percent)}. Mean disagreement"
        f" on clean images: {kinds.said(apart, lambda share: percent(share, 1))}."
    )
    if missing:
        paragraph += f" Nothing of {' and '.join(missing)}: no pairs of networks, or none that FGSM fools."
    picture = Picture(
        "pairs_kinds",
        "Transfer against diversity, kind by kind",
        "As above, the pairs of every kind of networks in its colour. A kind further left is of networks more"
        " alike in disagreement or weights; in the overlap of the errors, one further right.",
        f"Scatter plots of the transfer rate, a colour per kind. {paragraph}",
        draw_pairs(pairs, kinds.names),
    )
    caption = "The same for every kind of networks; the transfer rate itself first."
    rates_first = replace(kinds, rows=pairs.assign(measure="transfer rate")).table(
        caption, HEADINGS, ["measure"], _transfer_row
    )
    correlations = kinds_of(run, "pair_correlations")
    measured = correlations and correlations.table(
        caption, HEADINGS, ["measure"], lambda own: _row_of_kind(own, pairs)
    )
    rows = (*rates_first.rows, *(measured.rows if measured else ()))
    return Addition(paragraph, replace(rates_first, rows=rows), (picture,))


def _transfer_row(pairs: pd.DataFrame) -> tuple[str, ...]:
    ends = (number(float(value)) for value in _range(pairs["transfer_rate"]))
    return ("transfer rate", count(_networks(pairs)), count(len(pairs)), *ends, "", "")


def _row_of_kind(correlation: pd.DataFrame, pairs: pd.DataFrame) -> tuple[str, ...]:
    own = pairs[pairs["name"] == correlation["name"].iloc[0]]
    return _row(correlation.to_dict("records")[0], own)
