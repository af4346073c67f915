"""The commands of the studies: the paper's further experiments, each in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from robust_hypergan.cli.options import (
    ATTACKS,
    CLASSIFIER,
    DATA,
    EPS,
    EVERYWHERE,
    OUT,
    Command,
    find_device,
)


def _checkpoints(text: str) -> Callable[[Command], Command]:
    return click.option("--checkpoint", "checkpoints", multiple=True, required=True, help=text)


CHECKPOINTS = _checkpoints(
    "Trained networks, PATH or NAME=PATH; repeat it to set several kinds side by side."
)


@click.command()
@OUT
@CHECKPOINTS
@CLASSIFIER
@DATA
@click.option("--trained-on", help="Data set the networks were trained on.  [default: --data]")
@click.option(
    "--networks",
    "sizes",
    multiple=True,
    type=int,
    default=(1, 5, 10, 100),
    show_default=True,
    help="Networks of a vote; repeat it.",
)
@click.option("--votes", type=int, default=10, show_default=True, help="Votes of each size, at least.")
@EVERYWHERE
def classification(out: Path, **flags: Any) -> None:
    """Accuracy of single networks and of mean votes (the paper's Table 2).

    \b
    Example:
      robust-hypergan classification --checkpoint RUN/hypergan.safetensors --data mnist --out RUN2
    """
    from robust_hypergan.studies.classification import ClassificationConfig, run_classification

    names = ("checkpoints", "trained_on", "classifier", "sizes", "votes", "seed")
    config = ClassificationConfig(data=_data(flags), **{name: flags[name] for name in names})
    _run(run_classification, config, out, flags)


@click.command()
@OUT
@_checkpoints(
    "Trained networks, PATH or NAME=PATH; repeat it to set several kinds side by side. The same NAME again "
    "is another training of the same."
)
@CLASSIFIER
@DATA
@click.option(
    "--outliers",
    multiple=True,
    help="Data set of outlying images, or noise; repeat it.  [default: the usual one for such images]",
)
@click.option(
    "--networks",
    multiple=True,
    type=int,
    default=(1, 10, 100),
    show_default=True,
    help="Number of networks; repeat it.",
)
@click.option(
    "--images", type=int, default=10_000, show_default=True, help="Test images of each data set, at most."
)
@EVERYWHERE
def uncertainty(out: Path, **flags: Any) -> None:
    """Predictive uncertainty in and out of distribution (the paper's Figures 3 and 7).

    \b
    Example:
      robust-hypergan uncertainty --checkpoint RUN/hypergan.safetensors --outliers fashion-1k --out RUN2
    """
    from robust_hypergan.studies.out_of_distribution import OutOfDistributionConfig, run_out_of_distribution

    names = ("checkpoints", "outliers", "classifier", "networks", "images", "seed")
    config = OutOfDistributionConfig(data=_data(flags), **{name: flags[name] for name in names})
    _run(run_out_of_distribution, config, out, flags)


@click.command()
@OUT
@_checkpoints("Trained networks, PATH or NAME=PATH; repeat it for trainings of the same from other seeds.")
@CLASSIFIER
@DATA
@click.option(
    "--attack",
    "attacks",
    multiple=True,
    default=("fgsm", "pgd"),
    show_default=True,
    help="NAME:OPTION=VALUE,...; repeat it.",
)
@click.option(
    "--eps", multiple=True, type=float, help="Radius; repeat it.  [default: the paper's and a finer grid]"
)
@click.option("--sources", type=int, default=3, show_default=True, help="Attacked networks of each training.")
@click.option("--networks", type=int, default=500, show_default=True, help="Fresh networks.")
@click.option("--examples", type=int, default=200, show_default=True, help="Images of the test split.")
@EVERYWHERE
def adversarial(out: Path, **flags: Any) -> None:
    """Transfer over a grid of eps, several attacked networks and trainings (the paper's Figure 4).

    \b
    Example:
      robust-hypergan adversarial --checkpoint RUN/hypergan.safetensors --sources 5 --out RUN2
    """
    from robust_hypergan.studies.adversarial import AdversarialConfig, run_adversarial

    names = ("checkpoints", "classifier", "attacks", "sources", "networks", "examples", "seed")
    chosen = {name: flags[name] for name in names} | ({"eps": flags["eps"]} if flags["eps"] else {})
    _run(run_adversarial, AdversarialConfig(data=_data(flags), **chosen), out, flags)


@click.command()
@OUT
@CHECKPOINTS
@CLASSIFIER
@DATA
@click.option(
    "--attack",
    "attacks",
    multiple=True,
    default=ATTACKS,
    show_default=True,
    help="NAME:OPTION=VALUE,...; repeat it.",
)
@click.option("--eps", multiple=True, type=float, default=EPS, show_default=True, help="Radius; repeat it.")
@click.option("--networks", type=int, default=500, show_default=True, help="Fresh networks.")
@click.option("--examples", type=int, default=500, show_default=True, help="Images of the test split.")
@EVERYWHERE
def hardening(out: Path, **flags: Any) -> None:
    """Adversarially trained networks (train --pgd-eps) beside plain ones, the plain checkpoint first.

    \b
    Example:
      robust-hypergan hardening --checkpoint plain.safetensors --checkpoint hard.safetensors --out RUN
    """
    from robust_hypergan.studies.hardening import HardeningConfig, run_hardening
    from robust_hypergan.transferability.config import TransferConfig

    own = {name: flags[name] for name in ("attacks", "eps", "networks", "examples", "seed")}
    config = HardeningConfig(flags["checkpoints"], _data(flags), flags["classifier"], TransferConfig(**own))
    _run(run_hardening, config, out, flags)


@click.command()
@OUT
@_checkpoints("A HyperGAN, PATH or NAME=PATH; repeat it for other noise shares.")
@CLASSIFIER
@DATA
@click.option("--outliers", help="Data set of outlying images, or noise.  [default: the usual one]")
@click.option(
    "--attack",
    "attacks",
    multiple=True,
    default=ATTACKS,
    show_default=True,
    help="NAME:OPTION=VALUE,...; repeat it.",
)
@click.option("--eps", type=float, default=0.1, show_default=True, help="Radius.")
@click.option("--networks", type=int, default=100, show_default=True, help="Fresh networks.")
@click.option("--images", type=int, default=2000, show_default=True, help="Test images, at most.")
@click.option("--examples", type=int, default=300, show_default=True, help="Images that are attacked.")
@EVERYWHERE
def tradeoff(out: Path, **flags: Any) -> None:
    """Accuracy against diversity against transfer, along trainings of several noise shares.

    Each checkpoint is measured at the snapshots beside it (train --noise-share .. --snapshots N).

    \b
    Example:
      robust-hypergan tradeoff --checkpoint A/hypergan.safetensors --checkpoint B/hypergan.safetensors --out R
    """
    from robust_hypergan.studies.tradeoff import TradeoffConfig, run_tradeoff

    names = ("checkpoints", "outliers", "classifier", "attacks", "eps", "networks", "images", "examples")
    config = TradeoffConfig(data=_data(flags), **{name: flags[name] for name in (*names, "seed")})
    _run(run_tradeoff, config, out, flags)


@click.command()
@OUT
@click.option("--steps", type=int, default=2000, show_default=True, help="Optimisation steps of a HyperGAN.")
@click.option(
    "--train-networks", type=int, default=32, show_default=True, help="Networks that it generates a step."
)
@click.option(
    "--networks",
    multiple=True,
    type=int,
    default=(10, 100, 1000),
    show_default=True,
    help="Networks of a panel; repeat it.",
)
@click.option("--seeds", type=int, default=5, show_default=True, help="Trainings, each on data of its own.")
@click.option("--hidden", type=int, default=200, show_default=True, help="Units of the hidden layer.")
@click.option("--members", type=int, default=10, show_default=True, help="Networks of the deep ensemble.")
@EVERYWHERE
def regression(out: Path, **flags: Any) -> None:
    """Uncertainty in one dimension, where there are data and where not (the paper's Figure 2).

    \b
    Example:
      robust-hypergan regression --seeds 2 --out RUN
    """
    from robust_hypergan.studies.regression import RegressionConfig, run_regression

    names = ("steps", "train_networks", "networks", "seeds", "seed", "hidden", "members")
    _run(run_regression, RegressionConfig(**{name: flags[name] for name in names}), out, flags)


@click.command()
@OUT
@CHECKPOINTS
@click.option(
    "--training",
    "trainings",
    multiple=True,
    help="Folder of a further training with snapshots, PATH or NAME=PATH; repeat it. Those beside a "
    "checkpoint are measured anyway.",
)
@CLASSIFIER
@DATA
@click.option("--networks", type=int, default=100, show_default=True, help="Networks to compare.")
@click.option("--images", type=int, default=10_000, show_default=True, help="Images of the test split.")
@click.option(
    "--weight-networks", type=int, default=1000, show_default=True, help="Networks to take single weights of."
)
@EVERYWHERE
def diversity(out: Path, **flags: Any) -> None:
    """How different the networks are: weights, answers, filters (the paper's Tables 3 and 4, Figure 6).

    The names full, no-mixer and no-discriminator are those that the paper's claims are about.

    \b
    Example:
      robust-hypergan diversity --checkpoint full=RUN/hypergan.safetensors --data mnist --out RUN2
    """
    from robust_hypergan.studies.diversity import DiversityConfig, run_diversity

    names = ("checkpoints", "trainings", "classifier", "networks", "images", "weight_networks", "seed")
    config = DiversityConfig(data=_data(flags), **{name: flags[name] for name in names})
    _run(run_diversity, config, out, flags)


def _data(flags: dict[str, Any]) -> Any:
    from robust_hypergan.runs.bench_config import DataConfig

    return DataConfig(flags["data"], flags["data_root"], flags["download"])


def _run(run: Any, config: Any, out: Path, flags: dict[str, Any]) -> None:
    from robust_hypergan.base.interruption import repeat_command

    device = find_device(flags["device"])
    click.echo(run(config, out, device=device, command=repeat_command(), quiet=flags["quiet"]))


STUDIES: list[click.Command] = [
    classification,
    regression,
    uncertainty,
    adversarial,
    diversity,
    hardening,
    tradeoff,
]
"""Added to the command line by :mod:`robust_hypergan.cli.main`."""
