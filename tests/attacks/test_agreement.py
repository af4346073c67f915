"""The same attacks from four libraries at equal settings: within one percentage point of success."""

import warnings

import pytest
import torch

from robust_hypergan.attacks.ascent import ascend
from robust_hypergan.attacks.loss import input_gradient
from robust_hypergan.attacks.norms import NORMS
from robust_hypergan.data.datasets import load_dataset, to_unit
from tools.agreement_table import METHODS, briefly_trained, success

IMPORTED = {"torchattacks": "torchattacks", "foolbox": "eagerpy", "art": "art"}  # foolbox warns on import

STARTS = 3
"""Random starts of PGD, of which the mean is compared: a single one decides a few images."""


@pytest.fixture(scope="module")
def images_and_labels():
    dataset = load_dataset("mnist-5k", "test")
    return to_unit(dataset.images[:200]), dataset.labels[:200]


@pytest.fixture(scope="module")
def model():
    return briefly_trained()


def mean_success(model, method, library, images, labels, eps):
    starts = STARTS if method == "PGD" else 1
    spec = METHODS[method][library]
    return sum(success(model, spec, images, labels, eps, seed) for seed in range(starts)) / starts


@pytest.fixture(scope="module")
def ours(model, images_and_labels):
    return {
        (method, eps): mean_success(model, method, "ours", *images_and_labels, eps)
        for method in METHODS
        for eps in (0.05, 0.2)
    }


@pytest.mark.parametrize("eps", [0.05, 0.2])
@pytest.mark.parametrize(
    ("method", "peer"), [(method, peer) for method in METHODS for peer in METHODS[method] if peer != "ours"]
)
def test_success_agrees_within_one_percentage_point(model, images_and_labels, ours, method, peer, eps):
    pytest.importorskip(IMPORTED[peer])
    theirs = mean_success(model, method, peer, *images_and_labels, eps)
    assert abs(ours[method, eps] - theirs) <= 0.01
    with torch.no_grad():
        clean = (model(images_and_labels[0]).argmax(1) != images_and_labels[1]).double().mean().item()
    assert ours[method, eps] > 0.02 + clean  # a real attack on both sides


def test_momentum_of_foolbox_adds_up_signs(model, images_and_labels):
    pytest.importorskip("eagerpy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own dependencies warn on import
        import foolbox
    images, labels = images_and_labels
    attack = foolbox.attacks.LinfMomentumIterativeFastGradientMethod(steps=5, abs_stepsize=0.02)
    _, theirs, _ = attack(foolbox.PyTorchModel(model, bounds=(0, 1)), images, labels, epsilons=0.1)
    accumulated = torch.zeros_like(images)

    def signs(points):
        nonlocal accumulated
        accumulated = accumulated + input_gradient(model, points, labels, None).sign()
        return accumulated

    mine = ascend(images, images, signs, ball=NORMS["linf"], eps=0.1, steps=5, step_size=0.02)
    # where a gradient is nearly 0, rounding decides its sign
    assert ((mine - theirs).abs() < 1e-6).double().mean() > 0.999
