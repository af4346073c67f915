"""The commands of the studies: the paper's further experiments, each in a folder of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from robust_hypergan.cli_options import CLASSIFIER, DATA, EVERYWHERE, OUT, find_device


@click.command()
@click.option(
    "--checkpoint",
    "checkpoints",
    multiple=True,
    required=True,
    help="Trained networks, PATH or NAME=PATH; repeat it to compare several.",
)
@CLASSIFIER
@OUT
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
def uncertainty(data: str, data_root: Path, download: bool, out: Path, **flags: Any) -> None:
    """Predictive uncertainty in and out of distribution (the paper's Figures 3 and 7).

    \b
    Example:
      robust-hypergan uncertainty --checkpoint RUN/hypergan.safetensors --outliers fashion-1k --out RUN2
    """
    from robust_hypergan.bench_config import DataConfig
    from robust_hypergan.out_of_distribution import OutOfDistributionConfig, run_out_of_distribution
    from robust_hypergan.run_folder import repeat_command

    device, quiet = find_device(flags.pop("device")), flags.pop("quiet")
    config = OutOfDistributionConfig(data=DataConfig(data, data_root, download), **flags)
    click.echo(run_out_of_distribution(config, out, device=device, command=repeat_command(), quiet=quiet))


COMMANDS: list[click.Command] = [uncertainty]
"""Added to the command line by :mod:`robust_hypergan.cli`."""
