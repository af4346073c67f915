"""Pictures without a class, answers of each network's own to them, and trainings that see them."""

from dataclasses import replace

import pytest
import torch
from torch.func import functional_call
from torch.nn import functional

from robust_hypergan.base.errors import InputError
from robust_hypergan.data.datasets import to_unit
from robust_hypergan.data.off_data import off_data_count, own_answers, with_off_data, without_class
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.models.networks import Networks
from robust_hypergan.models.parameters import call_network, networks_of
from robust_hypergan.training.config import TrainConfig
from robust_hypergan.training.network_gradients import NetworkGradients
from robust_hypergan.training.trainer import Trainer


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=seeded())


@pytest.mark.parametrize("shape", [(40, 1, 28, 28), (41, 3, 7, 5), (2, 1, 2, 2)])
def test_four_kinds_of_pictures_are_made_in_turn(shape):
    images = drawn(*shape)
    kept, before = images.clone(), images.roll(1, 0)
    made = without_class(images, seeded())
    assert torch.equal(images, kept)
    assert made.shape == images.shape
    half = shape[3] // 2
    assert torch.equal(made[1::4, ..., :half], images[1::4, ..., :half])
    assert torch.equal(made[1::4, ..., half:], before[1::4, ..., half:])
    assert torch.equal(made[2::4], torch.maximum(images[2::4], before[2::4].flip(2)))
    torch.testing.assert_close(made[3::4] + images[3::4], torch.ones_like(images[3::4]))
    for picture, image in zip(made[0::4], images[0::4], strict=True):
        down, right = shape[2] // 2, shape[3] // 2
        places = [(..., slice(y, y + down), slice(x, x + right)) for y in (0, down) for x in (0, right)]
        found = [[i for i, at in enumerate(places) if torch.equal(picture[to], image[at])] for to in places]
        assert sorted(place for (place,) in found) == [0, 1, 2, 3]
        assert found != [[0], [1], [2], [3]]
        assert torch.equal(picture[:, 2 * down :], image[:, 2 * down :])
        assert torch.equal(picture[:, :, 2 * right :], image[:, :, 2 * right :])


def test_every_order_of_the_quarters_but_the_first_is_drawn():
    image = torch.tensor([[0.1, 0.2], [0.3, 0.4]]).expand(4000, 1, 2, 2)
    made = without_class(image, seeded())[0::4]
    assert len(made.flatten(1).unique(dim=0)) == 23


def test_answers_are_spread_over_the_classes_and_hang_on_the_last_code():
    codes = torch.randn(5000, 3, 16, generator=seeded())
    answers = own_answers(codes, 10, seed=0)
    assert torch.bincount(answers, minlength=10).min() > 200  # of 500 on average
    others = codes.clone()
    others[:, :2] = 0
    assert torch.equal(own_answers(others, 10, seed=0), answers)
    assert (own_answers(codes, 10, seed=1) != answers).float().mean() > 0.8


def test_minibatches_end_with_pictures_that_each_network_calls_by_its_own_class():
    images, labels = drawn(3, 8, 1, 4, 4), torch.arange(24).view(3, 8) % 10
    more, named = with_off_data(images, labels, torch.tensor([7, 1, 4]), seeded())
    assert off_data_count(8) == 2
    assert off_data_count(1) == 1
    assert torch.equal(more[:, :8], images)
    assert torch.equal(named[:, :8], labels)
    assert named[:, 8:].tolist() == [[7, 7], [1, 1], [4, 4]]
    assert torch.equal(more[:, 8:].flatten(0, 1), without_class(images[:, :2].flatten(0, 1), seeded()))


def test_gradients_are_those_of_both_losses_and_the_accuracy_that_of_the_data(untrained, training_set):
    images, labels = to_unit(training_set.images[:22]).view(2, 11, 1, 8, 8), training_set.labels[:22]
    labels = labels.view(2, 11)
    params = untrained.sample(Networks(0, "fresh", range(2)))
    of_networks = NetworkGradients(
        untrained.classifier, images[0], half=False, label_smoothing=0.1, off_data=3, disagreement=0.4
    )
    loss, accuracy, gradients = of_networks(params, images, labels)

    leaves = {name: value.clone().requires_grad_() for name, value in params.items()}
    logits = torch.stack(
        [
            functional_call(untrained.classifier, {n: v[i] for n, v in leaves.items()}, (images[i],))
            for i in range(2)
        ]
    )
    data, other = logits.split((8, 3), 1)
    expected = functional.cross_entropy(data.flatten(0, 1), labels[:, :8].flatten(), label_smoothing=0.1)
    expected = expected + 0.4 * functional.cross_entropy(other.flatten(0, 1), labels[:, 8:].flatten())
    (2 * expected).backward()
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    assert accuracy == pytest.approx((data.argmax(2) == labels[:, :8]).float().mean().item())
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, leaves[name].grad, atol=1e-6, rtol=1e-5)


def test_it_needs_codes_that_are_held_to_the_prior_and_networks_that_are_generated():
    with pytest.raises(InputError, match="without a discriminator"):
        TrainConfig(disagreement=0.1, adversarial_weight=0)
    config = TrainConfig(steps=7, disagreement=0.1, pgd_eps=0.2)
    assert config.of_ensemble() == TrainConfig(steps=7)


def test_a_training_teaches_networks_to_disagree_where_there_are_no_data(untrained, training_set, test_set):
    pictures = without_class(to_unit(test_set.images), seeded(1))
    config = TrainConfig(steps=300, networks=4, batch=16, warmup=10, codes=32, learning_rate=2e-3)

    def disagreement(weight: float) -> float:
        hypergan = HyperGAN(untrained.classifier, untrained.config, seed=3)
        trainer = Trainer(hypergan, training_set, replace(config, disagreement=weight))
        for _ in range(config.steps):
            trainer.advance()
        networks = networks_of(hypergan.sample(Networks(0, "fresh", range(30))))
        answers = [call_network(hypergan.classifier, network, pictures).argmax(1) for network in networks]
        counts = functional.one_hot(torch.stack(answers), 3).sum(0) / len(networks)
        return 1 - counts.square().sum(1).mean().item()

    assert disagreement(1.0) > disagreement(0.0) + 0.2
