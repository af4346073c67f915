"""Finished runs side by side: ``comparison.csv``, a figure, and a page of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from robust_hypergan.base.durable import make_folder
from robust_hypergan.base.errors import InputError
from robust_hypergan.reports.figures.style import save_figure
from robust_hypergan.reports.page.render import PageFigure, PageSection, fill_template
from robust_hypergan.reports.section import Section
from robust_hypergan.reports.sections.comparison import comparison_section
from robust_hypergan.reports.tables.comparison import compare_runs
from robust_hypergan.reports.tables.files import write_bytes, write_table
from robust_hypergan.reports.tables.run import Run, load_run
from robust_hypergan.reports.wording import printable

TABLE = "comparison.csv"


def write_comparison(folders: Sequence[Path], out: Path) -> Path:
    """Make ``comparison.csv``, ``figures/``, ``report.md`` and ``report.html`` of several finished runs.

    The first run is the one that the others are compared with.

    Args:
        folders: the runs' folders, at least two.
        out: folder of the page: new, empty, or of an earlier comparison, which is replaced.

    Returns:
        The path of ``report.html``.

    Raises:
        InputError: fewer than two runs, one that is given twice or is no finished run, runs that aim at
            different classes, or a folder that holds something else or cannot be written.
    """
    places = [Path(folder).resolve() for folder in folders]
    if len(places) < 2 or len(set(places)) < len(places):
        raise InputError("a comparison needs at least two runs, each given once")
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / TABLE).exists())):
        raise InputError(f"{out} holds something else than a comparison: choose another --out")
    loaded = [load_run(folder) for folder in folders]
    runs = dict(zip(_names(loaded), loaded, strict=True))
    _check_targets(runs)
    table = compare_runs(runs)
    if table.empty:
        raise InputError("none of these runs has a measured cell: there is nothing to compare")
    make_folder(out, parents=True)
    write_table(table, out / TABLE)
    section = comparison_section(table, name="comparison", title="What was found")
    return _write_page(runs, section, out)


def _check_targets(runs: Mapping[str, Run]) -> None:
    """Refuses runs of which one counts any wrong class as success and another a class of its own."""
    aims = {name: " and ".join(run.record.targets) or "any wrong class" for name, run in runs.items()}
    (first, aim), *others = aims.items()
    for name, other in others:
        if other != aim:
            raise InputError(
                f"{first} aims at {aim} and {name} at {other}: compare runs of the same --target"
            )


def _write_page(runs: dict[str, Run], section: Section, out: Path) -> Path:
    make_folder(out / "figures")
    figures = tuple(
        PageFigure(
            picture.name,
            picture.title,
            picture.caption,
            picture.alt,
            *save_figure(picture.figure, out / "figures", picture.name),
        )
        for picture in section.pictures
    )
    context = {
        "runs": [(name, _described(run)) for name, run in runs.items()],
        "part": PageSection(section, figures),
    }
    write_bytes(out / "report.md", fill_template("compare.md.j2", context).encode())
    page = out / "report.html"
    write_bytes(page, fill_template("compare.html.j2", context).encode())
    return page


def _names(runs: Sequence[Run]) -> list[str]:
    """Each run's kind, its folder's name, or its whole path: the first of these that tells them apart."""
    choices = [
        [run.record.kind for run in runs],
        [run.folder.resolve().name for run in runs],
        [str(run.folder.resolve()) for run in runs],
    ]
    return next(names for names in choices if "" not in names and len(set(names)) == len(names))


def _described(run: Run) -> str:
    """What a run is, in a line."""
    record = run.record
    parts = [str(run.folder), record.kind, record.data_name, record.classifier, record.finished[:10]]
    return printable(", ".join(part for part in parts if part))
