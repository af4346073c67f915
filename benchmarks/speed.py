"""How fast it is, beside what a user would do instead, in one run.

    make bench-speed

Speeds are ratios of times measured in the same run; absolute times of a shared machine mean little. What is
compared does the same work, and that is checked on the way. Writes its tables into docs/speed.md.
"""

from __future__ import annotations

import argparse
import copy
import os
import platform
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional

from robust_hypergan.attacks import ensemble_pgd, eot_pgd, fgsm, pgd
from robust_hypergan.backends import HALF_CHUNK
from robust_hypergan.cascade import Account, Cascade
from robust_hypergan.classifiers import MNISTClassifier
from robust_hypergan.datasets import load_dataset, to_unit
from robust_hypergan.draws import DistributionDraws
from robust_hypergan.ensemble import WEIGHTED, ensemble_logits, flop_of
from robust_hypergan.half import can_halve, halved
from robust_hypergan.hypergan import HyperGAN
from robust_hypergan.layout import IMAGE_CHUNK, channels_last
from robust_hypergan.networks import Networks, materialise
from robust_hypergan.presets import PRESETS
from robust_hypergan.trainer import TrainConfig, Trainer
from robust_hypergan.training import train
from robust_hypergan.wide_linear import WideLinear

PAGE = Path(__file__).parent.parent / "docs" / "speed.md"
BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"


def seconds(work: Callable[[], object], repeats: int = 4) -> float:
    """Least time of several runs, after one to warm up."""
    work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def trained_hypergan() -> HyperGAN:
    """A HyperGAN after a short training: its logits are those of classifiers, not of noise."""
    hypergan = HyperGAN(MNISTClassifier(), seed=0)
    train(hypergan, load_dataset("mnist-5k", "train"), TrainConfig(steps=120, learning_rate=5e-4))
    return hypergan


