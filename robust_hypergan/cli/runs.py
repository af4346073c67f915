"""The commands that make a run: train networks, attack one of them, try others, or all of it.

Several processes can share each of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from robust_hypergan.base.errors import InputError, unknown
from robust_hypergan.cli.options import (
    CLASSIFIER,
    DATA,
    EVERYWHERE,
    EVIDENCE,
    OUT,
    TRAINING,
    TRANSFER,
    find_device,
    refuse_idle,
)

if TYPE_CHECKING:
    from robust_hypergan.runs.bench_config import BenchConfig
    from robust_hypergan.training.ensemble_training import EnsembleConfig

SOME_FAILED = 3
"""Exit code of a command that is done but for cells or kinds of networks that failed."""


@click.command()
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


@click.command()
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


@click.command()
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


def _run(flags: dict[str, Any], out: Path, *, trains: bool, transfers: bool) -> None:
    from robust_hypergan.base.distributed import joined
    from robust_hypergan.base.interruption import repeat_command
    from robust_hypergan.reports import headline, left_out, load_run
    from robust_hypergan.runs.benchmark import bench as run_bench
    from robust_hypergan.runs.run_folder import accuracy_sentence

    config = _bench_config(flags, trains=trains, transfers=transfers)
    refuse_idle()
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

    from robust_hypergan.evidence.measured import EvidenceConfig
    from robust_hypergan.runs.bench_config import BenchConfig, DataConfig
    from robust_hypergan.training.presets import find_preset
    from robust_hypergan.transferability.config import TransferConfig

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
            "label_smoothing": flags["label_smoothing"],
            "pgd_eps": flags["pgd_eps"],
            "disagreement": flags["disagreement"],
            "snapshots": flags["snapshots"],
            "adversarial_weight": 0.0 if flags["no_discriminator"] else None,
            "seed": flags["seed"],
        }
        sizes = {
            "noise_share": flags["noise_share"],
            "latent_dim": flags["latent_dim"],
            "code_dim": flags["code_dim"],
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

    from robust_hypergan.training.ensemble_training import ENSEMBLE_KINDS, EnsembleConfig

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


RUNS: list[click.Command] = [bench, train, transfer]
"""Added to the command line by :mod:`robust_hypergan.cli.main`."""
