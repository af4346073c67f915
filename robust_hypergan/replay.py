"""The kernels of a function, recorded as a CUDA graph and started all at once from then on."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

WARM_UP = 3
"""Calls before the recording, in which libraries choose their kernels and take their memory."""


class Replayed:
    """A function of tensors to a tensor that is recorded on a GPU, once for every set of shapes.

    What it reads besides its arguments must stay where it is in memory, and nothing in it may wait for a
    value to come back from the GPU. On a CPU it is called as it is.

    Args:
        run: the function.
    """

    def __init__(self, run: Callable[..., Tensor]) -> None:
        self.run = run
        self.recordings: dict[tuple[torch.Size, ...], _Recording] = {}

    def __call__(self, *arguments: Tensor) -> Tensor:
        """What the function returns, in memory that the next call overwrites."""
        if not arguments[0].is_cuda:
            return self.run(*arguments)
        shapes = tuple(each.shape for each in arguments)
        if shapes not in self.recordings:
            self.recordings[shapes] = _Recording(self.run, arguments)
        return self.recordings[shapes](arguments)


class _Recording:
    def __init__(self, run: Callable[..., Tensor], arguments: tuple[Tensor, ...]) -> None:
        self.arguments = [each.detach().clone() for each in arguments]
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UP):
                run(*self.arguments)
        torch.cuda.current_stream().wait_stream(aside)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.result = run(*self.arguments)

    def __call__(self, arguments: tuple[Tensor, ...]) -> Tensor:
        with torch.no_grad():
            torch._foreach_copy_(self.arguments, [each.detach() for each in arguments])
        self.graph.replay()
        return self.result
