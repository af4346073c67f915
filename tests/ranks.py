"""The command line as one of several processes; its process number goes to ``pid-RANK`` beside the folder.

``torchrun ... tests/ranks.py bench ... --out RUN``; what keeps no state, and the page, are left out.
"""

import os
import shutil
import sys
from functools import partial
from pathlib import Path

import pytest

from robust_hypergan import __main__
from robust_hypergan.runs import benchmark
from robust_hypergan.storage import resumable


def shorten(patch: pytest.MonkeyPatch) -> None:
    """Leaves out what takes long."""
    patch.setattr(benchmark, "measure_accuracy", partial(benchmark.measure_accuracy, networks=30))
    short = {name: benchmark.MEASUREMENTS[name] for name in ("sources", "uses", "wrong labels")}
    patch.setattr(benchmark, "MEASUREMENTS", short)  # not changed in place: their order has to come back
    copied = lambda folder: shutil.copy(folder / "examples.csv", folder / "report.html")  # noqa: E731
    patch.setattr(benchmark, "write_report", copied)


if __name__ == "__main__":
    out, rank = Path(sys.argv[sys.argv.index("--out") + 1]), os.environ.get("RANK", "0")
    out.with_name(f"pid-{rank}").write_text(str(os.getpid()))
    shorten(pytest.MonkeyPatch())
    resumable.CHECKPOINT_SECONDS = float(os.environ.get("STATE_SECONDS", "60"))
    __main__.main()
