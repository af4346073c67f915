"""On a linear classifier the strongest adversarial of a ball is known, and attacks must find it."""

import pytest
import torch

from robust_hypergan.attacks import NORMS, fgsm, mi_fgsm, noise, pgd
from robust_hypergan.attacks.ascent import ascend_from_starts

EPS = 0.1


def margin(linear, images, labels):
    """Score in favour of the true class."""
    score = linear.score(images)
    return torch.where(labels == 0, score, -score)


def least_margin(linear, inputs, labels, norm):
    """Closed form: the margin falls by eps times the dual norm of the weight."""
    dual = linear.weight.abs().sum() if norm == "linf" else linear.weight.norm()
    return margin(linear, inputs, labels) - EPS * dual


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize(
    ("attack", "options"),
    [
        (fgsm, {}),
        (pgd, {"steps": 40, "step_size": EPS}),
        (pgd, {"steps": 40, "step_size": EPS, "restarts": 3}),
        (pgd, {"random_start": False}),
    ],
)
def test_it_reaches_the_least_margin(linear, inputs, labels, generator, attack, options, norm):
    found = attack(linear, inputs, labels, eps=EPS, norm=norm, generator=generator, **options)
    torch.testing.assert_close(
        margin(linear, found, labels), least_margin(linear, inputs, labels, norm), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("scale", [1e-15, 1e-30, 1e-40])
def test_a_step_has_its_length_however_small_the_gradient(generator, scale):
    gradient = torch.randn(3, 1, 4, 4, generator=generator)
    step = NORMS["l2"].steepest(scale * gradient)
    tolerance = 0.05 if scale < 1e-37 else 1e-6  # of which float32 keeps few digits
    torch.testing.assert_close(step, NORMS["l2"].steepest(gradient), atol=tolerance, rtol=0)
    assert not NORMS["l2"].steepest(0 * gradient).any()


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize(("attack", "options"), [(fgsm, {}), (pgd, {"step_size": EPS})])
def test_a_targeted_attack_is_the_untargeted_one_with_two_classes(
    linear, inputs, labels, generator, attack, options, norm
):
    found = attack(
        linear, inputs, labels, eps=EPS, norm=norm, generator=generator, targets=1 - labels, **options
    )
    torch.testing.assert_close(
        margin(linear, found, labels), least_margin(linear, inputs, labels, norm), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("attack", [fgsm, pgd])
def test_targeting_the_true_class_makes_an_example_safer(linear, inputs, labels, generator, attack):
    found = attack(linear, inputs, labels, eps=EPS, generator=generator, targets=labels)
    assert (margin(linear, found, labels) > margin(linear, inputs, labels)).all()


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("eps", [0.01, 0.3, 0.9])
@pytest.mark.parametrize("attack", [fgsm, pgd, noise])
def test_it_stays_in_the_ball_and_in_range(linear, labels, generator, attack, eps, norm):
    inputs = torch.rand(len(labels), 1, 4, 4, generator=generator).round(decimals=1)  # many at 0 and 1
    found = attack(linear, inputs, labels, eps=eps, norm=norm, generator=generator)
    assert found.min() >= 0
    assert found.max() <= 1
    assert (NORMS[norm].length(found - inputs) <= eps * (1 + 1e-5)).all()
    assert not torch.equal(found, inputs)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_noise_fills_the_ball(linear, labels, generator, norm):
    inputs = torch.full((4000, 1, 4, 4), 0.5)
    lengths = NORMS[norm].length(
        noise(linear, inputs, labels, eps=0.2, norm=norm, generator=generator) - inputs
    )
    # the length of a uniform point of a 16-dimensional ball is U^(1/16) of the radius in either norm
    expected = 0.2 * 16 / 17
    assert lengths.mean().item() == pytest.approx(expected, abs=0.001)


def test_more_restarts_are_never_weaker(generator):
    kinked = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(16, 32), torch.nn.ReLU(), torch.nn.Linear(32, 3)
    )
    inputs = torch.rand(60, 1, 4, 4, generator=generator)
    labels = kinked(inputs).argmax(1)

    def fooled(restarts):
        own = torch.Generator().manual_seed(5)
        found = pgd(kinked, inputs, labels, eps=0.08, steps=3, restarts=restarts, generator=own)
        return kinked(found).argmax(1) != labels

    one, five = fooled(1), fooled(5)
    assert (five >= one).all()  # the first restart is the same run, so nothing fooled may be lost


def test_the_same_generator_gives_the_same_adversarials(linear, inputs, labels):
    runs = [
        pgd(linear, inputs, labels, eps=EPS, steps=3, generator=torch.Generator().manual_seed(7))
        for _ in range(2)
    ]
    assert torch.equal(*runs)


def test_a_random_start_without_a_generator_is_an_error(linear, inputs, labels):
    with pytest.raises(ValueError, match="generator"):
        pgd(linear, inputs, labels, eps=EPS)
    with pytest.raises(ValueError, match="at least 1"):
        pgd(linear, inputs, labels, eps=EPS, steps=0, random_start=False)


def test_attacks_work_under_no_grad_and_leave_no_gradient(linear, inputs, labels):
    with torch.no_grad():
        found = fgsm(linear, inputs, labels, eps=EPS)
    assert not found.requires_grad
    assert linear.weight.grad is None


def test_each_example_keeps_the_restart_that_fools_most_and_among_equals_the_larger_loss():
    judged = iter([([0, 1, 1], [1.0, 1.0, 5.0]), ([0, 0, 1], [2.0, 9.0, 4.0]), ([0, 0, 1], [1.5, 9.5, 4.5])])
    runs = []

    def judge(images):
        runs.append(images)
        return tuple(map(torch.tensor, next(judged)))

    found = ascend_from_starts(
        torch.full((3, 1, 4, 4), 0.5), torch.zeros_like, judge, eps=EPS, norm="linf",
        generator=torch.Generator().manual_seed(0), steps=1, step_size=None, restarts=3, random_start=True,
    )  # fmt: skip
    kept = [[torch.equal(run[row], found[row]) for run in runs].index(True) for row in range(3)]
    assert kept == [1, 0, 0]


@pytest.mark.parametrize(
    ("attack", "options", "expected"),
    [(mi_fgsm, {}, [0, 0.25, 0.5, 0.75]), (pgd, {"random_start": False}, [0, 0.625, 1, 1])],
)
def test_a_step_has_the_length_that_its_source_gives_it(linear, inputs, labels, attack, options, expected):
    seen = []

    def model(images):
        seen.append((images - inputs).abs().max().item() / EPS)
        return linear(images)

    attack(model, inputs, labels, eps=EPS, steps=4, **options)
    assert seen == pytest.approx(expected, abs=1e-5)
