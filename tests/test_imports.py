"""Imports point one way: the packages of the core, and the two leaves."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

PACKAGES = [
    "base",
    "data",
    "models",
    "storage",
    "engine",
    "measures",
    "training",
    "transferability",
    "evidence",
    "runs",
    "studies",
    "cli",
]
"""Packages of the core, lowest first: each may import earlier ones only."""


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
    """Files of the core by their full names, without the entry point."""
    paths = (ROOT / "robust_hypergan").glob("*/*.py")
    return {f"robust_hypergan.{path.parent.name}.{path.stem}": path for path in paths}


def test_the_core_consists_of_these_packages() -> None:
    assert {name.split(".")[1] for name in core_modules()} == set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    allowed = {*PACKAGES[: PACKAGES.index(package) + 1], "attacks", "reports"}
    for name, path in core_modules().items():
        if name.split(".")[1] == package:
            own = [
                module.split(".") for module in imported_modules(path) if module.startswith("robust_hypergan")
            ]
            assert all(len(parts) > 1 and parts[1] in allowed for parts in own), name


def test_no_module_of_the_core_imports_itself_by_way_of_others() -> None:
    TopologicalSorter({name: imported_modules(path) for name, path in core_modules().items()}).prepare()


@pytest.mark.parametrize("leaf", ["attacks", "reports"])
def test_a_leaf_imports_nothing_of_the_core_but_what_lies_at_its_bottom(leaf: str) -> None:
    for path in (ROOT / leaf).glob("*.py"):
        own = {module for module in imported_modules(path) if module.startswith("robust_hypergan")}
        allowed = ("robust_hypergan.base.", f"robust_hypergan.{leaf}")
        assert all(module.startswith(allowed) for module in own), path


@pytest.mark.parametrize("module", ["robust_hypergan.cli.main", "robust_hypergan.reports"])
def test_it_needs_no_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
