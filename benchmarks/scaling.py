"""Training steps and the fold of fresh networks on 1, 2, ... processes of this machine; prints a table.

``python benchmarks/scaling.py 1 2`` runs every number of ranks in turn, three times. On a machine that is
busy with other things more processes get more of it, so besides the seconds it gives the processor's seconds
of the busiest rank: what it would take if every rank had a core to itself.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median

import torch

from robust_hypergan.base.distributed import Ranks, joined
from robust_hypergan.data.datasets import load_dataset, to_unit
from robust_hypergan.engine.cascade import Account
from robust_hypergan.engine.ensemble import EnsembleForward
from robust_hypergan.engine.shared_fold import fold_networks
from robust_hypergan.models.classifiers import MNISTClassifier
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.models.networks import Networks
from robust_hypergan.training.config import TrainConfig
from robust_hypergan.training.trainer import Trainer
from robust_hypergan.transferability.crafting import Cell
from robust_hypergan.transferability.fold import Fold

STEPS, IMAGES, NETWORKS, REPETITIONS = 10, 500, 96, 3


def training(ranks: Ranks) -> Callable[[], None]:
    """Steps of 16 networks on 64 images each."""
    config = TrainConfig(networks=16, batch=64, precision="float32")
    trainer = Trainer(HyperGAN(MNISTClassifier()), load_dataset("mnist-5k", "train"), config, ranks)
    trainer.advance()

    def run() -> None:
        for _ in range(STEPS):
            trainer.advance()

    return run


def folding(ranks: Ranks) -> Callable[[], None]:
    """Fresh networks on the clean images and one cell of as many adversarial ones."""
    dataset = load_dataset("mnist-5k", "test")
    images, labels = to_unit(dataset.images[:IMAGES]), dataset.labels[:IMAGES]
    cell = Cell("none", "linf", 0.1, adversarials=images, source_labels=labels)
    fold = Fold([cell], images, labels, torch.ones_like(labels, dtype=torch.bool), 10, 0)
    forward = EnsembleForward(
        HyperGAN(MNISTClassifier()),
        Networks(0, "fresh", range(NETWORKS)),
        fold.images,
        backend="chunked-loop",
        account=Account(),
    )
    forward.block(0)

    def run() -> None:
        for _ in fold_networks(fold, forward, 0, 0, ranks):
            pass

    return run


STAGES = {"training": training, "folding": folding}


def measure() -> None:
    """Measures every stage on one of the ranks."""
    torch.set_num_threads(1)
    with joined() as ranks:
        for name, prepare in STAGES.items():
            run = prepare(ranks)
            ranks.wait()
            began, busy = time.perf_counter(), time.process_time()
            run()
            busy = time.process_time() - busy
            ranks.wait()
            own = torch.tensor([[time.perf_counter() - began, busy]], dtype=torch.float64)
            slowest = ranks.gathered(own, ranks.size).amax(0).tolist()
            if ranks.leads:
                print(json.dumps([name, *slowest]), flush=True)


def launched(size: int) -> list[tuple[str, float, float]]:
    """Stage, seconds and processor seconds of the busiest rank, as the first of so many ranks prints."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(size)]
    command = [sys.executable, *torchrun, __file__, "--measure"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in printed.splitlines() if line.startswith("[")]


def main(sizes: list[int]) -> None:
    """Prints the medians over the repetitions, and how often faster than the first number of ranks."""
    found: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for _ in range(REPETITIONS):
        for size in sizes:
            for name, seconds, busy in launched(size):
                found.setdefault((name, size), []).append((seconds, busy))
                print(f"{name} on {size}: {seconds:.2f} s, {busy:.2f} s busy", file=sys.stderr, flush=True)
    print("| stage | ranks | seconds | faster | busiest rank | faster |")
    print("| --- | --- | --- | --- | --- | --- |")
    for (name, size), values in sorted(found.items(), reverse=True):
        now, first = (
            [median(value[i] for value in each) for i in (0, 1)] for each in (values, found[name, sizes[0]])
        )
        ratios = [f"{then / each:.2f}" for then, each in zip(first, now, strict=True)]
        print(f"| {name} | {size} | {now[0]:.1f} | {ratios[0]} | {now[1]:.1f} | {ratios[1]} |")


if __name__ == "__main__":
    if "--measure" in sys.argv:
        measure()
    else:
        main([int(each) for each in sys.argv[1:]] or [1, 2])
