"""The sections that say how different the answers of networks are, at the end and along training."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from robust_hypergan.reports.figures.diversity import MEASURES, P_DIFF, draw_along, draw_measures
from robust_hypergan.reports.figures.style import kind_colours
from robust_hypergan.reports.section import Picture, Section, Table
from robust_hypergan.reports.tables.study import Study
from robust_hypergan.reports.wording import (
    DASH,
    UNKNOWN,
    count,
    interval,
    number,
    percent,
    plural,
    printable,
)

Row = Mapping[Hashable, Any]

SHARES = {name for name, measure in MEASURES.items() if measure.share}


def measures_section(study: Study) -> Section:
    """How different the answers, features and norms of two networks are."""
    diversity = study.tables["diversity"]
    names = list(dict.fromkeys(diversity["name"]))
    rows = tuple(
        (printable(name), *(measured(diversity, name, measure) for measure in ("networks", *MEASURES)))
        for name in names
    )
    if on_cifar10(study):
        rows += tuple(_published(text, *ends) for text, ends in P_DIFF.items())
    caption = (
        "Means over networks or over pairs of them, each with its 95% interval: a jackknife that leaves one"
        " network out at a time, since pairs share networks. The intervals are over further networks of the"
        " same kind, on the same images. A higher disagreement, spread and divergence and a lower overlap"
        " and likeness are more diverse; worse networks disagree more, so accuracy stands beside. Overlap:"
        " of the images that two networks get wrong, the share that both do."
    )
    bands = " and ".join(
        f"{low:.2f}{DASH}{high:.2f} for networks that were {text}" for text, (low, high) in P_DIFF.items()
    )
    picture = Picture(
        "diversity",
        "Measures of diversity, side by side",
        "Points are means, lines their 95% intervals. Shaded: the overlap of errors that p-diff's authors"
        f" give for CIFAR-10 (Wang et al. 2024): {bands}. Features: what goes into the last layer,"
        " compared by linear centred kernel alignment with the unbiased estimate.",
        f"A panel for each measure, a row for each kind. {_alt(diversity, names)}.",
        draw_measures(diversity, colours_of(study)),
    )
    headings = ("kind", "networks", *(measure.label for measure in MEASURES.values()))
    return Section(
        "diversity",
        "How different are the answers of two networks?",
        _few(diversity),
        (Table(caption, headings, rows),),
        (picture,),
    )


def along_section(study: Study) -> Section | None:
    """Diversity after each snapshot of a training; None without any."""
    along = study.tables.get("along_training")
    if along is None:
        return None
    shown = ("accuracy", "relative_sd", "disagreement", "error_iou")
    rows = tuple(
        (
            f"{printable(str(name))}, step {count(own['step'].iloc[0])}",
            *(measured(own, str(name), measure) for measure in ("networks", *shown)),
        )
        for (name, _), own in along.groupby(["name", "step"], sort=False)
    )
    headings = ("kind and step", "networks", *(MEASURES[measure].label for measure in shown))
    caption = "The same measures after each snapshot of a training, with 95% intervals over networks."
    picture = Picture(
        "diversity-along-training",
        "Accuracy and diversity along training (the paper's Figure 7 of its appendix)",
        "Means with their 95% intervals, over the same networks at every step. Diversity counts only where"
        " the networks are accurate: at the start they differ because they are wrong.",
        f"Three panels over the steps. First and last: {'; '.join(_ends(along))}.",
        draw_along(along, colours_of(study)),
    )
    title = "Does diversity fall along training?"
    return Section("diversity-along-training", title, (), (Table(caption, headings, rows),), (picture,))


def on_cifar10(study: Study) -> bool:
    """Whether the images are those that p-diff's numbers are of."""
    return str((study.record.get("config") or {}).get("data", {}).get("name")) == "cifar10"


def colours_of(study: Study) -> dict[str, str]:
    """A colour for each name, the same in every figure of the study."""
    along = study.tables.get("along_training")
    return kind_colours([*study.tables["diversity"]["name"], *([] if along is None else along["name"])])


def measured(table: pd.DataFrame, name: str, measure: str) -> str:
    """A measure of one name with its interval; ``networks`` is their number, a dash what was not measured."""
    own = table[table["name"] == name]
    if measure == "networks":
        return count(own["networks"].max())
    rows = own[own["measure"] == measure].to_dict("records")
    return measure_text(rows[0]) if rows else UNKNOWN


def measure_text(row: Row) -> str:
    """``"1.10% (1.01-1.19%)"``, with an en dash; three digits for what is no share."""
    low, high = row["ci_low"], row["ci_high"]
    if row["measure"] in SHARES:
        return with_interval(percent(row["mean"], 2), interval(low, high, 2))
    ends = f"{number(low)}{DASH}{number(high)}" if low == low else UNKNOWN
    return with_interval(number(row["mean"]), ends)


def with_interval(value: str, ends: str) -> str:
    """The value, and its interval in brackets if there is one."""
    return value if ends == UNKNOWN else f"{value} ({ends})"


def _published(text: str, low: float, high: float) -> tuple[str, ...]:
    """A row of the table for p-diff: others measured the overlap of errors alone."""
    cells = (f"{low:.2f}{DASH}{high:.2f}" if measure == "error_iou" else UNKNOWN for measure in MEASURES)
    return f"p-diff, {text} (Wang et al. 2024)", UNKNOWN, *cells


def _few(diversity: pd.DataFrame) -> tuple[str, ...]:
    """Which kinds have fewer networks than others, and which one alone."""
    sizes = diversity.groupby("name", sort=False)["networks"].max()
    texts = [
        f"{printable(str(name))} is a single network and has no diversity"
        if size == 1
        else f"{printable(str(name))} has {plural(int(size), 'network')} to compare"
        for name, size in sizes.items()
        if size < sizes.max()
    ]
    return (f"{'; '.join(texts)}.",) if texts else ()


def _alt(diversity: pd.DataFrame, names: list[str]) -> str:
    return "; ".join(
        f"{printable(name)} {measured(diversity, name, 'disagreement')} disagreement" for name in names
    )


def _ends(along: pd.DataFrame) -> list[str]:
    shown = along[along["measure"] == "relative_sd"]
    return [
        f"{printable(str(name))} relative sd {percent(own['mean'].iloc[0], 1)},"
        f" {percent(own['mean'].iloc[-1], 1)}"
        for name, own in shown.groupby("name", sort=False)
    ]
