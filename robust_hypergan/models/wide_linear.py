"""A linear layer with so many outputs that memory for its weight's gradient costs more than computing it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from robust_hypergan.base.threads import spread

PIECE = 2048
"""Few enough to share a layer out evenly, and enough for a product to be worth its start."""


class WideLinear(nn.Linear):
    """``nn.Linear`` in pieces, that keeps the memory of its weight's gradient from step to step.

    A generator's last layer has 512 inputs and tens of thousands of outputs: a gradient of 50 MB from a
    product of 16 rows. Fresh memory of that size comes page by page from the system, which takes longer than
    the product; on a GPU, where PyTorch keeps freed memory, it does not. On a CPU each thread takes a piece
    of the outputs at a time: libraries divide such a product badly, and its long sums by the number of
    threads. ``zero_grad`` and accumulation work as always; but a gradient that is to outlive the next step
    has to be cloned.
    """

    def forward(self, inputs: Tensor) -> Tensor:
        """``[..., inputs] -> [..., outputs]``."""
        graph = torch.is_grad_enabled() and (inputs.requires_grad or self.weight.requires_grad)
        if inputs.is_cuda or (graph and not self.weight.requires_grad):
            return super().forward(inputs)
        if not graph:
            return self.product(inputs)
        outputs: Tensor = _KeptGradient.apply(inputs, self.weight, self.bias, self)
        return outputs

    def pieces(self) -> list[slice]:
        """Which outputs one thread computes at a time, :data:`PIECE` of them."""
        return [slice(start, start + PIECE) for start in range(0, self.out_features, PIECE)]

    def product(self, inputs: Tensor) -> Tensor:
        """``[..., inputs] -> [..., outputs]``, without a graph."""
        weight, bias, rows = self.weight.detach(), self.bias.detach(), inputs.detach().flatten(0, -2)
        outputs = rows.new_empty(len(rows), self.out_features)

        def work(piece: slice) -> None:
            torch.addmm(bias[piece], rows, weight[piece].T, out=outputs[:, piece])

        spread(work, self.pieces())
        return outputs.view(*inputs.shape[:-1], self.out_features)

    def back(self, gradient: Tensor, inputs: Tensor) -> Tensor:
        """Adds ``gradient [M, outputs]`` times ``inputs [M, inputs]`` to the weight's gradient.

        Returns:
            The gradient of the inputs, ``[M, inputs]``.
        """
        weight, total = self.weight.detach(), self.weight.grad
        beta = 1 if total is not None else 0
        if total is None:
            total = self.__dict__.get("_kept")
            if total is None or total.device != weight.device:
                total = self.__dict__["_kept"] = torch.empty_like(weight)
            self.weight.grad = total
        summed = total

        def work(piece: slice) -> Tensor:
            part, own = gradient[:, piece], summed[piece]
            torch.addmm(own, part.T, inputs, beta=beta, out=own)
            return part @ weight[piece]

        return torch.stack(spread(work, self.pieces())).sum(0)


class _KeptGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, _weight: Tensor, _bias: Tensor, layer: WideLinear) -> Tensor:
        ctx.save_for_backward(inputs)
        ctx.layer = layer
        return layer.product(inputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, Tensor, None]:
        (inputs,) = ctx.saved_tensors
        rows = gradient.flatten(0, -2)
        back = ctx.layer.back(rows, inputs.detach().flatten(0, -2))
        return back.view_as(inputs), None, rows.sum(0), None
