"""How well outliers are told over several trainings: what one training shows may be its luck."""

from __future__ import annotations

import numpy as np
import pandas as pd

from robust_hypergan.reports.figures.outliers import draw_trainings
from robust_hypergan.reports.section import Picture, Section, Table
from robust_hypergan.reports.sections.outliers import (
    Row,
    area_text,
    by_outliers,
    difference_row,
    difference_text,
)
from robust_hypergan.reports.statistics.differences import (
    independent_difference_interval,
    paired_difference_interval,
)
from robust_hypergan.reports.tables.outliers import OUTLIER_TABLES, SCORES, references_of
from robust_hypergan.reports.tables.study import Study
from robust_hypergan.reports.wording import count, plural, printable

KEYS = ["name", "kind", "asked", "networks", "data", "score"]


def areas_over_trainings(trainings: pd.DataFrame) -> pd.DataFrame:
    """The mean AUROC of each name over its trainings, with Student's interval.

    Args:
        trainings: rows as in ``ood_trainings.csv``.

    Returns:
        A row for each name, number of networks, outliers and score: ``trainings``, ``auroc``, ``ci_low`` and
        ``ci_high``, NaN with one training.
    """
    rows = []
    for values, own in trainings.groupby(KEYS, sort=False):
        found = np.clip(paired_difference_interval(own["auroc"]), 0, 1)
        row: dict[str, object] = dict(zip(KEYS, values, strict=True)) | {"trainings": len(own)}
        rows.append(row | dict(zip(("auroc", "ci_low", "ci_high"), found, strict=True)))
    return pd.DataFrame(rows, columns=[*KEYS, "trainings", "auroc", "ci_low", "ci_high"])


def differences_over_trainings(trainings: pd.DataFrame, reference: str) -> pd.DataFrame:
    """The mean AUROC of the reference less that of each other name, with Welch's interval over the trainings.

    Args:
        trainings: rows as in ``ood_trainings.csv``.
        reference: a name among them.

    Returns:
        Columns as in ``ood_differences.csv``, and ``trainings`` of the reference and ``other_trainings``; NaN
        ends where either was trained once.
    """
    ours = trainings[trainings["name"] == reference].groupby(["asked", "data", "score"])
    rows = []
    for values, own in trainings[trainings["name"] != reference].groupby(KEYS, sort=False):
        row: dict[str, object] = dict(zip(KEYS, values, strict=True))
        first = ours.get_group((row["asked"], row["data"], row["score"]))
        found = independent_difference_interval(first["auroc"], own["auroc"])
        row |= {"reference": reference, "reference_networks": first["networks"].iloc[0]}
        row |= {"trainings": len(first), "other_trainings": len(own)}
        rows.append(row | dict(zip(("difference", "ci_low", "ci_high"), found, strict=True)))
    return pd.DataFrame(rows, columns=[*OUTLIER_TABLES["ood_differences"], "trainings", "other_trainings"])


def repeated_trainings(study: Study) -> pd.DataFrame | None:
    """``ood_trainings.csv`` for the greatest number of networks; None if nothing was trained twice."""
    trainings = study.tables.get("ood_trainings")
    if trainings is None or trainings["training"].max() < 2:
        return None
    most: pd.DataFrame = trainings[trainings["asked"] == trainings["asked"].max()]
    return most


def trainings_section(study: Study) -> Section | None:
    """AUROC and its differences over trainings; None if nothing was trained twice."""
    trainings = repeated_trainings(study)
    if trainings is None:
        return None
    headings = ("outliers", "kind", "networks", "trainings", *SCORES.values())
    tables = [
        Table(
            "Mean AUROC over the trainings with Student's 95% interval over them; the images are held fixed.",
            headings,
            tuple(_area_row(own) for own in by_outliers(areas_over_trainings(trainings))),
        )
    ]
    paragraphs = [
        "Networks that are trained again, from another seed, differ by more than the intervals over images"
        " say: those hold the one training fixed. Here the trainings are the sample."
    ]
    most = plural(int(trainings["asked"].iloc[0]), "network")
    for name in references_of(trainings):
        differences, reference = differences_over_trainings(trainings, name), printable(name)
        if not len(differences):
            continue
        caption = f"Mean AUROC of {reference} less that of another kind, with Welch's 95% interval."
        rows = tuple(difference_row(own, "trainings", "other_trainings") for own in by_outliers(differences))
        tables.append(Table(caption, ("outliers", "kinds", "trainings", *SCORES.values()), rows))
        main = differences[differences["score"] == "entropy"]
        texts = [
            f"{printable(row['name'])}, {printable(row['data'])} {difference_text(row)}"
            for row in main.to_dict("records")
        ]
        said = f"By the entropy of {most}, or of those there are, {reference} less others"
        paragraphs.append(f"{said}: {'; '.join(texts)}.")
    by_entropy = trainings[trainings["score"] == "entropy"]
    picture = Picture(
        "outliers-trainings",
        "AUROC of every training",
        f"By the entropy of {most}, or of those there are. A mark is a training; a bar the mean of its kind.",
        f"A panel for each set of outliers, a column of marks for each kind. {_spreads(by_entropy)}.",
        draw_trainings(by_entropy),
    )
    title = "Over several trainings"
    return Section("outliers-trainings", title, tuple(paragraphs), tuple(tables), (picture,))


def _area_row(rows: pd.DataFrame) -> tuple[str, ...]:
    found = {row["score"]: row for row in rows.to_dict("records")}
    first = next(iter(found.values()))
    names = (printable(first["data"]), printable(first["name"]))
    numbers = (count(first["networks"]), count(first["trainings"]))
    return (*names, *numbers, *(_area(found[score]) for score in SCORES))


def _area(row: Row) -> str:
    """An area with its interval, or alone where there is one training."""
    return area_text(row) if row["trainings"] > 1 or pd.isna(row["auroc"]) else f"{row['auroc']:.4f}"


def _spreads(trainings: pd.DataFrame) -> str:
    """``hypergan, notmnist 0.9820 to 0.9840; ...``."""
    groups = trainings.groupby(["name", "data"], sort=False)["auroc"]
    return "; ".join(
        f"{printable(str(name))}, {printable(str(data))} {own.min():.4f} to {own.max():.4f}"
        for (name, data), own in groups
    )
