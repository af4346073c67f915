"""How fast the ensemble forward and the crafting are, beside what a user would use instead, in one run.

    make bench-speed

Speeds are ratios against the plain loop, ``torch.func.vmap`` and a matrix product of the same run;
absolute times of a shared machine mean little. Predictions are compared with the plain loop's on the way.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import torch
import torchattacks

from robust_hypergan.attacks import fgsm, pgd
from robust_hypergan.classifiers import MNISTClassifier
from robust_hypergan.ensemble import BACKENDS, default_backend, ensemble_logits
from robust_hypergan.hypergan import HyperGAN
from robust_hypergan.networks import Networks, materialise

MEGAFLOP = 4.2  # of the paper's MNIST classifier for one image


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Least time of several runs, after one to warm up."""
    work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def forward_table(networks: int, images: int) -> pd.DataFrame:
    """Every backend on the same networks and images."""
    hypergan = HyperGAN(MNISTClassifier(), seed=0)
    params = hypergan.sample(Networks(0, "fresh", range(networks)))
    batch = torch.rand(images, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    square = torch.rand(2048, 2048)
    gemm = 2 * 2048**3 / seconds(lambda: square @ square) / 1e9
    gflop = networks * images * MEGAFLOP / 1e3
    reference = ensemble_logits(hypergan.classifier, params, batch, backend="loop").argmax(2)
    rows = []
    for name in BACKENDS:
        work = lambda name=name: ensemble_logits(hypergan.classifier, params, batch, backend=name)  # noqa: E731
        agreement = (work().argmax(2) == reference).double().mean().item()
        rows.append({"backend": name, "GFLOP/s": gflop / seconds(work), "same predictions": agreement})
    table = pd.DataFrame(rows).set_index("backend")
    rate = table["GFLOP/s"]
    table["x vmap"] = rate / rate["vmap"]
    table["x loop"] = rate / rate["loop"]
    table["x GEMM"] = rate / gemm
    return table


def crafting_table(images: int) -> pd.DataFrame:
    """FGSM and PGD beside torchattacks on the same network and images."""
    source = materialise(HyperGAN(MNISTClassifier(), seed=0), Networks(0, "source", [0]))
    batch = torch.rand(images, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    labels = source(batch).argmax(1)
    generator = torch.Generator().manual_seed(0)
    pairs = {
        "fgsm": (
            lambda: fgsm(source, batch, labels, eps=0.1),
            lambda: torchattacks.FGSM(source, eps=0.1)(batch, labels),
        ),
        "pgd, 10 steps": (
            lambda: pgd(source, batch, labels, eps=0.1, steps=10, generator=generator),
            lambda: torchattacks.PGD(source, eps=0.1, alpha=0.025, steps=10)(batch, labels),
        ),
    }
    rows = [
        {"attack": name, "ours s": (own := seconds(ours)), "x torchattacks": seconds(theirs) / own}
        for name, (ours, theirs) in pairs.items()
    ]
    return pd.DataFrame(rows).set_index("attack")


def main() -> None:
    """Prints both tables and writes them to ``--out`` if given."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=32)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--out", type=Path, help="Markdown file to write the tables to")
    arguments = parser.parse_args()
    machine = (
        f"{arguments.networks} networks, {arguments.images} images; {platform.machine()}, "
        f"{torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}, "
        f"torch {torch.__version__}, "
        f"default backend on the CPU: {default_backend(torch.device('cpu'))}"
    )
    tables = [forward_table(arguments.networks, arguments.images), crafting_table(arguments.images)]
    text = "\n\n".join([machine, *(table.to_markdown(floatfmt=".3g") for table in tables)])
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
