"""Flags that say nothing beside others are refused; those that matter, and the keys of a file, are not."""

import shlex

import pytest

from robust_hypergan.cli.main import cli
from robust_hypergan.cli.options import IDLE, OF_TRAINING

OF_HYPERGAN = ["--pgd-eps 0.2", "--noise-share 0.1", "--latent-dim 4", "--code-dim 4", "--hidden 8"]
OF_HYPERGAN += ["--disagreement 0.1", "--chunk 64", "--no-mixer", "--no-discriminator"]
TOGETHER = OF_HYPERGAN[:-1]  # networks learn to disagree only beside a discriminator
OF_ALL = ["--preset standard", "--steps 7", "--train-networks 2", "--batch 8", "--learning-rate 0.1"]
OF_ALL += ["--augmentation affine", "--label-smoothing 0.1"]
OF_CRAFTING = ["--attack square", "--eps 0.3", "--norm l2", "--examples 7", "--target 2"]

SAVED = "transfer --checkpoint nowhere.safetensors --adversarials empty"

IN_VAIN = {
    (SAVED, "beside --adversarials"): OF_CRAFTING,
    ("bench --checkpoint nowhere.safetensors --beside all", "beside --checkpoint"): [
        "--kind swag",
        "--members 3",
        "--snapshots 1",
        *OF_ALL,
        *OF_HYPERGAN,
    ],
    ("train --kind ordinary", "beside --kind ordinary"): [*OF_HYPERGAN, "--members 99"],
    ("bench --kind swag --beside mc-dropout", "beside --kind swag"): [*OF_HYPERGAN, "--members 99"],
    ("bench --kind deep-ensemble --networks 5", "beside --kind deep-ensemble"): OF_HYPERGAN,
    ("train", "beside --kind hypergan"): ["--members 99"],
    ("bench", "without --until-ci-width"): ["--max-networks 600"],
    (SAVED, "without --until-ci-width"): ["--max-networks 600"],
    ("cells --checkpoint nowhere.safetensors", "beside --executor local"): ["--slurm partition=gpu"],
    ("cells --checkpoint nowhere.safetensors --executor debug", "beside --executor debug"): [
        "--slurm partition=gpu"
    ],
    ("reproduce", "beside --budget quick"): ["--cifar-preset cifar-quick"],
}
"""Command and what there is beside, and further flags that are no use there."""

OF_USE = [
    f"{SAVED} --source 2 --networks 3 --until-ci-width 0.1 --max-networks 600 --save-adversarials",
    "transfer --checkpoint nowhere.safetensors " + " ".join(OF_CRAFTING),
    "bench --data nowhere --kind ordinary --beside hypergan " + " ".join([*OF_ALL, *TOGETHER]),
    "bench --data nowhere --kind swag --beside all --members 99 " + " ".join([*OF_ALL, *TOGETHER]),
    "bench --data nowhere --beside deep-ensemble --members 99 " + " ".join([*OF_ALL, *TOGETHER]),
    "train --data nowhere --kind deep-ensemble --members 99 " + " ".join(OF_ALL),
    "cells --checkpoint nowhere.safetensors --executor slurm --slurm partition=gpu",
    "reproduce --budget full --cifar-preset cifar-quick --only nowhere",
]
"""Refused for something else, which does not exist."""


@pytest.mark.parametrize(("place", "flag"), [(place, flag) for place in IN_VAIN for flag in IN_VAIN[place]])
def test_a_flag_that_says_nothing_is_refused(place, flag, refuse):
    command, where = place
    told = refuse(*shlex.split(f"{command} --out r {flag}"), names=(where,))
    assert told == f"robust-hypergan: {flag.partition(' ')[0]} says nothing {where}: leave it out\n"


@pytest.mark.parametrize("line", OF_USE)
def test_where_a_flag_matters_it_is_taken(line, refuse):
    assert "says nothing" not in refuse(*shlex.split(line), "--out", "r", names=("nowhere",))


def test_a_key_of_a_file_may_be_there_for_another_command(refuse, traps):
    (traps / "c.toml").write_text("eps = [0.3]\nexamples = 7\nmax-networks = 600\n")
    line = f"{SAVED} --config c.toml --out r"
    assert "says nothing" not in refuse(*shlex.split(line), names=("nowhere",))
    assert "--eps says nothing" in refuse(*shlex.split(f"{line} --eps 0.3"), names=("--eps",))


def test_all_flags_of_a_training_say_nothing_beside_a_checkpoint():
    options = {name: {each.name for each in cli.commands[name].params} for name in ("train", "transfer")}
    assert set(OF_TRAINING) == options["train"] - options["transfer"]


def test_the_table_names_flags_that_exist():
    known = {option.name for command in cli.commands.values() for option in command.params}
    assert {name for _, _, names in IDLE for name in names} <= known
