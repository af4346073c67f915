"""Parameters of networks, and the classifier that they are put into."""

from __future__ import annotations

import copy
import hashlib

from torch import Tensor, nn
from torch.func import functional_call

Params = dict[str, Tensor]
"""Parameters of M networks: state-dict name to tensor ``[M, ...]``."""


def first_names(classifier: nn.Module) -> dict[str, str]:
    """Each name of a state dict to the first name of the same tensor: shared parameters have several."""
    first: dict[int, str] = {}
    tensors = classifier.state_dict(keep_vars=True)
    return {name: first.setdefault(id(value), name) for name, value in tensors.items()}


def call_network(classifier: nn.Module, network: Params, images: Tensor) -> Tensor:
    """Logits ``[N, classes]`` of one network.

    A shared parameter is set wherever it is used, each module once: ``functional_call`` leaves a module
    that stands under two names changed when it ties weights by itself.

    Args:
        classifier: the architecture.
        network: its parameters, without a network axis.
        images: ``[N, C, H, W]`` in [0, 1].
    """
    first: dict[int, str] = {}
    everywhere: Params = {}
    for prefix, module in classifier.named_modules():
        parameters = module.named_parameters(prefix, recurse=False, remove_duplicate=False)
        buffers = module.named_buffers(prefix, recurse=False, remove_duplicate=False)
        for name, value in (*parameters, *buffers):
            source = first.setdefault(id(value), name)
            if source in network:
                everywhere[name] = network[source]
    logits: Tensor = functional_call(classifier, everywhere, (images,), tie_weights=False)
    return logits


def networks_of(params: Params) -> list[Params]:
    """Parameters ``[M, ...]`` as M networks."""
    return [dict(zip(params, values, strict=True)) for values in zip(*params.values(), strict=True)]


def bind(classifier: nn.Module, network: Params) -> nn.Module:
    """One network as a module in eval mode that shares the memory of its parameters, without gradients.

    Args:
        classifier: the architecture; it is left as it is.
        network: parameters, without a network axis; what they do not name is the classifier's own.
    """
    module = copy.deepcopy(classifier).eval().requires_grad_(False)
    load(module, network)
    return module


def load(module: nn.Module, network: Params) -> None:
    """Makes a :func:`bind` module another network.

    Args:
        module: the module; a shared parameter is set wherever it is used.
        network: parameters by the first of their names, without a network axis.
    """
    own = dict(module.named_parameters()) | dict(module.named_buffers())
    for name, value in network.items():
        own[name].data = value


def state_dict(classifier: nn.Module, params: Params, row: int) -> dict[str, Tensor]:
    """One network as the plain state dict of its classifier: a shared parameter under each of its names.

    Args:
        classifier: the architecture.
        params: parameters of M networks, each tensor ``[M, ...]``.
        row: which of them.
    """
    return {name: params[first][row].clone() for name, first in first_names(classifier).items()}


def fingerprint(params: Params) -> str:
    """SHA-256 of the parameters of networks: equal where the networks are, bit for bit."""
    digest = hashlib.sha256()
    for name, value in sorted(params.items()):
        digest.update(name.encode() + value.detach().cpu().double().numpy().tobytes())
    return digest.hexdigest()


def are_copies(params: Params) -> bool:
    """Whether the networks of ``params``, each tensor ``[M, ...]`` with M > 1, are one and the same."""
    return all(bool((value == value[:1]).all()) and len(value) > 1 for value in params.values())
