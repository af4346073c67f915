"""The study of clean accuracy: the paper's Table 2."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from robust_hypergan.reports.figures.classification import draw_classification
from robust_hypergan.reports.paper import ACCURACY, AIMS, OTHERS
from robust_hypergan.reports.section import Picture, Section, Table
from robust_hypergan.reports.tables.study import Claim, Study, StudyReport
from robust_hypergan.reports.wording import count, interval, percent, plural, points, printable

Row = Mapping[Hashable, Any]

CLASSIFICATION_TABLES = {
    "classification": [
        "name",
        "networks",
        "votes",
        "accuracy",
        "sd",
        "ci_low",
        "ci_high",
        "least",
        "greatest",
        "tested",
    ],
    "classification_differences": [
        "name",
        "networks",
        "than",
        "than_networks",
        "difference",
        "ci_low",
        "ci_high",
    ],
}
"""The study's tables: accuracies, and paired differences of them."""


def classification_claims(study: Study) -> list[Claim]:
    """The first kind's accuracy against the paper's and the aims; its gain; the other kinds."""
    own = _first(study)
    paper, aims = (of.get(_data(study), {}) if _is_papers(study) else {} for of in (ACCURACY, AIMS))
    claims = [
        Claim(
            f"{_who(own[size])} answer at least as well as {of}",
            percent(aim, 2),
            _accuracy(own[size]) + _augmented(study, own[size]["name"]),
            "holds" if own[size]["accuracy"] >= aim else "does not hold",
        )
        for of, numbers in (("the paper's", paper), ("we mean to", aims))
        for size, aim in numbers.items()
        if size in own
    ]
    return claims + list(_gain_claims(study, paper)) + list(_other_claims(study))


def _gain_claims(study: Study, paper: Mapping[int, float]) -> Iterator[Claim]:
    """What the largest vote gains on one network."""
    own = _first(study)
    few, many = min(own), max(own)
    for row in _differences(study, own[few]["name"]):
        if (row["than_networks"], row["networks"]) == (few, many) and row["than"] == row["name"]:
            gain = paper[many] - paper[few] if {few, many} <= paper.keys() else float("nan")
            yield Claim(
                f"A vote of {many} gains on {_single(few)}",
                _published(gain),
                _difference(row),
                _sign(row),
            )


def _other_claims(study: Study) -> Iterator[Claim]:
    """The first kind's largest vote against the other kinds'."""
    own = _first(study)
    theirs = OTHERS.get(_data(study), {})
    ours = ACCURACY.get(_data(study), {}).get(100, float("nan")) if _is_papers(study) else float("nan")
    for row in _differences(study, own[max(own)]["name"]):
        if row["than"] != row["name"] and row["networks"] == max(own):
            paper = ours - theirs.get(row["than"], float("nan"))
            yield Claim(
                f"{row['name']}, vote of {row['networks']}, is more accurate than {row['than']}"
                f" ({plural(int(row['than_networks']), 'network')})",
                _published(paper),
                _difference(row),
                _sign(row),
            )


def _published(difference: float) -> str:
    return "not in the paper" if math.isnan(difference) else f"{points(difference, 2)} points"


