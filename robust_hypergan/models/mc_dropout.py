"""MC dropout as a network distribution: one mask is one network.

Source: Gal & Ghahramani, *Dropout as a Bayesian Approximation*, ICML 2016, arXiv:1506.02142.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from robust_hypergan.base.errors import InputError, check_range
from robust_hypergan.models.networks import Networks
from robust_hypergan.models.parameters import Params, first_names

MOST_VALUES = 2**22
"""So many an image may have in a file, before one is made: a colour image of 1024x1024 has fewer."""

_BY_CHANNEL = (nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)


class Mask(nn.Module):
    """Stands where a dropout module stood: multiplies by a fixed mask, 0 or ``1 / (1 - p)``.

    Args:
        shape: of the mask, ``(1, ...)``: the same for every image.
        p: probability of 0.
    """

    mask: Tensor

    def __init__(self, shape: Sequence[int], p: float) -> None:
        super().__init__()
        self.p = p
        self.register_buffer("mask", torch.ones(tuple(shape)))

    def forward(self, features: Tensor) -> Tensor:
        """The features, some of them dropped."""
        return features * self.mask


class DropoutNetworks:
    """A trained network with every ``nn.Dropout`` of it frozen to a mask that is part of the parameters.

    The masks are drawn from a network's address, one for each dropout module, and stay the same for
    all images: this is exactly the module in training mode with that mask. Element-wise dropout and
    ``Dropout1d`` to ``3d``, which drop whole channels, are known. Networks are written with their masks
    beside the plain weights, as ``NAME.mask``.

    Args:
        classifier: with its trained weights.
        image_shape: ``(C, H, W)`` of the images that it takes.

    Raises:
        InputError: the classifier has no dropout module, or one that a mask cannot stand for: used
            several times in a forward pass or never, not with images first, without effect in eval
            mode (as in PyTorch's fast path of ``TransformerEncoderLayer``), or of another kind.
    """

    kind: ClassVar[str] = "mc-dropout"

    def __init__(self, classifier: nn.Module, image_shape: Sequence[int]) -> None:
        self.image_shape = tuple(image_shape)
        self.weights: Params = _own_tensors(classifier)
        shapes = _feature_shapes(classifier, self.image_shape)
        self.classifier = copy.deepcopy(classifier).eval().requires_grad_(False)
        self.masks: dict[str, Mask] = {}
        for name, shape in shapes.items():
            module = self.classifier.get_submodule(name)
            assert isinstance(module, nn.modules.dropout._DropoutNd)
            channels = [1, shape[1], *[1] * (len(shape) - 2)]
            mask = Mask(channels if isinstance(module, _BY_CHANNEL) else [1, *shape[1:]], module.p)
            self.classifier.set_submodule(name, mask.to(next(iter(self.weights.values())).device))
            self.masks[f"{name}.mask"] = mask
        self._check_effect()

    def settings(self) -> dict[str, Any]:
        """The shape of the images."""
        return {"image_shape": list(self.image_shape)}

    def tensors(self) -> dict[str, Tensor]:
        """The plain weights."""
        return dict(self.weights)

    @classmethod
    def restore(cls, classifier: nn.Module, settings: Mapping[str, Any], tensors: Params) -> Self:
        """The same weights under masks again."""
        check_range("size of an image", math.prod(settings["image_shape"]), 1, MOST_VALUES)
        state = {name: tensors[first] for name, first in first_names(classifier).items()}
        classifier.load_state_dict(state)
        return cls(classifier, settings["image_shape"])

    def to(self, device: torch.device) -> Self:
        """Moves everything to a device; returns itself."""
        self.classifier.to(device)
        self.weights = {name: value.to(device) for name, value in self.weights.items()}
        return self

    def sample(self, networks: Networks) -> Params:
        """Weights and masks of the networks at these addresses, each tensor ``[M, ...]``."""
        params = {name: value.expand(len(networks), *value.shape) for name, value in self.weights.items()}
        rows: dict[str, list[Tensor]] = {name: [] for name in self.masks}
        for index in networks.indices:
            random = networks.random(index)
            for name, module in self.masks.items():
                kept = torch.from_numpy(random.random(tuple(module.mask.shape)) >= module.p)
                rows[name].append(kept.float() / (1 - module.p))
        return params | {
            name: torch.stack(own).to(self.masks[name].mask.device) for name, own in rows.items()
        }

    @torch.no_grad()
    def _check_effect(self) -> None:
        images = torch.rand(2, *self.image_shape, generator=torch.Generator().manual_seed(0))
        images = images.to(next(iter(self.weights.values())).device)
        before = self.classifier(images)
        for name, module in self.masks.items():
            module.mask.zero_()
            if torch.equal(self.classifier(images), before):
                raise InputError(f"the dropout of {name.removesuffix('.mask')} has no effect in eval mode")
            module.mask.fill_(1)


def _own_tensors(classifier: nn.Module) -> Params:
    tensors = classifier.state_dict()
    return {name: tensors[name].clone() for name, first in first_names(classifier).items() if name == first}


def _feature_shapes(classifier: nn.Module, image_shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Shape of what each dropout module drops from, in a forward pass of two images."""
    probe = copy.deepcopy(classifier).train()
    dropouts = {
        name: module
        for name, module in probe.named_modules()
        if isinstance(module, nn.modules.dropout._DropoutNd) and module.p > 0
    }
    kind = type(classifier).__name__
    if not dropouts:
        raise InputError(
            f"classifier {kind} has no nn.Dropout module: MC dropout needs one, such as mnist-dropout"
        )
    seen: dict[str, list[tuple[int, ...]]] = {name: [] for name in dropouts}
    for name, module in dropouts.items():
        module.register_forward_hook(
            lambda _, inputs, __, name=name: seen[name].append(tuple(inputs[0].shape))
        )
    device = next((parameter.device for parameter in probe.parameters()), None)
    with torch.no_grad(), torch.random.fork_rng():
        probe(torch.full((2, *image_shape), 0.5, device=device))
    for name, shapes in seen.items():
        known = isinstance(dropouts[name], (nn.Dropout, *_BY_CHANNEL)) and dropouts[name].p < 1
        if not known or len(shapes) != 1 or shapes[0][0] != 2:
            raise InputError(
                f"a mask cannot stand for {name} of classifier {kind}: it must be an nn.Dropout to "
                "Dropout3d with p below 1, used once in a forward pass, with images first"
            )
    return {name: shapes[0] for name, shapes in seen.items()}
