"""The study of the trade-off: accuracy, diversity and transfer along trainings, and the default chosen."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from robust_hypergan.reports.figures.tradeoff import attacks_of, draw_tradeoff
from robust_hypergan.reports.section import Picture, Section, Table
from robust_hypergan.reports.sections.diversity import with_interval
from robust_hypergan.reports.statistics.differences import difference_interval
from robust_hypergan.reports.tables.study import Claim, Study, StudyReport
from robust_hypergan.reports.tables.tradeoff import TRADEOFF_COLUMNS, by_state, choose
from robust_hypergan.reports.wording import DASH, count, interval, number, percent, points, printable

Row = Mapping[Hashable, Any]

SHARES = {
    "accuracy": "one network",
    "vote": "vote",
    "vote_loss": "vote behind the best",
    "disagreement": "disagreement",
}
INDICES = {"error_iou": "overlap of the errors (IoU)", "auroc": "AUROC of outliers"}

RULE = (
    "The rule: of the states whose vote can't be told from the best vote of all (the 95% interval of the"
    " paired difference over the same images holds 0), those whose networks' overlap of errors can't be told"
    " from the least of theirs; of these the one with the best vote."
)


def sections(study: Study) -> list[Section]:
    """The figure and its table."""
    table = study.tables["tradeoff"]
    states, chosen = by_state(table), choose(table)
    eps = number(table["eps"].max())
    attacks = attacks_of(states)
    shown = tuple(_cells(key, row, attacks) for key, row in _rows(states).items())
    headings = (
        "training and step",
        *SHARES.values(),
        *INDICES.values(),
        *(f"{what} {printable(attack)}" for attack in attacks for what in ("fools its source:", "transfer:")),
    )
    caption = (
        "Means with their 95% intervals: of one network over images and networks, of votes over images, of"
        " pairs over networks (jackknife), of the area over images (DeLong), of the transfer over examples"
        f" and networks. Attacks at L-inf eps {eps}; transfer is the share of the other networks that an"
        " example fools, over those that fooled their source."
    )
    picture = Picture(
        "tradeoff",
        "Accuracy against diversity against transfer",
        "A line is a training, from its first snapshot (small mark) to its end (large); the colour says how"
        " far attacks on one network carry: dark is less far. Up is more accurate, right more diverse. Level"
        " lines through the marks are 95% intervals; upright ones those of the distance from the best vote,"
        " on the same images: one that reaches the dashed line can't be told from it.",
        f"A panel for each attack. Chosen: {_text(states, chosen)}.",
        draw_tradeoff(states, chosen),
    )
    said = (f"Chosen: {_text(states, chosen)}.", RULE)
    title = "What do accuracy, diversity and transfer cost each other?"
    return [Section("tradeoff", title, said, (Table(caption, headings, shown),), (picture,))]


def claims(study: Study) -> list[Claim]:
    """What the noise share does at the end of training, and which state is chosen; nothing of one share."""
    table = study.tables["tradeoff"]
    states = by_state(table)
    ends = states.reset_index().groupby("name", sort=False).tail(1).sort_values("noise_share")
    if ends["noise_share"].nunique() < 2:
        return []
    return [
        *_of_share(ends.iloc[0].to_dict(), ends.iloc[-1].to_dict(), attacks_of(states)),
        Claim(
            "The rule names a default noise share", "not in the paper", _text(states, choose(table)), "holds"
        ),
    ]


def _of_share(least: Row, greatest: Row, attacks: list[str]) -> list[Claim]:
    """What the greatest noise share changes against the least, at the end of training."""
    expected = {
        "error_iou": ("Networks made from more noise share fewer of their errors", -1),
        "accuracy": ("A larger noise share costs the accuracy of one network", -1),
    }
    expected |= {
        f"transfer {each}": (f"{printable(each)} carries less far at a larger noise share", -1)
        for each in attacks
    }
    found = []
    for measure, (text, sign) in expected.items():
        ends = [tuple(row[measure + end] for end in ("", "_low", "_high")) for row in (greatest, least)]
        difference, low, high = difference_interval(*ends)
        verdict = "undecided"
        if min(sign * low, sign * high) > 0:
            verdict = "holds"
        elif max(sign * low, sign * high) < 0:
            verdict = "does not hold"
        ours = (
            f"{percent(least[measure], 2)} at {printable(str(least['name']))},"
            f" {percent(greatest[measure], 2)} at {printable(str(greatest['name']))}:"
            f" {points(difference, 2)} points ({points(low, 2)} to {points(high, 2)})"
        )
        found.append(Claim(text, "not in the paper", ours, verdict))
    return found


def _cells(key: tuple[str, int], row: Row, attacks: list[str]) -> tuple[str, ...]:
    """A row of the table."""
    name, step = key
    shares = [*SHARES, *(f"{what} {each}" for each in attacks for what in ("source_success", "transfer"))]
    texts = {measure: _share(row, measure) for measure in shares}
    texts |= {measure: _index(row, measure) for measure in INDICES}
    order = [*SHARES, *INDICES, *shares[len(SHARES) :]]
    return f"{printable(name)}, step {count(step)}", *(texts[measure] for measure in order)


def _share(row: Row, measure: str) -> str:
    low, high = row[f"{measure}_low"], row[f"{measure}_high"]
    return with_interval(percent(row[measure], 2), interval(low, high, 2))


def _index(row: Row, measure: str) -> str:
    low, high = row[f"{measure}_low"], row[f"{measure}_high"]
    return f"{number(row[measure])} ({number(low)}{DASH}{number(high)})"


def _text(states: pd.DataFrame, chosen: tuple[str, int]) -> str:
    """The chosen state and what it reaches."""
    name, step = chosen
    row = _rows(states)[chosen]
    carried = ", ".join(
        f"{printable(each)} carries to {_share(row, f'transfer {each}')}" for each in attacks_of(states)
    )
    return (
        f"{printable(name)} at step {count(step)}: vote {_share(row, 'vote')}, one network"
        f" {_share(row, 'accuracy')}, overlap of the errors {_index(row, 'error_iou')}; {carried}"
    )


def _rows(states: pd.DataFrame) -> dict[tuple[str, int], Row]:
    """The states by name and step, in their order."""
    return {(str(row["name"]), int(row["step"])): row for row in states.reset_index().to_dict("records")}


TRADEOFF = StudyReport(
    "Accuracy, diversity and transfer",
    {"tradeoff": TRADEOFF_COLUMNS},
    sections,
    claims,
)
