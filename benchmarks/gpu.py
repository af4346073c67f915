"""On a GPU: checks, and how fast it is beside what a user would do instead, in one run; writes a page.

    python benchmarks/gpu.py --data-root data --out docs/gpu.md

Trains the preset ``standard`` on MNIST first, so that logits are those of classifiers and not of noise. Needs
MNIST under ``--data-root``, and takes about four minutes.
"""

from __future__ import annotations

import argparse
import copy
import os
import platform
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
import torch
import triton

sys.path.insert(0, str(Path(__file__).parent / "speed"))

from gpu_ways import forward_table, seconds
from training_step import one_graph, what_it_trains

from robust_hypergan.attacks import fgsm
from robust_hypergan.cli.options import find_device
from robust_hypergan.data.datasets import Dataset, load_dataset, to_unit
from robust_hypergan.engine.ensemble import ensemble_forward
from robust_hypergan.engine.near_ties import near_ties
from robust_hypergan.measures.accuracy import measure_accuracy
from robust_hypergan.models.classifiers import MNISTClassifier
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.models.networks import Networks, materialise
from robust_hypergan.training.loop import train
from robust_hypergan.training.presets import PRESETS
from robust_hypergan.training.trainer import Trainer
from robust_hypergan.transferability.config import TransferConfig
from robust_hypergan.transferability.measurement import transfer

EPS = (0.05, 0.1, 0.15, 0.2, 0.3)


def machine_lines(device: torch.device) -> list[str]:
    """Device, versions, and its rates on large matrices and a large copy, measured here."""
    rates = {}
    for kind in (torch.float32, torch.float16):
        square = torch.randn(8192, 8192, device=device, dtype=kind)
        rates[str(kind)[6:]] = 2 * 8192**3 / seconds(partial(torch.matmul, square, square)) / 1e12
    block = torch.empty(2**30, dtype=torch.uint8, device=device)
    copied = 2 * len(block) / seconds(partial(torch.empty_like(block).copy_, block)) / 1e9
    return [
        f"{torch.cuda.get_device_name(device)}, {os.cpu_count()} CPUs, {platform.system()}, Python"
        f" {platform.python_version()}, torch {torch.__version__}, Triton {triton.__version__}.",
        "A product of 8192 x 8192 matrices makes "
        + " and ".join(f"{rate:.0f} TFLOP/s in {kind}" for kind, rate in rates.items())
        + f"; a copy moves {copied:,.0f} GB/s.",
    ]


def ten_cells(hypergan: HyperGAN, dataset: Dataset, device: torch.device) -> pd.DataFrame:
    """The whole transfer measurement, crafting included: FGSM and PGD with 40 steps at five eps."""
    config = TransferConfig(attacks=("fgsm", "pgd"), eps=EPS, networks=500, examples=len(dataset.labels))
    rows = []
    for run in ("first", "second"):
        started = time.perf_counter()
        result = transfer(hypergan, dataset, config, device=device)
        spent = time.perf_counter() - started
        rows.append({"ten cells": run, "seconds": spent, **result.seconds})
    table = pd.DataFrame(rows).set_index("ten cells")
    table.attrs["note"] = (
        f"2 attacks, 5 eps, 500 networks, {len(result.indices):,} of {len(dataset.labels):,} images that the"
        f" source classifies correctly; {result.forward.backend}, {result.forward.precision},"
        f" {result.forward.record()['repeated_share']:.2%} repeated, {result.forward.disagreeing} of"
        f" {result.forward.audited:,} audited disagree."
    )
    return table


def sampling_table(hypergan: HyperGAN) -> pd.DataFrame:
    """Networks made a second."""
    blocks = list(Networks(0, "fresh", range(512)).blocks(16))
    spent = seconds(lambda: [hypergan.sample(block) for block in blocks])
    return pd.DataFrame([{"sampling": "in blocks of 16", "networks a second": 512 / spent}]).set_index(
        "sampling"
    )


def step_table(device: torch.device) -> pd.DataFrame:
    """A training step beside the authors' scheme: one graph over all networks, one backward."""
    rows = []
    for preset in ("standard", "paper", "cifar"):
        classifier, data = what_it_trains(preset)
        config, times = PRESETS[preset].training, {}
        for way in ("authors", "float32", "bfloat16"):
            hypergan = HyperGAN(classifier, PRESETS[preset].hypergan, seed=0).to(device)
            trainer = Trainer(
                hypergan, data, replace(config, precision="float32" if way == "authors" else way)
            )
            if way == "authors":
                trainer.network_gradients = one_graph(hypergan.classifier)
                trainer.params = hypergan.generator.layers
            for _ in range(3):
                trainer.advance()
            times[way] = seconds(partial(steps_of, trainer, 20), 1) / 20
        ratios = {f"x authors, {way}": times["authors"] / times[way] for way in ("float32", "bfloat16")}
        milli = {f"ms, {way}": 1e3 * each for way, each in times.items()}
        size = f"{config.networks} x {config.batch}"
        rows.append({"preset": preset, "networks x images": size, **milli, **ratios})
    return pd.DataFrame(rows).set_index("preset")


