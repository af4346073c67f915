"""The study of transfer with error bars over trainings: the paper's Figure 4."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from robust_hypergan.reports.figures.adversarial import draw_adversarial, draw_order
from robust_hypergan.reports.figures.style import BAND
from robust_hypergan.reports.section import Picture, Section, Table
from robust_hypergan.reports.sections.paper_statements import in_band
from robust_hypergan.reports.statistics.differences import paired_difference_interval
from robust_hypergan.reports.tables.study import Claim, Study, StudyReport
from robust_hypergan.reports.wording import count, eps_text, interval, percent, plural, points, printable

MEASURES = {
    "fooled_mean": "of those that fool the source",
    "fooled_mean_all": "of all initially correct",
    "flipped_mean": "flipped",
    "fools_all": "fool every fresh network",
}
"""Columns of ``adversarial.csv`` that are averaged over sources and trainings."""

DIFFERENCES = {"difference": "each over its own successes", "paired": "on the examples that fool under both"}

ADVERSARIAL_TABLES = {
    "adversarial": [
        "name",
        "source",
        "attack",
        "eps",
        "examples",
        "source_fooled",
        "source_success",
        *MEASURES,
        "fools_none",
        "networks",
    ],
    "adversarial_pairs": [
        "name",
        "source",
        "eps",
        "difference",
        "ci_low",
        "ci_high",
        "pairs",
        "paired",
        "paired_low",
        "paired_high",
    ],
}


def over_trainings(table: pd.DataFrame, keys: Sequence[str], measures: Sequence[str]) -> pd.DataFrame:
    """Means over trainings of the means over their sources, with Student's interval over the trainings.

    Args:
        table: rows with ``name`` (the training) and ``source``.
        keys: columns that name a result.
        measures: columns that are averaged.

    Returns:
        A row for each result: the keys, ``trainings``, and for each measure ``M``, ``M_low`` and ``M_high``,
        NaN ends with one training.
    """
    by_training = table.groupby([*keys, "name"], sort=False)[list(measures)].mean().reset_index()
    rows = []
    for values, own in by_training.groupby(list(keys), sort=False):
        row: dict[str, object] = dict(zip(keys, values, strict=True)) | {"trainings": len(own)}
        for measure in measures:
            found = own[measure].dropna()
            mean, low, high = paired_difference_interval(found)
            row |= {measure: mean, f"{measure}_low": low, f"{measure}_high": high}
        rows.append(row)
    ends = [f"{measure}{end}" for measure in measures for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=[*keys, "trainings", *ends])


def adversarial_claims(study: Study) -> list[Claim]:
    """The paper's three statements about Figure 4, as far as something was fooled, and by both attacks."""
    means = over_trainings(study.tables["adversarial"], ("attack", "eps"), tuple(MEASURES))
    means = means[means["fooled_mean"].notna()]
    orders = over_trainings(study.tables["adversarial_pairs"], ("eps",), tuple(DIFFERENCES))
    order = [_order(orders, measure) for measure in DIFFERENCES if len(orders)]
    return [_band(means), *order, _all(means)] if len(means) else []


def adversarial_sections(study: Study) -> list[Section]:
    """Fooled fractions against eps, then FGSM against PGD where there are both."""
    pairs = study.tables["adversarial_pairs"]
    return [_transfer_section(study.tables["adversarial"]), *([_order_section(pairs)] if len(pairs) else [])]


def _transfer_section(table: pd.DataFrame) -> Section:
    means = over_trainings(table, ("attack", "eps"), tuple(MEASURES))
    trainings, sources = table["name"].nunique(), table.groupby("name")["source"].nunique().max()
    sample = (
        f"{plural(trainings, 'training')}, {plural(int(sources), 'attacked network')} each,"
        f" {count(table['networks'].max())} fresh networks"
    )
    headings = ("attack and eps", *(text for name in MEASURES.values() for text in (name, "interval")))
    rows = tuple(
        (
            f"{printable(str(row['attack']))}, eps {eps_text(row['eps'])}",
            *(
                text
                for measure in MEASURES
                for text in (
                    percent(row[measure], 1),
                    interval(max(row[f"{measure}_low"], 0.0), min(row[f"{measure}_high"], 1.0), 1),
                )
            ),
        )
        for row in means.to_dict("records")
    )
    return Section(
        "transfer",
        "How far attacks on one network carry",
        (),
        (
            Table(
                f"Mean fooled fraction of the fresh networks: {sample}. Intervals are over trainings alone.",
                headings,
                rows,
            ),
        ),
        (
            Picture(
                "adversarial",
                "Fooled fraction against eps",
                "Left: over the examples that fooled the source, as in the paper; right: over all that were"
                " initially correct. Thick: mean over trainings, shaded its 95% interval; thin: single"
                f" attacked networks; grey: {interval(*BAND)}.",
                f"Line plots against eps. {_band(means[means['fooled_mean'].notna()]).ours}",
                draw_adversarial(table, means),
            ),
        ),
    )


