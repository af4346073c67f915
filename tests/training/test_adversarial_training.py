"""Adversarial training: images that fool the network before, and a training that sees them."""

import torch

from robust_hypergan.data.datasets import make_dataset
from robust_hypergan.models.classifiers import build_classifier
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.models.networks import Networks
from robust_hypergan.models.parameters import call_network, networks_of
from robust_hypergan.training.adversarial_training import others_adversarials
from robust_hypergan.training.config import TrainConfig
from robust_hypergan.training.trainer import Trainer


def drawn(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def test_each_network_gets_examples_made_against_the_one_before_it() -> None:
    hypergan = HyperGAN(build_classifier("mnist", 10))
    params = hypergan.sample(Networks(0, "fresh", range(3)))
    images, labels = drawn(3, 6, 1, 28, 28), torch.arange(18).view(3, 6) % 10

    def losses(of: torch.Tensor) -> torch.Tensor:
        """Loss of every network (rows) on the images meant for every network (columns)."""
        rows = [
            [
                torch.nn.functional.cross_entropy(call_network(hypergan.classifier, network, own), right)
                for own, right in zip(of, labels, strict=True)
            ]
            for network in networks_of(params)
        ]
        return torch.tensor(rows)

    made = others_adversarials(
        hypergan.classifier,
        params,
        images,
        labels,
        eps=0.1,
        steps=5,
        generator=torch.Generator().manual_seed(1),
    )
    assert made.shape == images.shape
    assert (made - images).abs().max() <= 0.1 + 1e-6
    assert made.min() >= 0
    assert made.max() <= 1
    rise = losses(made) - losses(images)
    attacked = [2, 0, 1]  # whom the images of networks 0, 1, 2 are made against
    for column, row in enumerate(attacked):
        assert rise[:, column].argmax() == row


def test_a_training_step_sees_them() -> None:
    pixels = (255 * drawn(64, 1, 28, 28)).to(torch.uint8)
    dataset = make_dataset("drawn", "train", pixels, torch.arange(64) % 10, tuple("0123456789"))

    def loss(pgd_eps: float) -> float:
        config = TrainConfig(networks=2, batch=8, codes=4, pgd_eps=pgd_eps, pgd_steps=2, precision="float32")
        return Trainer(HyperGAN(build_classifier("mnist", 10)), dataset, config).advance()["loss"]

    assert loss(0.2) > loss(0.0)
