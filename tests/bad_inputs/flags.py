"""For every flag what a user could do wrong with it: a table, from which a new flag must not be missing.

An entry is the flag's value, or a tuple of it and the further arguments that make it bad.
"""

import os
from collections.abc import Iterator

import click

from robust_hypergan.cli.main import cli

Entry = str | tuple[str, ...]

EVERYWHERE = bool(os.environ.get("EVERYWHERE"))
"""Whether every bad value is tried with every command; else a later command with the same flag gets two."""

HUGE = "9" * 30

BY_TYPE: dict[str, tuple[str, ...]] = {
    "integer": (
        "",
        " ",
        "many",
        "1.5",
        "1e3",
        "nan",
        "inf",
        "0x10",
        "9" * 5000,
        "--1",
        "1;2",
        "\N{DIGIT ONE}\x00",
    ),
    "integer range": ("", "many", "1.5", "nan", "-1", HUGE),
    "float": ("", " ", "much", "0,1", "1e", "0.1.2", "\x1b[31m0.1"),
    "text": ("", " ", "a\nb", "a\x00b", "\x1b[2J", "\udcff"),
    "path": ("", " ", "a\nb", "a\x00b", "\udcff"),
}
"""What is wrong for any flag of a type; a switch takes no value."""

PLACES: tuple[Entry, ...] = (
    "nowhere.safetensors",
    "taken",
    "text.safetensors",
    "pipe.safetensors",
    "/dev/zero",
)
CODE: tuple[Entry, ...] = (
    ":f",
    "./nowhere.py:f",
    "./pipe.py:f",
    "./plug.py:nope",
    "./syntax.py:f",
    "./exits.py:f",
)
CODE += ("no_such_package.module:f", "json:no_such_function", "./empty:f", "plug.py:")
COUNTS: tuple[Entry, ...] = ("0", "-1", HUGE)
NAMES: tuple[Entry, ...] = ("no-such-thing", "../mnist-5k", "<script>")

BAD: dict[str, tuple[Entry, ...]] = {
    "--out": (
        "taken",
        "taken/r",
        "full",
        "pipe",
        "/dev/null",
        "/dev/null/r",
        "/proc/no-such-process/r",
        "a" * 300,
    ),
    "--data": (*NAMES, "mnist5k", "MNIST-5K", "mnist", "cifar10", "svhn", "noise"),
    "--data-root": tuple(
        (each, "--data", "mnist") for each in ("nowhere", "taken", "empty", "pipe", "/dev/null")
    ),
    "--device": (*NAMES, "gpu", "cuda:7", "CPU"),
    "--seed": ("-1", str(2**53 + 1)),
    "--config": ("nowhere.toml", "empty", "taken/c.toml", "pipe.toml", "/dev/zero", "text.safetensors"),
    "--classifier": (
        *NAMES,
        *CODE,
        "mnst",
        "cifar",
        "./plug.py:number",
        "./plug.py:exits",
        "./plug.py:too_few",
    ),
    "--kind": (*NAMES, "swga", "HyperGAN"),
    "--members": (*COUNTS, "1", "1001"),
    "--preset": (*NAMES, "quik"),
    "--steps": (*COUNTS, "1000000000"),
    "--train-networks": (*COUNTS, "129", "1000000000"),
    "--batch": (*COUNTS, "1000000"),
    "--learning-rate": ("-1e-9", "nan", "inf", "-inf", "1e400"),
    "--augmentation": (*NAMES, "flip"),
    "--label-smoothing": ("-0.1", "1.01", "nan", "inf"),
    "--disagreement": ("-0.1", "nan", "inf"),
    "--pgd-eps": ("-0.1", "1.01", "nan", "inf"),
    "--snapshots": ("-1", "601", HUGE),
    "--noise-share": ("-0.1", "1.01", "nan", "-inf"),
    "--chunk": COUNTS[:2],
    "--attack": (
        *NAMES,
        *CODE,
        "fgms",
        "pgd:stpes=3",
        "pgd:steps",
        "pgd:steps=",
        "pgd:steps=1.5",
        "pgd:steps=true",
        "pgd:steps=0",
        "pgd:restarts=-1",
        "pgd:step_size=nan",
        "square:queries=0",
        "eot-pgd:eot_samples=0",
        "pgd:step_size=big",
        "pgd:random_start=2",
        "pgd:eps=0.1",
        "pgd:generator=none",
        "torchattacks:NoSuchAttack",
        "foolbox:",
        "os:system",
        "./plug.py:number",
        "./plug.py:too_few",
        "./plug.py:good:share=much",
        "./plug.py:good:model=3",
        ("fgsm", "--attack", "fgsm"),
        ("pgd:steps=3", "--attack", "pgd;steps=3"),
    ),
    "--eps": (
        "0",
        "-0.1",
        "-0",
        "1.01",
        "nan",
        "inf",
        "-inf",
        "1e400",
        "1e-400",
        ("0.1", "--eps", "0.1"),
        ("0.1", "--eps", "0.10000000001"),
    ),
    "--norm": (*NAMES, "l1", "Linf", "2"),
    "--networks": (*COUNTS, "100001"),
    "--until-ci-width": ("0", "-0.1", "1.01", "nan", "inf"),
    "--max-networks": (*COUNTS, "100001", ("3", "--until-ci-width", "0.1", "--networks", "4")),
    "--examples": (*COUNTS, "2001"),
    "--source": ("-1", HUGE),
    "--sources": (*COUNTS, "1001"),
    "--target": ("-1", "10", HUGE),
    "--backend": (*NAMES, "vmpa"),
    "--precision": (*NAMES, "bfloat16"),
    "--checks": (*NAMES, "ful"),
    "--outliers": (*NAMES, "fasion-1k", "mnist", "cifar10"),
    "--beside": (*NAMES, *PLACES, "swga", "empty", "pipe"),
    "--checkpoint": (*PLACES, "pipe", "empty", "full", "pipes", *CODE, "./plug.py:number", "./plug.py:exits"),
    "--adversarials": ("nowhere", "taken", "empty", "pipe", "/dev/zero", "pipes"),
    "--trained-on": (*NAMES, "mnist5k"),
    "--votes": (*COUNTS, "10001"),
    "--training": ("nowhere", "taken", "empty", "pipe", "name=nowhere"),
    "--weight-networks": (*COUNTS, "1", "100001"),
    "--latent-dim": (*COUNTS, "1000000"),
    "--code-dim": (*COUNTS, "1000000"),
    "--hidden": (*COUNTS, "1000000"),
    "--seeds": (*COUNTS, "1001"),
    "--budget": (*NAMES, "fast"),
    "--cifar-preset": (*NAMES, "cifr"),
    "--executor": (*NAMES, "slrm"),
    "--at-once": ("0", "-1"),
    "--hours": ("0", "-1", "nan", "inf", "10001"),
    "--slurm": ("partition", "=gpu"),
    "--only": (*NAMES, "regresion"),
    "--stream": (*NAMES, "frsh", "0"),
}

