"""Whether a classifier fits a data set: its images, its classes, and one answer to each image."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from robust_hypergan.base.errors import FOREIGN, InputError
from robust_hypergan.base.user_code import short
from robust_hypergan.data.datasets import Dataset, to_unit

IMAGES = 4
"""That a classifier is tried on."""

ROUNDING = 1e-3
"""Share of the largest logit by which two computations of the same may differ."""


def check_fit(name: str, classifier: nn.Module, dataset: Dataset) -> None:
    """Refuses a classifier that does not take a data set's images, or has another number of classes.

    So it does one whose logits of an image are not the same at every call, whatever images stand beside it:
    many networks are computed on the same images, in chunks of any size.

    Args:
        name: of the classifier, for messages.
        classifier: images in [0, 1] to logits; it is left as it is.
        dataset: the images.

    Raises:
        InputError: says what is wrong.
    """
    shape = tuple(dataset.images.shape[1:])
    try:
        trial = copy.deepcopy(classifier).eval()
    except FOREIGN as error:  # its parts may be anything
        raise InputError(
            f"classifier {name} can't be copied ({short(error)}): "
            "use torch.nn.utils.parametrizations instead of weights that are computed ahead"
        ) from error
    device = next((each.device for each in trial.parameters()), torch.device("cpu"))
    images = to_unit(dataset.images[:IMAGES].to(device))
    given = images.clone()
    try:
        with torch.no_grad():
            logits = trial(given[:1])
    except FOREIGN as error:  # a classifier of the user's own may raise anything
        raise InputError(
            f"classifier {name} does not take the images of {dataset.name}, {shape} ({short(error)})"
        ) from error
    if not isinstance(logits, Tensor) or logits.ndim != 2:
        got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise InputError(f"classifier {name} gives {got} for one image: it must give logits (1, classes)")
    if logits.shape != (1, len(dataset.classes)):
        raise InputError(
            f"classifier {name} gives {logits.shape[-1]} classes, {dataset.name} has {len(dataset.classes)}: "
            "use the data set that the checkpoint was trained on"
        )
    if not logits.isfinite().all():
        raise InputError(f"classifier {name} gives logits that are not finite for an image of {dataset.name}")
    if not torch.equal(given, images):
        raise InputError(f"classifier {name} writes into its images: let it take x - 0.5, not x.sub_(0.5)")
    try:
        with torch.no_grad():
            again, among = trial(images[:1]), trial(images)
    except FOREIGN as error:  # as above
        raise InputError(f"classifier {name} takes one image, but not several ({short(error)})") from error
    if _differ(again, logits):
        raise InputError(
            f"classifier {name} gives other logits for the same image again: it must draw no random numbers"
        )
    if len(among) != len(images) or _differ(among[:1], logits):
        raise InputError(
            f"classifier {name} gives an image other logits among others than alone: "
            "use group or layer norm instead of batch norm without running statistics"
        )


def _differ(one: Tensor, other: Tensor) -> bool:
    most = ROUNDING * float(other.abs().max())
    return one.shape != other.shape or not bool(((one - other).abs() <= most).all())
