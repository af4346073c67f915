"""Tables, statistics, figures and the report page of a run, made from its tables alone."""

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
from robust_hypergan.reports.page.comparison import write_comparison
from robust_hypergan.reports.page.findings import headline, left_out
from robust_hypergan.reports.page.notebook import summary_html
from robust_hypergan.reports.page.report import write_report
from robust_hypergan.reports.page.study import write_reproduction, write_study
from robust_hypergan.reports.sections.paper_statements import compare as compare_attacks
from robust_hypergan.reports.statistics.detection import auroc_interval, detection_table
from robust_hypergan.reports.statistics.differences import (
    FEWEST_PAIRS,
    difference_interval,
    paired_difference_interval,
    sign_test,
)
from robust_hypergan.reports.statistics.effective import effective_wilson_interval
from robust_hypergan.reports.statistics.intervals import (
    crossed_mean_interval,
    unlimited_columns_interval,
    wilson_interval,
)
from robust_hypergan.reports.statistics.jackknife import mean_over_pairs
from robust_hypergan.reports.statistics.pair_correlations import correlate_pairs
from robust_hypergan.reports.statistics.regression import REGRESSION_TABLES, summarise_regression
from robust_hypergan.reports.statistics.sources import SourceMatrix, sources_mean_interval
from robust_hypergan.reports.statistics.weight_shapes import weight_shapes
from robust_hypergan.reports.studies.adversarial import ADVERSARIAL_TABLES
from robust_hypergan.reports.studies.classification import CLASSIFICATION_TABLES
from robust_hypergan.reports.tables.comparison import compare_runs
from robust_hypergan.reports.tables.diversity import (
    DIVERSITY_TABLES,
    PAIR_SCALES,
    diversity_table,
    layer_table,
)
from robust_hypergan.reports.tables.files import read_table, write_table
from robust_hypergan.reports.tables.merging import CELLS, has_cells, merge_cells
from robust_hypergan.reports.tables.outliers import (
    OUTLIER_GALLERY,
    ScoredImages,
    outlier_tables,
    reference_of,
)
from robust_hypergan.reports.tables.record import RUN_FORMAT, check_format, parse_record
from robust_hypergan.reports.tables.run import Run, beside_folder, load_run
from robust_hypergan.reports.tables.summary import summarise
from robust_hypergan.reports.tables.tradeoff import TRADEOFF_COLUMNS

__all__ = [
    "ADVERSARIAL_TABLES",
    "CELLS",
    "CHECKS_COLUMNS",
    "CLASSIFICATION_TABLES",
    "COVERAGE_COLUMNS",
    "DIVERSITY_TABLES",
    "EVIDENCE_TABLES",
    "EXAMPLES_COLUMNS",
    "FEWEST_PAIRS",
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
