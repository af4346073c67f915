"""The options of the commands, in groups: each group is what one configuration is built from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from robust_hypergan.base.errors import InputError, unknown
from robust_hypergan.cli.config_file import read_config_file

Command = TypeVar("Command", bound=Callable[..., Any])

MAX_SEED = 2**53
"""Largest whole number that every reader of ``run.json`` reads exactly."""

ATTACKS, EPS = ("fgsm", "pgd"), (0.05, 0.1, 0.15, 0.2, 0.3)


def options(*each: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several options as one decorator."""

    def decorate(command: Command) -> Command:
        for option in reversed(each):
            command = option(command)
        return command

    return decorate


def _load_defaults(ctx: click.Context, _: click.Parameter, path: Path | None) -> None:
    if path is not None:
        ctx.default_map = read_config_file(path, ctx.command)


EVERYWHERE = options(
    click.option(
        "--seed", type=click.IntRange(0, MAX_SEED), default=0, show_default=True, help="Of all randomness."
    ),
    click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda."),
    click.option(
        "--config",
        type=click.Path(path_type=Path),
        is_eager=True,
        expose_value=False,
        callback=_load_defaults,
        help="TOML file with the same keys as the flags; a flag wins.",
    ),
    click.option("--quiet", is_flag=True, help="No progress bars."),
)

DATA_ROOT = options(
    click.option(
        "--data-root",
        type=click.Path(path_type=Path),
        default=Path("data"),
        show_default=True,
        help="Folder of the data sets that do not come with the package.",
    ),
    click.option("--download", is_flag=True, help="Fetch the data set if it is missing (notmnist never)."),
)

DATA = options(click.option("--data", default="mnist-5k", show_default=True, help="Data set."), DATA_ROOT)

CLASSIFIER = click.option(
    "--classifier",
    help="mnist, mnist-dropout, cifar, cifar-dropout, resnet-gn, package.module:CLASS or ./file.py:CLASS.  "
    "[default: the paper's for such images, or the checkpoint's]",
)

TRAINING = options(
    click.option(
        "--kind",
        default="hypergan",
        show_default=True,
        help="hypergan, deep-ensemble, mc-dropout, swag or ordinary (a single network), all on the same "
        "number of images.",
    ),
    click.option("--members", type=int, default=10, show_default=True, help="Networks of a deep ensemble."),
    click.option(
        "--preset",
        default="quick",
        show_default=True,
        help="quick, standard, cautious, accurate, cifar, cifar-quick, residual or paper.",
    ),
    CLASSIFIER,
    click.option("--steps", type=int, help="Optimisation steps.  [default: the preset's]"),
    click.option("--train-networks", type=int, help="Networks a step.  [default: the preset's]"),
    click.option("--batch", type=int, help="Images for each network.  [default: the preset's]"),
    click.option(
        "--learning-rate",
        type=float,
        help="Peak rate of Adam.  [default: the preset's; 1e-3 for other kinds]",
    ),
    click.option("--augmentation", help="none, affine, crop or flip-crop.  [default: the preset's]"),
    click.option(
        "--label-smoothing", type=float, help="Share of a label for all classes.  [default: the preset's]"
    ),
    click.option(
        "--pgd-eps", type=float, help="Adversarial training with this L-inf radius.  [default: none]"
    ),
    click.option(
        "--disagreement",
        type=float,
        help="Weight of different answers where there are no data.  [default: the preset's]",
    ),
    click.option("--snapshots", type=int, help="Checkpoints to keep along the way.  [default: 0]"),
    click.option("--noise-share", type=float, help="Initial variance from noise.  [default: the preset's]"),
    click.option("--latent-dim", type=int, help="Dimensions of the noise.  [default: the preset's]"),
    click.option("--code-dim", type=int, help="Dimensions of a layer's code.  [default: the preset's]"),
    click.option("--hidden", type=int, help="Width of mixer and generators.  [default: the preset's]"),
    click.option("--chunk", type=int, help="Parameters generated at once.  [default: a layer's]"),
    click.option("--no-mixer", is_flag=True, help="Ablation: independent noise for every layer."),
    click.option("--no-discriminator", is_flag=True, help="Ablation: codes are not held to the prior."),
)

