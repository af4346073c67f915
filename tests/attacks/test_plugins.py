"""Other people's attacks: by entry point, by module, by file; and what is wrong with some of them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from robust_hypergan.attacks import find_attack, list_attacks
from robust_hypergan.attacks.registry import ADAPTERS
from robust_hypergan.base.errors import InputError
from robust_hypergan.transferability.config import TransferConfig

ROOT = Path(__file__).parent.parent.parent

GOOD = '''
"""Attacks for tests."""
from __future__ import annotations
from typing import TYPE_CHECKING, Literal
if TYPE_CHECKING:
    import nowhere
    from nowhere import Tensor

def craft(model, inputs, labels, *, eps: float, norm: Literal["l2"], generator, targets=None, steps: int = 3):
    """Does nothing."""
    return inputs

def loose(model, inputs, labels, **options):
    return inputs + options["step"]

def needs(net, x, y, eps, norm, generator, targets, strength: float, mode: Literal["a", "b"] = "a"):
    return x

def typed_elsewhere(model, inputs: Tensor, labels, *, eps, norm, generator, targets=None, steps=1):
    return inputs

def one_norm_elsewhere(
    model, inputs: Tensor, labels: nowhere.Labels, *, eps, norm: Literal["l2"], generator, targets=None,
    share: float = 1
):
    return inputs

def no_contract(model, inputs):
    return inputs

number = 3
'''


@pytest.fixture
def plugin(tmp_path):
    (tmp_path / "good_attacks.py").write_text(GOOD)
    return tmp_path / "good_attacks.py"


@pytest.fixture
def entry_point(tmp_path, monkeypatch):
    """Makes a distribution with one entry point, as installed."""

    def make(distribution, name, value, source=GOOD):
        folder = tmp_path / distribution
        information = folder / f"{distribution}-1.5.dist-info"
        information.mkdir(parents=True)
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.5\n")
        (information / "entry_points.txt").write_text(f"[robust_hypergan.attacks]\n{name} = {value}\n")
        module = value.partition(":")[0]
        (folder / f"{module}.py").write_text(source)
        monkeypatch.syspath_prepend(folder)
        monkeypatch.delitem(sys.modules, module, raising=False)
        return module

    return make


def test_a_function_in_a_file_is_found_with_its_options(plugin):
    attack = find_attack(f"{plugin}:craft:steps=7", "l2")
    assert attack.craft.__name__ == "craft"
    assert attack.options == {"steps": 7}
    assert find_attack(f"{plugin}:craft").craft is attack.craft


def test_a_changed_file_is_read_again(plugin):
    before = find_attack(f"{plugin}:craft").craft
    plugin.write_text(GOOD.replace("return inputs", "return inputs + 1"))
    os.utime(plugin, ns=(1, 1))
    assert find_attack(f"{plugin}:craft").craft is not before


def test_a_relative_path_starts_where_the_user_is(plugin, monkeypatch):
    monkeypatch.chdir(plugin.parent)
    assert find_attack("./good_attacks.py:craft").craft.__name__ == "craft"


def test_a_function_in_a_module_is_found(plugin, monkeypatch):
    monkeypatch.syspath_prepend(plugin.parent)
    assert find_attack("good_attacks:craft:steps=2").options == {"steps": 2}
    builtin = find_attack("robust_hypergan.attacks.pgd:pgd:steps=3,random_start=false")
    assert builtin.options == {"steps": 3, "random_start": False}


def test_options_without_a_type_are_read_as_python_reads_them(plugin):
    attack = find_attack(f"{plugin}:loose:step=0.5,count=3,flag=true,nothing=none,mode=fast")
    assert attack.options == {"step": 0.5, "count": 3, "flag": True, "nothing": None, "mode": "fast"}
    assert find_attack(f"{plugin}:typed_elsewhere:steps=4").options == {"steps": 4}


def test_a_literal_option_takes_its_values_only(plugin):
    assert find_attack(f"{plugin}:needs:strength=1,mode=b").options == {"strength": 1.0, "mode": "b"}
    with pytest.raises(InputError, match="takes a or b, not 'c'"):
        find_attack(f"{plugin}:needs:strength=1,mode=c")


def test_a_literal_of_one_value_or_of_numbers_takes_no_other(plugin):
    plugin.write_text(
        "from typing import Literal\n"
        "def one(model, inputs, labels, *, eps, norm, generator, targets=None, mode: Literal['a'] = 'a',\n"
        "        level: Literal[1, 2, None] = 1, text: 'in words' = 3): return inputs\n"
    )
    assert find_attack(f"{plugin}:one:mode=a,level=2,text=4").options == {"mode": "a", "level": 2, "text": 4}
    assert find_attack(f"{plugin}:one:level=none").options == {"level": None}
    for option, message in (("mode=zzz", "takes a, not 'zzz'"), ("level=7", "takes 1 or 2 or None, not '7'")):
        with pytest.raises(InputError, match=message):
            find_attack(f"{plugin}:one:{option}")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("pgd:steps=100,steps=5", "option steps of attack pgd is given twice"),
        ("builtins:max", "no signature found .* an attack must take"),
        ("{}:crafft", "did you mean craft"),
        ("{}:craft:stepps=3", "has no option 'stepps': its options are steps"),
        ("{}:craft:eps=3", "has no option 'eps'"),
        ("{}:loose:eps=3", "has no option 'eps'"),
        ("{}:needs", "missing a required argument: 'strength'"),
        ("{}:no_contract", "it must take .model, inputs, labels"),
        ("{}:number", "is no function"),
        ("./nowhere.py:craft", "no file ./nowhere.py"),
        ("nowhere_at_all:craft", "No module named 'nowhere_at_all'"),
        ("robust_hypergan.nowhere:craft", "No module named"),
    ],
)
def test_a_wrong_name_or_option_is_said(plugin, spec, message):
    with pytest.raises(InputError, match=message):
        find_attack(spec.format(plugin))


def test_a_norm_that_the_attack_does_not_work_in_is_refused_beforehand(plugin):
    with pytest.raises(InputError, match="does not work in the norm linf: it works in l2"):
        TransferConfig(attacks=(f"{plugin}:craft",), norm="linf")
    TransferConfig(attacks=(f"{plugin}:craft",), norm="l2")


def test_an_entry_point_is_a_plain_name(entry_point):
    entry_point("strangers", "odd", "strangers_module:craft")
    assert find_attack("odd:steps=2").options == {"steps": 2}
    listed = {each.name: each for each in list_attacks(load=True)}["odd"]
    assert (listed.origin, listed.norms) == ("entry point of strangers 1.5", ("l2",))
    assert (listed.options, listed.summary, listed.error) == (("steps=3",), "Does nothing.", "")


def test_plugins_are_imported_only_when_named(entry_point):
    module = entry_point("strangers", "odd", "strangers_module:craft")
    find_attack("fgsm")
    with pytest.raises(InputError, match="did you mean odd"):
        find_attack("oddd")
    assert module not in sys.modules
    find_attack("odd")
    assert module in sys.modules


def test_listing_imports_no_plugin_and_no_library_unless_asked(entry_point, monkeypatch):
    module = entry_point("strangers", "odd", "strangers_module:craft")
    for adapter in ADAPTERS.values():
        monkeypatch.delitem(sys.modules, adapter.module, raising=False)
    listed = {each.name: each for each in list_attacks()}
    assert not {module, *(adapter.module for adapter in ADAPTERS.values())} & sys.modules.keys()
    assert (listed["odd"].origin, listed["odd"].loaded) == ("entry point of strangers 1.5", False)
    assert not listed["torchattacks:CLASS"].loaded
    assert listed["pgd"].loaded
    next(each for each in list_attacks(load=True) if each.name == "odd")
    assert module in sys.modules


def test_an_exit_of_a_plugin_is_no_exit_of_ours(entry_point):
    entry_point("quitter", "quits", "quitting_module:craft", source="raise SystemExit(0)")
    with pytest.raises(InputError, match=r"quits of quitter 1.5 can't be imported .SystemExit: 0"):
        find_attack("quits")


def test_a_plugin_that_breaks_on_import_breaks_nothing_else(entry_point):
    entry_point("broken", "torn", "broken_module:craft", source="raise RuntimeError('torn apart')")
    listed = {each.name: each for each in list_attacks(load=True)}
    assert "torn apart" in listed["torn"].error
    assert listed["pgd"].error == ""
    assert find_attack("pgd").options == {}
    with pytest.raises(InputError, match=r"torn of broken 1.5 can't be imported .RuntimeError: torn apart"):
        find_attack("torn")


def test_two_packages_with_the_same_name_must_be_told_apart(entry_point):
    entry_point("first", "same", "first_module:craft")
    entry_point("second", "same", "second_module:craft")
    with pytest.raises(InputError, match=r"first 1.5 and second 1.5 all call an attack same"):
        find_attack("same")
    assert find_attack("second_module:craft").craft.__module__ == "second_module"


def test_nobody_can_replace_a_built_in_attack(entry_point):
    entry_point("thief", "pgd", "thief_module:craft")
    assert find_attack("pgd").craft.__module__ == "robust_hypergan.attacks.pgd"
    assert any("robust-hypergan and thief 1.5" in each.error for each in list_attacks(load=True))


def test_the_list_says_what_is_missing(monkeypatch):
    for adapter in ADAPTERS.values():
        monkeypatch.setitem(sys.modules, adapter.module, None)
    listed = {each.name: each for each in list_attacks(load=True)}
    assert {"fgsm", "pgd", "noise", "foolbox:CLASS", "art:CLASS", "torchattacks:CLASS"} <= listed.keys()
    assert "pip install robust-hypergan[foolbox]" in listed["foolbox:CLASS"].error


@pytest.mark.parametrize("library", ADAPTERS)
def test_every_attack_of_a_library_can_be_listed(library):
    pytest.importorskip({"foolbox": "eagerpy"}.get(library, library))
    listed = [each for each in list_attacks(load=True) if each.origin == f"adapter {library}"]
    assert len(listed) > 30
    assert [each for each in listed if each.error or not each.summary] == []
    assert sum(bool(each.norms) for each in listed) > 20


def test_a_strangers_package_is_installed_and_used(tmp_path):
    """The example, as a stranger would install it, but without the network."""
    source = shutil.copytree(ROOT / "examples" / "third-party-attack", tmp_path / "source")
    install = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run(
        [sys.executable, "-m", "pip", *install, "--target", tmp_path / "site", source],
        check=True,
        capture_output=True,
        timeout=120,
    )
    path = os.pathsep.join(filter(None, [str(tmp_path / "site"), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PYTHONPATH": path}

    def run(code):
        command = [sys.executable, "-c", code]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        return done.stdout + done.stderr

    assert "'entry point of sparse-sign-attack 1.0', ('linf',), ('share=0.1',)" in run(
        "from robust_hypergan.attacks.listing import list_attacks\n"
        "listed = next(each for each in list_attacks(load=True) if each.name == 'sparse-sign')\n"
        "print((listed.origin, listed.norms, listed.options))"
    )
    assert "moved 0.2 of the pixels, Audit(examples=5" in run(
        "import torch\n"
        "from robust_hypergan import MNISTClassifier\n"
        "from robust_hypergan.attacks import craft_audited, find_attack\n"
        "images, labels = torch.rand(5, 1, 28, 28), torch.arange(5)\n"
        "attack = find_attack('sparse-sign:share=0.2', 'linf')\n"
        "made, audit = craft_audited(attack, MNISTClassifier().eval(), images, labels,\n"
        "    eps=0.1, norm='linf', generator=torch.Generator())\n"
        "print(f'moved {(made != images).float().mean():.1f} of the pixels, {audit}')"
    )


def test_a_name_for_type_checkers_takes_nothing_from_the_other_annotations(plugin):
    with pytest.raises(InputError, match="l2"):
        find_attack(f"{plugin}:one_norm_elsewhere", "linf")
    share = find_attack(f"{plugin}:one_norm_elsewhere:share=1", "l2").options["share"]
    assert (share, type(share)) == (1.0, float)
