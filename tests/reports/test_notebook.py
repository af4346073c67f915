"""In a notebook a result shows its table and main figure, and leaves the notebook's own plots alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib

from robust_hypergan.reports import load_run
from tests.reports.test_page import HOSTILE, Outline


def test_a_run_shows_its_table_and_its_figure(folder: Path) -> None:
    before = dict(matplotlib.rcParams)
    shown = Outline(load_run(folder)._repr_html_())
    assert dict(matplotlib.rcParams) == before
    assert len(shown.all("tr")) == 7
    (image,) = shown.all("img")
    assert (image["src"] or "").startswith("data:image/svg+xml;base64,")


def test_a_hostile_name_is_text(fabricate: Any, tmp_path: Path) -> None:
    fake = fabricate(attacks=(HOSTILE,), eps=(0.1,), examples=20, networks=10)
    shown = Outline(load_run(fake.write(tmp_path / "run"))._repr_html_())
    assert HOSTILE in shown.text
    assert not shown.all("script")


def test_a_run_in_which_nothing_was_measured_shows_a_table_alone(fake: Any, tmp_path: Path) -> None:
    for cell in fake.info["cells"]:
        cell |= {"status": "failed", "error": "no"}
    shown = Outline(load_run(fake.write(tmp_path / "run"))._repr_html_())
    assert shown.all("table")
    assert not shown.all("img")


def test_showing_a_run_needs_no_pyplot(folder: Path) -> None:
    code = (
        "import sys; from robust_hypergan.reports import load_run; from pathlib import Path;"
        f"load_run(Path({str(folder)!r}))._repr_html_(); sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
