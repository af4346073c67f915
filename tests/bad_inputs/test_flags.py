"""Every flag of every command with everything that a user could do wrong with it."""

import pytest

from robust_hypergan.cli.main import cli
from tests.bad_inputs.flags import BAD, GOOD, OF_ONE_COMMAND, entries, options

ENTRIES = list(entries())


def test_there_are_bad_values_for_every_flag_of_every_command():
    assert GOOD.keys() == cli.commands.keys()
    for command in cli.commands:
        for flag, option in options(command).items():
            assert option.is_flag or (command, flag) in OF_ONE_COMMAND or BAD.get(flag), (command, flag)
    assert len({(flag, entry) for _, flag, entry in ENTRIES}) >= 300


@pytest.mark.parametrize(("command", "flag", "entry"), ENTRIES)
def test_a_bad_value_is_one_line_that_names_its_flag(command, flag, entry, refuse, checkpoint):
    good = [each.format(checkpoint=checkpoint) for each in GOOD[command]]
    value = entry[0].partition("=")[2] if flag else entry[0]
    shown = {value, value.removeprefix("./").partition(":")[0], value.rpartition("=")[2]}
    names = (flag.strip("-") or command, *(each for each in shown if len(each) > 2))
    refuse(command, *([] if command == "report" and not flag else good), *entry, names=names)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("bnech",),
        ("--no-such-flag",),
        ("",),
        ("bench", "\x00"),
        ("bench", "stray", "--out", "r"),
        ("report",),
    ],
)
def test_no_command_at_all_is_one_line(arguments, refuse):
    refuse(*arguments, names=("command", "bnech", "no-such-flag", "argument", "bench", "stray", "runs"))


@pytest.mark.parametrize("command", GOOD)
def test_a_flag_that_does_not_exist_and_one_that_is_missing(command, refuse):
    refuse(command, "--no-such-flag", "3", names=("no-such-flag",))
    if "--out" in options(command) and command != "report":
        refuse(command, names=("--out", "--checkpoint"))
