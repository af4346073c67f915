"""Tables as CSV: written whole, read with plain errors."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from robust_hypergan.base.durable import read_text
from robust_hypergan.base.durable import write_bytes as write_bytes
from robust_hypergan.base.errors import InputError
from robust_hypergan.reports.columns import TEXT_COLUMNS

AGAIN = "write it again with the run's command"
TRUTHS = {"True": True, "False": False}


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV (UTF-8, no index, blank for NaN), atomically.

    Floats are written with the fewest digits that read back to the same number.

    Raises:
        InputError: the place can't be written.
    """
    write_bytes(path, table.to_csv(index=False, lineterminator="\n").encode())


def read_table(path: Path, columns: Sequence[str], texts: Collection[str] = TEXT_COLUMNS) -> pd.DataFrame:
    """Read a CSV table that must have ``columns``; further columns are kept.

    Columns in ``texts`` stay text whatever they look like; elsewhere ``True`` and ``False`` become truth
    values; everything else must be a number or blank (NaN).

    Raises:
        InputError: when the file is missing, damaged, or lacks a column.
    """
    header, *rows = _read_rows(path)
    missing = [name for name in columns if name not in header]
    if missing:
        raise InputError(f"{path} lacks the column {', '.join(missing)}: {AGAIN}")
    cells = zip(*rows, strict=True) if rows else ((),) * len(header)
    return pd.DataFrame(
        {name: _typed(path, name, list(column), texts) for name, column in zip(header, cells, strict=True)}
    )


def read_arrays(path: Path, names: Sequence[str]) -> list[NDArray[Any]]:
    """The arrays of these names in a safetensors file.

    Raises:
        InputError: when the file is missing, damaged, or lacks one.
    """
    try:
        if not path.is_file():  # a pipe would never end
            raise FileNotFoundError("no such file")
        arrays = load_file(path)
        return [arrays[name] for name in names]
    except (OSError, SafetensorError, KeyError) as error:
        raise InputError(f"{path} is damaged ({error}): repeat the run, or delete it") from error


def _read_rows(path: Path) -> list[list[str]]:
    """Header and rows as text, all of one length; pandas would quietly fill or shift odd rows."""
    try:
        rows = [row for row in csv.reader(io.StringIO(read_text(path), newline=""), strict=True) if row]
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing: run the command that makes it again") from error
    except (OSError, ValueError, csv.Error) as error:  # bad UTF-8 is a ValueError
        raise InputError(f"{path} is damaged ({error}): {AGAIN}") from error
    if not rows:
        raise InputError(f"{path} is damaged (it is empty): {AGAIN}")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise InputError(
                f"{path} is damaged (row {number} has {len(row)} of {len(rows[0])} values): {AGAIN}"
            )
    return rows


def _typed(path: Path, name: str, cells: list[str], texts: Collection[str]) -> pd.Series:
    """One column in its type: text, truth, whole number, or float with NaN for blanks."""
    if name in texts:
        return pd.Series(cells, dtype=str, name=name)
    if cells and all(cell in TRUTHS for cell in cells):
        return pd.Series([TRUTHS[cell] for cell in cells], dtype=bool, name=name)
    try:
        if cells and all(cell.lstrip("-").isdecimal() for cell in cells):
            return pd.Series([int(cell) for cell in cells], dtype=np.int64, name=name)
        return pd.Series([float(cell) if cell else np.nan for cell in cells], dtype=float, name=name)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{path} is damaged (column {name}: {error}): {AGAIN}") from error
