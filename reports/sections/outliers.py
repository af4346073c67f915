"""The sections that say how sure networks are of inliers and outliers, and how well that tells them apart."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import pandas as pd

from robust_hypergan.reports.figures.outliers import draw_detectors, draw_differences, draw_entropy_cdf
from robust_hypergan.reports.section import Picture, Section, Table
from robust_hypergan.reports.tables.outliers import SCORES, reference_of
from robust_hypergan.reports.tables.study import Study
from robust_hypergan.reports.wording import (
    DASH,
    MINUS,
    UNKNOWN,
    count,
    interval,
    number,
    percent,
    plural,
    printable,
)

Row = Mapping[Hashable, Any]

MEASURES = {
    "auroc": ("Area under the ROC curve", "AUROC", ("ci_low", "ci_high"), "higher is better"),
    "fpr95": (
        "False alarms where 95% of the outliers are found",
        "share of the inliers",
        ("fpr95_low", "fpr95_high"),
        "lower is better",
    ),
}
"""What is drawn of ``ood.csv``: title, axis, columns of the interval, which way is better."""


def entropy_section(study: Study) -> Section:
    """How the predictive entropy of inliers and of outliers is distributed."""
    entropy = study.tables["entropy"]
    shown = entropy.drop_duplicates(["name", "networks", "data"])
    last = entropy[entropy["asked"] == entropy["asked"].max()]
    medians = _medians(last)
    main = reference_of(entropy)
    own = last[last["name"] == main].iloc[0]
    caption = (
        "Predictive entropy in nats: the entropy of the mean softmax of all networks. Right and left: how far"
        " the distribution of the outliers lies right of that of the inliers (less sure) and left of it"
        " (surer), at most, as a share of the images. Accuracy: of the mean vote on the inliers."
    )
    headings = ("kind", "networks", "images", "number", "mean", "median", "right", "left", "accuracy")
    picture = Picture(
        "entropy-cdf",
        "Empirical distributions of the predictive entropy (the paper's Figure 3)",
        "Share of the images whose entropy is at most the value on the horizontal axis. Solid: outliers;"
        " dashed: inliers. Good networks are sure of inliers (dashed near the upper left corner) and unsure"
        " of outliers (solid near the lower right)." + _fewer(entropy),
        "A panel for each set of outliers and number of networks, a pair of curves for each kind. Medians in"
        f" nats of the most networks: {'; '.join(f'{name}: {text}' for name, text in medians.items())}.",
        draw_entropy_cdf(study.tables["entropy_cdf"]),
    )
    said = (
        f"Median predictive entropy, in nats, of {plural(int(own['networks']), 'network')} of"
        f" {printable(main)}: {medians[printable(main)]}."
    )
    rows = tuple(_entropy_row(row) for row in shown.to_dict("records"))
    title = "Predictive entropy of inliers and outliers"
    return Section("entropy", title, (said,), (Table(caption, headings, rows),), (picture,))


def _medians(rows: pd.DataFrame) -> dict[str, str]:
    """``mnist 0.01, notmnist 1.2`` by the name of the networks."""
    return {
        printable(str(name)): ", ".join(
            f"{printable(row['data'])} {number(row['median'], 2)}" for row in own.to_dict("records")
        )
        for name, own in rows.groupby("name", sort=False)
    }


def _entropy_row(row: Row) -> tuple[str, ...]:
    return (
        printable(row["name"]),
        count(row["networks"]),
        f"{printable(row['data'])} ({row['role']}s)",
        count(row["examples"]),
        *(number(row[column]) for column in ("mean", "median")),
        *(percent(row[column], 1) for column in ("ks_right", "ks_left", "accuracy")),
    )


def outliers_section(study: Study) -> Section:
    """How well each score tells outliers from inliers."""
    ood = study.tables["ood"]
    headings = ["kind", "networks"]
    for text in SCORES.values():
        headings += [f"AUROC, {text}", "false alarms"]
    said = [
        _best(str(data), rows, reference_of(ood))
        for data, rows in ood[ood["asked"] == ood["asked"].max()].groupby("data", sort=False)
    ]
    said.append(
        "AUROC is the area under the ROC curve, the chance that an outlier scores higher than an inlier, with"
        " DeLong's 95% interval. False alarms are the share of the inliers above the threshold that finds 95%"
        " of the outliers. The images are the sample; the networks are held fixed. A single network has"
        " neither mutual information nor variance."
    )
    tables = tuple(
        Table(
            f"Telling {printable(str(data))} ({count(rows['outliers'].iloc[0])} images) from the"
            f" {count(rows['inliers'].iloc[0])} inliers.",
            tuple(headings),
            tuple(_detector_row(own) for _, own in rows.groupby(["name", "networks"], sort=False)),
        )
        for data, rows in ood.drop_duplicates(["name", "networks", "data", "score"]).groupby(
            "data", sort=False
        )
    )
    pictures = tuple(_detector_picture(ood, measure) for measure in MEASURES)
    return Section("outliers", "Uncertainty as a detector of outliers", tuple(said), tables, pictures)


def _best(data: str, rows: pd.DataFrame, reference: str) -> str:
    """The best score of all kinds, and that of the reference if it is another."""
    ordered = rows.dropna(subset=["auroc"]).sort_values("auroc", ascending=False, kind="stable")
    best = ordered.to_dict("records")[0]
    own = ordered[ordered["name"] == reference].to_dict("records")[0]
    text = f"Outliers of {printable(data)} are told best by the {_detector(best)}"
    return f"{text}." if own == best else f"{text}; within {printable(reference)}, by the {_detector(own)}."


def _detector(row: Row) -> str:
    kind = f"{plural(int(row['networks']), 'network')} of {printable(row['name'])}"
    return f"{SCORES[row['score']]} of {kind}, AUROC {area_text(row)}"


def _detector_row(rows: pd.DataFrame) -> tuple[str, ...]:
    found = {row["score"]: row for row in rows.to_dict("records")}
    first = next(iter(found.values()))
    cells = [printable(first["name"]), count(first["networks"])]
    for row in (found[score] for score in SCORES):
        alarms = f"{percent(row['fpr95'], 1)} ({interval(row['fpr95_low'], row['fpr95_high'], 1)})"
        cells += [area_text(row), UNKNOWN if pd.isna(row["fpr95"]) else alarms]
    return tuple(cells)


def _detector_picture(ood: pd.DataFrame, measure: str) -> Picture:
    title, label, ends, better = MEASURES[measure]
    main = ood[(ood["asked"] == ood["asked"].max()) & (ood["score"] == "entropy")]
    texts = [
        f"{printable(row['name'])}, {printable(row['data'])} {number(row[measure])}"
        for row in main.to_dict("records")
    ]
    return Picture(
        f"outliers-{measure}",
        f"{title}, by the number of networks",
        f"{better.capitalize()}; lines are 95% intervals. A single network has neither mutual information nor"
        f" variance.{_fewer(ood)}",
        f"A panel for each set of outliers and score, a line for each kind. By entropy: {'; '.join(texts)}.",
        draw_detectors(ood, measure, ends, label),
    )


def differences_section(study: Study) -> Section | None:
    """The reference against other kinds on the same images; None without another kind."""
    table = study.tables["ood_differences"]
    if not len(table):
        return None
    reference, most = printable(str(table["reference"].iloc[0])), table["asked"].max()
    main = table[(table["asked"] == most) & (table["score"] == "entropy")]
    rows = tuple(
        difference_row(own, "reference_networks", "networks")
        for pair in by_outliers(table)
        for _, own in pair.groupby("asked", sort=False)
    )
    caption = (
        f"AUROC of {reference} less that of another kind on the same images, with DeLong's 95% interval for"
        " correlated areas. Networks: of the one and of the other."
    )
    texts = [
        f"{printable(row['name'])}, {printable(row['data'])} {difference_text(row)}"
        for row in main.to_dict("records")
    ]
    setting = f"the entropy of {count(most)} networks, or of those there are"
    picture = Picture(
        "outliers-differences",
        "Paired differences of the AUROC",
        f"Right of 0, {reference} tells outliers from inliers better than the other kind does, by {setting}."
        " Lines are 95% intervals.",
        f"A panel for each set of outliers, a point for each kind. {'; '.join(texts)}.",
        draw_differences(main),
    )
    return Section(
        "outliers-differences",
        f"{reference} against other kinds of networks",
        (f"AUROC of {reference} less that of the other, by {setting}: {'; '.join(texts)}.",),
        (Table(caption, ("outliers", "kinds", "networks", *SCORES.values()), rows),),
        (picture,),
    )


def by_outliers(table: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The rows of each name, one set of outliers after the other."""
    for _, rows in table.groupby("data", sort=False):
        yield from (own for _, own in rows.groupby("name", sort=False))


