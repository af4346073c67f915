"""The command line: each command parses, builds one configuration and makes one call.

Nothing heavy is imported before a command runs, so that ``--help`` answers at once.
"""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import click

from robust_hypergan.base.errors import InputError, check_text, unknown
from robust_hypergan.cli.cells import cells
from robust_hypergan.cli.options import CLASSIFIER, EVERYWHERE, OUT, find_device
from robust_hypergan.cli.reproduce import reproduce
from robust_hypergan.cli.runs import RUNS
from robust_hypergan.cli.studies import STUDIES


class Commands(click.Group):
    """A group that refuses what can be no value, and suggests the nearest command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Looks at all arguments, those of the command too, before anything is made of them."""
        for before, argument in pairwise(["the first argument", *args]):
            flag, equals, value = argument.partition("=")
            long = argument.startswith("--") and equals
            check_text(flag if long else before, value if long else argument)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command, or says which one was probably meant."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise unknown("command", args[0], self.list_commands(ctx))
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="robust-hypergan")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """An attacker holds one network of a family: how many of the others does the attack fool?"""
    shared = [str(command.name) for command in RUNS]
    if ctx.invoked_subcommand not in shared and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError(f"{ctx.invoked_subcommand} runs in one process: torchrun is for {', '.join(shared)}")


@cli.command()
@click.option("--checkpoint", type=click.Path(path_type=Path), required=True, help="A trained checkpoint.")
@CLASSIFIER
@click.option("--networks", default="0:10", show_default=True, help="FIRST:STOP, or one index.")
@click.option("--stream", default="fresh", show_default=True, help="source, eot or fresh.")
@OUT
@EVERYWHERE
def sample(
    checkpoint: Path,
    classifier: str | None,
    networks: str,
    stream: str,
    out: Path,
    seed: int,
    device: str,
    quiet: bool,
) -> None:
    """Write generated networks as plain state dicts (safetensors), one file each.

    \b
    Example:
      robust-hypergan sample --checkpoint RUN/hypergan.safetensors --networks 0:50 --stream fresh --out NETS
    """
    from robust_hypergan.storage.export import export_networks, parse_indices

    indices = parse_indices(networks)
    export_networks(
        checkpoint,
        stream,
        indices,
        seed,
        out,
        classifier=classifier,
        device=find_device(device),
        quiet=quiet,
    )
    click.echo(f"{len(indices)} networks in {out}")


@cli.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the page that puts several runs side by side.  [default: comparison]",
)
def report(runs: tuple[Path, ...], out: Path | None) -> None:
    """Remake tables, figures and page of a finished run; or put several runs side by side.

    Of a folder that the command cells has filled, the cells are put together first, once all have finished.

    \b
    Example:
      robust-hypergan report RUN
      robust-hypergan report RUN1 RUN2 --out COMPARISON
    """
    from robust_hypergan.reports import has_cells, merge_cells, write_comparison, write_report

    if len(runs) == 1 and out:
        raise InputError("the report of one run lies in its own folder: --out is for several runs")
    try:
        if len(runs) > 1:
            click.echo(write_comparison(runs, out or Path("comparison")))
        else:
            if has_cells(runs[0]):
                merge_cells(runs[0])
            click.echo(write_report(runs[0]))
    except InputError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # what others changed by hand, in ways that no check of a single value finds
        names = " and ".join(map(str, runs))
        raise InputError(
            f"the tables in {names} do not fit each other ({type(error).__name__}: {error}): repeat the run"
        ) from error


@cli.command()
@click.argument("word", default="")
@click.option(
    "--load", is_flag=True, help="Import plug-ins and libraries, which runs their code, to say more."
)
def attacks(word: str, load: bool) -> None:
    """List what can be attacked with; given a WORD, those with it in their names.

    \b
    Example:
      robust-hypergan attacks
      robust-hypergan attacks --load torchattacks
    """
    from robust_hypergan.attacks import list_attacks

    for attack in list_attacks(load=load):
        if word.lower() in attack.name.lower():
            click.echo(f"{attack.name:13} {attack.error or attack.summary}")
            norms, options = ", ".join(attack.norms) or "none of ours", ", ".join(attack.options) or "none"
            known = attack.loaded and not attack.error
            detail = f"; norms: {norms}; options: {options}" if known else ""
            click.echo(f"{'':13} from: {attack.origin}{detail}")


for command in (*RUNS, cells, *STUDIES, reproduce):
    cli.add_command(command)
