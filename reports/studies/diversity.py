"""The study of diversity: the paper's claims about mixer, discriminator and training, against the tables.

The paper's numbers are for CIFAR-10, read off a figure of its appendix: relative standard deviations of the
weights' norms over 100 networks. The unit of its axis is not stated, so that ratios are compared.
"""

from __future__ import annotations

import pandas as pd

from robust_hypergan.reports.figures.diversity import P_DIFF
from robust_hypergan.reports.section import Section
from robust_hypergan.reports.sections.diversity import (
    Row,
    along_section,
    measure_text,
    measured,
    measures_section,
    on_cifar10,
)
from robust_hypergan.reports.sections.weights import filters_section, shapes_section, weights_section
from robust_hypergan.reports.tables.diversity import DIVERSITY_TABLES, norm_spread
from robust_hypergan.reports.tables.study import Claim, Study, StudyReport
from robust_hypergan.reports.wording import DASH, count, number, printable

FULL = ("full", "hypergan")
"""Names of the whole model, the first that is there."""

PAPER_FULL, PAPER_ABLATIONS = 1.4, {"no-mixer": (0.1, 0.2), "no-discriminator": (0.6, 0.6)}
"""Relative standard deviation of the norms at epoch 85, in the paper's unit."""

HARDLY = 0.25
"""Hardly any diversity is left: at most this share of the full model's."""

EARLY = 0.25
"""Diversity late in training is compared with that after this share of the steps."""

FOUND = {
    "relative_sd": "relative sd of the norms",
    "disagreement": "disagreement",
    "accuracy": "accuracy of single networks",
}
"""What is said of a model without a part and of the whole one."""

STEMS = [stem for stem in DIVERSITY_TABLES if stem != "elements"]


def claims(study: Study) -> list[Claim]:
    """What the checkpoints that are there allow to say."""
    table = study.tables["diversity"]  # of one network there is nothing that two of them do
    names = list(dict.fromkeys(table.loc[table["measure"].isin(["disagreement", "error_iou"]), "name"]))
    full = next((name for name in FULL if name in names), None)
    said = []
    if full and "no-mixer" in names:
        text = (
            f"Without the mixer hardly any diversity is left (at most {number(HARDLY)} of the full model's)"
        )
        said.append(_ablation(study, full, "no-mixer", text, HARDLY))
    if full and "no-discriminator" in names:
        text = "Without the discriminator there is less diversity than in the full model"
        said.append(_ablation(study, full, "no-discriminator", text, 1.0))
    if full and "along_training" in study.tables:
        said += _late(study.tables["along_training"], full)
    if full and on_cifar10(study):
        said.append(_overlap(study.tables["diversity"], full))
    return said


def sections(study: Study) -> list[Section]:
    """Measures of pairs, weights, training, filters, single weights."""
    every = (measures_section, weights_section, along_section, filters_section, shapes_section)
    return [section for section in (make(study) for make in every) if section is not None]


def _ablation(study: Study, full: str, without: str, text: str, most: float) -> Claim:
    """It holds if the ratio of the norms' spread is at most ``most``; in part if it is at most twice that and
    below 1, or if the answers differ more than those of the full model."""
    norms, diversity = study.tables["norms"], study.tables["diversity"]
    own, whole = (norm_spread(norms[norms["name"] == name]) for name in (without, full))
    ratio = own.ratio_to(whole)
    low, high = ratio.interval()
    more = _disagreement(diversity, without)["ci_low"] > _disagreement(diversity, full)["ci_high"]
    verdict = "undecided"
    if high < min(2 * most, 1):
        verdict = "holds" if high <= most and not more else "holds in part"
    elif low > most:
        verdict = "does not hold"
    paper = PAPER_ABLATIONS[without]
    theirs = f"{DASH}".join(dict.fromkeys(number(each) for each in paper))
    ratios = f"{DASH}".join(dict.fromkeys(number(each / PAPER_FULL, 2) for each in paper))
    found = [
        f"{what} {measured(diversity, without, measure)} against {measured(diversity, full, measure)}"
        for measure, what in FOUND.items()
    ]
    return Claim(
        text,
        f"relative sd of the norms {theirs} against {number(PAPER_FULL)} on CIFAR-10, unit not stated:"
        f" {ratios} of it",
        f"{number(ratio.estimate, 2)} of it ({number(low, 2)}{DASH}{number(high, 2)}): {'; '.join(found)}",
        verdict,
    )


def _disagreement(diversity: pd.DataFrame, name: str) -> Row:
    rows = diversity[(diversity["name"] == name) & (diversity["measure"] == "disagreement")]
    return rows.iloc[0].to_dict()


def _late(along: pd.DataFrame, full: str) -> list[Claim]:
    """The spread of the norms after a quarter of the training and at its end; nothing with one snapshot."""
    rows = along[(along["name"] == full) & (along["measure"] == "relative_sd")].sort_values("step")
    rows = rows[rows["step"] >= EARLY * rows["step"].max()]
    if len(rows) < 2:
        return []
    early, late = rows.iloc[0].to_dict(), rows.iloc[-1].to_dict()
    verdict = "undecided"
    if late["ci_high"] < early["ci_low"]:
        verdict = "holds"
    elif late["ci_low"] > early["ci_high"]:
        verdict = "does not hold"
    steps = [count(row["step"]) for row in (early, late)]
    answers = [measured(along[along["step"] == row["step"]], full, "disagreement") for row in (early, late)]
    return [
        Claim(
            "Diversity falls late in training",
            f"relative sd of the norms from 3{DASH}5 early to {number(PAPER_FULL)} at epoch 85, CIFAR-10",
            f"{printable(full)}, step {steps[0]}: {measure_text(early)}; step {steps[1]}:"
            f" {measure_text(late)}; disagreement {answers[0]}, then {answers[1]}",
            verdict,
        )
    ]


def _overlap(diversity: pd.DataFrame, full: str) -> Claim:
    rows = diversity[(diversity["name"] == full) & (diversity["measure"] == "error_iou")].to_dict("records")
    generated = P_DIFF["generated"]
    row = rows[0]
    verdict = "undecided"
    if row["ci_high"] < generated[0]:
        verdict = "holds"
    elif row["ci_low"] > generated[1]:
        verdict = "does not hold"
    return Claim(
        "Generated networks share fewer of their errors than those of a diffusion model",
        f"p-diff on CIFAR-10: IoU {generated[0]:.2f}{DASH}{generated[1]:.2f} (Wang et al. 2024)",
        f"{printable(full)}: {measure_text(row)}",
        verdict,
    )


DIVERSITY = StudyReport(
    title="Diversity of the networks",
    tables={stem: DIVERSITY_TABLES[stem] for stem in STEMS},
    sections=sections,
    claims=claims,
    texts=frozenset({"layer", "parameter"}),
    optional=frozenset({"along_training"}),
)
