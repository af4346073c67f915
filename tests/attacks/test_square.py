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


@pytest.mark.parametrize(("answer", "asked"), [(0, 7), (1, 1)])
def test_square_asks_as_often_as_it_may_and_leaves_a_fooled_image_alone(generator, answer, asked):
    seen = 0

    def model(images):
        nonlocal seen
        seen += len(images)
        return nn.functional.one_hot(torch.full((len(images),), answer), 2).float()

    images, labels = torch.full((5, 1, 8, 8), 0.5), torch.zeros(5, dtype=torch.int64)
    square(model, images, labels, eps=0.1, generator=generator, queries=7)
    assert seen == 5 * asked


def test_square_never_gives_up_a_smaller_margin(linear, inputs, labels):
    def margins(queries):
        random = torch.Generator().manual_seed(3)
        found = square(linear, inputs, labels, eps=0.001, generator=random, queries=queries)
        return linear(found).gather(1, labels[:, None]).squeeze(1)

    steps = torch.stack([margins(queries) for queries in (2, 3, 4, 5, 6, 7, 8)])
    assert (steps[1:] <= steps[:-1] + 1e-7).all()


def test_squares_patches_cover_the_share_they_are_asked_for_and_get_smaller(generator):
    seen = []

    def model(images):
        seen.append(images)
        return torch.tensor([[1.0, 0.0]]).expand(len(images), 2)

    images, labels = torch.full((40, 1, 8, 8), 0.5), torch.zeros(40, dtype=torch.int64)
    square(model, images, labels, eps=0.1, generator=generator, queries=100, patch=1.0)
    rows = [(each != seen[0]).any(3).sum(2).max().item() for each in seen]
    assert (rows[1], rows[-1]) == (4, 1)


def test_square_starts_with_stripes_and_sets_patches_to_the_edge_of_the_ball_in_signs_of_their_own(generator):
    seen = []

    def model(images):
        seen.append((images - 0.5) / 0.1)
        return torch.tensor([[1.0, 0.0]]).expand(len(images), 2)

    images, labels = torch.full((40, 1, 8, 8), 0.5), torch.zeros(40, dtype=torch.int64)
    square(model, images, labels, eps=0.1, generator=generator, queries=100, patch=4.0)
    stripes, whole = (each.round(decimals=4) for each in seen[:2])
    assert set(stripes.unique().tolist()) == set(whole.unique().tolist()) == {-1, 1}
    assert (stripes == stripes[:, :, :1]).all()  # from the top to the bottom
    assert (stripes != stripes[..., :1]).any()
    assert (whole == whole[:, :, :1, :1]).all()
    assert len(set(whole[:, 0, 0, 0].tolist())) == 2
