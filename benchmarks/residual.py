"""A HyperGAN over ResNet-20 with group norm on CIFAR-10, in chunks: at least 88 % for a single network?

    python benchmarks/residual.py --data-root data --out runs/residual

Times a step in both precisions, trains the preset ``residual``, measures accuracy and transfer, and writes
``residual.md`` with a verdict. The same command goes on where an earlier one was interrupted. Two cores of a
CPU with bfloat16 take an hour and a half. Everything can be made small to try it:

    python benchmarks/residual.py --data-root data --out runs/try --steps 4 --networks 2 --batch 8 \
        --train-images 64 --test-images 32 --fresh 4 --examples 8
"""

from __future__ import annotations

import argparse
import resource
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch

from robust_hypergan.base.durable import make_folder
from robust_hypergan.cli.options import find_device
from robust_hypergan.data.datasets import Dataset, load_dataset, make_dataset
from robust_hypergan.measures.accuracy import Accuracy, measure_accuracy
from robust_hypergan.models.classifiers import build_classifier
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.models.networks import NetworkDistribution, move
from robust_hypergan.storage.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from robust_hypergan.training.config import TRAINING_PRECISIONS, TrainConfig
from robust_hypergan.training.loop import forget_state, train
from robust_hypergan.training.presets import find_preset
from robust_hypergan.training.trainer import Trainer
from robust_hypergan.transferability.config import TransferConfig
from robust_hypergan.transferability.measurement import transfer

AIM = 0.88
"""Accuracy that a single network is to reach."""

CLASSIFIER, PRESET = "resnet-gn", "residual"
EPS = (1 / 255, 2 / 255, 4 / 255, 8 / 255)
TIMED_STEPS = 5


def limited(dataset: Dataset, count: int | None) -> Dataset:
    """The first images of a data set; None is all."""
    if count is None:
        return dataset
    return make_dataset(
        dataset.name, dataset.split, dataset.images[:count], dataset.labels[:count], dataset.classes
    )


def new_hypergan(classes: int, hidden: int, seed: int, device: torch.device) -> HyperGAN:
    """Before its first step."""
    config = replace(find_preset(PRESET).hypergan, hidden=hidden)
    return HyperGAN(build_classifier(CLASSIFIER, classes), config, seed=seed).to(device)


def step_table(dataset: Dataset, hidden: int, config: TrainConfig, device: torch.device) -> pd.DataFrame:
    """Seconds of a training step and memory in each precision, after two steps to warm up."""
    rows = []
    for precision in TRAINING_PRECISIONS:
        hypergan = new_hypergan(len(dataset.classes), hidden, config.seed, device)
        trainer = Trainer(hypergan, dataset, replace(config, precision=precision))
        for _ in range(2):
            trainer.advance()
        started = time.perf_counter()  # advance() reads losses, so the device has finished
        for _ in range(TIMED_STEPS):
            trainer.advance()
        seconds = (time.perf_counter() - started) / TIMED_STEPS
        images = config.networks * config.batch / seconds
        row = {"precision": precision, "seconds a step": seconds, "images a second": images}
        rows.append(row | {"peak memory, GB": peak_memory(device)})
    return pd.DataFrame(rows)


def peak_memory(device: torch.device) -> float:
    """Of the GPU, or of the process on a CPU, in 10^9 bytes."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def trained(
    folder: Path, dataset: Dataset, hidden: int, config: TrainConfig, device: torch.device
) -> Checkpoint:
    """The training, or what an earlier run has left of it."""
    path = folder / "hypergan.safetensors"
    if not path.exists():
        hypergan = new_hypergan(len(dataset.classes), hidden, config.seed, device)
        log = train(hypergan, dataset, config, folder=folder, quiet=False)
        facts = {"data": dataset.name, "seconds": float(log["seconds"].iloc[-1])}
        save_checkpoint(path, Checkpoint(hypergan, CLASSIFIER, len(dataset.classes), facts))
        forget_state(folder)
    checkpoint = load_checkpoint(path)
    move(checkpoint.distribution, device)
    return checkpoint


def verdict(found: Accuracy, whole: bool) -> str:
    """One line: is the aim reached?"""
    if not whole:
        return f"NOT MEASURED: a part of the images (single {found.single_mean:.2%})"
    reached = "PASS" if found.single_mean >= AIM else "FAIL"
    return (
        f"{reached}: single {found.single_mean:.2%} (least {found.single_min:.2%}, greatest"
        f" {found.single_max:.2%}), at least {AIM:.0%} wanted; vote of all {found.vote_all:.2%}"
    )


def transfer_table(
    distribution: NetworkDistribution, dataset: Dataset, config: TransferConfig, device: torch.device
) -> pd.DataFrame:
    """Success on the source and the mean fooled fraction of each cell."""
    summary = transfer(distribution, dataset, config, device=device, quiet=False).summary
    return summary[["attack", "eps", "source_success", "fooled_mean", "ci_low", "ci_high", "seconds"]]


def main() -> None:
    """Trains, measures, prints and writes the page."""
    hypergan, preset = find_preset(PRESET).hypergan, find_preset(PRESET).training
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data-root", type=Path, default=Path("data"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", choices=TRAINING_PRECISIONS, default="bfloat16")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=preset.steps)
    parser.add_argument("--networks", type=int, default=preset.networks)
    parser.add_argument("--batch", type=int, default=preset.batch)
    parser.add_argument("--hidden", type=int, default=hypergan.hidden)
    parser.add_argument("--train-images", type=int)
    parser.add_argument("--test-images", type=int)
    parser.add_argument("--fresh", type=int, default=100)
    parser.add_argument("--examples", type=int, default=500)
    given = parser.parse_args()
    device = find_device(given.device)
    torch.set_float32_matmul_precision("high")  # TF32 for the generators, whose products are large
    make_folder(given.out)
    training_set = limited(load_dataset("cifar10", "train", root=given.data_root), given.train_images)
    test_set = limited(load_dataset("cifar10", "test", root=given.data_root), given.test_images)
    config = replace(
        preset,
        **{name: getattr(given, name) for name in ("steps", "networks", "batch", "seed", "precision")},
    )
    steps = step_table(training_set, given.hidden, config, device)
    print(steps.to_markdown(index=False, floatfmt=".4g"), flush=True)
    checkpoint = trained(given.out, training_set, given.hidden, config, device)
    found = measure_accuracy(
        checkpoint.distribution, test_set, networks=given.fresh, device=device, quiet=False
    )
    whole = given.train_images is None and given.test_images is None
    attacks = TransferConfig(eps=EPS, networks=given.fresh, examples=given.examples)
    cells = transfer_table(checkpoint.distribution, test_set, attacks, device)
    parts = [
        f"# {CLASSIFIER} on CIFAR-10, {config.steps} steps of {config.networks} x {config.batch},"
        f" generators of width {given.hidden}",
        f"{verdict(found, whole)}; training {checkpoint.facts['seconds']:.0f} s"
        f" on {torch.cuda.get_device_name(device) if device.type == 'cuda' else 'a CPU'}, {given.precision}.",
        steps.to_markdown(index=False, floatfmt=".4g"),
        cells.to_markdown(index=False, floatfmt=".3f"),
    ]
    (given.out / "residual.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    print("\n\n".join(parts))


if __name__ == "__main__":
    main()
