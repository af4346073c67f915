"""FGSM and PGD beside torchattacks and foolbox on the same model: equal, or at least as strong."""

import copy
import warnings

import pytest
import torch

from robust_hypergan.attacks import fgsm, mi_fgsm, pgd, square
from robust_hypergan.data.datasets import load_dataset, to_unit
from tools.agreement_table import briefly_trained

EPS = [0.05, 0.2]


@pytest.fixture(scope="module")
def images_and_labels():
    dataset = load_dataset("mnist-5k", "test")
    return to_unit(dataset.images[:150]), dataset.labels[:150]


@pytest.fixture(scope="module")
def model():
    return briefly_trained()


def success(model, adversarials, labels):
    with torch.no_grad():
        return (model(adversarials).argmax(1) != labels).double().mean().item()


@pytest.fixture(scope="module")
def torchattacks():
    return pytest.importorskip("torchattacks", reason="pip install robust-hypergan[torchattacks]")


@pytest.fixture(scope="module")
def foolbox():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own dependencies warn on import
        return pytest.importorskip("foolbox", reason="pip install robust-hypergan[foolbox]")


@pytest.mark.parametrize("eps", EPS)
def test_fgsm_equals_torchattacks(torchattacks, model, images_and_labels, eps):
    images, labels = images_and_labels
    theirs = torchattacks.FGSM(model, eps=eps)(images, labels)
    torch.testing.assert_close(fgsm(model, images, labels, eps=eps), theirs, atol=1e-6, rtol=0)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("eps", EPS)
def test_fgsm_equals_foolbox(foolbox, model, images_and_labels, eps, norm):
    """In float64 on noisy images: neither the order of sums shows, nor which of equal maxima is taken."""
    images, labels = images_and_labels[0].double(), images_and_labels[1]
    noise = torch.rand(images.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    images, exact = 0.9 * images + 0.1 * noise, copy.deepcopy(model).double()
    eps = eps if norm == "linf" else 10 * eps
    attack = (
        foolbox.attacks.LinfFastGradientAttack() if norm == "linf" else foolbox.attacks.L2FastGradientAttack()
    )
    _, theirs, _ = attack(foolbox.PyTorchModel(exact, bounds=(0, 1)), images, labels, epsilons=eps)
    torch.testing.assert_close(fgsm(exact, images, labels, eps=eps, norm=norm), theirs, atol=1e-12, rtol=0)


@pytest.mark.parametrize("targeted", [False, True])
def test_momentum_equals_torchattacks(torchattacks, model, images_and_labels, targeted):
    images, labels = images_and_labels
    attack = torchattacks.MIFGSM(model, eps=0.1, alpha=0.02, steps=5, decay=0.9)
    targets = (labels + 1) % 10 if targeted else None
    if targeted:
        attack.set_mode_targeted_by_label(quiet=True)
    theirs = attack(images, labels if targets is None else targets)
    ours = mi_fgsm(model, images, labels, eps=0.1, step_size=0.02, steps=5, decay=0.9, targets=targets)
    # they divide by the mean and we by the sum: where the accumulated gradient is nearly 0, rounding
    # decides its sign
    assert ((ours - theirs).abs() < 1e-6).double().mean() > 0.999


@pytest.mark.parametrize("eps", EPS)
def test_pgd_is_at_least_as_strong_as_torchattacks(torchattacks, model, images_and_labels, eps):
    images, labels = images_and_labels
    step = 2.5 * eps / 20
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = torchattacks.PGD(model, eps=eps, alpha=step, steps=20)(images, labels)
    ours = pgd(model, images, labels, eps=eps, steps=20, generator=torch.Generator().manual_seed(0))
    assert success(model, ours, labels) >= success(model, theirs, labels)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("eps", EPS)
def test_pgd_is_at_least_as_strong_as_foolbox(foolbox, model, images_and_labels, eps, norm):
    images, labels = images_and_labels
    eps = eps if norm == "linf" else 10 * eps
    kind = foolbox.attacks.LinfPGD if norm == "linf" else foolbox.attacks.L2PGD
    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        _, theirs, _ = kind(rel_stepsize=2.5 / 20, steps=20)(wrapped, images, labels, epsilons=eps)
    ours = pgd(
        model, images, labels, eps=eps, norm=norm, steps=20, generator=torch.Generator().manual_seed(0)
    )
    assert success(model, ours, labels) >= success(model, theirs, labels)


@pytest.mark.parametrize("eps", [0.1, 0.2])
def test_square_fools_as_many_as_torchattacks_do_with_the_same_queries(
    torchattacks, model, images_and_labels, eps
):
    images, labels = images_and_labels
    with torch.no_grad():
        right = model(images).argmax(1) == labels
    images, labels = images[right][:80], labels[right][:80]
    with torch.random.fork_rng():
        theirs = torchattacks.Square(model, eps=eps, n_queries=150, seed=0)(images, labels)
    generator = torch.Generator().manual_seed(0)
    ours = square(model, images, labels, eps=eps, queries=150, generator=generator)
    assert success(model, theirs, labels) > 0.1
    assert success(model, ours, labels) == pytest.approx(success(model, theirs, labels), abs=0.08)
