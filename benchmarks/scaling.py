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

from robust_hypergan.cascade import Account
from robust_hypergan.classifiers import MNISTClassifier
from robust_hypergan.crafting import Cell
from robust_hypergan.datasets import load_dataset, to_unit
from robust_hypergan.distributed import Ranks, joined
from robust_hypergan.ensemble import EnsembleForward
from robust_hypergan.fold import Fold
from robust_hypergan.hypergan import HyperGAN
from robust_hypergan.networks import Networks
from robust_hypergan.shared_fold import fold_networks
from robust_hypergan.trainer import TrainConfig, Trainer

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
    """What one rank prints: seconds, and seconds of the processor, of each stage."""
    torch.set_num_threads(1)
    with joined() as ranks:
        for name, prepare in STAGES.items():
            run = prepare(ranks)
            ranks.wait()
            began, busy = time.perf_counter(), time.process_time()
            run()
            own = {"stage": name, "busy": time.process_time() - busy}
            ranks.wait()
            print(json.dumps(own | {"seconds": time.perf_counter() - began}), flush=True)


def launched(size: int) -> list[dict[str, float | str]]:
    """What so many ranks print."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(size)]
    command = [sys.executable, *torchrun, __file__, "--measure"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


def main(sizes: list[int]) -> None:
    """Prints the medians over the repetitions, and how often faster than the first number of ranks."""
    found: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for _ in range(REPETITIONS):
        for size in sizes:
            rows = launched(size)
            for name in STAGES:
                own = [row for row in rows if row["stage"] == name]
                slowest = tuple(max(float(row[key]) for row in own) for key in ("seconds", "busy"))
                found.setdefault((name, size), []).append((slowest[0], slowest[1]))
    print("| stage | ranks | seconds | faster | busiest rank | faster |")
    print("| --- | --- | --- | --- | --- | --- |")
    for (name, size), values in sorted(found.items(), reverse=True):
        seconds, busy = (median(value[i] for value in values) for i in (0, 1))
        first = [median(value[i] for value in found[name, sizes[0]]) for i in (0, 1)]
        ratios = f"{first[0] / seconds:.2f}", f"{first[1] / busy:.2f}"
        print(f"| {name} | {size} | {seconds:.1f} | {ratios[0]} | {busy:.1f} | {ratios[1]} |")


if __name__ == "__main__":
    if "--measure" in sys.argv:
        measure()
    else:
        main([int(each) for each in sys.argv[1:]] or [1, 2])
