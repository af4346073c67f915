"""Attacks by name, with options checked against their signature."""

import pytest

from robust_hypergan.attacks import BUILT_IN, find_attack, pgd
from robust_hypergan.base.errors import InputError


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_plain_name_is_found_and_documented(name):
    attack = find_attack(name)
    assert attack.craft is BUILT_IN[name]
    assert attack.spec == name
    assert attack.craft.__doc__


def test_options_get_the_types_of_the_signature():
    attack = find_attack("pgd:steps=100,step_size=0.01,restarts=10,random_start=false")
    assert attack.craft is pgd
    assert attack.options == {"steps": 100, "step_size": 0.01, "restarts": 10, "random_start": False}
    assert find_attack("ensemble-pgd:networks=4,loss=worst").options == {"networks": 4, "loss": "worst"}
    assert find_attack("pgd:step_size=none").options == {"step_size": None}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("pdg", "did you mean pgd"),
        ("", "unknown attack ''"),
        ("pgd:stepps=3", "has no option 'stepps': its options are steps, step_size"),
        ("pgd:steps=2.5", "takes int, not '2.5'"),
        ("pgd:steps=many", "takes int, not 'many'"),
        ("pgd:step_size=x", "takes float or none, not 'x'"),
        ("pgd:steps=0", "steps 0 is out of range: it must be finite and at least 1"),
        ("mi-fgsm:decay=nan", "decay nan is out of range: it must be finite and at least 0"),
        ("square:patch=-1", "patch -1.0 is out of range: it must be finite and at least 0"),
        ("pgd:step_size=-0.1", "step_size -0.1 is out of range: it must be finite and at least 0"),
        ("pgd:step_size=nan", "step_size nan is out of range"),
        ("eot-pgd:eot_samples=0", "eot_samples 0 is out of range"),
        ("pgd:random_start=1", "takes bool, not '1'"),
        ("pgd:steps", "needs a value"),
        ("fgsm:steps=3", "it has no options"),
        ("ensemble-pgd:loss=best", "takes mean-logit or mean-probability or mean-loss or worst, not 'best'"),
        ("ensemble-pgd:draws=1", "has no option 'draws'"),
        ("pgd:eps=0.1", "has no option 'eps'"),
    ],
)
def test_a_bad_specification_says_what_there_is(spec, message):
    with pytest.raises(InputError, match=message):
        find_attack(spec)
