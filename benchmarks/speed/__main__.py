"""How fast it is, beside what a user would do instead, in one run.

    make bench-speed

Speeds are ratios of times measured in the same run; absolute times of a shared machine mean little. What is
compared does the same work, and that is checked on the way. Writes its tables into docs/speed.md.
"""

from __future__ import annotations

import argparse
import os
import platform
from pathlib import Path

import torch
from crafting import crafting_table, several_table
from forward import forward_table
from growth import growth_table, sampling_table, start_table
from training_step import training_table

from robust_hypergan.data.datasets import load_dataset
from robust_hypergan.models.classifiers import MNISTClassifier
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.training.config import TrainConfig
from robust_hypergan.training.loop import train

PAGE = Path(__file__).parent.parent.parent / "docs" / "speed.md"
BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"


def trained_hypergan() -> HyperGAN:
    """A HyperGAN after a short training: its logits are those of classifiers, not of noise."""
    hypergan = HyperGAN(MNISTClassifier(), seed=0)
    train(hypergan, load_dataset("mnist-5k", "train"), TrainConfig(steps=120, learning_rate=5e-4))
    return hypergan


def main() -> None:
    """Prints the tables and writes them into the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=400)
    arguments = parser.parse_args()
    hypergan = trained_hypergan()
    machine = (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, {torch.get_num_threads()} threads,"
        f" {torch.backends.cpu.get_cpu_capability()}, Python {platform.python_version()},"
        f" torch {torch.__version__}"
    )
    parts = [machine]
    for table in (
        forward_table(hypergan, 16, 8 * arguments.images),
        crafting_table(hypergan, arguments.images),
        several_table(hypergan),
        training_table("standard"),
        training_table("standard", networks=16, batch=128),
        training_table("paper"),
        training_table("cifar"),
        sampling_table(hypergan, 2000),
        growth_table(),
        start_table(),
    ):
        text = table.astype(object).where(table.notna(), None).to_markdown(floatfmt=".3g", missingval="")
        if "note" in table.attrs:
            text += "\n\n" + table.attrs["note"]
        print(text + "\n", flush=True)
        parts.append(text)
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.partition(BEGIN)[0], page.partition(END)[2]
    PAGE.write_text(before + BEGIN + "\n\n" + "\n\n".join(parts) + "\n\n" + END + after, encoding="utf-8")


if __name__ == "__main__":
    main()