def steps_of(trainer: Trainer, count: int) -> None:
    """Trains on."""
    for _ in range(count):
        trainer.advance()


def memory_table(hypergan: HyperGAN, images: torch.Tensor) -> pd.DataFrame:
    """Peak memory of the default forward against the number of networks and of images."""
    rows = []
    for networks, count in ((200, 1000), (1000, 1000), (5000, 1000), (200, 200), (200, 10_000)):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        started = time.perf_counter()
        for _ in ensemble_forward(
            hypergan, Networks(0, "fresh", range(networks)), images[:count], precision=None
        ):
            pass
        torch.cuda.synchronize()
        each = 1e6 * (time.perf_counter() - started) / networks / count
        peak = torch.cuda.max_memory_allocated() / 2**20
        rows.append({"networks": networks, "images": count, "us a pair": each, "peak MiB": peak})
    return pd.DataFrame(rows).set_index("networks")


@torch.no_grad()
def agreement(hypergan: HyperGAN, dataset: Dataset) -> pd.DataFrame:
    """The same addresses on the CPU and on the GPU: networks, predictions, and an attack."""
    on_cpu, addresses = copy.deepcopy(hypergan).to(torch.device("cpu")), Networks(0, "fresh", range(32))
    images, labels = to_unit(dataset.images[:1000]), dataset.labels[:1000]
    ours, theirs = on_cpu.sample(addresses), hypergan.sample(addresses)
    weights = max(
        float((value - theirs[name].cpu()).abs().max() / value.std()) for name, value in ours.items()
    )
    logits = [
        torch.cat([block.cpu() for _, block in ensemble_forward(each, addresses, own)])
        for each, own in ((on_cpu, images), (hypergan, images.to(hypergan.device)))
    ]
    ties = torch.stack([near_ties(own) for own in logits[0]])
    differing = logits[0].argmax(2) != logits[1].argmax(2)
    made = []
    for each in (on_cpu, hypergan):
        source = materialise(each, Networks(0, "source", [0]))
        made.append(fgsm(source, images.to(each.device), labels.to(each.device), eps=0.1).cpu())
    row = {
        "CPU and GPU": "32 networks, 1,000 images",
        "largest difference of a weight, in its layer's sd": f"{weights:.1e}",
        "other predictions": int(differing.sum()),
        "of them no near-ties": int((differing & ~ties).sum()),
        "FGSM images with a pixel more than 1e-6 apart": int(
            ((made[0] - made[1]).abs() > 1e-6).flatten(1).any(1).sum()
        ),
    }
    return pd.DataFrame([row]).set_index("CPU and GPU")


def main() -> None:
    """Prints every table as it is measured, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data-root", type=Path, default=Path("data"))
    parser.add_argument("--steps", type=int, default=PRESETS["standard"].training.steps)
    given = parser.parse_args()
    device = find_device("cuda")
    training_set, test_set = (
        load_dataset("mnist", split, root=given.data_root) for split in ("train", "test")
    )
    parts = [
        "# Speed on a GPU",
        "Made by `benchmarks/gpu.py`; [speed.md](speed.md) explains it.",
        *machine_lines(device),
    ]
    hypergan = HyperGAN(MNISTClassifier(), PRESETS["standard"].hypergan, seed=0).to(device)
    log = train(hypergan, training_set, replace(PRESETS["standard"].training, steps=given.steps))
    found = measure_accuracy(hypergan, test_set, device=device)
    parts.append(
        f"The preset `standard` on MNIST, {given.steps:,} steps in {log['seconds'].iloc[-1]:.0f} s: single"
        f" networks {found.single_mean:.2%}, votes of 100 {found.vote_100:.2%}."
    )
    images, labels = to_unit(test_set.images.to(device)), test_set.labels.to(device)
    half = len(images) // 2
    attacked = fgsm(materialise(hypergan, Networks(0, "source", [0])), images[half:], labels[half:], eps=0.2)
    mixed = torch.cat([images[:half], attacked])
    print("\n\n".join(parts), flush=True)
    for make in (
        partial(forward_table, hypergan, mixed, 500),
        partial(forward_table, hypergan, torch.cat([mixed] * 11), 64),
        partial(ten_cells, hypergan, test_set, device),
        partial(sampling_table, hypergan),
        partial(step_table, device),
        partial(memory_table, hypergan, mixed),
        partial(agreement, hypergan, test_set),
    ):
        table = make()
        torch.cuda.empty_cache()
        text = table.to_markdown(floatfmt=".3g")
        parts += [text, *([table.attrs["note"]] if "note" in table.attrs else [])]
        print(text, table.attrs.get("note", ""), sep="\n\n", end="\n\n", flush=True)
        given.out.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
