"""A deep ensemble as a network distribution: a list of networks that were trained one by one.

Source: Lakshminarayanan, Pritzel & Blundell, *Simple and Scalable Predictive Uncertainty Estimation
using Deep Ensembles*, NeurIPS 2017, arXiv:1612.01474.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from robust_hypergan.base.errors import InputError, check_range
from robust_hypergan.models.networks import Networks
from robust_hypergan.models.parameters import Params, first_names

MOST_MEMBERS = 1000
"""Of an ensemble that is trained: its networks are in memory together."""


class DeepEnsemble:
    """R members, some of them the attacker's and the others held out.

    The first ``attacked`` members are the attacker's: source network *i* is member *i*, and ``eot`` *i* a
    uniform choice among them that depends on its address alone. The others are the fresh networks, in
    order. No network is therefore both attacked and fresh, and none is counted twice: an index beyond
    the last member is an error.

    Args:
        classifier: the architecture; running statistics and other buffers are parts of a member.
        members: a state dict for each, at least two.
        attacked: how many are the attacker's; None is half of them, rounded down.

    Raises:
        InputError: too few members, one that does not fit the classifier, or no member left for a stream.
    """

    kind: ClassVar[str] = "deep-ensemble"

    def __init__(
        self, classifier: nn.Module, members: Sequence[Mapping[str, Tensor]], *, attacked: int | None = None
    ) -> None:
        if len(members) < 2:
            raise InputError(f"a deep ensemble needs at least 2 members, not {len(members)}")
        self.attacked = len(members) // 2 if attacked is None else attacked
        check_range("attacked members", self.attacked, 1, len(members) - 1)
        self.classifier = copy.deepcopy(classifier).eval().requires_grad_(False)
        for index, member in enumerate(members):
            check_member(self.classifier, member, f"member {index}")
        self.params: Params = {
            name: torch.stack([member[name].detach() for member in members])
            for name, first in first_names(self.classifier).items()
            if name == first
        }

    def __len__(self) -> int:
        return len(next(iter(self.params.values())))

    @property
    def fresh_count(self) -> int:
        """Members that are held out."""
        return len(self) - self.attacked

    def settings(self) -> dict[str, Any]:
        """How many members are the attacker's."""
        return {"attacked": self.attacked}

    def tensors(self) -> dict[str, Tensor]:
        """All members, each tensor ``[R, ...]``."""
        return dict(self.params)

    @classmethod
    def restore(cls, classifier: nn.Module, settings: Mapping[str, Any], tensors: Params) -> Self:
        """The ensemble with the same members."""
        count = len(next(iter(tensors.values())))
        names = first_names(classifier)
        members = [{name: tensors[first][row] for name, first in names.items()} for row in range(count)]
        return cls(classifier, members, attacked=settings["attacked"])

    def to(self, device: torch.device) -> Self:
        """Moves everything to a device; returns itself."""
        self.classifier.to(device)
        self.params = {name: value.to(device) for name, value in self.params.items()}
        return self

    def sample(self, networks: Networks) -> Params:
        """Parameters of the members at these addresses, each tensor ``[M, ...]``.

        Raises:
            InputError: an index beyond the stream's last member.
        """
        rows = [self._member(networks, index) for index in networks.indices]
        return {name: value[rows] for name, value in self.params.items()}

    def _member(self, networks: Networks, index: int) -> int:
        if networks.stream == "eot":
            return int(networks.random(index).integers(self.attacked))
        first, count = (
            (0, self.attacked) if networks.stream == "source" else (self.attacked, self.fresh_count)
        )
        if index >= count:
            raise InputError(
                f"this deep ensemble of {len(self)} members has {count} {networks.stream} networks, not "
                f"{index + 1}: ask for at most {count}"
            )
        return first + index


def check_member(classifier: nn.Module, member: Mapping[str, Tensor], what: str) -> None:
    """Refuses a state dict that is not one of this classifier.

    Raises:
        InputError: says the first difference.
    """
    expected = classifier.state_dict()
    kind = type(classifier).__name__
    for name in [*expected, *member]:
        ours, theirs = expected.get(name), member.get(name)
        if ours is None or not isinstance(theirs, Tensor):
            missing = "has no" if ours is not None else "has an unknown"
            raise InputError(f"{what} {missing} {name}: it is no state dict of the classifier {kind}")
        if ours.shape != theirs.shape:
            raise InputError(
                f"{what} has {name} of shape {tuple(theirs.shape)}, the classifier {kind} {tuple(ours.shape)}"
            )
        if ours.dtype != theirs.dtype or not theirs.isfinite().all():
            found = (
                f"of type {theirs.dtype}" if ours.dtype != theirs.dtype else "with values that are not finite"
            )
            raise InputError(f"{what} has {name} {found}: the classifier {kind} takes finite {ours.dtype}")


def read_members(folder: Path, classifier: nn.Module) -> DeepEnsemble:
    """The deep ensemble of all state dicts in a folder, in the order of their names.

    Args:
        folder: holds ``*.safetensors``, or ``*.pt`` or ``*.pth`` that ``torch.save`` wrote. The latter
            are read with ``weights_only=True``, which runs no code.
        classifier: their architecture.

    Raises:
        InputError: no such files, or one that can't be read or does not fit the classifier.
    """
    endings = (".safetensors", ".pt", ".pth")
    files = sorted(file for file in folder.iterdir() if file.suffix in endings and file.is_file())
    if not files:
        raise InputError(f"no state dicts in {folder}: they end in .safetensors, .pt or .pth")
    members = []
    for file in files:
        members.append(_read_state_dict(file))
        check_member(classifier, members[-1], str(file))
    return DeepEnsemble(classifier, members)


def _read_state_dict(path: Path) -> Mapping[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle may raise anything
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise InputError(f"{path} is damaged or holds more than weights ({reason})") from error
    if not isinstance(state, Mapping):
        raise InputError(f"{path} holds a {type(state).__name__}, not a state dict")
    return state