TRANSFER = options(
    click.option(
        "--attack",
        "attacks",
        multiple=True,
        default=ATTACKS,
        show_default=True,
        help="NAME, package.module:FUNCTION, ./FILE.py:FUNCTION or LIBRARY:CLASS, then :OPTION=VALUE,...; "
        "repeat it for several.",
    ),
    click.option(
        "--eps", multiple=True, type=float, default=EPS, show_default=True, help="Radius; repeat it."
    ),
    click.option("--norm", default="linf", show_default=True, help="linf or l2."),
    click.option("--networks", type=int, default=500, show_default=True, help="Fresh networks."),
    click.option(
        "--until-ci-width", type=float, help="Draw until every 95% interval is narrower; see --max-networks."
    ),
    click.option(
        "--max-networks", type=int, default=10_000, show_default=True, help="The most --until-ci-width draws."
    ),
    click.option("--examples", type=int, default=500, show_default=True, help="Images of the test split."),
    click.option("--source", type=int, default=0, show_default=True, help="Index of the attacked network."),
    click.option(
        "--sources",
        type=int,
        default=1,
        show_default=True,
        help="Networks that are attacked, each on its own.",
    ),
    click.option("--target", type=int, help="Class number to aim at.  [default: any wrong class]"),
    click.option(
        "--backend",
        help="Of the ensemble forward: loop, chunked-loop, compiled-loop, vmap or fused.  "
        "[default: the fastest for device and job]",
    ),
    click.option("--precision", help="float32, or cascade: half precision with the predictions of float32."),
    click.option(
        "--checks", default="fast", show_default=True, help="fast, full or off: the credibility checks."
    ),
    click.option(
        "--outliers",
        help="Data set of outlying images to detect, or noise.  [default: one of such images, or noise]",
    ),
    click.option("--save-adversarials", is_flag=True, help="Keep the adversarial images."),
)

EVIDENCE = options(
    click.option(
        "--beside",
        multiple=True,
        help="Measure other networks in the same way: a kind, trained with the same budget (all is every "
        "kind; not with --checkpoint), or another checkpoint; repeat it.",
    ),
)

OUT = click.option("--out", type=click.Path(path_type=Path), required=True, help="The run's folder.")

OF_CRAFTING = ("attacks", "eps", "norm", "examples", "target")
OF_HYPERGAN = (
    "pgd_eps",
    "disagreement",
    "noise_share",
    "latent_dim",
    "code_dim",
    "hidden",
    "chunk",
    "no_mixer",
    "no_discriminator",
)
OF_TRAINING = (
    "kind",
    "members",
    "preset",
    "steps",
    "train_networks",
    "batch",
    "learning_rate",
    "augmentation",
    "label_smoothing",
    "snapshots",
    *OF_HYPERGAN,
)

Flags = Mapping[str, Any]

IDLE: tuple[tuple[str, Callable[[Flags], bool], tuple[str, ...]], ...] = (
    ("beside --adversarials", lambda flags: flags.get("adversarials") is not None, OF_CRAFTING),
    ("beside --checkpoint", lambda flags: flags.get("checkpoint") is not None, OF_TRAINING),
    ("beside --kind {kind}", lambda flags: not _trains("hypergan", flags), OF_HYPERGAN),
    ("beside --kind {kind}", lambda flags: not _trains("deep-ensemble", flags), ("members",)),
    ("without --until-ci-width", lambda flags: flags.get("until_ci_width") is None, ("max_networks",)),
    ("beside --executor {executor}", lambda flags: flags["executor"] != "slurm", ("slurm",)),
    ("beside --budget {budget}", lambda flags: flags["budget"] != "full", ("cifar_preset",)),
)
"""Where flags say nothing: in words, whether that is so, and which flags."""


def refuse_idle() -> None:
    """Refuses what the command line says in vain; the keys of a file may be there for another command.

    Raises:
        InputError: names the first such flag.
    """
    context = click.get_current_context()
    for option in context.command.params:
        name, flags = str(option.name), context.params
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            for where, holds, names in IDLE:
                if name in names and holds(flags):
                    raise InputError(f"{option.opts[0]} says nothing {where.format(**flags)}: leave it out")


def _trains(kind: str, flags: Flags) -> bool:
    return bool({kind, "all"} & {flags["kind"], *flags.get("beside", ())})


def find_device(name: str) -> Any:
    """The torch device that ``--device`` means; nothing of torch is imported before.

    A GPU is told to compute in float32 proper, in the same order every time.

    Raises:
        InputError: an unknown name, or no such device here.
    """
    import torch

    if name not in ("auto", "cpu", "cuda"):
        raise unknown("device", name, ("auto", "cpu", "cuda"))
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("no CUDA device here: use --device cpu, or leave --device out")
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    torch.backends.cudnn.allow_tf32 = False  # it would round products to 10 bits
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    return torch.device("cuda")
