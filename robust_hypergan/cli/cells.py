"""The command that spreads the cells of a transfer measurement over a cluster."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from robust_hypergan.cli.options import CLASSIFIER, DATA, EVERYWHERE, OUT, TRANSFER, find_device, refuse_idle

LEFT_OUT = ("checks", "sources", "until_ci_width", "max_networks")
"""Options of a transfer that weigh cells or sources against each other: a cell knows of no other."""

OWN = ("out", "attacks", "eps", "config", "executor", "at_once", "hours", "slurm", "quiet")


@click.command()
@click.option(
    "--checkpoint", type=click.Path(path_type=Path), required=True, help="Trained networks, as of transfer."
)
@CLASSIFIER
@OUT
@DATA
@TRANSFER
@click.option("--executor", default="local", show_default=True, help="local, slurm or debug.")
@click.option(
    "--at-once", type=click.IntRange(1, 10_000), default=1, show_default=True, help="Cells at the same time."
)
@click.option("--hours", type=float, default=24, show_default=True, help="After which a job is ended.")
@click.option("--slurm", multiple=True, help="KEY=VALUE, as in partition=gpu or gpus_per_node=1; repeat it.")
@EVERYWHERE
def cells(out: Path, **flags: Any) -> None:
    """Transfer, each attack at each eps as a job of its own, through submitit; then one report.

    The jobs go on when this command is ended, and what is finished is not run again, also where attacks or
    eps are added; other settings are refused.

    \b
    Example:
      robust-hypergan cells --checkpoint RUN/hypergan.safetensors --executor slurm --slurm partition=gpu \\
          --at-once 100 --attack fgsm --attack pgd --eps 0.1 --eps 0.2 --out RUN2
    """
    from robust_hypergan.reports import headline, load_run, merge_cells, write_report
    from robust_hypergan.runs.benchmark import read_inputs
    from robust_hypergan.runs.cell_array import (
        cell_folders,
        check_jobs,
        check_settings,
        parse_options,
        run_cells,
    )

    slurm = parse_options(flags["slurm"])
    check_jobs(out, flags["executor"], flags["hours"])
    refuse_idle()
    find_device("cpu" if (flags["executor"], flags["device"]) == ("slurm", "cuda") else flags["device"])
    config = _config(flags)
    read_inputs(config)
    folders = cell_folders(out, flags["attacks"], flags["eps"])
    check_settings(out, folders, config.plain())
    common = _arguments(click.get_current_context().command, flags)
    commands = {
        folder: [*common, "--attack", attack, "--eps", repr(eps), "--out", str(folder)]
        for folder, (attack, eps) in folders.items()
    }
    run_cells(
        commands,
        out,
        executor=flags["executor"],
        at_once=flags["at_once"],
        hours=flags["hours"],
        slurm=slurm,
        quiet=flags["quiet"],
    )
    merge_cells(out, list(folders))
    page = write_report(out)
    click.echo(headline(load_run(out)))
    click.echo(page)


cells.params = [option for option in cells.params if option.name not in LEFT_OUT]


def _config(flags: Mapping[str, Any]) -> Any:
    """All cells as one measurement, to see before any job is started whether they can be made."""
    from robust_hypergan.evidence.measured import EvidenceConfig
    from robust_hypergan.runs.bench_config import BenchConfig, DataConfig
    from robust_hypergan.transferability.config import TransferConfig

    names = (
        "attacks",
        "eps",
        "norm",
        "networks",
        "examples",
        "source",
        "target",
        "seed",
        "backend",
        "precision",
    )
    return BenchConfig(
        data=DataConfig(flags["data"], flags["data_root"], flags["download"]),
        checkpoint=flags["checkpoint"],
        classifier=flags["classifier"],
        transfer=TransferConfig(**{name: flags[name] for name in names}),
        evidence=EvidenceConfig(checks="off", outliers=flags["outliers"]),
        save_adversarials=flags["save_adversarials"],
    )


def _arguments(command: click.Command, flags: dict[str, Any]) -> list[str]:
    """The command line of one cell, without its attack, eps and folder."""
    given = [sys.executable, "-m", "robust_hypergan", "transfer", "--checks", "off", "--quiet"]
    for option in command.params:
        if option.name in OWN:
            continue
        value, flag = flags.get(str(option.name)), option.opts[0]
        for each in value if isinstance(value, tuple) else [value]:
            if each is True:
                given.append(flag)
            elif each is not None and each is not False:
                given += [flag, str(each)]
    return given
