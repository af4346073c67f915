"""Prints the oldest version of every package that pyproject.toml allows, as constraints for pip.

python tools/oldest_versions.py > constraints.txt
"""

from __future__ import annotations

import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"


def oldest() -> list[str]:
    """``name==version`` of each dependency, in the order of the file."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    return [each.replace(">=", "==") for each in project["dependencies"]]


if __name__ == "__main__":
    print("\n".join(oldest()))
