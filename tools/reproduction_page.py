"""Writes docs/reproduction from the folder that reproduce has finished: its page, and the figures it shows.

python tools/reproduction_page.py RUN [OUT]

With OUT, the page of any study goes there instead.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

OUT = Path(__file__).parent.parent / "docs" / "reproduction"

PICTURE = re.compile(r"\]\((figures/[^)]+\.png)\)")


def publish(run: Path, out: Path = OUT) -> None:
    """Copies ``report.md`` as ``README.md`` and every figure that it shows; what was there before goes."""
    shutil.rmtree(out, ignore_errors=True)
    (out / "figures").mkdir(parents=True)
    text = (run / "report.md").read_text(encoding="utf-8")
    for name in PICTURE.findall(text):
        shutil.copyfile(run / name, out / name)
    (out / "README.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    publish(*map(Path, sys.argv[1:]))
