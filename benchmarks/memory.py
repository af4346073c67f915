"""Very many networks in little memory: a whole ``transfer`` of M networks under a limit of its own.

The limit is ``RLIMIT_DATA`` (``ulimit -d``). It counts all that a process may write to, touched or not: it is
stricter than the limit of a container, which counts touched pages. ``ulimit -v`` would count PyTorch's
libraries too, which are mapped and mostly not loaded: with CUDA the import alone takes 3 GB of it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

GIB = 2**30


def measured(checkpoint: Path, out: Path, networks: int, limit: float, further: list[str]) -> str:
    """Runs the command; gives its time, its peak and its limit in one line.

    Args:
        checkpoint: trained networks.
        out: the run's folder.
        networks: M.
        limit: GiB.
        further: options of the command.

    Raises:
        SystemExit: the command failed.
    """
    command = [sys.executable, "-m", "robust_hypergan", "transfer", "--checkpoint", checkpoint, "--out", out]
    command += ["--networks", networks, *further]
    allowed = int(limit * GIB)
    began = time.perf_counter()
    ended = subprocess.run(
        [str(each) for each in command],
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (allowed, allowed)),
    )
    if ended.returncode:
        raise SystemExit(f"it ended with {ended.returncode}")
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    own = json.loads((out / "run.json").read_text())
    return (
        f"{networks:,} networks in {seconds / 60:.0f} minutes with {own['threads']} threads: "
        f"at most {peak / GIB:.2f} GiB resident, under a limit of {limit:g} GiB"
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--networks", type=int, default=100_000)
    parser.add_argument("--limit", type=float, default=2.0, help="GiB")
    own, further = parser.parse_known_args()
    print(measured(own.checkpoint, own.out, own.networks, own.limit, further))


if __name__ == "__main__":
    main()
