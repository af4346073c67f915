"""The section that sets the uses of an ensemble side by side."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pandas as pd

from robust_hypergan.reports.figure_uses import draw_uses, use_names
from robust_hypergan.reports.run import Run
from robust_hypergan.reports.section import Picture, Section, Table
from robust_hypergan.reports.wording import cell_text, interval, percent, plural

CELL = ["images", "attack", "norm", "eps"]
IMAGES = {"tried": "clean, all tried", "clean": "clean, of the cells below"}


def uses_section(run: Run, summary: pd.DataFrame) -> Section | None:  # noqa: ARG001 - its signature
    """From ``uses.csv``; None without it."""
    uses = run.evidence.get("uses")
    if uses is None or not (uses["images"] == "adversarial").any():
        return None
    names = use_names(uses)
    cells = uses.groupby(CELL, sort=False, dropna=False)
    rows = tuple(_row(own.to_dict("records")) for _, own in cells)
    caption = (
        "Accuracy with its 95% interval. The source answers its own adversarial images; all other networks"
        " are fresh. A fixed draw is one network for every image, the mean over all of them; in the third"
        f" column each image has a network of its own; the votes are means over {_votes(uses)}."
    )
    return Section(
        "uses",
        "How the ensemble is used",
        (_finding(uses),),
        (Table(caption, ("images", *names), rows),),
        (_picture(uses, names),),
    )


def _row(rows: list[dict[Hashable, Any]]) -> tuple[str, ...]:
    """One group of images: what it is called, and the accuracy of each use."""
    first = rows[0]
    name = IMAGES.get(first["images"]) or cell_text(first["attack"], first["norm"], first["eps"])
    shares = [f"{percent(row['accuracy'], 1)} ({interval(row['ci_low'], row['ci_high'])})" for row in rows]
    return (name, *shares)


def _finding(uses: pd.DataFrame) -> str:
    """What the largest vote gains on a fixed draw, on clean images and in the cell where it gains most."""
    vote = uses.loc[uses["use"] == "mean vote", "networks"].max()
    if pd.isna(vote):
        return "With one network there is no vote: the uses are the same."
    single = uses[uses["use"] == "fixed draw"].set_index(CELL)["accuracy"]
    most = uses[(uses["use"] == "mean vote") & (uses["networks"] == vote)].set_index(CELL)["accuracy"]
    both = pd.DataFrame({"single": single, "vote": most}).reset_index()
    both["gain"] = both["vote"] - both["single"]
    clean = both[both["images"] == "tried"].to_dict("records")[0]
    attacked = both[both["images"] == "adversarial"].sort_values("gain").to_dict("records")
    texts = [
        f"{percent(row['vote'], 1)} against {percent(row['single'], 1)}"
        f" under {cell_text(row['attack'], row['norm'], row['eps'])}"
        for row in (attacked[-1], attacked[0])
    ]
    text = (
        f"The mean vote of {plural(int(vote), 'network')} answers {percent(clean['vote'], 1)} of the clean"
        f" images rightly, a fixed draw {percent(clean['single'], 1)}. Under attack on one network the vote"
        f" gains most on a fixed draw with {texts[0]}"
    )
    return f"{text}, and least with {texts[1]}." if len(attacked) > 1 else f"{text}."


def _votes(uses: pd.DataFrame) -> str:
    """``50 votes of 10 networks and 5 votes of 100 networks``."""
    votes = uses[uses["use"] == "mean vote"][["networks", "votes"]].drop_duplicates().to_numpy()
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
