"""What has to be generated: the parameters of each layer of a classifier, read from the classifier itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import nn

from robust_hypergan.errors import InputError


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


def layer_shapes(classifier: nn.Module) -> list[LayerShape]:
    """The layers of a classifier, in its own order.

    A weight of two or more dimensions starts with standard deviation ``sqrt(2 / fan_in)``
    (hyperfan-in: Chang, Flokas & Lipson, ICLR 2020), a bias with a tenth of ``sqrt(1 / fan_in)`` of
    its layer's weight, the gain of a norm layer around 1.

    Raises:
        InputError: the classifier has no parameters, or state that cannot be generated.
    """
    stateful = [
        name for name, _ in classifier.named_buffers() if name in classifier.state_dict(keep_vars=True)
    ]
    if stateful:
        raise InputError(
            f"{type(classifier).__name__} keeps state that cannot be generated ({stateful[0]}): "
            "use group or layer norm instead of batch norm, or register constants with persistent=False"
        )
    layers = []
    for module_name, module in classifier.named_modules():
        own = dict(module.named_parameters(prefix=module_name, recurse=False))
        if own:
            parameters = tuple(_parameter_shape(name, tuple(p.shape), own) for name, p in own.items())
            layers.append(LayerShape(module_name or "root", parameters))
    if not layers:
        raise InputError(f"{type(classifier).__name__} has no parameters to generate")
    return layers


def _parameter_shape(name: str, shape: tuple[int, ...], layer: dict[str, nn.Parameter]) -> ParameterShape:
    if len(shape) > 1:
        return ParameterShape(name, shape, 0.0, math.sqrt(2 / math.prod(shape[1:])))
    if name.rpartition(".")[2] == "weight":
        return ParameterShape(name, shape, 1.0, 0.1)
    fan_in = max((math.prod(p.shape[1:]) for p in layer.values() if p.ndim > 1), default=100)
    return ParameterShape(name, shape, 0.0, 0.1 * math.sqrt(1 / fan_in))
