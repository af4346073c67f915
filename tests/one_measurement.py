"""Trains a little, crafts, tries fresh networks: run with other threads and sizes, it has to write the same.

``python -m tests.one_measurement FOLDER THREADS IMAGES NETWORKS EXAMPLES``: how many of each at once.
"""

import sys
from pathlib import Path

import torch

from robust_hypergan.data.datasets import make_dataset
from robust_hypergan.engine import backends, ensemble
from robust_hypergan.models.classifiers import CIFARClassifier
from robust_hypergan.models.hypergan import HyperGAN, HyperGANConfig
from robust_hypergan.models.networks import Networks
from robust_hypergan.models.parameters import fingerprint
from robust_hypergan.reports import write_table
from robust_hypergan.training.config import TrainConfig
from robust_hypergan.training.loop import train
from robust_hypergan.transferability import crafting
from robust_hypergan.transferability.config import TransferConfig
from robust_hypergan.transferability.measurement import transfer

CONFIG = TransferConfig(("fgsm", "pgd:steps=3"), (0.05,), networks=16, examples=100)


def measure(folder: Path, threads: int) -> None:
    """Writes the fingerprint of some networks, and the tables."""
    random = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 10, (200,), generator=random)
    colours = torch.randint(0, 200, (10, 3, 1, 1), generator=random)
    images = colours[labels] + torch.randint(0, 60, (200, 3, 32, 32), generator=random)
    dataset = make_dataset("drawn", "test", images.clamp(0, 255).to(torch.uint8), labels, tuple("abcdefghij"))
    torch.set_num_threads(threads)
    hypergan = HyperGAN(CIFARClassifier(), HyperGANConfig(hidden=32), seed=0)
    train(
        hypergan,
        dataset,
        TrainConfig(steps=50, networks=2, batch=16, learning_rate=3e-3, warmup=2, codes=16, pretraining=3),
    )
    (folder / "draws.txt").write_text(fingerprint(hypergan.sample(Networks(0, "fresh", range(3)))))
    torch.set_num_threads(threads)
    result = transfer(hypergan, dataset, CONFIG)
    write_table(result.examples, folder / "examples.csv")
    write_table(result.networks, folder / "networks.csv")
    write_table(result.summary.drop(columns="seconds"), folder / "summary.csv")
    write_table(result.fold.near_ties_table(result.chosen, result.indices), folder / "near_ties.csv")


if __name__ == "__main__":
    out, threads, images, networks, examples = sys.argv[1:]
    backends.IMAGE_CHUNK, ensemble.NETWORK_BLOCK = int(images), int(networks)
    crafting.CRAFT_BATCH = int(examples)
    measure(Path(out), int(threads))
