"""The gradient-free attack: inside the ball, as strong as the authors' version, blind to masked gradients."""

import pytest
import torch
from torch import nn

from robust_hypergan.attacks import NORMS, noise, pgd, square


def success(model, adversarials, labels):
    with torch.no_grad():
        return (model(adversarials).argmax(1) != labels).double().mean().item()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_square_stays_inside_the_ball_and_beats_noise(linear, inputs, labels, generator, norm):
    eps = 0.1 if norm == "linf" else 0.4
    found = square(linear, inputs, labels, eps=eps, norm=norm, generator=generator, queries=100)
    assert (NORMS[norm].length(found - inputs) <= eps * (1 + 1e-5)).all()
    assert found.min() >= 0
    assert found.max() <= 1
    noisy = noise(linear, inputs, labels, eps=eps, norm=norm, generator=generator)
    assert success(linear, found, labels) > success(linear, noisy, labels) + 0.2


def test_more_queries_never_lose_an_example(linear, inputs, labels):
    rates = [
        success(
            linear,
            square(
                linear,
                inputs,
                labels,
                eps=0.1,
                generator=torch.Generator().manual_seed(0),
                queries=queries,
            ),
            labels,
        )
        for queries in (1, 10, 300)
    ]
    assert rates == sorted(rates)
    assert rates[-1] > rates[0]


def test_a_target_is_reached(linear, inputs, labels, generator):
    targets = 1 - labels
    found = square(linear, inputs, labels, eps=0.3, generator=generator, targets=targets, queries=200)
    with torch.no_grad():
        assert (linear(found).argmax(1) == targets).double().mean() > 0.8


def test_steps_in_the_model_do_not_stop_it(linear, inputs, labels, generator):
    """A quantising layer has no gradient: PGD goes nowhere, random search does not care."""

    class Quantised(nn.Module):
        def forward(self, images):
            return linear((images * 8).round() / 8)

    model = Quantised()
    with torch.no_grad():
        own = model(inputs).argmax(1)
    walked = pgd(model, inputs, own, eps=0.2, generator=generator, steps=5, random_start=False)
    found = square(model, inputs, own, eps=0.2, generator=generator, queries=100)
    assert success(model, walked, own) == 0
    assert success(model, found, own) > 0.5


@pytest.mark.parametrize("arguments", [{"generator": None}, {"queries": 0}])
def test_what_it_cannot_do_without_is_said(linear, inputs, labels, generator, arguments):
    with pytest.raises(ValueError, match="generator and at least 1 query"):
        square(linear, inputs, labels, eps=0.1, **{"generator": generator, **arguments})
