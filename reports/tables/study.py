"""A finished study, one of the paper's further experiments, read from its folder; and how one is reported."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from robust_hypergan.base.errors import InputError
from robust_hypergan.reports.columns import TEXT_COLUMNS
from robust_hypergan.reports.section import Section
from robust_hypergan.reports.tables.files import read_table
from robust_hypergan.reports.tables.run import read_record


@dataclass(frozen=True)
class Study:
    """A finished study.

    Attributes:
        folder: where it lies.
        name: of the study.
        record: its ``run.json``.
        tables: its tables, by the stem of their file.
    """

    folder: Path
    name: str
    record: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Claim:
    """Something that the paper says, or that is to be reached, and what was found.

    ``verdict`` is ``holds``, ``holds in part``, ``does not hold`` or ``undecided``.
    """

    claim: str
    paper: str
    ours: str
    verdict: str


@dataclass(frozen=True)
class StudyReport:
    """How one kind of study is read and reported.

    Attributes:
        title: a heading.
        tables: the columns that each of its tables must have, by the stem of the file.
        sections: what is shown.
        claims: what is compared with the paper.
        texts: columns that hold text, beside those of every table.
        optional: tables that it may lack.
    """

    title: str
    tables: Mapping[str, Sequence[str]]
    sections: Callable[[Study], list[Section]]
    claims: Callable[[Study], list[Claim]]
    texts: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()


def load_study(folder: Path, reports: Mapping[str, StudyReport]) -> Study:
    """Read a finished study's folder.

    Raises:
        InputError: it holds no finished study of a known kind, or a damaged one.
    """
    record = read_record(folder)
    name = str(record.get("study"))
    if name not in reports:
        raise InputError(f"{folder} holds no study that this version knows: give a study's folder")
    if record.get("status") != "done":
        raise InputError(f"the study in {folder} is {record.get('status')!r}: finish it first")
    report = reports[name]
    texts = TEXT_COLUMNS | report.texts
    tables = {
        stem: read_table(folder / f"{stem}.csv", columns, texts)
        for stem, columns in report.tables.items()
        if stem not in report.optional or (folder / f"{stem}.csv").exists()
    }
    return Study(folder, name, record, tables)