def classification_sections(study: Study) -> list[Section]:
    """One section: accuracy by kind and size of vote, and the paired differences."""
    table = study.tables["classification"]
    data, tested = _data(study), (study.record.get("data") or {}).get("tested_on")
    paper = ACCURACY.get(data, {})
    rows = tuple(
        (
            printable(str(row["name"])),
            count(row["networks"]),
            percent(row["accuracy"], 2),
            f"{100 * row['sd']:.2f}" if row["votes"] > 1 else "",
            interval(row["ci_low"], row["ci_high"], 2),
            f"{percent(row['least'], 2)} to {percent(row['greatest'], 2)}",
            count(row["votes"]),
            percent(_paper(str(row["name"]), int(row["networks"]), data), 2),
        )
        for row in table.to_dict("records")
    )
    headings = (
        "networks",
        "vote of",
        "accuracy",
        "sd",
        "95% interval",
        "least to greatest",
        "votes",
        "paper",
    )
    accuracy = Table(
        f"Accuracy on {count(table['tested'].max())} test images of {printable(str(tested))}. The sd, in"
        " points, is over repeated votes of different networks; the interval counts images and votes as"
        " samples.",
        headings,
        rows,
    )
    differences = Table(
        "Differences in points, paired image by image, with 95% intervals.",
        ("networks", "vote of", "than", "vote of", "difference", "interval"),
        tuple(
            (
                printable(str(row["name"])),
                count(row["networks"]),
                printable(str(row["than"])),
                count(row["than_networks"]),
                points(row["difference"], 2),
                f"{points(row['ci_low'], 2)} to {points(row['ci_high'], 2)}",
            )
            for row in study.tables["classification_differences"].to_dict("records")
        ),
    )
    texts = [f"{row[0]}, vote of {row[1]}: {row[2]}" for row in rows]
    picture = Picture(
        "classification",
        "Accuracy against the number of networks in a vote",
        "Mean over repeated votes with its 95% interval. Hollow: the paper's Table 2, trained on"
        f" {printable(data)}."
        if paper
        else "Mean over repeated votes with its 95% interval.",
        f"Line plot, a line per kind of networks. {'; '.join(texts)}.",
        draw_classification(table, paper),
    )
    return [
        Section(
            "classification",
            f"Accuracy of one network and of votes: {printable(data)}",
            (),
            (accuracy, differences),
            (picture,),
        )
    ]


def _data(study: Study) -> str:
    return str((study.record.get("data") or {}).get("name", ""))


def _first(study: Study) -> dict[int, Row]:
    """Rows of the first kind, by the size of the vote."""
    rows = study.tables["classification"].to_dict("records")
    return {row["networks"]: row for row in rows if row["name"] == rows[0]["name"]}


def _is_papers(study: Study) -> bool:
    """Whether the first kind is what the paper's own numbers are of."""
    name = str(study.tables["classification"]["name"].iloc[0])
    kinds = study.record.get("kinds") or {}
    return str(kinds.get(name, name)) == "hypergan"


def _differences(study: Study, name: str) -> list[Row]:
    rows = study.tables["classification_differences"].to_dict("records")
    return [row for row in rows if row["name"] == name]


def _paper(name: str, networks: int, data: str) -> float:
    if name == "hypergan":
        return ACCURACY.get(data, {}).get(networks, float("nan"))
    largest = {"mc-dropout": 100, "deep-ensemble": 10}.get(name)
    return OTHERS.get(data, {}).get(name, float("nan")) if networks == largest else float("nan")


def _who(row: Row) -> str:
    size = row["networks"]
    return f"{printable(row['name'])}: {'single networks' if size == 1 else f'votes of {size}'}"


def _single(size: int) -> str:
    return "one network" if size == 1 else f"a vote of {size}"


def _accuracy(row: Row) -> str:
    return f"{percent(row['accuracy'], 2)} ({interval(row['ci_low'], row['ci_high'], 2)})"


def _augmented(study: Study, name: str) -> str:
    """A caution: as far as is known, the paper's images were not augmented."""
    how = (study.record.get("augmentation") or {}).get(name)
    return f", with augmentation ({printable(str(how))})" if how not in (None, "none") else ""


def _difference(row: Row) -> str:
    return (
        f"{points(row['difference'], 2)} points ({points(row['ci_low'], 2)} to {points(row['ci_high'], 2)})"
    )


def _sign(row: Row) -> str:
    """Whether a difference is above 0, as far as its interval tells."""
    if row["ci_low"] > 0:
        return "holds"
    return "does not hold" if row["ci_high"] < 0 else "undecided"


CLASSIFICATION = StudyReport(
    "Classification",
    CLASSIFICATION_TABLES,
    classification_sections,
    classification_claims,
    texts=frozenset({"name", "than"}),
)
