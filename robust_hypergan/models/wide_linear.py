"""A linear layer with so many outputs that memory for its weight's gradient costs more than computing it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from robust_hypergan.base.threads import one_thread

NARROW = 256
"""With fewer inputs than this, libraries divide the long sums of a product among threads."""


class WideLinear(nn.Linear):
    """``nn.Linear`` that keeps the memory of its weight's gradient from step to step.

    A generator's last layer has 512 inputs and tens of thousands of outputs: a gradient of 50 MB from a
    product of 16 rows. Fresh memory of that size comes page by page from the system, which takes longer than
    the product; on a GPU, where PyTorch keeps freed memory, it does not. ``zero_grad`` and accumulation work
    as always; but a gradient that is to outlive the next step has to be cloned.
    """

    def forward(self, inputs: Tensor) -> Tensor:
        """``[..., inputs] -> [..., outputs]``."""
        if inputs.is_cuda or not (torch.is_grad_enabled() and self.weight.requires_grad):
            return super().forward(inputs)
        outputs: Tensor = _KeptGradient.apply(inputs, self.weight, self.bias, self)
        return outputs

    def add_gradient(self, gradient: Tensor, inputs: Tensor) -> None:
        """Adds ``gradient [M, outputs]`` times ``inputs [M, inputs]`` to the weight's gradient."""
        if self.weight.grad is not None:
            self.weight.grad.addmm_(gradient.T, inputs)
            return
        kept = self.__dict__.get("_kept")
        if kept is None or kept.device != self.weight.device:
            kept = self.__dict__["_kept"] = torch.empty_like(self.weight)
        self.weight.grad = torch.mm(gradient.T, inputs, out=kept)


class _KeptGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor, layer: WideLinear) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.layer = layer
        with _in_order(weight):
            return functional.linear(inputs, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, Tensor, None]:
        inputs, weight = ctx.saved_tensors
        rows = gradient.flatten(0, -2)
        ctx.layer.add_gradient(rows, inputs.flatten(0, -2))
        with _in_order(weight):
            return gradient @ weight, None, rows.sum(0), None


def _in_order(weight: Tensor) -> AbstractContextManager[None]:
    """Where a product's sums would hang on the number of threads, one thread."""
    return one_thread() if weight.shape[1] < NARROW else nullcontext()
