"""The audit notices, repairs or refuses whatever an attack may do, and undoes its side effects."""

import random

import numpy as np
import pytest
import torch

from robust_hypergan.attacks import NORMS, Attack, AttackError, Audit, craft_audited, fgsm, find_attack


def run(craft, linear, inputs, labels, generator, norm="linf", eps=0.1):
    attack = Attack("mine", craft)
    return craft_audited(attack, linear, inputs, labels, eps=eps, norm=norm, generator=generator)


def test_a_good_attack_passes_unchanged(linear, inputs, labels, generator):
    found, audit = craft_audited(
        find_attack("fgsm"), linear, inputs, labels, eps=0.1, norm="linf", generator=generator
    )
    assert torch.equal(found, fgsm(linear, inputs, labels, eps=0.1))
    assert audit.examples == len(inputs)
    assert audit.linf_max == pytest.approx(0.1, abs=1e-6)
    assert (audit.repaired, audit.out_of_ball, audit.out_of_range) == (0, 0, 0)
    assert audit.notes == ()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_images_outside_the_ball_are_projected_and_counted(linear, inputs, labels, generator, norm):
    def too_far(model, inputs, labels, **_):
        moved = inputs.clone()
        moved[:3] += 0.15
        return moved

    found, audit = run(too_far, linear, inputs, labels, generator, norm)
    assert audit.out_of_ball == audit.repaired == 3
    assert audit.linf_max == pytest.approx(0.15, abs=1e-6)
    assert (NORMS[norm].length(found - inputs) <= 0.1 * (1 + 1e-5)).all()
    assert torch.equal(found[3:], inputs[3:])


def test_images_outside_the_range_are_clipped_and_counted(linear, labels, generator):
    inputs = torch.rand(len(labels), 1, 4, 4, generator=generator)
    inputs[:5, 0, 0, 0] = 0.99
    found, audit = run(lambda model, inputs, labels, **_: inputs + 0.05, linear, inputs, labels, generator)
    assert audit.out_of_range == int(((inputs + 0.05) > 1).flatten(1).any(1).sum()) >= 5
    assert audit.out_of_ball == 0
    assert found.max() <= 1


def test_images_that_are_not_finite_fail_the_attack(linear, inputs, labels, generator):
    def broken(model, inputs, labels, **_):
        moved = inputs + 0.01
        moved[0, 0, 0, 0], moved[1, 0, 0, 0] = torch.nan, torch.inf
        return moved

    with pytest.raises(AttackError, match=f"returned NaN or infinity in 2 of {len(inputs)} images"):
        run(broken, linear, inputs, labels, generator)


@pytest.mark.parametrize(
    "craft",
    [
        lambda model, inputs, labels, **_: inputs[:-1],
        lambda model, inputs, labels, **_: inputs.flatten(1),
        lambda model, inputs, labels, **_: None,
        lambda model, inputs, labels, **_: 1 / 0,
    ],
    ids=["short", "flat", "nothing", "raises"],
)
def test_what_cannot_be_repaired_fails(linear, inputs, labels, generator, craft):
    with pytest.raises(AttackError, match="mine"):
        run(craft, linear, inputs, labels, generator)


def test_writing_into_the_batch_is_noted_and_harmless(linear, inputs, labels, generator):
    before, labels_before = inputs.clone(), labels.clone()

    def writes(model, inputs, labels, **_):
        inputs += 0.05
        labels[:] = 0
        return inputs

    found, audit = run(writes, linear, inputs, labels, generator)
    assert torch.equal(inputs, before)
    assert torch.equal(labels, labels_before)
    assert torch.equal(found, before + 0.05)
    assert audit.notes == ("wrote into its inputs", "wrote into its labels")


def test_global_random_states_and_model_modes_are_restored(linear, inputs, labels, generator):
    model = torch.nn.Sequential(linear, torch.nn.Dropout()).eval()
    torch_next, numpy_next, python_next = torch.get_rng_state(), np.random.get_state()[1], random.getstate()

    def reseeds(model, inputs, labels, **_):
        torch.manual_seed(0)
        np.random.seed(0)
        random.seed(0)
        model.train()
        model(inputs).sum().backward()
        return inputs + 0.01

    _, audit = run(reseeds, model, inputs, labels, generator)
    assert torch.equal(torch.get_rng_state(), torch_next)
    assert np.array_equal(np.random.get_state()[1], numpy_next)
    assert random.getstate() == python_next
    assert not any(module.training for module in model.modules())
    assert linear.weight.grad is None
    assert audit.notes == ("used the global random state", "left the model in another mode")


def zeroes(model):
    for parameter in model.parameters():
        parameter.data.zero_()


@pytest.mark.parametrize(
    ("spoil", "notes"),
    [
        (zeroes, ("changed the model",)),
        (lambda model: model.double(), ("changed the model",)),
        (lambda model: model.register_forward_hook(lambda _, __, logits: 0 * logits), ()),
        (lambda model: model.requires_grad_(False), ()),
        (lambda model: model.to("meta"), ("changed the model",)),
        (lambda _: torch.set_default_dtype(torch.float64), ("changed torch's default dtype",)),
        (lambda _: torch.set_default_device("meta"), ("changed torch's default device",)),
    ],
)
def test_whatever_an_attack_does_to_its_model_stays_its_own(spoil, notes, linear, inputs, labels, generator):
    before = linear(inputs)

    def spoils(model, inputs, labels, **_):
        spoil(model)
        return inputs + 0.01

    _, audit = run(spoils, linear, inputs, labels, generator)
    assert torch.equal(linear(inputs), before)
    assert all(parameter.requires_grad for parameter in linear.parameters())
    assert (torch.get_default_dtype(), torch.empty(0).device.type) == (torch.float32, "cpu")
    assert not torch.overrides._get_current_function_mode_stack()  # which would see every later call
    assert audit.notes == notes


def test_a_silent_no_op_and_another_dtype_are_noted(linear, inputs, labels, generator):
    found, audit = run(lambda model, inputs, labels, **_: inputs.double(), linear, inputs, labels, generator)
    assert found.dtype == inputs.dtype
    assert audit.notes == ("returned float64", "left every image unchanged")


def test_audits_add_up():
    total = Audit(examples=3, linf_max=0.1, repaired=1, notes=("a",)) + Audit(
        examples=2, linf_max=0.2, notes=("a", "b")
    )
    assert total == Audit(examples=5, linf_max=0.2, repaired=1, notes=("a", "b"))


def test_an_image_that_leaves_both_the_ball_and_the_range_is_repaired_once(linear, labels, generator):
    inputs = torch.full((len(labels), 1, 4, 4), 0.05)
    _, audit = run(lambda model, inputs, labels, **_: inputs - 0.2, linear, inputs, labels, generator)
    assert (audit.out_of_ball, audit.out_of_range, audit.repaired) == (len(labels),) * 3


def test_an_image_a_little_outside_the_ball_is_counted(linear, inputs, labels, generator):
    _, audit = run(lambda model, inputs, labels, **_: inputs + 0.1 * 1.001, linear, inputs, labels, generator)
    assert audit.out_of_ball == len(inputs)