def _order_section(pairs: pd.DataFrame) -> Section:
    orders = over_trainings(pairs, ("eps",), tuple(DIFFERENCES))
    rows = tuple(
        (
            f"eps {eps_text(row['eps'])}",
            *(
                text
                for measure in DIFFERENCES
                for text in (
                    points(row[measure]),
                    f"{points(row[f'{measure}_low'])} to {points(row[f'{measure}_high'])}",
                )
            ),
        )
        for row in orders.to_dict("records")
    )
    said = " ".join(f"{_order(orders, measure).ours}." for measure in DIFFERENCES)
    return Section(
        "order",
        "Does FGSM transfer better than PGD?",
        (),
        (
            Table(
                "Mean fooled fraction of FGSM minus that of PGD in points; intervals are over trainings.",
                ("eps", *(text for name in DIFFERENCES.values() for text in (name, "interval"))),
                rows,
            ),
        ),
        (
            Picture(
                "order",
                "FGSM minus PGD",
                "Above 0 FGSM transfers better. Thick: mean over trainings with its 95% interval; thin:"
                " single attacked networks.",
                f"Line plots against eps. {said}",
                draw_order(pairs, orders, DIFFERENCES),
            ),
        ),
    )


def _band(means: pd.DataFrame) -> Claim:
    inside = means[means["fooled_mean"].between(*BAND)]
    where = [
        f"{printable(str(attack))} at eps {', '.join(eps_text(eps) for eps in own['eps'])}"
        for attack, own in inside.groupby("attack", sort=False)
    ]
    surely, partly, verdict = in_band(means["fooled_mean_low"], means["fooled_mean_high"])
    found = f"inside in {len(inside)} of {plural(len(means), 'cell')}, {surely} with the whole interval"
    if partly:
        found += f", {partly} with an interval that reaches over an end or none"
    least, most = percent(means["fooled_mean"].min()), percent(means["fooled_mean"].max())
    return Claim(
        f"The mean fooled fraction lies in {interval(*BAND)}",
        interval(*BAND),
        found + (f": {'; '.join(where)}" if where else f"; from {least} to {most}"),
        verdict,
    )


def _order(orders: pd.DataFrame, measure: str) -> Claim:
    """By sign of the interval over trainings; of one there is none."""
    low, high = orders[f"{measure}_low"], orders[f"{measure}_high"]
    better, worse = orders["eps"][low > 0], orders["eps"][high < 0]
    said = [
        f"{name} better at eps {', '.join(map(eps_text, eps))}"
        for name, eps in (("FGSM", better), ("PGD", worse))
        if len(eps)
    ]
    undecided = len(orders) - len(better) - len(worse)
    verdict = "undecided" if undecided == len(orders) else "holds in part" if len(better) else "does not hold"
    return Claim(
        f"FGSM transfers better than PGD, {DIFFERENCES[measure]}",
        "FGSM better",
        "; ".join([*said, *([f"undecided at {undecided} eps"] if undecided else [])]),
        "holds" if len(better) == len(orders) else verdict,
    )


def _all(means: pd.DataFrame) -> Claim:
    most = means.sort_values("fools_all").to_dict("records")[-1]
    median = percent(means["fools_all"].median())
    cell = f"{printable(str(most['attack']))}, eps {eps_text(most['eps'])}"
    verdict = "does not hold" if (means["fools_all_low"] > 0.5).any() else "undecided"
    return Claim(
        "No attack on one network covers the distribution: examples that fool every fresh network are few",
        "neither covers it",
        f"at most {percent(most['fools_all'])} ({cell}), {median} in the median cell",
        "holds" if (means["fools_all_high"] <= 0.5).all() else verdict,
    )


ADVERSARIAL = StudyReport(
    "Adversarial transfer",
    ADVERSARIAL_TABLES,
    adversarial_sections,
    adversarial_claims,
    texts=frozenset({"name"}),
)
