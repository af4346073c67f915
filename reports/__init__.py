"""Tables, statistics, figures and the report page of a run, made from its tables alone."""

from __future__ import annotations

from pathlib import Path

from robust_hypergan.base.durable import make_folder
from robust_hypergan.reports.columns import (
    CHECKS_COLUMNS,
    COVERAGE_COLUMNS,
    EVIDENCE_TABLES,
    EXAMPLES_COLUMNS,
    GALLERY_COLUMNS,
    NETWORKS_COLUMNS,
    SUMMARY_COLUMNS,
    TEXT_COLUMNS,
    TRAINING_COLUMNS,
)
from robust_hypergan.reports.comparison import compare_runs
from robust_hypergan.reports.comparison_page import write_comparison
from robust_hypergan.reports.detection import auroc_interval, detection_table
from robust_hypergan.reports.differences import difference_interval, paired_difference_interval, sign_test
from robust_hypergan.reports.diversity_tables import (
    DIVERSITY_TABLES,
    PAIR_SCALES,
    diversity_table,
    layer_table,
)
from robust_hypergan.reports.effective import effective_wilson_interval
from robust_hypergan.reports.figure_style import save_figure
from robust_hypergan.reports.files import read_table, write_bytes, write_table
from robust_hypergan.reports.findings import find, headline, left_out
from robust_hypergan.reports.jackknife import mean_over_pairs
from robust_hypergan.reports.merging import CELLS, has_cells, merge_cells
from robust_hypergan.reports.notebook import summary_html
from robust_hypergan.reports.outlier_tables import (
    OUTLIER_GALLERY,
    ScoredImages,
    outlier_tables,
    reference_of,
)
from robust_hypergan.reports.page import Content, PageFigure, PageSection, render_html, render_markdown
from robust_hypergan.reports.page_examples import browsable
from robust_hypergan.reports.pair_correlations import correlate_pairs
from robust_hypergan.reports.paper_statements import compare as compare_attacks
from robust_hypergan.reports.pictures import pictures
from robust_hypergan.reports.record import RUN_FORMAT, check_format, parse_record
from robust_hypergan.reports.regression import REGRESSION_TABLES, summarise_regression
from robust_hypergan.reports.run import Run, beside_folder, load_run, read_record
from robust_hypergan.reports.section import Picture
from robust_hypergan.reports.sections import sections
from robust_hypergan.reports.source_statistics import SourceMatrix, sources_mean_interval
from robust_hypergan.reports.statistics import (
    crossed_mean_interval,
    unlimited_columns_interval,
    wilson_interval,
)
from robust_hypergan.reports.study_adversarial import ADVERSARIAL_TABLES
from robust_hypergan.reports.study_classification import CLASSIFICATION_TABLES
from robust_hypergan.reports.study_page import write_reproduction, write_study
from robust_hypergan.reports.tables import summarise
from robust_hypergan.reports.tradeoff import TRADEOFF_COLUMNS
from robust_hypergan.reports.weight_shapes import weight_shapes

__all__ = [
    "ADVERSARIAL_TABLES",
    "CELLS",
    "CHECKS_COLUMNS",
    "CLASSIFICATION_TABLES",
    "COVERAGE_COLUMNS",
    "DIVERSITY_TABLES",
    "EVIDENCE_TABLES",
    "EXAMPLES_COLUMNS",
    "GALLERY_COLUMNS",
    "NETWORKS_COLUMNS",
    "OUTLIER_GALLERY",
    "PAIR_SCALES",
    "REGRESSION_TABLES",
    "RUN_FORMAT",
    "SUMMARY_COLUMNS",
    "TEXT_COLUMNS",
    "TRADEOFF_COLUMNS",
    "TRAINING_COLUMNS",
    "Run",
    "ScoredImages",
    "SourceMatrix",
    "auroc_interval",
    "beside_folder",
    "check_format",
    "compare_attacks",
    "compare_runs",
    "correlate_pairs",
    "crossed_mean_interval",
    "detection_table",
    "difference_interval",
    "diversity_table",
    "effective_wilson_interval",
    "has_cells",
    "headline",
    "layer_table",
    "left_out",
    "load_run",
    "mean_over_pairs",
    "merge_cells",
    "outlier_tables",
    "paired_difference_interval",
    "parse_record",
    "read_table",
    "reference_of",
    "sign_test",
    "sources_mean_interval",
    "summarise",
    "summarise_regression",
    "summary_html",
    "unlimited_columns_interval",
    "weight_shapes",
    "wilson_interval",
    "write_comparison",
    "write_report",
    "write_reproduction",
    "write_study",
    "write_table",
]


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
        for section in sections(run, summary)
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