def forward_table(hypergan: HyperGAN, networks: int, images: int) -> pd.DataFrame:
    """Every backend on the same networks and images, clean ones and adversarial ones."""
    params = hypergan.sample(Networks(0, "fresh", range(networks)))
    dataset = load_dataset("mnist-5k", "test")
    clean, labels = to_unit(dataset.images[: images // 4]), dataset.labels[: images // 4]
    source = materialise(hypergan, Networks(0, "source", [0]))
    batch = torch.cat([clean, *(fgsm(source, clean, labels, eps=eps) for eps in (0.1, 0.2, 0.3))])
    square = torch.rand(2048, 2048)
    gflop = networks * images * flop_of(hypergan.classifier, batch) / 1e9
    reference = ensemble_logits(hypergan.classifier, params, batch, backend="loop").argmax(2)
    account = Account()
    ways: dict[str, Callable[[], torch.Tensor]] = {
        name: partial(ensemble_logits, hypergan.classifier, params, batch, backend=name)
        for name in ("loop", "vmap", "chunked-loop", "compiled-loop")
    }
    if can_halve(hypergan.classifier, batch):
        for backend in ("chunked-loop", "compiled-loop"):
            cascade = Cascade(hypergan.classifier, batch, backend)
            run = partial(cascade, number=0, account=account)
            ways[f"cascade, {backend}"] = partial(_without_gradient, run, params)
    rows = []
    for name, work in ways.items():
        if name == "compiled-loop":  # compiled once for a run of any length
            own = _kept(hypergan, batch)
            work = partial(_without_gradient, own, params)
        agreement = (work().argmax(2) == reference).double().mean().item()
        repeats = 1 if name in ("loop", "vmap") else 4
        rows.append(
            {"forward": name, "GFLOP/s": gflop / seconds(work, repeats), "same predictions": agreement}
        )
    gemm, gemm_half = (
        2 * 2048**3 / seconds(partial(torch.matmul, each, each)) / 1e9 for each in (square, square.bfloat16())
    )
    for half in (False, True) if can_halve(hypergan.classifier, batch) else (False,):
        name = f"its layers alone, {'bfloat16' if half else 'float32'}"
        rows.append({"forward": name, "GFLOP/s": layers_alone(hypergan.classifier, clean, half)})
    table = pd.DataFrame(rows).set_index("forward")
    rate = table["GFLOP/s"]
    for name in ("vmap", "loop"):
        table[f"x {name}"] = rate / rate[name]
    table["x GEMM"] = rate / gemm
    table.attrs["note"] = (
        f"{networks} networks, {images} images; a float32 product of 2048 x 2048 matrices makes {gemm:.0f}"
        f" GFLOP/s in the same run, one in bfloat16 {gemm_half:.0f}. Cascade: tau {account.tau:.2f}, "
        f"{account.repeated / max(1, account.pairs):.1%} repeated, {account.audited:,} audited, "
        f"{account.disagreeing} disagree."
    )
    return table


@torch.no_grad()
def layers_alone(classifier: nn.Module, images: torch.Tensor, half: bool) -> float:
    """GFLOP/s of the layers with weights, each over and over on the same chunk: a ceiling of the forward."""
    module = halved(classifier)[0] if half else copy.deepcopy(classifier)
    chunk = channels_last(images[: HALF_CHUNK if half else IMAGE_CHUNK])
    given: dict[nn.Module, torch.Tensor] = {}
    layers = [each for each in module.modules() if isinstance(each, WEIGHTED)]
    for each in layers:
        each.to(memory_format=torch.channels_last)
        each.register_forward_pre_hook(lambda layer, inputs: given.update({layer: inputs[0]}))
    module(chunk.bfloat16() if half else chunk)

    def repeated(layer: nn.Module) -> None:
        for _ in range(50):
            layer.forward(given[layer])

    spent = sum(seconds(partial(repeated, each)) for each in layers) / 50
    return flop_of(classifier, images) * len(chunk) / spent / 1e9


def crafting_table(hypergan: HyperGAN, images: int) -> pd.DataFrame:
    """FGSM and PGD beside the libraries', at equal steps and batch."""
    source, dataset = materialise(hypergan, Networks(0, "source", [0])), load_dataset("mnist-5k", "test")
    rows = [
        row
        for count in (125, images)
        for row in _crafting_rows(source, to_unit(dataset.images[:count]), dataset.labels[:count])
    ]
    return pd.DataFrame(rows).set_index("crafting")


def _crafting_rows(source: nn.Module, batch: torch.Tensor, labels: torch.Tensor) -> list[dict[str, object]]:
    import torchattacks

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own dependencies warn on import
        import foolbox
    wrapped, generator, step = foolbox.PyTorchModel(source, bounds=(0, 1)), torch.Generator(), 0.025
    theirs = foolbox.attacks.LinfFastGradientAttack(), foolbox.attacks.LinfPGD(steps=10, abs_stepsize=step)
    trials = {
        "fgsm": (
            lambda: fgsm(source, batch, labels, eps=0.1),
            lambda: torchattacks.FGSM(source, eps=0.1)(batch, labels),
            lambda: theirs[0](wrapped, batch, labels, epsilons=0.1)[1],
        ),
        "pgd, 10 steps": (
            lambda: pgd(source, batch, labels, eps=0.1, steps=10, step_size=step, generator=generator),
            lambda: torchattacks.PGD(source, eps=0.1, alpha=step, steps=10)(batch, labels),
            lambda: theirs[1](wrapped, batch, labels, epsilons=0.1)[1],
        ),
    }
    rows = []
    for name, works in trials.items():
        times = [seconds(work, 3) for work in works]
        success = [(source(work()).argmax(1) != labels).double().mean().item() for work in works]
        row: dict[str, object] = {"crafting": f"{name}, batch of {len(batch)}"}
        row |= {"x torchattacks": times[1] / times[0], "x foolbox": times[2] / times[0]}
        names = ("fooled, ours", "torchattacks", "foolbox")
        rows.append(row | dict(zip(names, success, strict=True)))
    return rows


def several_table(hypergan: HyperGAN) -> pd.DataFrame:
    """Attacks on K networks: their time over that of K times PGD on one."""
    source, dataset = materialise(hypergan, Networks(0, "source", [0])), load_dataset("mnist-5k", "test")
    images = source, to_unit(dataset.images[:125]), dataset.labels[:125]
    settings: dict[str, Any] = {"eps": 0.1, "steps": 10, "generator": torch.Generator().manual_seed(0)}
    one, rows = seconds(partial(pgd, *images, **settings), 3), []
    for count in (4, 8, 16):
        settings["draws"] = DistributionDraws(hypergan, 0, 0)
        held = seconds(partial(ensemble_pgd, *images, networks=count, **settings), 2)
        new = seconds(partial(eot_pgd, *images, eot_samples=count, **settings), 2)
        shares = {"ensemble-pgd / K pgd": held / count / one, "eot-pgd / K pgd": new / count / one}
        rows.append({"networks": count} | shares)
    return pd.DataFrame(rows).set_index("networks")


def training_table(preset: str) -> pd.DataFrame:
    """A training step beside the authors' scheme: one graph over all networks, one backward through it."""
    dataset, rows = load_dataset("mnist-5k", "train"), []
    sizes, config = PRESETS[preset].hypergan, PRESETS[preset].training
    times = {}
    for precision in ("authors' scheme", "float32", "bfloat16"):
        trainer = Trainer(
            HyperGAN(MNISTClassifier(), sizes, seed=0),
            dataset,
            replace(config, precision=None if "authors" in precision else precision),
        )
        if "authors" in precision:
            trainer.network_gradients = _one_graph(trainer.hypergan.classifier)
            for module in trainer.hypergan.generator.modules():
                if isinstance(module, WideLinear):
                    module.__class__ = nn.Linear
        times[precision] = seconds(trainer.advance, 6)
        split: dict[str, Any] = {} if "authors" in precision else _split(trainer)
        ratio = times["authors' scheme"] / times[precision]
        rows.append({"training step": precision, "x authors": ratio} | split)
    table = pd.DataFrame(rows).set_index("training step")
    table.attrs["note"] = (
        f"The preset {preset}: {config.networks} networks with {config.batch} images each, generators of "
        f"width {sizes.hidden}; the shares are of our own step."
    )
    return table


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
    for networks, images in ((200, 200), (1000, 200), (5000, 200), (20, 200), (20, 2000), (20, 10000)):
        done = subprocess.run(
            [sys.executable, __file__, "--grow", str(networks), str(images)],
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
    from robust_hypergan.ensemble import ensemble_forward
    from robust_hypergan.tally import Tally

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


def _kept(hypergan: HyperGAN, batch: torch.Tensor) -> Callable[[dict[str, torch.Tensor]], torch.Tensor]:
    from robust_hypergan.backends import BACKENDS

    return BACKENDS["compiled-loop"](hypergan.classifier, batch)


@torch.no_grad()
def _without_gradient(
    run: Callable[[dict[str, torch.Tensor]], torch.Tensor], params: dict[str, torch.Tensor]
) -> torch.Tensor:
    return run(params)


def _one_graph(classifier: nn.Module) -> Callable[..., object]:
    """The classifier part of the authors' step: every network in one graph, plain layout."""

    def gradients(
        params: dict[str, torch.Tensor], images: torch.Tensor, labels: torch.Tensor
    ) -> tuple[float, float, dict[str, torch.Tensor]]:
        leaves = {name: value.requires_grad_() for name, value in params.items()}
        losses, right = [], []
        for index in range(len(images)):
            own = {name: value[index] for name, value in leaves.items()}
            logits = functional_call(classifier, own, (images[index],))
            losses.append(functional.cross_entropy(logits, labels[index]))
            right.append((logits.argmax(1) == labels[index]).float().mean())
        total = torch.stack(losses)
        total.sum().backward()
        gradient = {name: value.grad for name, value in leaves.items() if value.grad is not None}
        return total.mean().item(), torch.stack(right).mean().item(), gradient

    return gradients


def _split(trainer: Trainer, steps: int = 6) -> dict[str, float]:
    """Shares of a step: convolutions, generators, optimiser, discriminator."""
    spent: dict[str, float] = {}

    def timed(name: str, work: Callable[..., object]) -> Callable[..., object]:
        def run(*args: object, **kwargs: object) -> object:
            started = time.perf_counter()
            result = work(*args, **kwargs)
            spent[name] = spent.get(name, 0.0) + time.perf_counter() - started
            return result

        return run

    backward = torch.autograd.backward
    trainer.network_gradients = timed("networks", trainer.network_gradients)
    trainer.hypergan.generator.params = timed("generators", trainer.hypergan.generator.params)
    trainer._train_discriminator = timed("discriminator", trainer._train_discriminator)
    trainer.optimizer.step = timed("optimiser", trainer.optimizer.step)
    torch.autograd.backward = timed("generators, backward", backward)
    started = time.perf_counter()
    try:
        for _ in range(steps):
            trainer.advance()
    finally:
        torch.autograd.backward = backward
    total = time.perf_counter() - started
    return {f"{name}, %": 100 * value / total for name, value in spent.items()}


def main() -> None:
    """Prints the tables and writes them into the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument(
        "--grow", type=int, nargs=2, help="networks and images of one point of the growth table"
    )
    arguments = parser.parse_args()
    if arguments.grow:
        grow(*arguments.grow)
        return
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
        training_table("paper"),
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
