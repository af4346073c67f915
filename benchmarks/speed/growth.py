"""Time and memory as networks and images grow; generating networks; start-up."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import torch
from timing import seconds

from robust_hypergan.data.datasets import load_dataset, to_unit
from robust_hypergan.engine.ensemble import ensemble_forward, ensemble_logits
from robust_hypergan.measures.tally import Tally
from robust_hypergan.models.classifiers import MNISTClassifier
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.models.networks import Networks


def sampling_table(hypergan: HyperGAN, images: int) -> pd.DataFrame:
    """Networks generated a second, and what share of a transfer's time generating takes."""
    addresses = Networks(0, "fresh", range(16))
    sampling = seconds(lambda: hypergan.sample(addresses))
    batch = to_unit(load_dataset("mnist-5k", "test").images[:images])
    forward = seconds(lambda: ensemble_logits(hypergan.classifier, hypergan.sample(addresses), batch), 2)
    row = {"networks a second": 16 / sampling, f"share of a transfer to {images} images": sampling / forward}
    return pd.DataFrame([row]).set_index("networks a second")


def growth_table() -> pd.DataFrame:
    """Time and peak memory against the number of networks and of images, each in a process of its own."""
    rows = []
    for networks, images in ((200, 50), (1000, 50), (5000, 50), (20, 200), (20, 2000), (20, 10000)):
        done = subprocess.run(
            [sys.executable, __file__, str(networks), str(images)],
            check=True,
            capture_output=True,
            text=True,
        )
        spent, peak = done.stdout.split()
        each = 1e6 * float(spent) / networks / images
        rows.append({"networks": networks, "images": images, "us a pair": each, "peak MiB": float(peak)})
    return pd.DataFrame(rows).set_index("networks")


def grow(networks: int, images: int) -> None:
    """One point of the growth table."""
    hypergan = HyperGAN(MNISTClassifier(), seed=0)
    batch = torch.rand(images, 1, 28, 28)
    tally = Tally(torch.zeros(images, dtype=torch.int64), 10)
    started = time.perf_counter()
    for _, logits in ensemble_forward(hypergan, Networks(0, "fresh", range(networks)), batch):
        for own in logits:
            tally.add(own)
    status = Path("/proc/self/status").read_text(encoding="ascii")  # ru_maxrss would count the parent's too
    peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
    print(time.perf_counter() - started, peak / 1024)


def start_table() -> pd.DataFrame:
    """Time to the answer of ``--help``."""
    command = [sys.executable, "-m", "robust_hypergan", "--help"]
    spent = seconds(lambda: subprocess.run(command, check=True, capture_output=True), 3)
    bare = seconds(lambda: subprocess.run([sys.executable, "-c", ""], check=True), 3)
    return pd.DataFrame([{"start-up": "--help", "s": spent, "python alone": bare}]).set_index("start-up")


if __name__ == "__main__":
    grow(*map(int, sys.argv[1:]))
