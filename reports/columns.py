"""The columns of every table, in order, and which of them hold text or truth values."""

from __future__ import annotations

CELL = ["attack", "norm", "eps"]
"""What names a cell: one attack with its settings, one norm, one eps."""

EXAMPLES_COLUMNS = [
    *CELL,
    "example",
    "label",
    "source_correct",
    "source_fooled",
    "networks",
    "fooled",
    "fooled_fraction",
    "ci_low",
    "ci_high",
    "networks_correct",
    "flipped",
    "flipped_fraction",
    "wrong_label",
    "wrong_share",
    "entropy_clean",
    "entropy_adversarial",
    "linf",
    "l2",
]
"""``examples.csv``: one row per cell and example that the source classified correctly."""

NETWORKS_COLUMNS = [
    *CELL,
    "network",
    "role",
    "clean_accuracy",
    "examples",
    "fooled",
    "fooled_fraction",
]
"""``networks.csv``: one row per cell and network."""

SUMMARY_COLUMNS = [
    *CELL,
    "examples",
    "source_success",
    "source_fooled",
    "fooled_mean",
    "ci_low",
    "ci_high",
    "fooled_median",
    "q05",
    "q25",
    "q75",
    "q95",
    "fools_all",
    "fools_none",
    "fooled_mean_all",
    "flipped_mean",
    "wrong_share_mean",
    "networks",
    "seconds",
    "status",
    "linf_max",
    "l2_max",
    "repaired",
    "audit",
    "attacker",
    "target",
]
"""``summary.csv``: one row per cell, in the order of the run."""

TRAINING_COLUMNS = ["step", "loss", "adversarial_loss", "discriminator_loss", "accuracy", "seconds"]
"""``training.csv``: one row per ten steps, or per member of an ensemble, means since the one before."""

GALLERY_COLUMNS = ["row", *CELL, "example", "label", "quantile", "fooled_fraction", "source_label"]
"""``gallery.csv``: one row per picture, followed by ``counts_0``, ``counts_1``, ... per class."""

COMPARISON_COLUMNS = [
    "name",
    "kind",
    *CELL,
    "source_success",
    "source_fooled",
    "fooled_mean",
    "ci_low",
    "ci_high",
    "fooled_mean_all",
    "fooled_median",
    "q05",
    "q25",
    "q75",
    "q95",
    "fools_all",
    "fools_none",
    "flipped_mean",
    "wrong_share_mean",
    "networks",
    "single_mean",
    "vote_10",
    "vote_100",
    "vote_all",
    "training_seconds",
    "difference",
    "difference_low",
    "difference_high",
    "pairs",
    "same_networks",
]
"""``beside.csv`` and ``comparison.csv``: one row per run and cell; differences are from the first run."""

COVERAGE_COLUMNS = [
    *CELL,
    "held",
    "examples",
    "networks",
    *(f"{name}_{end}" for name in ("fooled", "attacked", "gap") for end in ("mean", "low", "high")),
    "seconds",
]
"""``coverage.csv``: one row per attack and number of networks held; fresh against attacked networks."""

CHECKS_COLUMNS = ["check", "name", "cell", "value", "rule", "verdict", "source", "detail"]
"""``checks.csv``: one row per credibility check; ``verdict`` is PASS, FAIL or NOT RUN."""

EVIDENCE_TABLES: dict[str, list[str]] = {
    "beside": COMPARISON_COLUMNS,
    "coverage": COVERAGE_COLUMNS,
    "checks": CHECKS_COLUMNS,
    "sources": [
        *CELL,
        "source",
        "examples",
        "source_fooled",
        "source_success",
        "fooled_mean",
        "ci_low",
        "ci_high",
        "networks",
    ],
    "source_summary": [
        *CELL,
        "sources",
        "fooled_mean",
        "ci_low",
        "ci_high",
        "between_variance",
        "between_sd",
        "fooled_min",
        "fooled_max",
        "networks",
    ],
    "matrix": [*CELL, "source", "role", "network", "tried", "fooled", "fooled_fraction"],
    "uses": ["images", *CELL, "use", "networks", "votes", "examples", "accuracy", "ci_low", "ci_high"],
    "uncertainty": [
        "inputs",
        "data",
        *CELL,
        "example",
        "networks",
        "entropy",
        "mutual_information",
        "variance",
        "vote_wrong",
    ],
    "detection": [
        "inputs",
        "data",
        *CELL,
        "subset",
        "score",
        "positives",
        "negatives",
        "auroc",
        "ci_low",
        "ci_high",
        "fpr95",
    ],
    "wrong_labels": [
        *CELL,
        "examples",
        "wrong_answers",
        "modal_share",
        "modal_low",
        "modal_high",
        "pair_agreement",
        "entropy",
        "entropy_normalised",
        "source_agreement",
        "source_low",
        "source_high",
    ],
    "confusion": [*CELL, "source_label", "fresh_label", "count"],
    "pairs": [
        "from_stream",
        "from_network",
        "to_stream",
        "to_network",
        *CELL,
        "examples",
        "fooled",
        "transfer_rate",
        "disagreement",
        "weight_distance",
        "error_iou",
    ],
    "pair_correlations": ["measure", "networks", "pairs", "spearman", "p_value", "permutations"],
}
"""Columns of the tables that a run may have beside these, by the stem of their file."""

TEXT_COLUMNS = frozenset(
    {"attack", "norm", "role", "status", "audit", "attacker"}
    | {"images", "use", "inputs", "data", "subset", "score"}
    | {"from_stream", "to_stream", "measure", "name", "kind"}
)
"""Columns that stay text whatever their values look like."""

EVIDENCE_TEXTS: dict[str, frozenset[str]] = {"checks": frozenset(CHECKS_COLUMNS) - {"check"}}
"""Likewise, in tables of evidence where they differ."""
