"""How different networks are: their answers, errors, features, probabilities and weights, pair by pair.

Shapes: K networks, n images, d features. Every measure of pairs is a matrix ``[K, K]`` in float64.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from robust_hypergan.base.errors import InputError
from robust_hypergan.models.layers import WEIGHTED
from robust_hypergan.models.parameters import Params, bind, load, networks_of

FEWEST_IMAGES = 4
"""The unbiased estimate of :func:`linear_cka` needs so many."""

IMAGE_BLOCK = 500


def disagreement(answers: Tensor) -> Tensor:
    """Share of the images ``[K, K]`` on which two of K networks answer differently.

    Args:
        answers: predicted classes ``[K, n]``.
    """
    return torch.stack([(answers != own).double().mean(1) for own in answers])


def error_iou(wrong: Tensor) -> Tensor:
    """Intersection over union ``[K, K]`` of the images that two of K networks get wrong; 1 if neither errs.

    Args:
        wrong: which images each gets wrong, ``[K, n]`` bool.
    """
    both = torch.stack([(wrong & own).sum(1) for own in wrong]).double()
    either = torch.stack([(wrong | own).sum(1) for own in wrong]).double()
    return torch.where(either > 0, both / either.clamp(min=1), torch.ones_like(both))


def weight_distance(params: Params) -> Tensor:
    """L2 distance ``[K, K]`` of all parameters of two networks, relative to the mean of their two norms.

    It is of the weights as they stand: networks that differ only in the order of their units are far apart.

    Args:
        params: parameters of K networks, each tensor ``[K, ...]``.
    """
    flat = [value.reshape(len(value), -1).double() for value in params.values()]
    apart = torch.stack(
        [
            torch.stack([(value - value[row]).square().sum(1) for value in flat]).sum(0).sqrt()
            for row in range(len(flat[0]))
        ]
    )
    norms = torch.stack([value.square().sum(1) for value in flat]).sum(0).sqrt()
    return apart / ((norms[:, None] + norms) / 2)


def symmetric_kl(logits: Tensor) -> Tensor:
    """Mean over the images of ``(KL(p || q) + KL(q || p)) / 2`` ``[K, K]`` of two softmaxes, in nats.

    Args:
        logits: of K networks, ``[K, n, classes]``.
    """
    logs = logits.double().log_softmax(2).flatten(1)  # (K, n * classes)
    cross = logs.exp() @ logs.T / logits.shape[1]
    directed = cross.diagonal()[:, None] - cross
    return ((directed + directed.T) / 2).clamp(min=0)


def linear_cka(features: Tensor) -> Tensor:
    """Linear centred kernel alignment ``[K, K]``: 1 for features that are equal up to rotation and scale.

    Source: Kornblith, Norouzi, Lee & Hinton, ICML 2019, arXiv:1905.00414, with the unbiased estimate of HSIC
    (Song et al. 2012, JMLR 13), as Nguyen, Raghu & Kornblith, ICLR 2021, arXiv:2010.15327: otherwise
    unrelated features look alike when images are few. For centred X and Y with the squared row norms x and y

        n (n - 3) HSIC(X, Y) = |X'Y|^2 - n / (n - 2) x'y + sum(x) sum(y) / ((n - 1) (n - 2))

    and CKA is ``HSIC(X, Y) / sqrt(HSIC(X, X) HSIC(Y, Y))``; an estimate near 0 may be negative.

    Args:
        features: of K networks, ``[K, n, d]``; n at least 4.

    Raises:
        InputError: fewer images.
    """
    count = features.shape[1]
    if count < FEWEST_IMAGES:
        raise InputError(f"{count} images are too few to compare features: give at least {FEWEST_IMAGES}")
    centred = features - features.mean(1, keepdim=True)
    squares = centred.double().square().sum(2)  # (K, n)
    sums = squares.sum(1)
    crossed = torch.zeros(len(features), len(features), dtype=torch.float64, device=features.device)
    for first in range(len(features)):
        for second in range(first, len(features)):
            value = (centred[first].T @ centred[second]).double().square().sum()
            crossed[first, second] = crossed[second, first] = value
    hsic = crossed - count / (count - 2) * squares @ squares.T
    hsic += sums[:, None] * sums / ((count - 1) * (count - 2))
    own = hsic.diagonal().clamp(min=0).sqrt()
    return hsic / (own[:, None] * own)


@torch.no_grad()
def last_features(classifier: nn.Module, params: Params, images: Tensor) -> tuple[Tensor, Tensor]:
    """What goes into the last linear layer or convolution, and the logits.

    Args:
        classifier: the architecture, in eval mode.
        params: parameters of K networks, each tensor ``[K, ...]``.
        images: ``[n, C, H, W]`` in [0, 1].

    Returns:
        Features ``[K, n, d]`` and logits ``[K, n, classes]``.

    Raises:
        InputError: the classifier has no such layer that its forward pass uses.
    """
    module = bind(classifier, {name: value[0] for name, value in params.items()})
    seen: list[Tensor] = []
    for each in module.modules():
        if isinstance(each, WEIGHTED):
            each.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].flatten(1)))
    features, logits = [], []
    for network in networks_of(params):
        load(module, network)
        parts = []
        for block in images.split(IMAGE_BLOCK):
            seen.clear()
            logits.append(module(block))
            if not seen:
                kind = type(classifier).__name__
                raise InputError(
                    f"{kind} has no linear layer or convolution, whose inputs are the features to compare"
                )
            parts.append(seen[-1])
        features.append(torch.cat(parts))
    return torch.stack(features), torch.cat(logits).unflatten(0, (len(features), len(images)))
