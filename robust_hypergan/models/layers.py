"""What has to be generated: the parameters of each layer of a classifier, read from the classifier itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn

from robust_hypergan.base.errors import InputError


@dataclass(frozen=True)
class ParameterShape:
    """One parameter of a layer.

    Attributes:
        name: its name in the classifier's state dict, such as ``conv1.weight``.
        shape: its shape.
        center: what a freshly generated value scatters around (1 for the gain of a norm layer, else 0).
        scale: the standard deviation it starts with.
    """

    name: str
    shape: tuple[int, ...]
    center: float
    scale: float

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class LayerShape:
    """One layer: a module that has parameters of its own, generated together from one code."""

    name: str
    parameters: tuple[ParameterShape, ...]

    @property
    def size(self) -> int:
        """Number of elements of all its parameters."""
        return sum(parameter.size for parameter in self.parameters)


NORMS = (nn.GroupNorm, nn.LayerNorm, nn.RMSNorm, nn.modules.instancenorm._InstanceNorm)
"""Layers that normalise by statistics of the example at hand."""

WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
"""Layers that are nearly all of the work."""

_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def layer_shapes(classifier: nn.Module) -> list[LayerShape]:
    """The layers of a classifier, in its own order.

    Every parameter is generated, trainable or frozen, and one that is shared by several modules once;
    constants are buffers with ``persistent=False``. A weight of two or more dimensions starts with
    standard deviation ``sqrt(2 / fan_in)`` (hyperfan-in: Chang, Flokas & Lipson, ICLR 2020), a bias with
    a tenth of ``sqrt(1 / fan_in)`` of its layer's weight, the gain of a norm layer or a scalar around 1, an
    embedding with 1, and a token or a position embedding, a bare parameter whose first dimension is 1,
    with 0.02 (as in vision transformers: Dosovitskiy et al., ICLR 2021).

    Raises:
        InputError: the classifier has no parameters, or state that cannot be generated.
    """
    kind = type(classifier).__name__
    stateful = [
        name for name, _ in classifier.named_buffers() if name in classifier.state_dict(keep_vars=True)
    ]
    if stateful:
        raise InputError(
            f"{kind} keeps state that cannot be generated ({stateful[0]}): "
            "use group or layer norm instead of batch norm, or register constants with persistent=False"
        )
    layers, seen = [], set()
    for module_name, module in classifier.named_modules():
        own = dict(module.named_parameters(prefix=module_name, recurse=False))
        own = {name: parameter for name, parameter in own.items() if id(parameter) not in seen}
        seen |= {id(parameter) for parameter in own.values()}
        for name, parameter in own.items():
            if isinstance(parameter, nn.UninitializedParameter) or parameter.dtype != torch.float32:
                raise InputError(f"{kind} has {name} lazy or not in float32: build it whole, in float32")
        if own:
            parameters = tuple(_parameter_shape(name, module, own) for name in own)
            layers.append(LayerShape(module_name or "root", parameters))
    if not layers:
        raise InputError(f"{kind} has no parameters to generate")
    return layers


def _parameter_shape(name: str, module: nn.Module, layer: dict[str, nn.Parameter]) -> ParameterShape:
    shape, leaf = tuple(layer[name].shape), name.rpartition(".")[2]
    if leaf == "weight" and isinstance(module, nn.PReLU):
        return ParameterShape(name, shape, 0.25, 0.1)
    if not shape or (leaf == "weight" and (len(shape) == 1 or isinstance(module, NORMS))):
        return ParameterShape(name, shape, 1.0, 0.1)
    if isinstance(module, (nn.Embedding, nn.EmbeddingBag)):
        return ParameterShape(name, shape, 0.0, 1.0)
    if len(shape) > 1 and not isinstance(module, NORMS):
        if shape[0] == 1 and leaf != "weight":
            return ParameterShape(name, shape, 0.0, 0.02)
        return ParameterShape(name, shape, 0.0, math.sqrt(2 / _fan_in(module, shape)))
    fan_in = max((_fan_in(module, tuple(p.shape)) for p in layer.values() if p.ndim > 1), default=100)
    return ParameterShape(name, shape, 0.0, 0.1 * math.sqrt(1 / fan_in))


def _fan_in(module: nn.Module, shape: tuple[int, ...]) -> float:
    """Inputs that one output of a weight ``(outputs, inputs, ...)`` sums over."""
    if isinstance(module, _TRANSPOSED):  # (inputs, outputs / groups, ...), spread out by the stride
        return shape[0] / module.groups * math.prod(shape[2:]) / math.prod(module.stride)
    return math.prod(shape[1:])
