"""Imports point one way: the packages of the core, and the two leaves."""

import ast
import re
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

OF_REPORTS = ["statistics", "tables", "figures", "sections", "studies", "page"]
"""Likewise of the reports; below them lie a few modules that are in no package."""

SHOWS_ITSELF = ("robust_hypergan.reports.tables.run", "robust_hypergan.reports.page.notebook")


def imported_modules(path: Path) -> set[str]:
    """Full names of what a file imports, wherever in the file it does."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def modules(folder: str, name: str, pattern: str) -> dict[str, Path]:
    """Files by the full names of their modules."""
    paths = (ROOT / folder).glob(pattern)
    return {".".join((name, *path.relative_to(ROOT / folder).with_suffix("").parts)): path for path in paths}


CORE = modules("robust_hypergan", "robust_hypergan", "*/*.py")
REPORTS = modules("reports", "robust_hypergan.reports", "**/*.py")
ATTACKS = modules("attacks", "robust_hypergan.attacks", "*.py")


def test_these_are_the_packages() -> None:
    assert {name.split(".")[1] for name in CORE} == set(PACKAGES)
    assert {name.split(".")[2] for name in REPORTS if name.count(".") == 3} == set(OF_REPORTS)


@pytest.mark.parametrize("package", PACKAGES)
def test_contributing_names_the_modules_of_a_package(package: str) -> None:
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()
    (row,) = [line for line in table if line.startswith(f"| `{package}` |")]
    parts = [name.split(".")[1:] for name in CORE]
    assert {module for own, module in parts if own == package} - {"__init__"} <= set(
        re.findall(r"`(\w+)`", row)
    )


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    allowed = {*PACKAGES[: PACKAGES.index(package) + 1], "attacks", "reports"}
    for name in CORE:
        if name.split(".")[1] == package:
            own = {module for module in imported_modules(CORE[name]) if module.startswith("robust_hypergan")}
            assert {module.removeprefix("robust_hypergan.").split(".")[0] for module in own} <= allowed, name


@pytest.mark.parametrize("package", OF_REPORTS)
def test_a_package_of_the_reports_imports_only_what_lies_below_it(package: str) -> None:
    above = OF_REPORTS[OF_REPORTS.index(package) + 1 :]
    for name in REPORTS:
        if name.split(".")[2] == package:
            own = {module for module in imported_modules(REPORTS[name]) if (name, module) != SHOWS_ITSELF}
            assert not any(
                module.startswith(f"robust_hypergan.reports.{each}") for module in own for each in above
            )


@pytest.mark.parametrize("group", [CORE, REPORTS, ATTACKS])
def test_no_module_imports_itself_by_way_of_others(group: dict[str, Path]) -> None:
    graph = {name: imported_modules(path) for name, path in group.items() if "__init__" not in name}
    graph.get(SHOWS_ITSELF[0], set()).discard(SHOWS_ITSELF[1])
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize(("leaf", "group"), [("attacks", ATTACKS), ("reports", REPORTS)])
def test_a_leaf_imports_nothing_of_the_core_but_what_lies_at_its_bottom(
    leaf: str, group: dict[str, Path]
) -> None:
    for path in group.values():
        own = {module for module in imported_modules(path) if module.startswith("robust_hypergan")}
        assert all(
            module.startswith(("robust_hypergan.base.", f"robust_hypergan.{leaf}")) for module in own
        ), path


@pytest.mark.parametrize("module", ["robust_hypergan.cli.main", "robust_hypergan.reports"])
def test_it_needs_no_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
