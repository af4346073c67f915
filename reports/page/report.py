"""The report of a finished run, or study: summary, figures and page."""

from __future__ import annotations

from pathlib import Path

from robust_hypergan.base.durable import make_folder
from robust_hypergan.reports.figures.style import save_figure
from robust_hypergan.reports.page.examples import browsable
from robust_hypergan.reports.page.findings import find
from robust_hypergan.reports.page.pictures import pictures
from robust_hypergan.reports.page.render import Content, PageFigure, PageSection, render_html, render_markdown
from robust_hypergan.reports.page.study import write_reproduction, write_study
from robust_hypergan.reports.section import Picture
from robust_hypergan.reports.sections.evidence import evidence_sections
from robust_hypergan.reports.tables.files import write_bytes, write_table
from robust_hypergan.reports.tables.run import Run, load_run, read_record
from robust_hypergan.reports.tables.summary import summarise


def write_report(folder: Path) -> Path:
    """Make ``summary.csv``, ``figures/``, ``report.md`` and ``report.html`` of a finished run; or of a study.

    Every file is replaced whole, the page last, and the same tables give the same bytes again.

    Args:
        folder: the run's folder.

    Returns:
        The path of ``report.html``.

    Raises:
        InputError: when the folder holds no finished run, or cannot be written.
    """
    folder = Path(folder)
    record = read_record(folder)
    if "study" in record:
        return write_study(folder)
    if "reproduction" in record:
        return write_reproduction(folder)
    run = load_run(folder)
    summary = summarise(run.examples, run.networks, run.record.cells)
    write_table(summary, run.folder / "summary.csv")
    figures = [_finished(run, picture) for picture in pictures(run, summary)]
    parts = [
        PageSection(section, tuple(_finished(run, picture) for picture in section.pictures))
        for section in evidence_sections(run)
    ]
    examples = browsable(run.gallery, run.record.classes)
    content = Content(
        run.record, summary, find(run.examples, summary, itself=run.record.itself), figures, parts, examples
    )
    write_bytes(run.folder / "report.md", render_markdown(content).encode())
    page = run.folder / "report.html"
    write_bytes(page, render_html(content).encode())
    return page


def _finished(run: Run, picture: Picture) -> PageFigure:
    folder = run.folder / "figures"
    make_folder(folder)
    png, svg = save_figure(picture.figure, folder, picture.name)
    return PageFigure(picture.name, picture.title, picture.caption, picture.alt, png, svg)
