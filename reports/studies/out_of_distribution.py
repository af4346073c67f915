"""The study of uncertainty in and out of distribution: the paper's Figures 3 and 7, and our aims for them."""

from __future__ import annotations

import pandas as pd

from robust_hypergan.reports.section import Section
from robust_hypergan.reports.sections.extremes import extremes_section
from robust_hypergan.reports.sections.outliers import (
    Row,
    area_text,
    difference_text,
    differences_section,
    entropy_section,
    outliers_section,
)
from robust_hypergan.reports.studies.outlier_trainings import (
    areas_over_trainings,
    differences_over_trainings,
    repeated_trainings,
    trainings_section,
)
from robust_hypergan.reports.tables.outliers import (
    OUTLIER_GALLERY,
    OUTLIER_TABLES,
    reference_of,
    references_of,
)
from robust_hypergan.reports.tables.study import Claim, Study, StudyReport
from robust_hypergan.reports.wording import count, number, percent, plural, printable

AIMS = {"notmnist": 0.98, "fashion-mnist": 0.995, "fashion-1k": 0.995}
"""AUROC by entropy to be reached with 100 networks trained on MNIST: ours, the paper shows curves alone."""

BETTER_THAN = {"ordinary": "an ordinary network", "mc-dropout": "MC dropout"}
"""Kinds that a HyperGAN is to detect outliers better than."""

SIGNIFICANT = 0.05


def claims(study: Study) -> list[Claim]:
    """The paper's Figure 3, and what is to be reached, against the tables."""
    entropy, ood, differences = (study.tables[stem] for stem in ("entropy", "ood", "ood_differences"))
    reference, most = reference_of(ood), ood["asked"].max()
    own = entropy[(entropy["name"] == reference) & (entropy["asked"] == most)]
    said = [_dominance(row) for row in own[own["role"] == "outlier"].to_dict("records")]
    inliers = str(own.loc[own["role"] == "inlier", "data"].iloc[0])
    areas = ood[(ood["asked"] == most) & (ood["score"] == "entropy")]
    main = differences[(differences["asked"] == most) & (differences["score"] == "entropy")]
    trainings = repeated_trainings(study)
    for name in references_of(ood):
        ours, less = areas[areas["name"] == name], main[main["reference"] == name]
        if trainings is not None:
            by_entropy = trainings[trainings["score"] == "entropy"]
            ours = _where_repeated(ours, areas_over_trainings(by_entropy[by_entropy["name"] == name]))
            less = _where_repeated(less, differences_over_trainings(by_entropy, name))
        if inliers.startswith("mnist"):
            said += [_aim(row, reference) for row in ours.to_dict("records") if row["data"] in AIMS]
        for (kind, other), rows in less[less["kind"].isin(BETTER_THAN)].groupby(["kind", "name"], sort=False):
            than = BETTER_THAN[str(kind)] + (f" ({printable(str(other))})" if other != kind else "")
            said.append(_better(name, than, rows))
    return said


def _where_repeated(once: pd.DataFrame, repeated: pd.DataFrame) -> pd.DataFrame:
    """The rows over several trainings, and of what was trained once those over images."""
    known = repeated.dropna(subset=["ci_low"])
    return pd.concat([known, once]).drop_duplicates(["name", "data"])


def _dominance(row: Row) -> Claim:
    """Whether the distribution of the outliers lies right of that of the inliers, and nowhere left of it."""
    right, left = (row[f"ks_{side}_p"] < SIGNIFICANT for side in ("right", "left"))
    verdict = ("holds in part" if left else "holds") if right else "does not hold" if left else "undecided"
    found = (
        f"{_networks(row)}: right of them by up to {percent(row['ks_right'], 1)} of the images"
        f" (p {_p(row['ks_right_p'])}), left of them by at most {percent(row['ks_left'], 1)}"
        f" (p {_p(row['ks_left_p'])}); one-sided Kolmogorov-Smirnov"
    )
    claim = f"The entropy of outliers ({printable(row['data'])}) lies right of that of inliers"
    return Claim(claim, "Figure 3: solid curves (outliers) right of dashed ones", found, verdict)


def _aim(row: Row, reference: str) -> Claim:
    aim = AIMS[row["data"]]
    verdict = "holds" if row["ci_low"] >= aim else "does not hold" if row["ci_high"] < aim else "undecided"
    claim = f"AUROC of the entropy, {printable(row['data'])} against the inliers"
    if row["name"] != reference:
        claim += f": {printable(row['name'])}"
    return Claim(
        claim,
        f"at least {aim:g} with 100 networks, our aim",
        f"{area_text(row)} with {_networks(row)}{_trainings(row)}",
        verdict,
    )


def _better(reference: str, than: str, rows: pd.DataFrame) -> Claim:
    """Over the sets of outliers: each better, some, none and one worse, or undecided."""
    better, worse = rows["ci_low"] > 0, rows["ci_high"] < 0
    verdict = "does not hold" if worse.any() else "undecided"
    if better.any():
        verdict = "holds" if better.all() else "holds in part"
    records = rows.to_dict("records")
    texts = [f"{printable(row['data'])} {difference_text(row)}" for row in records]
    texts[-1] += _trainings(records[-1])
    claim = f"{printable(reference)} tells outliers from inliers better than {than}"
    return Claim(claim, "a difference of AUROC above 0, our aim", "; ".join(texts), verdict)


def sections(study: Study) -> list[Section]:
    """Distributions of the entropy, detection, differences between kinds, pictures."""
    every = [
        make(study)
        for make in (
            entropy_section,
            outliers_section,
            differences_section,
            trainings_section,
            extremes_section,
        )
    ]
    return [section for section in every if section is not None]


def _networks(row: Row) -> str:
    return plural(int(row["networks"]), "network")


def _trainings(row: Row) -> str:
    """``, over 3 trainings``, or nothing where the images of one are the sample."""
    counts = [row.get(name) for name in ("trainings", "other_trainings")]
    known = [count(each) for each in counts if each is not None and not pd.isna(each)]
    return f", over {' and '.join(known)} trainings" if known else ""


def _p(value: float) -> str:
    return "< 0.0001" if value < 1e-4 else f"= {number(value, 2)}"


OUT_OF_DISTRIBUTION = StudyReport(
    title="Uncertainty in and out of distribution",
    tables={**OUTLIER_TABLES, "gallery": OUTLIER_GALLERY},
    sections=sections,
    claims=claims,
    texts=frozenset({"reference", "label", "predicted"}),
    optional=frozenset({"ood_trainings"}),
)
