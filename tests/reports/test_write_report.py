"""The whole: which files, how big, and the same again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from robust_hypergan.base.errors import InputError
from robust_hypergan.reports import SUMMARY_COLUMNS, read_table, write_report

FIGURES = ("transfer", "distribution_histogram", "distribution_ecdf", "networks", "gallery", "training")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_report_is_five_kinds_of_files_and_nothing_left_over(folder: Path) -> None:
    before = set(contents(folder))
    page = write_report(folder)
    made = set(contents(folder)) - before
    figures = {f"figures/{name}.{form}" for name in FIGURES for form in ("png", "svg")}
    assert page == folder / "report.html"
    assert made == {"summary.csv", "report.html", "report.md"} | figures
    assert (
        read_table(folder / "summary.csv", SUMMARY_COLUMNS)["attack"].tolist()
        == ["fgsm"] * 3 + ["pgd:steps=40"] * 3
    )


def test_the_same_run_gives_the_same_bytes_in_another_process(folder: Path) -> None:
    write_report(folder)
    first = contents(folder)
    code = "import sys; from robust_hypergan.reports import write_report; write_report(sys.argv[1])"
    environment = os.environ | {"PYTHONHASHSEED": "7", "TZ": "Pacific/Apia"}
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, env=environment)
    assert contents(folder) == first


def test_a_report_needs_no_torch(folder: Path) -> None:
    code = "import sys, robust_hypergan.reports; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=folder)


def test_a_page_with_ten_cells_is_small_enough_to_send(fabricate: Any, tmp_path: Path) -> None:
    fake = fabricate(eps=(0.05, 0.1, 0.15, 0.2, 0.3), examples=200, networks=300)
    assert write_report(fake.write(tmp_path / "run")).stat().st_size < 6_000_000


def test_an_unfinished_run_gets_no_report(fake: Any, tmp_path: Path) -> None:
    fake.info["status"] = "running"
    folder = fake.write(tmp_path / "run")
    with pytest.raises(InputError, match="finish it first"):
        write_report(folder)
    assert not (folder / "report.html").exists()


def test_the_page_is_written_last(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    replace = os.replace

    def noted(source: Any, target: Any) -> None:
        order.append(Path(target).name)
        replace(source, target)

    monkeypatch.setattr(os, "replace", noted)
    write_report(folder)
    assert order[-1] == "report.html"
    assert order[0] == "summary.csv"
