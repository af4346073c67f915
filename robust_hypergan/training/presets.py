"""Named trainings: sizes, steps and rates that were measured together (``docs/method.md``)."""

from __future__ import annotations

from dataclasses import dataclass

from robust_hypergan.base.errors import unknown
from robust_hypergan.models.hypergan import HyperGANConfig
from robust_hypergan.training.config import TrainConfig


@dataclass(frozen=True)
class Preset:
    """A HyperGAN and how to train it."""

    hypergan: HyperGANConfig
    training: TrainConfig


SMALL_CODES = HyperGANConfig(latent_dim=16, code_dim=16, hidden=128)
"""Few dimensions keep the generated networks apart and unsure of outliers (``docs/method.md``)."""

COLOUR = HyperGANConfig(latent_dim=512, code_dim=256, hidden=128, noise_share=0.5)
"""Colour images need larger codes; more noise makes diverse but worse networks (``docs/method.md``)."""

PRESETS = {
    "quick": Preset(HyperGANConfig(), TrainConfig(steps=600, networks=8)),
    "standard": Preset(
        SMALL_CODES, TrainConfig(steps=2400, batch=32, learning_rate=5e-4, label_smoothing=0.05)
    ),
    "cautious": Preset(
        SMALL_CODES,
        TrainConfig(steps=2400, batch=32, learning_rate=5e-4, label_smoothing=0.05, disagreement=0.05),
    ),
    "accurate": Preset(
        SMALL_CODES,
        TrainConfig(steps=9600, batch=32, learning_rate=5e-4, label_smoothing=0.05, augmentation="affine"),
    ),
    "cifar": Preset(COLOUR, TrainConfig(steps=6000, learning_rate=1e-3, codes=256, augmentation="flip-crop")),
    "cifar-quick": Preset(
        COLOUR, TrainConfig(steps=2000, batch=32, learning_rate=1e-3, codes=256, augmentation="flip-crop")
    ),
    "residual": Preset(
        HyperGANConfig(hidden=128, noise_share=0.25, chunk=4608),
        TrainConfig(steps=16_000, batch=32, learning_rate=1e-3, warmup=500, augmentation="flip-crop"),
    ),
    "paper": Preset(
        HyperGANConfig(), TrainConfig(steps=20_000, networks=32, batch=32, learning_rate=1e-4, warmup=200)
    ),
}
"""``quick`` for a first look, ``standard`` to report: diverse, and unsure of what it was not trained on;
``cautious`` the same, but that its networks learn to disagree where there are no data: surest of outliers;
``accurate`` has the best networks and the best votes, of digits; ``cifar`` to report on colour images,
``cifar-quick`` for a first look at those; ``residual`` for the classifier ``resnet-gn``, the most accurate on
CIFAR-10, whose votes gain nothing; ``paper`` as near to the authors' scripts as the method here allows (32
networks a step, Adam at 1e-4)."""


def find_preset(name: str) -> Preset:
    """A preset by name.

    Raises:
        InputError: the name is unknown.
    """
    if name not in PRESETS:
        raise unknown("preset", name, PRESETS)
    return PRESETS[name]
