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
]
"""``summary.csv``: one row per cell, in the order of the run."""

TRAINING_COLUMNS = ["step", "loss", "adversarial_loss", "discriminator_loss", "accuracy", "seconds"]
"""``training.csv``: one row per training step; accuracy is evaluated now and then."""

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

EVIDENCE_TABLES: dict[str, list[str]] = {
    "beside": COMPARISON_COLUMNS,
}
"""Columns of the tables that a run may have beside these, by the stem of their file."""

TEXT_COLUMNS = frozenset({"attack", "norm", "role", "status", "audit", "name", "kind"})
"""Columns that stay text whatever their values look like."""
