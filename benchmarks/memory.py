"""Peak memory and time of a transfer against the number of fresh networks, each in a process of its own.

    python benchmarks/memory.py

Results are folded as they come, so the peak must not grow with M.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time

import pandas as pd


def measure(networks: int, examples: int) -> None:
    """One transfer of an untrained HyperGAN over the paper's classifier; prints peak MiB and seconds."""
    from robust_hypergan import HyperGAN, MNISTClassifier, TransferConfig, load_dataset, transfer

    config = TransferConfig(("fgsm",), (0.1, 0.2), networks=networks, examples=examples)
    hypergan, dataset = HyperGAN(MNISTClassifier(), seed=0), load_dataset("mnist-5k", "test")
    started = time.perf_counter()
    transfer(hypergan, dataset, config)
    seconds = time.perf_counter() - started
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, seconds)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, nargs="+", default=[200, 2000])
    parser.add_argument("--examples", type=int, default=500)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        measure(arguments.one, arguments.examples)
        return
    rows = []
    for networks in arguments.networks:
        command = [sys.executable, __file__, "--one", str(networks), "--examples", str(arguments.examples)]
        peak, seconds = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        rows.append({"networks": networks, "peak MiB": float(peak), "seconds": float(seconds)})
    table = pd.DataFrame(rows)
    table["x first peak"] = table["peak MiB"] / table["peak MiB"].iloc[0]
    print(table.to_markdown(index=False, floatfmt=".4g"))


if __name__ == "__main__":
    main()
