"""The command line: each command parses, builds one configuration and makes one call.

Nothing heavy is imported before a command runs, so that ``--help`` answers at once.
"""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from robust_hypergan.cli_cells import cells
from robust_hypergan.cli_options import (
    CLASSIFIER,
    DATA,
    EVERYWHERE,
    EVIDENCE,
    OUT,
    TRAINING,
    TRANSFER,
    find_device,
)
from robust_hypergan.cli_studies import COMMANDS
from robust_hypergan.errors import InputError, check_text, unknown

if TYPE_CHECKING:
    from robust_hypergan.bench_config import BenchConfig
    from robust_hypergan.ensemble_training import EnsembleConfig


SOME_FAILED = 3
"""Exit code of a command that is done but for cells or kinds of networks that failed."""

SHARED = ("bench", "train", "transfer")
"""Commands that several processes can share."""


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
    if ctx.invoked_subcommand not in SHARED and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError(f"{ctx.invoked_subcommand} runs in one process: torchrun is for {', '.join(SHARED)}")


@cli.command()
@OUT
@DATA
@TRAINING
@TRANSFER
@EVIDENCE
@click.option(
    "--checkpoint", type=click.Path(path_type=Path), help="Load these networks instead of training some."
)
@EVERYWHERE
def bench(out: Path, **flags: Any) -> None:
    """Train (or load) a HyperGAN, attack one network, try hundreds of fresh ones, report.

    \b
    Example:
      robust-hypergan bench --data mnist-5k --attack fgsm --attack pgd:steps=40 --eps 0.1 --eps 0.2 --out RUN
    """
    _run(flags, out, trains=flags["checkpoint"] is None, transfers=True)


@cli.command()
@OUT
@DATA
@TRAINING
@EVERYWHERE
def train(out: Path, **flags: Any) -> None:
    """Train a HyperGAN, or another ensemble, and measure the accuracy of up to 100 of its networks.

    \b
    Example:
      robust-hypergan train --data mnist --preset standard --out RUN
    """
    _run(flags, out, trains=True, transfers=False)


@cli.command()
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path),
    required=True,
    help="Trained networks: a checkpoint, a folder of state dicts, or package.module:FUNCTION.",
)
@CLASSIFIER
@OUT
@DATA
@TRANSFER
@EVIDENCE
@click.option(
    "--adversarials",
    type=click.Path(path_type=Path),
    help="Folder that --save-adversarials wrote: try those images instead of crafting.",
)
@EVERYWHERE
def transfer(out: Path, **flags: Any) -> None:
    """Attack and transfer with an existing checkpoint.

    \b
    Example:
      robust-hypergan transfer --checkpoint RUN/hypergan.safetensors --attack pgd --eps 0.1 --out RUN2
    """
    _run(flags, out, trains=False, transfers=True)


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
    from robust_hypergan.sampling import export_networks, parse_indices

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

    Of a folder that the command cells has filled, the finished cells are put together first.

    \b
    Example:
      robust-hypergan report RUN
      robust-hypergan report RUN1 RUN2 --out COMPARISON
    """
    from robust_hypergan.reports import has_cells, merge_cells, write_comparison, write_report

    if len(runs) > 1:
        click.echo(write_comparison(runs, out or Path("comparison")))
    elif out:
        raise InputError("the report of one run lies in its own folder: --out is for several runs")
    else:
        if has_cells(runs[0]):
            merge_cells(runs[0])
        click.echo(write_report(runs[0]))


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


for command in (cells, *COMMANDS):
    cli.add_command(command)


def _run(flags: dict[str, Any], out: Path, *, trains: bool, transfers: bool) -> None:
    from robust_hypergan.benchmark import bench as run_bench
    from robust_hypergan.distributed import joined
    from robust_hypergan.interruption import repeat_command
    from robust_hypergan.reports import headline, left_out, load_run
    from robust_hypergan.run_folder import accuracy_sentence

    config = _bench_config(flags, trains=trains, transfers=transfers)
    with joined() as ranks:
        device = find_device(flags["device"])
        command, quiet = repeat_command(), flags["quiet"]
        result = run_bench(config, out, device=device, command=command, ranks=ranks, quiet=quiet)
        ranks.wait()  # the leader may have more to do
    if not ranks.leads:
        return
    if result is not None:
        run = load_run(out)
        click.echo(headline(run))
        click.echo(out / "report.html")
        failed = left_out(run)
        for line in failed:
            click.echo(f"robust-hypergan: left out: {line}", err=True)
        if failed:
            click.get_current_context().exit(SOME_FAILED)
    else:
        click.echo(accuracy_sentence(out))
        click.echo(out / config.checkpoint_name)


def _bench_config(flags: dict[str, Any], *, trains: bool, transfers: bool) -> BenchConfig:
    from dataclasses import replace

    from robust_hypergan.bench_config import BenchConfig, DataConfig
    from robust_hypergan.measured import EvidenceConfig
    from robust_hypergan.presets import find_preset
    from robust_hypergan.transfer_config import TransferConfig

    config = BenchConfig(
        data=DataConfig(flags["data"], flags["data_root"], flags["download"]),
        checkpoint=flags.get("checkpoint"),
        classifier=flags["classifier"],
        transfer=None,
    )
    if "preset" in flags:  # also beside --checkpoint, where what is given may still be wrong
        preset = find_preset(flags["preset"])
        chosen = {
            "steps": flags["steps"],
            "networks": flags["train_networks"],
            "batch": flags["batch"],
            "learning_rate": flags["learning_rate"],
            "augmentation": flags["augmentation"],
            "pgd_eps": flags["pgd_eps"],
            "snapshots": flags["snapshots"],
            "adversarial_weight": 0.0 if flags["no_discriminator"] else None,
            "seed": flags["seed"],
        }
        sizes = {
            "noise_share": flags["noise_share"],
            "hidden": flags["hidden"],
            "mixer": False if flags["no_mixer"] else None,
            "chunk": flags["chunk"],
        }
        trained = replace(
            config,
            hypergan=replace(preset.hypergan, **_given(sizes)),
            ensemble=_ensemble(flags),
            training=replace(preset.training, **_given(chosen)),
        )
        config = trained if trains else config
    if transfers:
        names = ["attacks", "eps", "norm", "networks", "examples", "source", "target", "seed"]
        names += ["backend", "precision", "until_ci_width", "max_networks"]
        config = replace(
            config,
            transfer=TransferConfig(**{name: flags[name] for name in names}),
            evidence=EvidenceConfig(
                **{name: flags[name] for name in ("sources", "checks", "outliers", "beside")},
                members=flags.get("members", 10),
            ),
            adversarials=flags.get("adversarials"),
            save_adversarials=flags["save_adversarials"],
        )
    return config


def _ensemble(flags: dict[str, Any]) -> EnsembleConfig | None:
    from dataclasses import replace

    from robust_hypergan.ensemble_training import ENSEMBLE_KINDS, EnsembleConfig

    kind, names = flags["kind"], ("members", "learning_rate")
    if kind not in ("hypergan", *ENSEMBLE_KINDS):
        raise unknown("kind", kind, ("hypergan", *ENSEMBLE_KINDS))
    config = EnsembleConfig(**_given({name: flags[name] for name in names}))  # what is not used can be wrong
    if kind == "hypergan":
        return None
    if flags["snapshots"]:
        raise InputError(f"snapshots are kept of a HyperGAN's training, not of {kind}: leave out --snapshots")
    return replace(config, kind=kind)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
