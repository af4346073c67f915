"""The command that makes all studies of the paper, and the networks that they are made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from robust_hypergan.cli.options import DATA_ROOT, EVERYWHERE, find_device, refuse_idle


@click.command()
@click.option("--out", type=click.Path(path_type=Path), help="The run's folder; --list needs none.")
@click.option("--budget", default="quick", show_default=True, help="quick or full.")
@click.option(
    "--cifar-preset",
    default="cifar",
    show_default=True,
    help="Of the trainings on CIFAR; cifar-quick takes a sixth of the time that cifar takes.",
)
@click.option("--only", multiple=True, help="Item to make now, or to list; repeat it.  [default: all]")
@click.option("--list", "listed", is_flag=True, help="Say what the budget makes, and make nothing.")
@DATA_ROOT
@EVERYWHERE
def reproduce(
    out: Path | None, budget: str, cifar_preset: str, only: tuple[str, ...], listed: bool, **flags: Any
) -> None:
    """Every figure and table of the HyperGAN paper from nothing, in one report.

    What is finished is kept: the same command goes on where an earlier one was interrupted.

    \b
    Example:
      robust-hypergan reproduce --budget quick --out REPRODUCTION
    """
    from robust_hypergan.base.interruption import repeat_command
    from robust_hypergan.studies.budgets import find_plan
    from robust_hypergan.studies.reproduce import run_reproduction

    own = {"root": flags["data_root"], "download": flags["download"], "seed": flags["seed"]}
    plan = find_plan(budget, cifar_preset=cifar_preset, **own)
    refuse_idle()
    wanted = plan.chosen(only)
    if listed:
        for name, item in wanted.items():
            click.echo(f"{name}: {', '.join(item.networks) or 'trains its own networks'}")
        return
    if out is None:
        raise click.MissingParameter(param_hint="'--out'", param_type="option")
    click.echo(
        run_reproduction(
            plan,
            out,
            only=only,
            device=find_device(flags["device"]),
            command=repeat_command(),
            quiet=flags["quiet"],
            say=lambda line: click.echo(line, err=True),
        )
    )
