"""What attacks from elsewhere get wrong: noticed, undone or refused. test_audit.py has the other half."""

import pytest
import torch
from torch import nn

from robust_hypergan.attacks import Attack, AttackError, craft_audited, fgsm


def audited(craft, model, inputs, labels, generator, eps=0.1):
    return craft_audited(
        Attack("mine", craft), model, inputs, labels, eps=eps, norm="linf", generator=generator
    )


@pytest.mark.parametrize(
    ("craft", "message"),
    [
        (lambda model, inputs, labels, **_: torch.full_like(inputs, 0.05), "perturbations instead of images"),
        (lambda model, inputs, labels, **_: torch.zeros_like(inputs), "perturbations instead of images"),
        (lambda model, inputs, labels, **_: (inputs * 255).to(torch.uint8), "returned uint8 values"),
        (lambda model, inputs, labels, **_: inputs > 0.5, "returned bool values"),
        (lambda model, inputs, labels, **_: inputs.to("meta"), "on the meta device"),
        (lambda model, inputs, labels, **_: model(inputs.to("meta")), "raised"),
        (lambda model, inputs, labels, **_: inputs.numpy(), "returned ndarray"),
        (lambda model, inputs, labels, **_: inputs.tolist(), "returned list"),
    ],
)
def test_it_is_refused_in_one_sentence(linear, inputs, labels, generator, craft, message):
    with pytest.raises(AttackError, match=message):
        audited(craft, linear, inputs, labels, generator)


def test_black_images_are_not_taken_for_perturbations(linear, labels, generator):
    black = torch.full((len(labels), 1, 4, 4), 0.02)
    found, audit = audited(fgsm, linear, black, labels, generator)
    assert audit.repaired == 0
    assert found.max() <= 0.12 + 1e-6


def test_an_attack_may_differentiate_though_the_caller_does_not(linear, inputs, labels, generator):
    def plain(model, inputs, labels, *, eps, **_):
        images = inputs.clone().requires_grad_()
        nn.functional.cross_entropy(model(images), labels).backward()
        return images + eps * images.grad.sign()

    with torch.no_grad():
        found, _ = audited(plain, linear, inputs, labels, generator)
    assert not found.requires_grad
    torch.testing.assert_close(found, fgsm(linear, inputs, labels, eps=0.1))


def test_a_model_without_parameters_can_be_attacked(inputs, labels, generator):
    class Bare(nn.Module):
        def forward(self, images):
            score = images.flatten(1).sum(1) - 8
            return torch.stack([score, -score], 1)

    found, audit = audited(fgsm, Bare().eval(), inputs, labels, generator)
    assert audit.notes == ()
    assert (found - inputs).abs().max() <= 0.1 + 1e-6


def test_an_exception_half_way_leaves_model_and_random_state_as_they_were(linear, inputs, labels, generator):
    model = nn.Sequential(linear, nn.Dropout()).eval()
    before = torch.get_rng_state()

    def half_way(model, inputs, labels, **_):
        model.train()
        torch.manual_seed(0)
        model(inputs).sum().backward()
        raise ValueError("lost")

    with pytest.raises(AttackError, match="mine raised ValueError: lost"):
        audited(half_way, model, inputs, labels, generator)
    assert torch.equal(torch.get_rng_state(), before)
    assert not any(module.training for module in model.modules())
    assert linear.weight.grad is None


def test_a_submodule_that_was_switched_off_is_on_again(linear, inputs, labels, generator):
    model = nn.Sequential(linear, nn.Dropout(0.0)).eval()
    model[1].train()  # dropout that stays active in an eval model

    def switches_off(model, inputs, labels, **_):
        model.eval()
        return inputs + 0.01

    _, audit = audited(switches_off, model, inputs, labels, generator)
    assert [module.training for module in model] == [False, True]
    assert audit.notes == ("left the model in another mode",)


def test_numbers_beyond_the_range_of_float32_are_not_finite(linear, inputs, labels, generator):
    inputs = inputs.clamp(min=0.1)
    with pytest.raises(AttackError, match="NaN or infinity in"):
        audited(lambda model, inputs, labels, **_: inputs.double() * 1e300, linear, inputs, labels, generator)
