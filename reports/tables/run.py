"""A finished run, read from its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from robust_hypergan.base.durable import read_text
from robust_hypergan.base.errors import InputError
from robust_hypergan.base.text import file_name
from robust_hypergan.reports.columns import (
    EVIDENCE_TABLES,
    EVIDENCE_TEXTS,
    EXAMPLES_COLUMNS,
    GALLERY_COLUMNS,
    NETWORKS_COLUMNS,
    TEXT_COLUMNS,
    TRAINING_COLUMNS,
)
from robust_hypergan.reports.tables.files import read_arrays, read_table
from robust_hypergan.reports.tables.record import Record, parse_record
from robust_hypergan.reports.tables.summary import summarise


@dataclass(frozen=True)
class Gallery:
    """Pictures to show: ``table`` has one row each, in the order of the image arrays.

    ``clean`` and ``adversarial`` are float32 (G, C, H, W) in [0, 1]; ``counts`` is (G, classes), the
    fresh networks that predict each class on the adversarial image.
    """

    table: pd.DataFrame
    clean: NDArray[np.float32]
    adversarial: NDArray[np.float32]
    counts: NDArray[np.int64]


@dataclass(frozen=True)
class Run:
    """Everything a report is made from. ``training`` and ``gallery`` are None where the run has none.

    ``evidence`` holds those of the ``EVIDENCE_TABLES`` that the run has, by the stem of their file, and
    ``beside`` the runs of other kinds of networks that were measured beside it, by their names.
    """

    folder: Path
    record: Record
    examples: pd.DataFrame
    networks: pd.DataFrame
    training: pd.DataFrame | None = None
    gallery: Gallery | None = None
    evidence: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    beside: Mapping[str, Run] = field(default_factory=dict)

    @property
    def kinds(self) -> dict[str, Run]:
        """The run itself under the name of its kind, then those beside it."""
        return {self.record.kind: self, **self.beside}

    @property
    def summary(self) -> pd.DataFrame:
        """A row for each cell (``summary.csv``)."""
        return summarise(self.examples, self.networks, self.record.cells)

    def _repr_html_(self) -> str:
        """What a notebook shows: the summary and the main figure."""
        from robust_hypergan.reports.page.notebook import summary_html  # the page's tables build on runs

        return summary_html(self.summary)


def beside_folder(folder: Path, name: str) -> Path:
    """Where a run in ``folder`` keeps the whole run of another kind of networks."""
    return folder / "beside" / file_name(name)


def load_run(folder: Path) -> Run:
    """Read a finished run's folder, and the runs beside it that are still there.

    Raises:
        InputError: when the folder does not exist, is not a run's, has not finished, or is damaged; likewise
            one of those beside it.
    """
    run = _load(Path(folder))
    finished = [name for name, outcome in run.record.beside.items() if outcome == "done"]
    places = {name: beside_folder(run.folder, name) for name in finished}
    return replace(run, beside={name: _load(place) for name, place in places.items() if place.is_dir()})


def _load(folder: Path) -> Run:
    """One folder, without what lies beside it."""
    info = read_record(folder)
    if "study" in info:
        raise InputError(f"{folder} holds a study, not a run of attacks: it can't be compared")
    if info.get("status") in ("running", "failed"):
        raise InputError(f"the run in {folder} is {info['status']!r}: finish it first, then make its report")
    if info.get("status") == "done" and "cells" not in info and "training" in info.get("seconds", {}):
        raise InputError(f"the run in {folder} only trained: attack its checkpoint with the command transfer")
    record = parse_record(info)
    return Run(
        folder=folder,
        record=record,
        examples=read_table(folder / "examples.csv", EXAMPLES_COLUMNS),
        networks=read_table(folder / "networks.csv", NETWORKS_COLUMNS),
        training=_read_training(folder / "training.csv"),
        gallery=_read_gallery(folder),
        evidence={
            stem: read_table(folder / f"{stem}.csv", columns, EVIDENCE_TEXTS.get(stem, TEXT_COLUMNS))
            for stem, columns in EVIDENCE_TABLES.items()
            if (folder / f"{stem}.csv").exists()
        },
    )


def read_record(folder: Path) -> dict[str, Any]:
    """The ``run.json`` of a folder as it stands.

    Raises:
        InputError: there is none, or it is damaged.
    """
    if not folder.is_dir():
        raise InputError(f"no such folder: {folder}")
    path = folder / "run.json"
    try:
        content = json.loads(read_text(path))
    except FileNotFoundError as error:
        raise InputError(f"{path.parent} is not a run's folder: it has no run.json") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged ({error}): repeat the run") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} is damaged (it holds no JSON object): repeat the run")
    return content


def _read_training(path: Path) -> pd.DataFrame | None:
    """The training table, None when the run did not train."""
    return read_table(path, TRAINING_COLUMNS) if path.exists() else None


def _read_gallery(folder: Path) -> Gallery | None:
    """The gallery, None when the run kept no pictures."""
    tables, images = folder / "gallery.csv", folder / "gallery.safetensors"
    if not (tables.exists() and images.exists()):
        return None
    table = read_table(tables, GALLERY_COLUMNS)
    clean, adversarial = read_arrays(images, ["clean", "adversarial"])
    if clean.ndim != 4 or clean.shape != adversarial.shape or len(clean) != len(table):
        raise InputError(f"{images} does not fit gallery.csv: repeat the run, or delete both")
    names = sorted((name for name in table.columns if name.startswith("counts_")), key=_class_of)
    whole = [*names, "label", "source_label", "example"]
    found = table[whole].to_numpy(dtype=float)
    if not (np.isfinite(found) & (found >= 0) & (found == np.floor(found))).all():
        raise InputError(
            f"{tables} has numbers that count nothing: repeat the run, or delete it and {images}"
        )
    return Gallery(table, clean, adversarial, table[names].to_numpy(dtype=np.int64))


def _class_of(column: str) -> int:
    """The class index in ``counts_7``; -1 for a column that only looks like one."""
    index = column.removeprefix("counts_")
    return int(index) if index.isdecimal() else -1