def difference_row(rows: pd.DataFrame, *counts: str) -> tuple[str, ...]:
    """Outliers, the two names, two numbers of theirs from these columns, and the difference by each score."""
    found = {row["score"]: row for row in rows.to_dict("records")}
    first = next(iter(found.values()))
    return (
        printable(first["data"]),
        f"{printable(first['reference'])} {MINUS} {printable(first['name'])}",
        " and ".join(count(first[column]) for column in counts),
        *(difference_text(found[score]) for score in SCORES),
    )


def _fewer(rows: pd.DataFrame) -> str:
    """Names the kinds that have fewer networks than were asked for."""
    short = rows[rows["networks"] < rows["asked"]].groupby("name", sort=False)["networks"].max()
    texts = [f"{printable(str(name))} has {count(networks)}" for name, networks in short.items()]
    return f" Kinds with fewer networks stand with all of theirs: {', '.join(texts)}." if texts else ""


def area_text(row: Row) -> str:
    """An area with its interval, ``0.9812 (0.9790-0.9833)``; an en dash for NaN."""
    if pd.isna(row["auroc"]):
        return UNKNOWN
    return f"{row['auroc']:.4f} ({row['ci_low']:.4f}{DASH}{row['ci_high']:.4f})"


def difference_text(row: Row) -> str:
    """A difference of areas with its interval, ``+0.0123 (+0.0100 to +0.0146)``; an en dash for NaN."""
    values = (row["difference"], row["ci_low"], row["ci_high"])
    if any(map(pd.isna, values)):
        return UNKNOWN
    texts = [f"{value:+.4f}".replace("-", MINUS) for value in values]
    return f"{texts[0]} ({texts[1]} to {texts[2]})"
