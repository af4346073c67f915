"""Attacks in a configuration file: texts, tables, and both."""

import pytest

from robust_hypergan.attacks import find_attack
from robust_hypergan.base.errors import InputError
from robust_hypergan.cli.config_file import read_config_file
from robust_hypergan.cli.main import cli


@pytest.fixture
def attacks_of(tmp_path):
    def read(content):
        (tmp_path / "c.toml").write_text(content)
        return read_config_file(tmp_path / "c.toml", cli.commands["bench"])["attacks"]

    return read


def test_a_table_is_what_the_flag_would_be(attacks_of):
    specifications = attacks_of(
        '[[attack]]\nname = "pgd"\nsteps = 100\nstep_size = 1e-2\nrandom_start = false\n'
        '[[attack]]\nname = "./mine.py:function"\nmode = "fast"\n[[attack]]\nname = "noise"\n'
    )
    assert specifications == [
        "pgd:steps=100,step_size=0.01,random_start=False",
        "./mine.py:function:mode=fast",
        "noise",
    ]
    assert find_attack(specifications[0]).options == {"steps": 100, "step_size": 0.01, "random_start": False}


def test_tables_stand_beside_texts(attacks_of):
    assert attacks_of('attack = ["fgsm", {name = "pgd", steps = 3}]') == ["fgsm", "pgd:steps=3"]


def test_options_in_the_name_and_in_keys_add_up(attacks_of):
    (specification,) = attacks_of('[[attack]]\nname = "pgd:steps=3"\nrestarts = 2\n')
    assert find_attack(specification).options == {"steps": 3, "restarts": 2}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[[attack]]\nsteps = 3", "needs a name"),
        ('[[attack]]\nname = "pgd"\nsteps = [1, 2]', "steps of attack pgd in .* takes a number"),
        ('[[attack]]\nname = "pgd"\nmode = "a,b"', "without commas"),
        ('[attack]\nname = "pgd"', "takes a list"),
    ],
)
def test_a_table_that_is_wrong_is_said(attacks_of, content, message):
    with pytest.raises(InputError, match=message):
        attacks_of(content)
