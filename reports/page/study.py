"""The page of a study, and of several in one: what the paper says and what was found, then the evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from robust_hypergan.base.durable import make_folder
from robust_hypergan.base.errors import InputError
from robust_hypergan.reports.figures.style import save_figure
from robust_hypergan.reports.page.render import PageFigure, PageSection, fill_template
from robust_hypergan.reports.section import Section
from robust_hypergan.reports.sections.trainings import trainings_section
from robust_hypergan.reports.studies.kinds import STUDIES
from robust_hypergan.reports.tables.files import write_bytes
from robust_hypergan.reports.tables.run import read_record
from robust_hypergan.reports.tables.study import Claim, Study, load_study
from robust_hypergan.reports.wording import plural, printable


@dataclass(frozen=True)
class Chapter:
    """One study as the page shows it; ``name`` is its anchor."""

    name: str
    title: str
    claims: tuple[Claim, ...]
    parts: tuple[PageSection, ...]
    made: tuple[tuple[str, str], ...]


def write_study(folder: Path) -> Path:
    """Make ``figures/``, ``report.md`` and ``report.html`` of a finished study.

    Returns:
        The path of ``report.html``.

    Raises:
        InputError: the folder holds no finished study, or cannot be written.
    """
    study = load_study(folder, STUDIES)
    return _write_page(folder, STUDIES[study.name].title, {study.name: folder})


def write_reproduction(folder: Path) -> Path:
    """Make ``figures/``, ``report.md`` and ``report.html`` of a folder of studies.

    Its ``run.json`` has ``title``, and under ``reproduction`` what became of each study, a folder of the same
    name: ``done``, or why not.

    Returns:
        The path of ``report.html``.

    Raises:
        InputError: the folder holds none, or cannot be written.
    """
    record = read_record(folder)
    outcome = record.get("reproduction")
    if not isinstance(outcome, dict):
        raise InputError(f"{folder} holds no reproduction: give a folder that reproduce has written")
    done = {name: folder / name for name, text in outcome.items() if text == "done"}
    missing = [(str(name), str(text)) for name, text in outcome.items() if text != "done"]
    trained = trainings_section(folder / "networks")
    last = [Chapter(trained.name, trained.title, (), (PageSection(trained, ()),), ())] if trained else []
    return _write_page(folder, str(record.get("title") or "Reproduction"), done, missing, last)


def _write_page(
    out: Path,
    title: str,
    folders: Mapping[str, Path],
    missing: Sequence[tuple[str, str]] = (),
    last: Sequence[Chapter] = (),
) -> Path:
    """One page of finished studies, by their anchors; ``missing`` are others, each with the reason."""
    make_folder(out / "figures")
    several = len(folders) > 1
    chapters = [
        _chapter(name, load_study(folder, STUDIES), out, prefix=f"{name}-" if several else "")
        for name, folder in folders.items()
    ]
    context = {"title": title, "chapters": [*chapters, *last], "missing": missing}
    write_bytes(out / "report.md", fill_template("study.md.j2", context).encode())
    page = out / "report.html"
    write_bytes(page, fill_template("study.html.j2", context).encode())
    return page


def _chapter(name: str, study: Study, out: Path, prefix: str) -> Chapter:
    report = STUDIES[study.name]
    parts = tuple(_part(section, out, prefix) for section in report.sections(study))
    data = (study.record.get("data") or {}).get("name")
    title = f"{report.title}: {printable(str(data))}" if data else report.title
    return Chapter(name, title, tuple(report.claims(study)), parts, tuple(_made(study.record)))


def _part(section: Section, out: Path, prefix: str) -> PageSection:
    figures = tuple(
        PageFigure(
            f"{prefix}{picture.name}",
            picture.title,
            picture.caption,
            picture.alt,
            *save_figure(picture.figure, out / "figures", f"{prefix}{picture.name}"),
        )
        for picture in section.pictures
    )
    return PageSection(replace(section, name=f"{prefix}{section.name}"), figures)


def _made(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How a study came about: command, machine, versions, time."""
    versions = record.get("versions") or {}
    seconds = record.get("seconds") or {}
    facts = {
        "command": record.get("command") or "",
        "machine": f"{record.get('machine', '')}, {record.get('device', '')}",
        "versions": ", ".join(f"{name} {value}" for name, value in versions.items()),
        "finished": record.get("finished") or "",
        "time": ", ".join(f"{name} {plural(round(value), 'second')}" for name, value in seconds.items()),
    }
    return [(name, printable(str(text))) for name, text in facts.items() if text]
