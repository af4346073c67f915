"""Cells that were measured one by one, each a run in a folder of its own, put together into one run.

Rows are copied as they stand, so that the tables are those of one run of all cells, byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from robust_hypergan.base.durable import write_bytes
from robust_hypergan.base.errors import InputError
from robust_hypergan.reports.tables.files import read_arrays
from robust_hypergan.reports.tables.run import load_run, read_record

CELLS = "cells"
"""The folder of a run that holds a folder for each cell."""

MERGED = ("examples", "networks", "wrong_labels", "confusion")
"""Tables whose rows are of one cell each, and know of no other."""

SAME = ("data", "classifier", "networks", "source", "fresh", "examples")
"""What ``run.json`` must say alike of all cells."""


def has_cells(folder: Path) -> bool:
    """Whether a folder holds cells to put together."""
    return (folder / CELLS).is_dir()


def merge_cells(folder: Path, first: Sequence[Path] = ()) -> None:
    """Writes tables, gallery and ``run.json`` of all cells in ``folder/cells``.

    Args:
        folder: the run's folder.
        first: folders of the cells that come first, in their order; the others are in that of their names.

    Raises:
        InputError: there are none, one has not finished, two are of the same attack, norm and eps, or they
            are not of the same measurement.
    """
    there = sorted(path for path in (folder / CELLS).iterdir() if path.is_dir())
    cells = list(dict.fromkeys([*first, *there]))
    if not cells:
        raise InputError(f"no cells in {folder / CELLS}: give the folder that the command cells has filled")
    for cell in cells:
        try:
            load_run(cell)
        except InputError as error:
            raise InputError(f"{error}; give the cells command again, or delete {cell}") from error
    records = [read_record(cell) for cell in cells]
    for cell, record in zip(cells, records, strict=True):
        _check_same(cells[0], records[0], cell, record)
    _check_different(cells, records)
    for stem in MERGED:
        _merge_table([cell / f"{stem}.csv" for cell in cells], folder / f"{stem}.csv")
    _merge_gallery([cell for cell in cells if (cell / "gallery.csv").exists()], folder)
    write_bytes(folder / "run.json", (json.dumps(_merged_record(records), indent=2) + "\n").encode())


def _check_same(first: Path, expected: Mapping[str, Any], cell: Path, record: Mapping[str, Any]) -> None:
    for name, wanted, found in [
        *((name, expected.get(name), record.get(name)) for name in SAME),
        ("settings", _settings(expected), _settings(record)),
    ]:
        if wanted != found:
            raise InputError(f"{cell} and {first} are of different {name}: they can't be put together")


def _check_different(cells: Sequence[Path], records: Sequence[Mapping[str, Any]]) -> None:
    seen: dict[tuple[Any, ...], Path] = {}
    for cell, record in zip(cells, records, strict=True):
        for own in record["cells"]:
            what = own["attack"], own["norm"], own["eps"]
            if what in seen:
                raise InputError(f"{seen[what]} and {cell} hold the same attack and eps: delete one of them")
            seen[what] = cell


def _settings(record: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration without what a cell is."""
    transfer = {
        key: value for key, value in record["config"]["transfer"].items() if key not in ("attacks", "eps")
    }
    return {**record["config"], "transfer": transfer}


def _merge_table(paths: Sequence[Path], merged: Path) -> None:
    tables = [path.read_text(encoding="utf-8").splitlines() for path in paths]
    if any(table[0] != tables[0][0] for table in tables):
        raise InputError(
            f"the {merged.name} of the cells have different columns: repeat them with one version"
        )
    rows = [row for table in tables for row in table[1:]]
    write_bytes(merged, "".join(f"{row}\n" for row in [tables[0][0], *rows]).encode())


def _merge_gallery(cells: Sequence[Path], folder: Path) -> None:
    if not cells:
        return
    tables = [(cell / "gallery.csv").read_text(encoding="utf-8").splitlines() for cell in cells]
    rows = [row.partition(",")[2] for table in tables for row in table[1:]]
    numbered = [tables[0][0], *(f"{number},{row}" for number, row in enumerate(rows))]
    names = ["clean", "adversarial"]
    arrays = [read_arrays(cell / "gallery.safetensors", names) for cell in cells]
    images = {
        name: np.concatenate(parts) for name, parts in zip(names, zip(*arrays, strict=True), strict=True)
    }
    write_bytes(folder / "gallery.safetensors", save(images, {}))
    write_bytes(folder / "gallery.csv", "".join(f"{row}\n" for row in numbered).encode())


def _merged_record(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The first cell's, with the cells and the seconds of all."""
    first, config = records[0], records[0]["config"]
    transfers = [record["config"]["transfer"] for record in records]
    asked = {
        key: list(dict.fromkeys(each for transfer in transfers for each in transfer[key]))
        for key in ("attacks", "eps")
    }
    stages = dict.fromkeys(stage for record in records for stage in record["seconds"])
    return first | {
        "config": {**config, "transfer": config["transfer"] | asked},
        "command": f"robust-hypergan report, of {len(records)} cells; the first was: {first['command']}",
        "cells": [cell for record in records for cell in record["cells"]],
        "seconds": {
            stage: round(sum(record["seconds"].get(stage, 0.0) for record in records), 2) for stage in stages
        },
        "started": min(record["started"] for record in records),
        "finished": max(record["finished"] for record in records),
    }
