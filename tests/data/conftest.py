"""The original data sets, where they are beside the repository, and a machine without a network."""

from __future__ import annotations

import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ORIGINALS = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The original data sets in torchvision's layout, removed at the end: they are 290 MB."""
    if not (ORIGINALS / "unpack.py").is_file():
        pytest.skip("the original data sets are not beside the repository, in ../shared/data")
    root = tmp_path_factory.mktemp("originals")
    subprocess.run([sys.executable, ORIGINALS / "unpack.py", root], check=True, capture_output=True)
    yield root
    shutil.rmtree(root)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every attempt to open an address fails."""

    def refuse(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no network\nin this test")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