OF_ONE_COMMAND: dict[tuple[str, str], tuple[Entry, ...]] = {
    ("sample", "--networks"): ("7:3", "3:3", "-1:4", "a:b", "1:2:3", "1.5", f"0:{HUGE}", HUGE, "0:100001"),
    ("sample", "--classifier"): ("mnst", "cifar", "./nowhere.py:f", "./exits.py:f", "./plug.py:number"),
    ("uncertainty", "--outliers"): (*NAMES, "mnist-5k", "mnist", "cifar10"),
    ("uncertainty", "--images"): ("0", "-1", "1"),  # any large number is all there are
    ("diversity", "--images"): ("0", "-1", "3"),
    ("tradeoff", "--images"): ("0", "-1", "1"),
    ("tradeoff", "--eps"): ("0", "-0.1", "1.01", "nan", "inf"),
    ("adversarial", "--eps"): ("-0.1", "1.01", "nan", ("0.1", "--eps", "0.1")),
    ("train", "--out"): tuple((each, "--kind", "ordinary") for each in ("taken", "taken/r", "full", "pipe")),
    ("regression", "--train-networks"): (*COUNTS, "10001"),
    ("report", "--out"): ("taken",),  # which one run does not have
    ("reproduce", "--data-root"): (),  # the items say it in the end, in the reproduction's own folder
}
"""Where a flag means something else, or can't be refused before the folder is made."""

GOOD = {
    "bench": ("--out", "r", "--networks", "1"),
    "train": ("--out", "r"),
    "transfer": ("--out", "r", "--checkpoint", "{checkpoint}"),
    "sample": ("--out", "r", "--checkpoint", "{checkpoint}"),
    "report": ("nowhere",),
    "attacks": (),
    "regression": ("--out", "r"),
    "reproduce": ("--out", "r"),
    "hardening": ("--out", "r", "--checkpoint", "{checkpoint}", "--checkpoint", "{checkpoint}"),
    **dict.fromkeys(
        ("classification", "uncertainty", "adversarial", "diversity", "tradeoff", "cells"),
        ("--out", "r", "--checkpoint", "{checkpoint}"),
    ),
}
"""A command's shortest good arguments."""

ARGUMENTS: dict[str, tuple[Entry, ...]] = {
    "report": (
        "",
        "nowhere",
        "taken",
        "empty",
        "full",
        "pipe",
        "pipes",
        "/dev/null",
        "a\nb",
        ("nowhere", "full"),
    ),
    "attacks": ("", "\x1b[2J", "a\x00b"),
}
"""What is wrong for the arguments that are no flags."""


def options(command: str) -> dict[str, click.Option]:
    """The flags of a command that take a value or switch something."""
    return {each.opts[-1]: each for each in cli.commands[command].params if isinstance(each, click.Option)}


def entries() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Command, flag and its bad arguments; of a switch the value that it does not take."""
    seen = set()
    for command in cli.commands:
        for flag, option in options(command).items():
            if option.is_flag:
                yield command, flag, (f"{flag}=3",)
                continue
            own = OF_ONE_COMMAND.get((command, flag), BAD.get(flag, ()))
            bad = own[:2] if flag in seen and not EVERYWHERE else (*BY_TYPE[option.type.name], *own)
            seen.add(flag)
            for entry in bad:
                first, *more = (entry,) if isinstance(entry, str) else entry
                yield command, flag, (f"{flag}={first}", *more)
        for entry in ARGUMENTS.get(command, ()):
            yield command, "", (entry,) if isinstance(entry, str) else entry
