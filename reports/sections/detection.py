"""The section that says whether uncertainty gives adversarial and outlying images away."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from robust_hypergan.reports.columns import CELL
from robust_hypergan.reports.figures.entropy import draw_entropy
from robust_hypergan.reports.figures.kinds import draw_kinds, draw_kinds_cumulative
from robust_hypergan.reports.figures.transfer import FEWEST_EXAMPLES
from robust_hypergan.reports.section import Picture, Section, Table
from robust_hypergan.reports.sections.kinds import Addition, Kinds, add_kinds, attack_titles, kinds_of
from robust_hypergan.reports.statistics.detection import KIND, SCORES
from robust_hypergan.reports.tables.run import Run
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


def detection_section(run: Run) -> Section | None:
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
    section = Section(
        "detection",
        "Does the ensemble know what it does not know?",
        tuple(_findings(detection)),
        (Table(caption, HEADINGS, rows),),
        (_picture(uncertainty),),
    )
    return add_kinds(section, run, "detection", lambda kinds: _of_all_kinds(kinds, run))


def _findings(detection: pd.DataFrame) -> list[str]:
    """Outliers; adversarials that fool the vote, best and worst detected; the adaptive attack."""
    said = []
    every = detection[detection["subset"] == "all"]
    for data, own in every[every["inputs"] == "outlier"].groupby("data"):
        said.append(f"Outlying images ({printable(str(data))}) are told from clean ones with {_scores(own)}.")
    wrong = detection[(detection["subset"] == "vote wrong") & (detection["positives"] >= FEWEST_EXAMPLES)]
    wrong = wrong[wrong["auroc"].notna()]
    adaptive = _is_adaptive(wrong["attack"])
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


def _is_adaptive(attacks: pd.Series) -> pd.Series:
    return attacks.map(lambda attack: str(attack).partition(":")[0]) == ADAPTIVE


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


def _of_all_kinds(kinds: Kinds, run: Run) -> Addition:
    """AUROC and entropies of every kind."""
    rows = _aligned(kinds.rows)
    entropy = rows[rows["score"] == SCORES[0]]
    outliers = entropy[entropy["inputs"] == "outlier"].set_index("name")["auroc"]
    wrong = entropy[(entropy["subset"] == "vote wrong") & (entropy["positives"] >= FEWEST_EXAMPLES)]
    knowing = _is_adaptive(wrong["attack"])
    plain, adaptive = (
        kinds.said(wrong[cells].groupby("name")["auroc"].mean(), number) for cells in (~knowing, knowing)
    )
    single = [printable(name) for name in kinds.single]
    found = {
        "outlying images": kinds.said(outliers, number),
        "adversarial images that make the vote wrong, mean of the cells": plain,
        "the same under the attack that knows of the detector": adaptive,
    }
    told = "; ".join(f"{images}: {texts}" for images, texts in found.items() if texts)
    paragraph = f"AUROC of entropy by kind, {told or 'too few images to say'}."
    if single:
        paragraph += f" For {' and '.join(single)}, a single network, mutual information is always 0."
    caption = (
        "The same for every kind of networks, each with as many as it has, at most those of the first table;"
        f" {ADAPTIVE} holds 8 of them, or as many as there are."
    )
    table = replace(kinds, rows=rows).table(caption, HEADINGS, KIND, _row)
    uncertainty = kinds_of(run, "uncertainty")
    drawn = rows[rows["subset"] == rows["inputs"].map({"adversarial": "vote wrong"}).fillna("all")]
    drawn = drawn[drawn["positives"] >= FEWEST_EXAMPLES]
    pictures = [_areas(drawn, kinds, paragraph)] if len(drawn) else []
    if uncertainty is not None:
        pictures.append(_entropies(_aligned(uncertainty.rows), kinds))
    return Addition(paragraph, table, tuple(pictures))


def _aligned(rows: pd.DataFrame) -> pd.DataFrame:
    """The adaptive attack under its bare name, where a kind has one: it holds fewer of a small ensemble."""
    adaptive = _is_adaptive(rows["attack"])
    one = rows[adaptive].groupby("name")["attack"].nunique().eq(1)
    return rows.assign(attack=rows["attack"].mask(adaptive & rows["name"].map(one).eq(True), ADAPTIVE))


def _titled(rows: pd.DataFrame) -> pd.DataFrame:
    """With the title of the panel: the outliers' data set, or the attack."""
    titles = attack_titles(rows)
    outlying = rows["inputs"] == "outlier"
    return rows.assign(panel=titles.mask(outlying, "outliers: " + rows["data"].map(printable)))


def _areas(told: pd.DataFrame, kinds: Kinds, said: str) -> Picture:
    titled = _titled(told)
    names = {"eps": "at", "auroc": "value", "ci_low": "low", "ci_high": "high"}
    points = titled.assign(panel=titled["panel"] + ": " + titled["score"].str.replace("_", " "))
    return Picture(
        "detection_kinds",
        "Told from clean images, kind by kind",
        "Area under the ROC curve with its 95% interval: of adversarial images after which the mean vote is"
        f" wrong, where there are at least {FEWEST_EXAMPLES}, and of outlying images. 0.5 is chance, and less"
        " means images that the networks are surer of than of clean ones.",
        f"Line plots against eps, a row of panels per attack, by entropy and by mutual information. {said}",
        draw_kinds(points.rename(columns=names), kinds.names, x="eps", y="AUROC", columns=2, share=False),
    )


def _entropies(uncertainty: pd.DataFrame, kinds: Kinds) -> Picture:
    clean = uncertainty[uncertainty["inputs"] == "clean"].assign(panel="clean")
    middle = uncertainty.groupby(["attack", "norm"])["eps"].transform(_middle)
    others = _titled(uncertainty[(uncertainty["inputs"] == "outlier") | (uncertainty["eps"] == middle)])
    shown = pd.concat([clean, others]).rename(columns={"entropy": "value"})
    medians = clean.groupby("name")["entropy"].median()
    return Picture(
        "entropy_kinds",
        "Predictive entropy, kind by kind",
        "Share of the images whose entropy is at most the value on the horizontal axis, a curve for each kind"
        " of networks: clean images, each attack at the middle one of its eps, and outlying images.",
        "Empirical distributions of the predictive entropy, a panel per kind of image. Medians on clean"
        f" images in nats: {kinds.said(medians, number)}.",
        draw_kinds_cumulative(shown, kinds.names, x="predictive entropy (nats)"),
    )


def _middle(eps: pd.Series) -> float:
    levels = sorted(eps.unique())
    return float(levels[len(levels) // 2])
