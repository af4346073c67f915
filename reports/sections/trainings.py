"""What a reproduction trained: on what, how long, and how accurate the networks came out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from robust_hypergan.base.errors import InputError
from robust_hypergan.reports.section import Section, Table
from robust_hypergan.reports.tables.run import read_record
from robust_hypergan.reports.wording import TIMES, count, duration, number, percent, plural, printable

HEADINGS = (
    "networks",
    "data",
    "steps",
    "images seen",
    "augmentation",
    "label smoothing",
    "disagreement",
    "training",
    "one network",
    "vote of up to 100",
)


def trainings_section(folder: Path) -> Section | None:
    """A row for each finished training in a folder; None if there is none.

    Args:
        folder: holds a folder for each training, as ``train`` writes it.
    """
    records = {place.parent.name: _record(place.parent) for place in sorted(folder.glob("*/run.json"))}
    done = {name: own for name, own in records.items() if own.get("status") == "done"}
    if not done:
        return None
    seconds = sum(_seconds(record) for record in done.values())
    return Section(
        "trainings",
        "What was trained",
        (f"{plural(len(done), 'training')} took {duration(seconds)} in all.",),
        (
            Table(
                "Trainings, with the accuracy on the test images of their data.",
                HEADINGS,
                tuple(_row(name, record) for name, record in done.items()),
            ),
        ),
    )


def _record(folder: Path) -> Mapping[str, Any]:
    try:
        return read_record(folder)
    except InputError:  # a damaged one is no reason to lose the page of all others
        return {}


def _seconds(record: Mapping[str, Any]) -> float:
    return float(record["seconds"].get("training", 0))


def _row(name: str, record: Mapping[str, Any]) -> tuple[str, ...]:
    training, accuracy = record["config"]["training"], record.get("accuracy") or {}
    sizes = [training[key] for key in ("steps", "networks", "batch")]
    return (
        printable(name),
        printable(str(record["data"]["name"])),
        f"{count(sizes[0])} of {sizes[1]} {TIMES} {sizes[2]}",
        count(sizes[0] * sizes[1] * sizes[2]),
        training.get("augmentation", "none"),
        number(training.get("label_smoothing", 0.0)),
        number(training.get("disagreement", 0.0)),
        duration(_seconds(record)),
        percent(accuracy.get("single_mean", float("nan")), 2),
        percent(accuracy.get("vote_all", float("nan")), 2),
    )
