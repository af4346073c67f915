"""How a HyperGAN is trained."""

from __future__ import annotations

from dataclasses import dataclass, replace

from robust_hypergan.base.errors import InputError, check_range, unknown
from robust_hypergan.data.augmentation import AUGMENTATIONS

TRAINING_PRECISIONS = ("float32", "bfloat16")

MOST_STEPS, MOST_IMAGES = 10**8, 2**16
"""Beyond, a number is a slip: no training ends, and no minibatch fits into the memory."""


@dataclass(frozen=True)
class TrainConfig:
    """How a HyperGAN is trained.

    Attributes:
        steps: optimisation steps.
        networks: networks generated a step.
        batch: images for each network, drawn anew for every network.
        learning_rate: peak rate of Adam, reached after ``warmup`` steps and lowered to 0 by a cosine.
        warmup: steps of linear warm-up.
        codes: codes a step on which the mixer and the discriminator play, at least ``networks``.
        adversarial_weight: weight of the mixer's adversarial loss; 0 is the paper's ablation without
            a discriminator.
        pretraining: steps that fit the mean and covariance of the codes to the prior beforehand.
        seed: of initialisation and of every random choice.
        precision: of the generated networks, ``float32`` or ``bfloat16`` (but for norms and the last layer);
            None is the fastest for processor and classifier. Generators and optimiser work in float32.
        augmentation: of the training images, see :func:`robust_hypergan.data.augmentation.augment`.
        label_smoothing: share of each label that is spread over all classes (Szegedy et al., CVPR 2016).
        pgd_eps: radius of the L-inf ball of adversarial training, where each network sees PGD examples made
            against another; 0 trains on clean images.
        pgd_steps: steps of that PGD.
        disagreement: weight of the loss by which networks learn different answers to pictures without a class
            (:mod:`robust_hypergan.data.off_data`); 0 shows them none. It needs codes held to the prior.
        snapshots: checkpoints kept along the way, evenly spaced, at most one a step; the last is the result.

    Raises:
        InputError: a count outside its range, a negative rate, an unknown precision or augmentation, or
            disagreement without a discriminator.
    """

    steps: int = 600
    networks: int = 8
    batch: int = 64
    learning_rate: float = 2e-4
    warmup: int = 50
    codes: int = 128
    adversarial_weight: float = 1.0
    pretraining: int = 100
    seed: int = 0
    precision: str | None = None
    augmentation: str = "none"
    label_smoothing: float = 0.0
    pgd_eps: float = 0.0
    pgd_steps: int = 7
    disagreement: float = 0.0
    snapshots: int = 0

    def __post_init__(self) -> None:
        check_range("steps", self.steps, 1, MOST_STEPS)
        check_range("train_networks", self.networks, 1, self.codes)
        check_range("batch", self.batch, 1, MOST_IMAGES)
        for name in ("learning_rate", "warmup", "adversarial_weight", "pretraining", "disagreement", "seed"):
            check_range(name, getattr(self, name), 0)
        check_range("label_smoothing", self.label_smoothing, 0, 1)
        check_range("pgd_eps", self.pgd_eps, 0, 1)
        check_range("pgd_steps", self.pgd_steps, 1)
        check_range("codes", self.codes, 2, MOST_IMAGES)
        check_range("snapshots", self.snapshots, 0, self.steps)
        if self.disagreement and not self.adversarial_weight:
            raise InputError(
                "without a discriminator codes need not differ: leave it in, or leave out the disagreement"
            )
        if self.precision not in (None, *TRAINING_PRECISIONS):
            raise unknown("precision", str(self.precision), TRAINING_PRECISIONS)
        if self.augmentation not in AUGMENTATIONS:
            raise unknown("augmentation", self.augmentation, AUGMENTATIONS)

    def of_ensemble(self) -> TrainConfig:
        """The same without what only networks that are generated can be taught."""
        return replace(self, pgd_eps=0.0, disagreement=0.0)

    @property
    def snapshot_steps(self) -> frozenset[int]:
        """The steps after which a snapshot is kept."""
        return frozenset(round(self.steps * (i + 1) / self.snapshots) for i in range(self.snapshots))
