"""The classifiers whose weights are generated: plain modules from images in [0, 1] to logits.

Normalisation is part of each classifier, so that everything outside it, attacks first of all, sees
images in [0, 1]. A classifier may use anything but state that cannot be generated, such as running
batch-norm statistics (:func:`robust_hypergan.layers.layer_shapes` says so).
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

from robust_hypergan.errors import InputError, unknown


class MNISTClassifier(nn.Module):
    """The MNIST classifier of the HyperGAN paper: two 5x5 convolutions and a linear layer, 31,594 weights.

    Source: Ratzlaff & Li, ICML 2019, arXiv:1901.11058, and the authors' scripts. Images are shifted
    and scaled by MNIST's mean 0.1307 and standard deviation 0.3081.

    Args:
        classes: number of classes.
    """

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 5)
        self.conv2 = nn.Conv2d(32, 32, 5)
        self.linear = nn.Linear(512, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``[N, classes]`` of images ``[N, 1, 28, 28]`` in [0, 1]."""
        hidden = (images - 0.1307) / 0.3081
        hidden = functional.max_pool2d(functional.relu(self.conv1(hidden)), 2)
        hidden = functional.max_pool2d(functional.relu(self.conv2(hidden)), 2)
        logits: Tensor = self.linear(hidden.flatten(1))
        return logits


class CIFARClassifier(nn.Module):
    """The CIFAR classifier of the HyperGAN paper: three 3x3 convolutions and two linear layers.

    Source: Ratzlaff & Li, ICML 2019, arXiv:1901.11058, and the authors' scripts. Each channel is
    shifted and scaled to about [-1, 1].

    Args:
        classes: number of classes.
    """

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.conv3 = nn.Conv2d(64, 64, 3)
        self.linear1 = nn.Linear(256, 128)
        self.linear2 = nn.Linear(128, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``[N, classes]`` of images ``[N, 3, 32, 32]`` in [0, 1]."""
        hidden = images * 4 - 2
        for conv in (self.conv1, self.conv2, self.conv3):
            hidden = functional.max_pool2d(functional.relu(conv(hidden)), 2)
        hidden = functional.relu(self.linear1(hidden.flatten(1)))
        logits: Tensor = self.linear2(hidden)
        return logits


CLASSIFIERS: dict[str, Callable[[int], nn.Module]] = {"mnist": MNISTClassifier, "cifar": CIFARClassifier}
"""The classifiers by name; each is built from its number of classes."""


def build_classifier(name: str, classes: int) -> nn.Module:
    """A fresh classifier by name.

    Raises:
        InputError: the name is unknown.
    """
    if name not in CLASSIFIERS:
        raise unknown("classifier", name, CLASSIFIERS)
    return CLASSIFIERS[name](classes)


def default_classifier(image_shape: tuple[int, ...]) -> str:
    """The paper's classifier for images ``(C, H, W)``.

    Raises:
        InputError: none of them takes such images.
    """
    names = {(1, 28, 28): "mnist", (3, 32, 32): "cifar"}
    if image_shape not in names:
        raise InputError(f"no classifier for images {image_shape}: the built-in ones take {list(names)}")
    return names[image_shape]
