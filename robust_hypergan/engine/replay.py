"""The kernels of a function, recorded as a CUDA graph and started all at once from then on."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from robust_hypergan.base.memory import is_out_of_memory

WARM_UP = 3
"""Calls before the recording, in which libraries choose their kernels and take their memory."""


class Replayed:
    """A function of tensors to a tensor that is recorded on a GPU, once for every set of shapes.

    What it reads besides its arguments must stay where it is in memory, and nothing in it may wait for a
    value to come back from the GPU: then, and on a CPU, it is called as it is.

    Args:
        run: the function; its keyword arguments may have any names, such as those of parameters.
    """

    def __init__(self, run: Callable[..., Tensor]) -> None:
        self.run, self.given_up = run, False
        self.recordings: dict[tuple[torch.Size, ...], _Recording] = {}

    def __call__(self, /, *arguments: Tensor, **named: Tensor) -> Tensor:
        """What the function returns, in memory that the next call overwrites."""
        tensors = [*arguments, *named.values()]
        if not tensors[0].is_cuda or self.given_up:
            return self.run(*arguments, **named)
        shapes = tuple(each.shape for each in tensors)
        if shapes not in self.recordings:
            try:
                self.recordings[shapes] = _Recording(self.run, arguments, named)
            except RuntimeError as error:  # a classifier of the user's own may wait for a value
                if is_out_of_memory(error):
                    raise
                reason = str(error).partition("\n")[0]
                warnings.warn(
                    f"no CUDA graph can be recorded ({reason}): going on", RuntimeWarning, stacklevel=2
                )
                self.given_up = True
                return self.run(*arguments, **named)
        return self.recordings[shapes](tensors)


class _Recording:
    def __init__(
        self, run: Callable[..., Tensor], arguments: tuple[Tensor, ...], named: Mapping[str, Tensor]
    ) -> None:
        own = [each.detach().clone() for each in arguments]
        own_named = {name: each.detach().clone() for name, each in named.items()}
        self.inputs = [*own, *own_named.values()]
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UP):
                run(*own, **own_named)
        torch.cuda.current_stream().wait_stream(aside)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.result = run(*own, **own_named)

    def __call__(self, tensors: list[Tensor]) -> Tensor:
        with torch.no_grad():
            torch._foreach_copy_(self.inputs, [each.detach() for each in tensors])
        self.graph.replay()
        return self.result


def recorded(module: nn.Module, *arguments: Tensor) -> Callable[..., Any]:
    """A module's forward and its backward pass, each recorded on a GPU; the module itself stays as it is.

    Args:
        module: any without hooks.
        arguments: of the shapes that it will be called with, and with gradients where there will be any.
    """
    torch.autograd.graph.set_warn_on_accumulate_grad_stream_mismatch(False)  # they are recorded aside
    return torch.cuda.make_graphed_callables(_Apart(module), arguments)


class _Apart(nn.Module):
    """Calls another module: what is recorded of it changes this one alone."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *arguments: Tensor) -> Any:
        return self.module(*arguments)
