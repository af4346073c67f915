"""The gradient of each generated network on a minibatch of its own, without a graph over all of them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from queue import SimpleQueue

import torch
from torch import Tensor, nn
from torch.nn import functional

from robust_hypergan.base.distributed import ALONE, Ranks
from robust_hypergan.base.layout import preferred_layout
from robust_hypergan.base.threads import one_thread, spread, thread_count
from robust_hypergan.engine.half import can_halve, halved
from robust_hypergan.engine.replay import Replayed
from robust_hypergan.models.parameters import Params, call_network


class NetworkGradients:
    """Cross-entropy of M networks, each on its own images, and its gradient in their parameters.

    Every network is back-propagated alone, so memory does not grow with M. On a CPU the networks are spread
    over threads, each computing with one: a network is too small to be worth dividing, and what comes out
    does not depend on how many threads there are. Likewise over ranks, who all get the whole. On a GPU the
    kernels for a network are recorded once and replayed (:mod:`robust_hypergan.engine.replay`).

    Args:
        classifier: the architecture.
        images: two or more images ``[N, C, H, W]`` in [0, 1], to see how the classifier takes them.
        half: compute in bfloat16, see :func:`robust_hypergan.engine.half.halved`; None where the processor
            does so fast and the classifier can be.
        label_smoothing: share of each label that is spread over all classes.
        off_data: how many at the end of every minibatch have no class (:mod:`robust_hypergan.data.off_data`):
            their mean loss counts apart, and they are not in the accuracy.
        disagreement: weight of that loss.
        ranks: who shares the networks.
    """

    def __init__(
        self,
        classifier: nn.Module,
        images: Tensor,
        *,
        half: bool | None = None,
        label_smoothing: float = 0.0,
        off_data: int = 0,
        disagreement: float = 0.0,
        ranks: Ranks = ALONE,
    ) -> None:
        self.ranks, self.label_smoothing = ranks, label_smoothing
        self.off_data, self.disagreement = off_data, disagreement
        self.on_cpu = images.device.type == "cpu"
        self.half = is_half(None, classifier, images) if half is None else half
        self.cast: Callable[[Params], Params] = dict
        if self.half:
            classifier, self.cast = halved(classifier)
        self.dtype = torch.bfloat16 if self.half else torch.float32
        self.layout: Callable[[Tensor], Tensor] = Tensor.contiguous
        if self.on_cpu:
            self.layout = preferred_layout(classifier, images[:2].to(self.dtype))
        self.modules: SimpleQueue[nn.Module] = SimpleQueue()  # a call changes a module: one for each thread
        for _ in range(thread_count() if self.on_cpu else 1):
            self.modules.put(copy.deepcopy(classifier))
        self.replayed = Replayed(self._row)

    @one_thread()
    def __call__(
        self, params: Params, images: Tensor, labels: Tensor, beside: Callable[[], object] = lambda: None
    ) -> tuple[float, float, Params]:
        """Mean loss and accuracy over the networks, and the gradient of each network's own mean loss.

        Args:
            params: parameters ``[M, ...]`` without a graph.
            images: ``[M, B, C, H, W]`` in [0, 1].
            labels: ``[M, B]``.
            beside: other work that can be done meanwhile, like a network's with one thread.
        """
        own = self.ranks.share(len(images))
        own_images = self._apart(images.to(self.dtype))
        apart = [self._apart(value) for value in self.cast(params).values()]
        networks = [dict(zip(params, values, strict=True)) for values in zip(*apart, strict=True)]
        sizes = [1, 1, *(value[0].numel() for value in params.values())]
        rows = torch.empty(len(own), sum(sizes), device=images.device)
        gradients = self._row if self.on_cpu else self.replayed

        def work(i: int | None) -> None:
            if i is None:
                beside()
            else:
                rows[i - own.start] = gradients(own_images[i], labels[i], **networks[i])

        run = spread if self.on_cpu else map  # on a GPU here, where the current device is this rank's
        list(run(work, [None, *own]))
        losses, accuracies, *parts = self.ranks.gathered(rows, len(images)).split(sizes, 1)
        stacked = {
            name: part.view(value.shape) for (name, value), part in zip(params.items(), parts, strict=True)
        }
        return losses.squeeze(1).mean().item(), accuracies.squeeze(1).mean().item(), stacked

    def _apart(self, stack: Tensor) -> Sequence[Tensor]:
        """Each network's own of ``stack [M, ...]``, as the classifier takes it."""
        if stack.ndim != 5:
            return stack.unbind()
        own: Sequence[Tensor] = self.layout(stack.flatten(0, 1)).split(stack.shape[1])
        return own

    def _row(self, images: Tensor, labels: Tensor, /, **network: Tensor) -> Tensor:
        """Loss and accuracy of one network, and the gradients of its parameters, one after the other."""
        own = {name: value.detach().requires_grad_() for name, value in network.items()}
        module = self.modules.get()
        try:
            logits = call_network(module, own, images).float()
            data = len(labels) - self.off_data
            loss = functional.cross_entropy(
                logits[:data], labels[:data], label_smoothing=self.label_smoothing
            )
            if self.off_data:
                loss = loss + self.disagreement * functional.cross_entropy(logits[data:], labels[data:])
            gradients = torch.autograd.grad(loss, list(own.values()), materialize_grads=True)
        finally:
            self.modules.put(module)
        accuracy = (logits[:data].argmax(1) == labels[:data]).float().mean()
        parts = [loss.detach()[None], accuracy[None], *(each.flatten() for each in gradients)]
        return torch.cat(parts)


def is_half(precision: str | None, classifier: nn.Module, images: Tensor) -> bool:
    """Whether to compute in bfloat16: as ``precision`` says, else where the processor is fast at it.

    Args:
        precision: ``float32`` or ``bfloat16``; None is bfloat16 on a CPU that has it, for a classifier that
            can take it.
        classifier: the architecture.
        images: one or more images ``[N, C, H, W]`` in [0, 1], to see how the classifier takes them.
    """
    if precision is None:
        return images.device.type == "cpu" and can_halve(classifier, images)
    return precision == "bfloat16"
