"""The classifiers whose weights are generated: plain modules from images in [0, 1] to logits.

A user's own stands beside the built-in ones as ``package.module:CLASS`` or ``./file.py:CLASS``.

Normalisation is part of each classifier, so that everything outside it, attacks first of all, sees
images in [0, 1]. Rectifiers follow the pooling instead of preceding it: the same values and gradients, for
a quarter of the work. A classifier may use anything but state that cannot be generated, such as running
batch-norm statistics (:func:`robust_hypergan.models.layers.layer_shapes` says so).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from robust_hypergan.base.errors import InputError, unknown
from robust_hypergan.base.user_code import build_from_user_code, is_user_code
from robust_hypergan.models.residual import ResidualClassifier


class MNISTClassifier(nn.Module):
    """The MNIST classifier of the HyperGAN paper: two 5x5 convolutions and a linear layer, 31,594 weights.

    Source: Ratzlaff & Li, ICML 2019, arXiv:1901.11058, and the authors' scripts. Images are shifted
    and scaled by MNIST's mean 0.1307 and standard deviation 0.3081.

    Args:
        classes: number of classes.
        dropout: probability of dropping a feature before the linear layer.
    """

    def __init__(self, classes: int = 10, dropout: float = 0.0) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 5)
        self.conv2 = nn.Conv2d(32, 32, 5)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(512, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``[N, classes]`` of images ``[N, 1, 28, 28]`` in [0, 1]."""
        hidden = (images - 0.1307) / 0.3081
        hidden = functional.relu(functional.max_pool2d(self.conv1(hidden), 2))
        hidden = functional.relu(functional.max_pool2d(self.conv2(hidden), 2))
        logits: Tensor = self.linear(self.dropout(hidden.flatten(1)))
        return logits


class CIFARClassifier(nn.Module):
    """The CIFAR classifier of the HyperGAN paper: three 3x3 convolutions and two linear layers.

    Source: Ratzlaff & Li, ICML 2019, arXiv:1901.11058, and the authors' scripts. Each channel is
    shifted and scaled to about [-1, 1].

    Args:
        classes: number of classes.
        dropout: probability of dropping a feature before the last linear layer.
    """

    def __init__(self, classes: int = 10, dropout: float = 0.0) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.conv3 = nn.Conv2d(64, 64, 3)
        self.linear1 = nn.Linear(256, 128)
        self.dropout = nn.Dropout(dropout)
        self.linear2 = nn.Linear(128, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``[N, classes]`` of images ``[N, 3, 32, 32]`` in [0, 1]."""
        hidden = images * 4 - 2
        for conv in (self.conv1, self.conv2, self.conv3):
            hidden = functional.relu(functional.max_pool2d(conv(hidden), 2))
        hidden = functional.relu(self.linear1(hidden.flatten(1)))
        logits: Tensor = self.linear2(self.dropout(hidden))
        return logits


CLASSIFIERS: dict[str, Callable[[int], nn.Module]] = {
    "mnist": MNISTClassifier,
    "mnist-dropout": partial(MNISTClassifier, dropout=0.5),
    "cifar": CIFARClassifier,
    "cifar-dropout": partial(CIFARClassifier, dropout=0.5),
    "resnet-gn": ResidualClassifier,
}
"""The classifiers by name; each is built from its number of classes."""


def build_classifier(name: str, classes: int, *, seed: int = 0) -> nn.Module:
    """A fresh classifier.

    Args:
        name: of :data:`CLASSIFIERS`, or ``package.module:CLASS`` or ``./file.py:CLASS`` of a class, or a
            function, of the user's own. It is called with the number of classes if it takes an argument
            of the name ``classes`` or ``num_classes``, else with nothing.
        classes: number of classes.
        seed: of the initial weights and of any random constants; the global state is kept.

    Raises:
        InputError: the name is unknown, or the user's code can't be imported or makes no module.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if not is_user_code(name):
            if name not in CLASSIFIERS:
                raise unknown("classifier", name, CLASSIFIERS)
            return CLASSIFIERS[name](classes)
        classifier = build_from_user_code(name, "classifier", classes)
    if not isinstance(classifier, nn.Module):
        raise InputError(f"classifier {name} makes a {type(classifier).__name__}, not a torch.nn.Module")
    return classifier


def with_dropout(name: str) -> str:
    """The name of the same classifier with dropout, if it is one of ours; else the name itself."""
    return f"{name}-dropout" if f"{name}-dropout" in CLASSIFIERS else name


def default_classifier(image_shape: tuple[int, ...]) -> str:
    """The paper's classifier for images ``(C, H, W)``.

    Raises:
        InputError: none of them takes such images.
    """
    names = {(1, 28, 28): "mnist", (3, 32, 32): "cifar"}
    if image_shape not in names:
        known = " and ".join(map(str, names))
        raise InputError(
            f"no classifier for images {image_shape}: the built-in ones take {known}; "
            "--classifier names one of your own"
        )
    return names[image_shape]
