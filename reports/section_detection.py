"""The section that says whether uncertainty gives adversarial and outlying images away."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from robust_hypergan.reports.columns import CELL
from robust_hypergan.reports.detection import KIND, SCORES
from robust_hypergan.reports.figure_entropy import draw_entropy
from robust_hypergan.reports.run import Run
from robust_hypergan.reports.section import Picture, Section, Table
from robust_hypergan.reports.wording import DASH, cell_text, count, number, percent, plural, printable

ADAPTIVE = "entropy-pgd"
HEADINGS = (
    "images",
    "number",
    "AUROC, entropy",
    "false alarms",
    "AUROC, mutual information",
    "false alarms",
    "vote wrong",
    "AUROC, entropy",
    "AUROC, mutual information",
)

Row = Mapping[Hashable, Any]


def detection_section(run: Run, summary: pd.DataFrame) -> Section | None:  # noqa: ARG001 - its signature
    """From ``uncertainty.csv`` and ``detection.csv``; None without them."""
    uncertainty, detection = run.evidence.get("uncertainty"), run.evidence.get("detection")
    if uncertainty is None or detection is None or not (detection["inputs"] == "adversarial").any():
        return None
    networks = int(uncertainty["networks"].max())
    rows = tuple(_row(own) for _, own in detection.groupby(KIND, sort=False, dropna=False))
    caption = (
        "Detecting images by the uncertainty of the mean of"
        f" {plural(networks, 'network')}, against the clean images: area under the ROC curve with DeLong's"
        " 95% interval, and the false alarms, the share of clean images above the threshold that finds 95%."
        " The last columns count only the adversarial images after which the mean vote is wrong."
    )
    return Section(
        "detection",
        "Does the ensemble know what it does not know?",
        tuple(_findings(detection)),
        (Table(caption, HEADINGS, rows),),
        (_picture(uncertainty),),
    )


def _findings(detection: pd.DataFrame) -> list[str]:
    """Outliers; adversarials that fool the vote, best and worst detected; the adaptive attack."""
    said = []
    every = detection[detection["subset"] == "all"]
    for data, own in every[every["inputs"] == "outlier"].groupby("data"):
        said.append(f"Outlying images ({printable(str(data))}) are told from clean ones with {_scores(own)}.")
    wrong = detection[(detection["subset"] == "vote wrong") & detection["auroc"].notna()]
    adaptive = wrong["attack"].str.partition(":")[0] == ADAPTIVE
    plain = wrong[~adaptive & (wrong["score"] == SCORES[0])].sort_values("auroc").to_dict("records")
    if plain:
        ends = [f"{number(row['auroc'])} ({_name(row)})" for row in (plain[0], plain[-1])]
        text = " and ".join(ends) if len(plain) > 1 else ends[0]
        between = "lies between " if len(plain) > 1 else "is "
        said.append(
            f"For the adversarial images that make the mean vote wrong, the AUROC of entropy {between}{text};"
            " 0.5 is chance."
        )
    for _, own in wrong[adaptive].groupby(CELL, sort=False):
        name = _name(own.to_dict("records")[0])
        said.append(
            f"Under an attack that knows of the detector ({name}), they are told with {_scores(own)}."
        )
    return said


def _scores(rows: pd.DataFrame) -> str:
    """``AUROC 0.97 (0.95 to 0.98) by entropy and ... by mutual information``."""
    texts = [
        f"{number(row['auroc'])} ({number(row['ci_low'])} to {number(row['ci_high'])}) by"
        f" {row['score'].replace('_', ' ')}"
        for row in rows.to_dict("records")
    ]
    return "AUROC " + " and ".join(texts)


def _name(row: Row) -> str:
    if row["inputs"] == "outlier":
        return f"outliers: {printable(row['data'])}"
    return cell_text(row["attack"], row["norm"], row["eps"])


def _row(rows: pd.DataFrame) -> tuple[str, ...]:
    """All of one kind of image: both subsets, both scores."""
    found = {(row["subset"], row["score"]): row for row in rows.to_dict("records")}
    first = found["all", SCORES[0]]
    cells = [_name(first), count(first["positives"])]
    for score in SCORES:
        cells += [_area(found["all", score]), percent(found["all", score]["fpr95"])]
    wrong = [found.get(("vote wrong", score)) for score in SCORES]
    cells.append(count(wrong[0]["positives"] if wrong[0] else None))
    return (*cells, *(_area(row) if row else number(float("nan")) for row in wrong))


def _area(row: Row) -> str:
    if pd.isna(row["auroc"]):
        return number(float("nan"))
    return f"{row['auroc']:.3f} ({row['ci_low']:.2f}{DASH}{row['ci_high']:.2f})"


def _picture(uncertainty: pd.DataFrame) -> Picture:
    medians = uncertainty.groupby("inputs", sort=False)["entropy"].median()
    texts = [f"{kind} {number(float(value))}" for kind, value in medians.items()]
    return Picture(
        "entropy",
        "Predictive entropy of clean, adversarial and outlying images",
        "Share of the images whose entropy is at most the value on the horizontal axis. Dashed: clean images;"
        " grey: outliers; in colour: adversarial images, darker with eps. Further right is less sure; a curve"
        " left of the dashed one is an attack that makes the ensemble surer than clean images do.",
        "Empirical distributions of the predictive entropy, a panel per attack. Medians in nats:"
        f" {'; '.join(texts)}.",
        draw_entropy(uncertainty),
    )
