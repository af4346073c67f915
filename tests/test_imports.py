"""Imports point one way: the layers of the package, and the two leaves."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

LAYERS = [
    {"errors", "text", "progress", "threads", "layout", "pooled_kernel"},
    {"finite", "memory", "distributed"},
    {"downloads", "user_code", "augmentation", "off_data", "durable", "interruption", "residual", "replay"},
    {"idx_sets", "colour_sets"},
    {"packaged"},
    {"datasets", "classifiers", "layers"},
    {"networks", "outliers", "compatibility"},
    {"wide_linear", "tensor_files"},
    {"layer_generators"},
    {"pooling", "half", "tally", "near_ties", "diversity_measures"},
    {"fused"},
    {"uncertainty", "voting"},
    {"adversarial_training", "hypergan", "deep_ensemble", "gaussian", "mc_dropout", "ordinary", "loops"},
    {"vectorised"},
    {"backends"},
    {"cascade", "network_gradients", "regression_networks", "resumable"},
    {"ensemble"},
    {"generated_weights", "shared_fold"},
    {"checkpoint", "accuracy", "trainer", "draws", "regression_fits"},
    {"snapshots"},
    {"cells", "training", "sampling", "presets", "fitting", "transfer_config"},
    {"crafting", "fold", "ensemble_training"},
    {"stopping"},
    {"transferability"},
    {"gallery", "run_folder", "measured"},
    {"probe", "check_rules"},
    {"coverage", "checks_from_tables"},
    {"checks_on_source", "checks_on_draws"},
    {"checks"},
    {"sources"},
    {"detection", "pairs", "uses", "wrong_labels"},
    {"evidence", "bench_config"},
    {"preparation"},
    {"beside", "study", "tradeoff_measures"},
    {"study_parts"},
    {
        "adversarial",
        "benchmark",
        "classification",
        "diversity",
        "out_of_distribution",
        "regression",
        "tradeoff",
    },
    {"hardening"},
    {"budget_networks"},
    {"budgets"},
    {"reproduce"},
    {"config_file"},
    {"cli_options"},
    {"cell_array"},
    {"cli_cells", "cli_reproduce", "cli_runs", "cli_studies"},
    {"cli"},
    {"__main__"},
]
"""Modules of the core, lowest first: each may import those of earlier layers only."""


def imported_modules(path: Path) -> set[str]:
    """Full names of what a file imports, wherever in the file it does."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def core_modules() -> dict[str, Path]:
    return {path.stem: path for path in (ROOT / "robust_hypergan").glob("*.py") if path.stem != "__init__"}


def test_every_core_module_has_a_layer() -> None:
    assert set(core_modules()) == set().union(*LAYERS)


@pytest.mark.parametrize("name", sorted(core_modules()))
def test_a_core_module_imports_only_what_lies_below_it(name: str) -> None:
    level = next(level for level, layer in enumerate(LAYERS) if name in layer)
    below = {"robust_hypergan." + module for layer in LAYERS[:level] for module in layer}
    below |= {"robust_hypergan.attacks", "robust_hypergan.reports"}
    own = {
        module for module in imported_modules(core_modules()[name]) if module.startswith("robust_hypergan")
    }
    assert own <= below


@pytest.mark.parametrize("leaf", ["attacks", "reports"])
def test_a_leaf_imports_nothing_of_the_core_but_what_lies_at_its_bottom(leaf: str) -> None:
    for path in (ROOT / leaf).glob("*.py"):
        own = {module for module in imported_modules(path) if module.startswith("robust_hypergan")}
        shared = {f"robust_hypergan.{module}" for module in ("errors", "text", "layout", "memory", "durable")}
        assert all(m in shared or m.startswith(f"robust_hypergan.{leaf}") for m in own), path


@pytest.mark.parametrize("module", ["robust_hypergan.cli", "robust_hypergan.reports"])
def test_it_needs_no_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
