"""Other libraries' attacks through their adapters: the contract, the seeds, targets, names and options."""

import random
import sys

import numpy as np
import pytest
import torch
from torch import nn

from robust_hypergan.attacks import AttackError, attack_norms, craft_audited, fgsm, find_attack
from robust_hypergan.attacks.registry import ADAPTERS
from robust_hypergan.base.errors import InputError

PGDS = {
    "torchattacks": "torchattacks:PGD:steps=5,alpha=0.03",
    "foolbox": "foolbox:LinfPGD:steps=5,abs_stepsize=0.03",
    "art": "art:ProjectedGradientDescent:max_iter=5,eps_step=0.03,num_random_init=1",
}
PACKAGES = {"torchattacks": "torchattacks", "foolbox": "eagerpy", "art": "art"}


def network(*sizes):
    """A small network with the same weights every time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        first, second = nn.Linear(*sizes[:2]), nn.Linear(*sizes[1:])
    return nn.Sequential(nn.Flatten(), first, nn.Tanh(), second).eval()


@pytest.fixture(params=ADAPTERS)
def library(request):
    """Each library that is installed."""
    pytest.importorskip(PACKAGES[request.param], reason=f"pip install robust-hypergan[{request.param}]")
    return request.param


def audited(spec, model, inputs, labels, seed=0, eps=0.1, norm="linf", targets=None):
    return craft_audited(
        find_attack(spec, norm),
        model,
        inputs,
        labels,
        eps=eps,
        norm=norm,
        generator=torch.Generator().manual_seed(seed),
        targets=targets,
    )


def test_it_depends_on_its_generator_alone_and_passes_the_audit(library, inputs, labels):
    def states():
        return torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()

    kinked = network(16, 32, 3)
    before = states()
    first, audit = audited(PGDS[library], kinked, inputs, labels, seed=1)
    assert states() == before
    assert (audit.repaired, audit.notes) == (0, ())
    assert audit.backward >= 5 * len(inputs)
    torch.manual_seed(99)
    assert torch.equal(audited(PGDS[library], kinked, inputs, labels, seed=1)[0], first)
    assert not torch.equal(audited(PGDS[library], kinked, inputs, labels, seed=2)[0], first)


def test_targets_reach_the_library(library, inputs, labels):
    model = network(16, 8, 3)
    targets = (labels + 1) % 3

    def loss(images):
        return nn.functional.cross_entropy(model(images), targets)

    found, _ = audited(PGDS[library], model, inputs, labels, targets=targets)
    towards, clean = loss(found), loss(inputs)
    away = loss(audited(PGDS[library], model, inputs, targets)[0])
    assert towards < clean < away


def test_a_targeted_attack_is_told_the_true_labels_too(generator):
    """FAB of torchattacks attacks only what is classified as its labels, and asks for its targets."""
    pytest.importorskip("torchattacks", reason="pip install robust-hypergan[torchattacks]")
    model, inputs = network(16, 8, 3), torch.rand(20, 1, 4, 4, generator=generator)
    labels = model(inputs).argmax(1)
    targets = (labels + 1) % 3
    spec = "torchattacks:FAB:steps=10"
    found, _ = audited(spec, model, inputs, labels, targets=targets, eps=0.4)
    assert (model(found).argmax(1) == targets).sum() > 5


def test_a_model_without_parameters_works(library, inputs, labels):
    class Bare(nn.Module):
        def forward(self, images):
            score = images.flatten(1).sum(1) - 8
            return torch.stack([score, -score], 1)

    found, _ = audited(PGDS[library], Bare().eval(), inputs, labels)
    assert (found - inputs).abs().max() == pytest.approx(0.1, abs=1e-4)


def test_an_unknown_class_or_option_names_what_there_is(library):
    good = PGDS[library].split(":")[1]
    with pytest.raises(InputError, match=f"did you mean .*{good}"):
        find_attack(f"{library}:{good}x")
    with pytest.raises(InputError, match="has no option 'stepps': its options are"):
        find_attack(f"{library}:{good}:stepps=3")
    with pytest.raises(InputError, match="has no option 'eps'"):
        find_attack(f"{library}:{good}:eps=0.3")


@pytest.mark.parametrize("name", ADAPTERS)
def test_a_missing_library_says_how_to_install_it(name, monkeypatch):
    monkeypatch.setitem(sys.modules, ADAPTERS[name].module, None)
    with pytest.raises(InputError, match=rf"pip install robust-hypergan\[{name}\]"):
        find_attack(PGDS[name])


@pytest.mark.parametrize(
    ("spec", "norms"),
    [
        ("torchattacks:PGD", ("linf",)),
        ("torchattacks:PGDL2", ("l2",)),
        ("torchattacks:APGD", ("linf", "l2")),
        ("torchattacks:OnePixel", ()),
        ("foolbox:LinfPGD", ("linf",)),
        ("foolbox:L2CarliniWagnerAttack", ("l2",)),
        ("foolbox:L1PGD", ()),
        ("foolbox:InversionAttack", ("linf", "l2")),
        ("foolbox:L2AdditiveGaussianNoiseAttack", ("l2",)),
        ("art:ProjectedGradientDescent", ("linf", "l2")),
        ("art:DeepFool", ("l2",)),
        ("art:Wasserstein", ()),
    ],
)
def test_norms_are_known_beforehand(spec, norms):
    pytest.importorskip(PACKAGES[spec.partition(":")[0]])
    assert attack_norms(find_attack(spec).craft) == norms
    for norm in {"linf", "l2"} - set(norms):
        with pytest.raises(InputError, match=f"does not work in the norm {norm}"):
            find_attack(spec, norm)


@pytest.mark.parametrize(
    "spec",
    [
        "torchattacks:PGDL2:steps=3",
        "torchattacks:APGD:steps=3",
        "torchattacks:Square:n_queries=5",
        "torchattacks:APGDT:steps=3",  # takes the number of classes, which is 4 here
        "foolbox:L2PGD:steps=3",
        "foolbox:L2DeepFoolAttack:steps=3",
        "art:FastGradientMethod",
        "art:SquareAttack:max_iter=5",
        "art:DeepFool:max_iter=3",
    ],
)
def test_l2_attacks_keep_to_the_l2_ball(spec, generator):
    pytest.importorskip(PACKAGES[spec.partition(":")[0]])
    inputs = torch.rand(20, 1, 10, 10, generator=generator)
    model = network(100, 8, 4)
    with torch.no_grad():
        labels = model(inputs).argmax(1)
    found, audit = audited(spec, model, inputs, labels, norm="l2", eps=3.0)
    assert (found - inputs).flatten(1).norm(dim=1).max() <= 3.0 * (1 + 1e-5)
    assert audit.l2_max > 0
    assert audit.forward > 0


def test_what_is_not_finite_is_an_error_of_the_cell(generator):
    pytest.importorskip("foolbox")
    inputs = torch.rand(20, 1, 10, 10, generator=generator)
    model = network(100, 8, 4)
    for parameter in model.parameters():
        parameter.data.zero_()  # no gradient, which the attack divides by
    labels = torch.zeros(20, dtype=torch.int64)
    with pytest.raises(AttackError, match="returned NaN or infinity in 20 of 20 images"):
        audited("foolbox:VirtualAdversarialAttack:steps=3", model, inputs, labels, norm="l2", eps=3.0)


def test_what_the_library_cannot_do_is_an_error_of_the_cell(inputs, labels):
    pytest.importorskip("torchattacks")
    model = network(16, 8, 3)
    with pytest.raises(AttackError, match="torchattacks:TIFGSM"):
        audited("torchattacks:TIFGSM", model, inputs, labels)  # groups=3 on one channel
    with pytest.raises(AttackError, match="Targeted mode is not supported"):
        audited("torchattacks:GN", model, inputs, labels, targets=labels)


def test_fgsm_is_the_same_in_every_library(library, linear, inputs, labels):
    spec = {"torchattacks": "FGSM", "foolbox": "FGSM", "art": "FastGradientMethod"}[library]
    found, _ = audited(f"{library}:{spec}", linear, inputs, labels)
    torch.testing.assert_close(found, fgsm(linear, inputs, labels, eps=0.1), atol=1e-6, rtol=0)
