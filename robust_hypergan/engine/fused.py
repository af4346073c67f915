"""Convolution, 2x2 max pooling and ReLU as one operation, computed for many networks at once.

:func:`fused` finds them in a classifier. Under :func:`torch.func.vmap` over networks each is then one kernel
for all networks (:mod:`robust_hypergan.engine.pooled_kernel`).
"""

from __future__ import annotations

import importlib.util
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from robust_hypergan.engine.pooling import side_by_side

RECTIFIERS = (functional.relu, torch.relu, "relu")
"""Functions and methods; the module is ``nn.ReLU``."""


def can_fuse(classifier: nn.Module) -> bool:
    """Whether there is anything in a classifier to fuse, and Triton to compute it on a GPU."""
    return importlib.util.find_spec("triton") is not None and fused(classifier) is not None


def fused(classifier: nn.Module) -> nn.Module | None:
    """The classifier with every such chain as one operation, or None if it has none.

    It shares the modules, and so the parameters and their names, of the classifier. One whose control flow
    hangs on the images' values can't be seen through, and has none.
    """
    try:
        traced = fx.symbolic_trace(classifier)
    except Exception:  # whatever a classifier of the user's own raises when it is handed a stand-in
        return None
    found = False
    for last in list(traced.graph.nodes):
        chain = _chain(last, traced)
        if chain:
            found = True
            _replace(traced.graph, last, chain)
    traced.graph.eliminate_dead_code()
    traced.recompile()
    return traced if found else None


def _chain(last: fx.Node, module: fx.GraphModule) -> fx.Node | None:
    """The convolution whose pooled and rectified output ``last`` is, pooled first or rectified first."""
    for inner, outer in ((_is_pooling, _is_rectifier), (_is_rectifier, _is_pooling)):
        middle = _source(last) if outer(last, module) else None
        if middle and len(middle.users) == 1 and inner(middle, module):
            first = _source(middle)
            if first and len(first.users) == 1 and _is_plain_convolution(first, module):
                return first
    return None


def _source(node: fx.Node) -> fx.Node | None:
    source = node.args[0] if node.args else None
    return source if isinstance(source, fx.Node) else None


def _module(node: fx.Node, module: fx.GraphModule) -> nn.Module | None:
    return module.get_submodule(str(node.target)) if node.op == "call_module" else None


def _is_rectifier(node: fx.Node, module: fx.GraphModule) -> bool:
    called = node.op in ("call_function", "call_method") and node.target in RECTIFIERS
    return called or isinstance(_module(node, module), nn.ReLU)


def _is_pooling(node: fx.Node, module: fx.GraphModule) -> bool:
    own = _module(node, module)
    if isinstance(own, nn.MaxPool2d):
        names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
        return side_by_side(None, **{name: getattr(own, name) for name in names}) == 2
    arguments: tuple[Any, Any] = node.args, node.kwargs
    is_pooling = node.op == "call_function" and node.target is functional.max_pool2d
    return is_pooling and side_by_side(*arguments[0], **arguments[1]) == 2


def _is_plain_convolution(node: fx.Node, module: fx.GraphModule) -> bool:
    """With bias, without padding, stride and groups, and with 16, 32, 64 or 128 square filters."""
    own = _module(node, module)
    return (
        isinstance(own, nn.Conv2d)
        and own.bias is not None
        and own.kernel_size[0] == own.kernel_size[1]
        and own.padding in ((0, 0), "valid")
        and own.stride == own.dilation == (1, 1)
        and own.groups == 1
        and own.out_channels in (16, 32, 64, 128)
    )


def _replace(graph: fx.Graph, last: fx.Node, convolution: fx.Node) -> None:
    with graph.inserting_before(last):
        weight, bias = (graph.get_attr(f"{convolution.target}.{name}") for name in ("weight", "bias"))
        new = graph.call_function(pooled_convolution, (convolution.args[0], weight, bias))
    last.replace_all_uses_with(new)
    graph.erase_node(last)


def pooled_convolution(images: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """ReLU of the 2x2 max pooling of a convolution of stride 1 without padding; no gradients.

    Args:
        images: ``[N, C, H, W]``.
        weight: ``[O, C, K, K]``.
        bias: ``[O]``.
    """
    result: Tensor = _PooledConvolution.apply(images, weight, bias)
    return result


class _PooledConvolution(torch.autograd.Function):
    """On a GPU a kernel, for one network and under ``vmap`` for many; else the three operations."""

    @staticmethod
    def forward(images: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return _many(images[None], weight[None], bias[None])[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Nothing is kept: it has no gradient."""

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *tensors: Tensor) -> tuple[Tensor, int]:
        first = [
            tensor[None] if axis is None else tensor.movedim(axis, 0)
            for tensor, axis in zip(tensors, in_dims, strict=True)
        ]
        images, weight, bias = first
        return _many(images, *(each.expand(info.batch_size, *each.shape[1:]) for each in (weight, bias))), 0


def _many(images: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """``[M, N, ...]`` of images ``[M or 1, N, ...]``."""
    if images.is_cuda:
        from robust_hypergan.engine.pooled_kernel import pooled_convolutions

        return pooled_convolutions(images, weight, bias)
    rows = images.expand(len(weight), *images.shape[1:])
    each = (functional.conv2d(*own) for own in zip(rows, weight, bias, strict=True))
    return torch.stack([functional.relu(functional.max_pool2d(one, 2)) for one in each])
