"""The ensemble forward: logits of many networks on many images, a block of networks at a time.

Shapes: M networks, N images. Nothing here holds more than a block of networks and their logits, so
whoever folds the blocks as they come (:mod:`robust_hypergan.measures.tally`) needs the same memory for any M.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor, nn

from robust_hypergan.base.errors import unknown
from robust_hypergan.base.finite import NotFinite, first_layer_not_finite
from robust_hypergan.base.memory import SHARE, Chunks, available_bytes, bytes_for_an_image
from robust_hypergan.engine.backends import BACKENDS, default_backend
from robust_hypergan.engine.cascade import SAMPLE, Account, Cascade
from robust_hypergan.engine.half import can_halve, check_half
from robust_hypergan.engine.vectorised import fuses
from robust_hypergan.models.layers import WEIGHTED
from robust_hypergan.models.networks import NetworkDistribution, Networks
from robust_hypergan.models.parameters import Params, bind, networks_of

NETWORK_BLOCK = 16
"""Networks generated and evaluated together; fewer where memory is short."""

PRECISIONS = ("float32", "cascade")
"""Of the ensemble forward; the predictions are those of float32 either way."""

CASCADE_PAYS = 1e12
"""Floating-point operations from which the cascade is worth its samples."""

PLAIN_CHUNK = 1024
"""Images that one network is given at once."""

NO_USE = "train again at a lower rate, or take an earlier snapshot"


@torch.no_grad()
def ensemble_logits(
    classifier: nn.Module, params: Params, images: Tensor, *, backend: str | None = None
) -> Tensor:
    """Logits ``[M, N, classes]`` of M networks on N images, in float32.

    Args:
        classifier: the architecture, in eval mode.
        params: parameters of the networks, each tensor ``[M, ...]``.
        images: ``[N, C, H, W]`` in [0, 1], on the networks' device.
        backend: one of :data:`robust_hypergan.engine.backends.BACKENDS`; None is the device's default.

    Raises:
        InputError: unknown backend.
    """
    name = backend or default_backend(classifier, images)
    check_engine(name, None)
    return BACKENDS[name](classifier, images)(params)


class EnsembleForward:
    """Many networks on the same images, block by block, in any order: block *i* depends on *i* alone.

    Args:
        distribution: what the networks are drawn from.
        networks: addresses of the M networks.
        images: ``[N, C, H, W]`` in [0, 1], on the networks' device.
        backend: one of :data:`robust_hypergan.engine.backends.BACKENDS`; None is the fastest for the
            device and the size of the whole job.
        precision: one of :data:`PRECISIONS`; None is the fastest likewise. The cascade gives the predictions
            of float32, and logits that elsewhere may be off by a hundredth.
        account: where the choice, and what the cascade did, are written down.

    Raises:
        InputError: unknown backend or precision, or a classifier that can't be computed so.
    """

    def __init__(
        self,
        distribution: NetworkDistribution,
        networks: Networks,
        images: Tensor,
        *,
        backend: str | None = None,
        precision: str | None = "float32",
        account: Account,
    ) -> None:
        self.distribution, self.images, self.account = distribution, images, account
        self.blocks = list(networks.blocks(NETWORK_BLOCK))
        classifier, flop = distribution.classifier, 0.0
        if backend is None or precision is None:
            flop = flop_of(classifier, images) * len(images) * len(networks)
        account.backend = backend or default_backend(classifier, images, flop)
        account.precision = precision or default_precision(classifier, images, flop)
        check_engine(account.backend, account.precision)
        self.run: Callable[[Params, int], Tensor]
        with torch.no_grad():
            if account.precision == "cascade":
                check_half(classifier, images)
                self.run = partial(Cascade(classifier, images, account.backend), account=account)
            else:
                run = BACKENDS[account.backend](classifier, images)
                self.run = lambda params, _: run(params)

    @torch.no_grad()
    def block(self, number: int) -> tuple[Networks, Tensor]:
        """The networks of a block, and their logits ``[m, N, classes]``; fewer at once where memory is short.

        Raises:
            NotFinite: a logit is not; the message says of which network, and where in it that begins.
        """
        networks = self.blocks[number]
        at_once = network_block(self.distribution.classifier, self.images.device)
        return networks, torch.cat([self._logits(part, number) for part in networks.blocks(at_once)])

    def _logits(self, networks: Networks, number: int) -> Tensor:
        params = self.distribution.sample(networks)
        logits = self.run(params, number)
        if not bool(logits.isfinite().all()):
            raise _not_finite(self.distribution.classifier, networks, params, self.images, logits)
        return logits


def ensemble_forward(
    distribution: NetworkDistribution,
    networks: Networks,
    images: Tensor,
    *,
    backend: str | None = None,
    precision: str | None = "float32",
    account: Account | None = None,
    done: int = 0,
) -> Iterator[tuple[Networks, Tensor]]:
    """Blocks of networks with their logits ``[m, N, classes]``, in the order of the addresses.

    Args:
        distribution: as of :class:`EnsembleForward`, and so are the others.
        networks: addresses of the M networks.
        images: ``[N, C, H, W]`` in [0, 1], on the networks' device.
        backend: of the forward.
        precision: likewise.
        account: likewise.
        done: so many of the first networks are left out, whole blocks of them; choices are made as if they
            were not.

    Raises:
        InputError: unknown backend or precision, or a classifier that can't be computed so.
        NotFinite: a logit is not; the message says of which network, and where in it that begins.
    """
    account = account if account is not None else Account()
    forward = EnsembleForward(
        distribution, networks, images, backend=backend, precision=precision, account=account
    )
    for number in range(math.ceil(done / NETWORK_BLOCK), len(forward.blocks)):
        yield forward.block(number)


@torch.no_grad()
def network_logits(network: nn.Module, images: Tensor) -> Tensor:
    """Logits ``[N, classes]`` of one network on any number of images, as many at once as memory allows.

    Raises:
        NotFinite: a logit is not; the message says where in the network that begins.
    """
    each = bytes_for_an_image(network, images)
    logits = Chunks(PLAIN_CHUNK, each, images.device).map(network, images)
    broken = ~logits.isfinite().all(1)
    if bool(broken.any()):
        where = first_layer_not_finite(network, images[broken][:1])
        raise NotFinite(f"the attacked network's logits are not finite, first in {where}: {NO_USE}")
    return logits


def network_block(classifier: nn.Module, device: torch.device) -> int:
    """Networks to generate together: a block, or as many as fit, three times over, into a share of memory."""
    each = 3 * sum(value.nbytes for value in classifier.parameters())
    return max(1, min(NETWORK_BLOCK, int(SHARE * available_bytes(device)) // max(1, each)))


def _not_finite(
    classifier: nn.Module, block: Networks, params: Params, images: Tensor, logits: Tensor
) -> NotFinite:
    row, image = (~logits.isfinite().all(2)).nonzero()[0].tolist()
    network = bind(classifier, networks_of(params)[row])
    where = first_layer_not_finite(network, images[image : image + 1])
    return NotFinite(
        f"{block.stream} network {block.indices[row]} of seed {block.seed} gives logits that are not finite, "
        f"first in {where}: {NO_USE}"
    )


def default_precision(classifier: nn.Module, images: Tensor, flop: float) -> str:
    """``cascade`` for large jobs where half precision is faster, if the classifier can take it."""
    faster = not images.is_cuda or fuses(classifier, images)
    pays = flop >= CASCADE_PAYS and len(images) >= 8 * SAMPLE and faster
    return "cascade" if pays and can_halve(classifier, images) else "float32"


def check_engine(backend: str | None, precision: str | None) -> None:
    """Refuses names that there are not.

    Raises:
        InputError: unknown backend or precision.
    """
    if backend is not None and backend not in BACKENDS:
        raise unknown("backend", backend, BACKENDS)
    if precision is not None and precision not in PRECISIONS:
        raise unknown("precision", precision, PRECISIONS)


def check_computable(
    classifier: nn.Module, images: Tensor, backend: str | None, precision: str | None
) -> None:
    """Refuses what a classifier can't be computed by, before anything is.

    Raises:
        InputError: half precision is asked for, or a backend, that are not for it.
    """
    if precision == "cascade":
        check_half(classifier, images)
    if backend is not None:
        BACKENDS[backend](classifier, images)


def flop_of(classifier: nn.Module, images: Tensor) -> float:
    """Floating-point operations of the layers with a weight, for one image.

    What a classifier does outside of such layers is not counted. PyTorch's own counter would, but
    imports the compiler, which takes 2 s and 80 MB.
    """
    flop = 0.0

    def count(module: nn.Module, _: object, outputs: Tensor) -> None:
        nonlocal flop
        weight = module.weight  # of a parametrisation it is no parameter
        assert isinstance(weight, Tensor)
        if weight.ndim > 1:
            flop += 2 * weight.numel() * outputs.numel() / len(weight)

    counted = [each for each in classifier.modules() if isinstance(each, WEIGHTED)]
    handles = [each.register_forward_hook(count) for each in counted]
    try:
        with torch.no_grad():
            classifier(images[:1])
    finally:
        for handle in handles:
            handle.remove()
    return flop
