"""One ordinary network as a network distribution: whoever holds a draw of it holds them all.

The undefended twin that a defence has to stand beside (Carlini et al. 2019, *On Evaluating Adversarial
Robustness*, arXiv:1902.06705). What networks from other seeds make of its adversarials is the business
of a :class:`robust_hypergan.models.deep_ensemble.DeepEnsemble`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from robust_hypergan.base.errors import InputError
from robust_hypergan.models.networks import Networks
from robust_hypergan.models.parameters import Params, first_names


class OrdinaryNetwork:
    """One trained network: the source, every ``eot`` draw, and the only fresh network.

    Args:
        classifier: with its trained weights; running statistics and other buffers are part of it.
    """

    kind: ClassVar[str] = "ordinary"
    fresh_count: ClassVar[int] = 1

    def __init__(self, classifier: nn.Module) -> None:
        self.classifier = copy.deepcopy(classifier).eval().requires_grad_(False)
        state = self.classifier.state_dict()
        self.network: Params = {
            name: state[name].clone() for name, first in first_names(classifier).items() if name == first
        }

    def settings(self) -> dict[str, Any]:
        """Nothing beside the classifier."""
        return {}

    def tensors(self) -> dict[str, Tensor]:
        """The network's own tensors."""
        return dict(self.network)

    @classmethod
    def restore(cls, classifier: nn.Module, settings: Mapping[str, Any], tensors: Params) -> Self:
        """The same network."""
        del settings
        names = first_names(classifier)
        classifier.load_state_dict({name: tensors[first] for name, first in names.items()})
        return cls(classifier)

    def to(self, device: torch.device) -> Self:
        """Moves everything to a device; returns itself."""
        self.classifier.to(device)
        self.network = {name: value.to(device) for name, value in self.network.items()}
        return self

    def sample(self, networks: Networks) -> Params:
        """The network once for each address, each tensor ``[M, ...]``.

        Raises:
            InputError: a second fresh network; copies are not counted as networks.
        """
        if networks.stream == "fresh" and any(networks.indices):
            raise InputError("an ordinary network is one network, 1 fresh one and no more: ask for 1")
        return {name: torch.stack([value] * len(networks)) for name, value in self.network.items()}
