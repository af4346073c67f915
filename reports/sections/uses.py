"""The section that sets the uses of an ensemble side by side."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pandas as pd

from robust_hypergan.reports.figures.kinds import draw_kinds
from robust_hypergan.reports.figures.uses import draw_uses, use_name, use_names
from robust_hypergan.reports.section import Picture, Section, Table
from robust_hypergan.reports.sections.kinds import Addition, Kinds, add_kinds, attack_titles
from robust_hypergan.reports.tables.run import Run
from robust_hypergan.reports.wording import cell_text, interval, percent, plural, printable

CELL = ["images", "attack", "norm", "eps"]
SINGLE, VOTE = ("fixed draw", "fresh per query"), "mean vote"
IMAGES = {"tried": "clean, all tried", "clean": "clean, of the cells below"}


def uses_section(run: Run) -> Section | None:
    """From ``uses.csv``; None without it."""
    uses = run.evidence.get("uses")
    if uses is None or not (uses["images"] == "adversarial").any():
        return None
    names = use_names(uses)
    cells = uses.groupby(CELL, sort=False, dropna=False)
    rows = tuple(_row(own, names) for _, own in cells)
    caption = (
        "Accuracy with its 95% interval. The source answers its own adversarial images; all other networks"
        " are fresh. A fixed draw is one network for every image, the mean over all of them; in the third"
        f" column each image has a network of its own; the votes are means over {_votes(uses)}."
    )
    section = Section(
        "uses",
        "How the ensemble is used",
        (_finding(uses),),
        (Table(caption, ("images", *names), rows),),
        (_picture(uses, names),),
    )
    return add_kinds(section, run, "uses", _of_all_kinds)


def _row(rows: pd.DataFrame, names: list[str]) -> tuple[str, ...]:
    """One group of images: what it is called, and the accuracy of each use, blank where it is not made."""
    first, *_ = told = rows.to_dict("records")
    name = IMAGES.get(first["images"]) or cell_text(first["attack"], first["norm"], first["eps"])
    shares = {use_name(row["use"], row["networks"]): _share(row) for row in told}
    return (name, *(shares.get(use, "") for use in names))


def _share(row: dict[Hashable, Any]) -> str:
    return f"{percent(row['accuracy'], 1)} ({interval(row['ci_low'], row['ci_high'])})"


def _finding(uses: pd.DataFrame) -> str:
    """What the largest vote gains on a fixed draw, on clean images and in the cell where it gains most."""
    vote = uses.loc[uses["use"] == VOTE, "networks"].max()
    if pd.isna(vote):
        return "With one network there is no vote: the uses are the same."
    single = uses[uses["use"] == "fixed draw"].set_index(CELL)["accuracy"]
    most = uses[(uses["use"] == VOTE) & (uses["networks"] == vote)].set_index(CELL)["accuracy"]
    both = pd.DataFrame({"single": single, "vote": most}).reset_index()
    both["gain"] = (both["vote"] - both["single"]).round(3)  # what the page shows of it
    clean = both[both["images"] == "tried"].to_dict("records")[0]
    attacked = both[both["images"] == "adversarial"].sort_values("gain").to_dict("records")
    texts = [
        f"{percent(row['vote'], 1)} against {percent(row['single'], 1)}"
        f" under {cell_text(row['attack'], row['norm'], row['eps'])}"
        for row in (attacked[-1], attacked[0])
    ]
    return (
        f"The mean vote of {plural(int(vote), 'network')} answers {percent(clean['vote'], 1)} of the clean"
        f" images rightly, a fixed draw {percent(clean['single'], 1)}. Under attack the vote"
        f" {_gains(attacked[-1]['gain'], attacked[0]['gain'], *texts)}."
    )


def _gains(most: float, least: float, best: str, worst: str) -> str:
    """What the vote does to the accuracy of a fixed draw, from its gain in its best and its worst cell."""
    if most > 0:
        said = f"gains most on a fixed draw with {best}"
        if least < 0:
            return f"{said}, and loses most with {worst}"
        if most == least:
            return f"gains in every cell alike, with {best}"
        return f"{said}, and least with {worst}"
    if least < 0:
        said = f"gains nothing on a fixed draw, and loses most with {worst}"
        return f"{said}, least with {best}" if least < most < 0 else said
    return "gains nothing on a fixed draw"


def _votes(uses: pd.DataFrame) -> str:
    """``50 votes of 10 networks and 5 votes of 100 networks``."""
    votes = uses[uses["use"] == VOTE][["networks", "votes"]].drop_duplicates().to_numpy()
    texts = [f"{plural(int(amount), 'vote')} of {plural(int(size), 'network')}" for size, amount in votes]
    return " and ".join(texts) or "none"


def _picture(uses: pd.DataFrame, names: list[str]) -> Picture:
    attacked = uses[uses["images"] == "adversarial"].groupby(["use", "networks"], sort=False)["accuracy"]
    ranges = [
        f"{name} {percent(own.min())} to {percent(own.max())}"
        for name, (_, own) in zip(names, attacked, strict=True)
    ]
    return Picture(
        "uses",
        "Accuracy under each use",
        "Accuracy with its 95% interval against eps; eps 0 are the clean images that the adversarial ones"
        " were made of, all of which the source answers rightly. Dashed: the source network itself.",
        f"Line plots, a panel per attack and a line per use. Accuracy over the cells: {'; '.join(ranges)}.",
        draw_uses(uses),
    )


def _of_all_kinds(kinds: Kinds) -> Addition:
    """The uses of every kind: its largest vote stands for its votes in the figure."""
    rows, names = kinds.rows, use_names(kinds.rows)
    votes = rows[rows["use"] == VOTE]
    largest = votes[votes["networks"] == votes.groupby("name")["networks"].transform("max")]
    under_attack = largest[largest["images"] == "adversarial"]
    means = under_attack.groupby("name")["accuracy"].mean()
    sizes = under_attack.groupby("name")["networks"].first()
    said = ", ".join(
        f"{printable(name)} {percent(means[name])} (vote of {sizes[name]:.0f})"
        for name in means.sort_values(ascending=False, kind="stable").index
    )
    voteless = [printable(name) for name in kinds.names if name not in set(votes["name"])]
    paragraph = (
        "Every kind beside, attacked through a source network of its own. The largest vote of each answers,"
        f" over all cells under attack: {said or 'there is none'}."
        + (f" No vote for {' and '.join(voteless)}: a single network." if voteless else "")
    )
    points = _points(pd.concat([rows[rows["use"].isin(SINGLE)], largest]))
    picture = Picture(
        "uses_kinds",
        "Each use, kind by kind",
        "Accuracy with its 95% interval against eps, a line for each kind of networks; eps 0 are the clean"
        " images that the adversarial ones were made of. Left to right: one network for every image, a"
        " network of its own for each image, and the mean vote of the most networks that the kind has.",
        f"Line plots, a row of panels per attack and a panel per use. {paragraph}",
        draw_kinds(points, kinds.names, x="eps", y="accuracy"),
    )
    caption = (
        "The same for every kind of networks: accuracy with its 95% interval. Blank: a vote that the kind has"
        " too few networks for, or that has been counted at another size."
    )
    table = kinds.table(caption, ("images", *names), CELL, lambda own: _row(own, names))
    return Addition(paragraph, table, (picture,))


def _points(uses: pd.DataFrame) -> pd.DataFrame:
    """Rows of uses as points of panels, the clean images at eps 0 in each attack's."""
    clean = uses[uses["images"] == "clean"].assign(eps=0.0)
    parts = []
    for _, rows in uses[uses["images"] == "adversarial"].groupby(["attack", "norm"], sort=False):
        attack, norm = rows["attack"].iloc[0], rows["norm"].iloc[0]
        both = pd.concat([clean.assign(attack=attack, norm=norm), rows])
        for use in (*SINGLE, VOTE):
            own = both[both["use"] == use]
            title = f": {'largest vote' if use == VOTE else use}"
            parts.append(own.assign(panel=attack_titles(own, title)))
    names = {"eps": "at", "accuracy": "value", "ci_low": "low", "ci_high": "high"}
    return pd.concat(parts, ignore_index=True).rename(columns=names)
