"""Long computations that go on where they were: their state in a file, saved now and then.

What a computation changes as it goes is named by its class in ``STATE``: tensors, numbers, lists of numbers,
random generators, modules, optimisers, and further things that have a ``STATE``. The rest is built anew from
the configuration, and the state is laid over it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as tensor_bytes
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from robust_hypergan.base.durable import make_folder
from robust_hypergan.base.errors import InputError
from robust_hypergan.base.finite import check_finite
from robust_hypergan.models.parameters import first_names
from robust_hypergan.storage.tensor_files import read_tensors, save_tensors

FORMAT = "robust-hypergan progress 2"

FOLDER = "progress"
"""Where a run keeps its states until it is done."""

CHECKPOINT_SECONDS = 60.0
"""Least time between two states of one computation, and so the most that a kill undoes."""


class Saved:
    """The state of one computation in a file.

    Args:
        path: the file; its folder is made in one that is there. None saves nothing.
        what: the computation in a word, for messages.
        described: everything that the result depends on, as JSON values: no other takes the state up.
        seconds: least time between two states; None is :data:`CHECKPOINT_SECONDS`.
    """

    def __init__(
        self, path: Path | None, what: str, described: Mapping[str, Any], seconds: float | None = None
    ) -> None:
        self.path, self.what = path, what
        self.described = json.dumps(dict(described), sort_keys=True)
        self.seconds = CHECKPOINT_SECONDS if seconds is None else seconds
        self.last = time.perf_counter()

    @property
    def due(self) -> bool:
        """Whether it is time to save."""
        return self.path is not None and time.perf_counter() - self.last >= self.seconds

    def save(self, things: Mapping[str, Any], **facts: Any) -> None:
        """Writes the state of things, by name, and further facts as JSON values.

        Raises:
            InputError: the file can't be written.
            NotFinite: a value is not; the state that is there stays.
        """
        if self.path is None:
            return
        make_folder(self.path.parent)
        tensors = {key: value for name, thing in things.items() for key, value in _collected(name, thing)}
        check_finite("in the state", tensors)
        metadata = {"format": FORMAT, "configuration": self.described, "facts": json.dumps(facts)}
        save_tensors(self.path, tensors, metadata)
        self.last = time.perf_counter()

    def load(self, things: Mapping[str, Any]) -> dict[str, Any] | None:
        """Lays a state that was saved over things of the same names; returns its facts, None without a state.

        Raises:
            InputError: the state is of another computation, or damaged.
        """
        if self.path is None or not self.path.exists():
            return None
        tensors, metadata = read_tensors(self.path, FORMAT, f"state of a {self.what}")
        if metadata.get("configuration") != self.described:
            raise InputError(
                f"{self.path} is the state of another {self.what}: choose another --out, or delete it"
            )
        try:
            for name, thing in things.items():
                _restored(name, thing, tensors)
            facts: dict[str, Any] = json.loads(metadata["facts"])
        except (KeyError, ValueError, RuntimeError) as error:
            raise InputError(f"{self.path} is damaged ({error}): delete it to start over") from error
        return facts

    def facts(self) -> dict[str, Any] | None:
        """The facts that were saved last; None without a state, or with one that can't be read."""
        try:
            _, metadata = read_tensors(self.path or Path(), FORMAT, f"state of a {self.what}")
        except InputError:
            return None
        return dict(json.loads(metadata["facts"]))

    def forget(self) -> None:
        """Removes the file, once the result is safe elsewhere."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # it holds other states, or is gone already
                self.path.parent.rmdir()


def packed(things: Mapping[str, Any]) -> bytes:
    """The state of things, by name, to be sent to another process; see :func:`unpacked`."""
    collected = [pair for name, thing in things.items() for pair in _collected(name, thing)]
    return tensor_bytes({name: value.detach().cpu().contiguous() for name, value in collected})


def unpacked(content: bytes, things: Mapping[str, Any]) -> None:
    """Lays a packed state over things of the same names."""
    tensors = load_tensors(content)
    for name, thing in things.items():
        _restored(name, thing, tensors)


def digest(tensor: Tensor) -> str:
    """SHA-256 of a tensor's values, to tell a computation by what goes into it."""
    return hashlib.sha256(tensor.detach().cpu().contiguous().numpy().data).hexdigest()


NOWHERE = Saved(None, "", {})
"""Saves nothing."""


def _collected(name: str, thing: Any) -> Iterator[tuple[str, Tensor]]:
    match thing:
        case Tensor():
            yield name, thing
        case int() | float():
            yield name, _numbers(thing)
        case np.random.Generator():
            yield name, torch.tensor(list(json.dumps(thing.bit_generator.state).encode()), dtype=torch.uint8)
        case torch.Generator():
            yield name, thing.get_state()
        case LRScheduler():
            yield name, torch.tensor(thing.last_epoch)
        case nn.Module():
            state = thing.state_dict()
            yield from ((f"{name}.{key}", state[key]) for key in _own_names(thing))
        case Optimizer():
            yield f"{name}.rates", _numbers([group["lr"] for group in thing.param_groups])
            for index, moments in thing.state_dict()["state"].items():
                yield from ((f"{name}.{index}.{key}", value) for key, value in moments.items())
        case list() if _is_numeric(thing):
            yield name, _numbers(thing)
        case _:
            for key, part in _parts(thing):
                yield from _collected(f"{name}.{key}", part)


def _restored(name: str, thing: Any, tensors: Mapping[str, Tensor]) -> Any:
    """The thing with its state back: changed in place where it can be, else a new one."""
    match thing:
        case Tensor():
            if thing.shape != tensors[name].shape:
                raise ValueError(f"{name} is {tuple(tensors[name].shape)} instead of {tuple(thing.shape)}")
            return thing.copy_(tensors[name])
        case int() | float():
            return type(thing)(tensors[name].item())
        case np.random.Generator():
            thing.bit_generator.state = json.loads(bytes(tensors[name].tolist()))
        case torch.Generator():
            thing.set_state(tensors[name])
        case LRScheduler():
            thing.last_epoch = int(tensors[name])
        case nn.Module():
            firsts = first_names(thing)
            thing.load_state_dict({key: tensors[f"{name}.{first}"] for key, first in firsts.items()})
        case Optimizer():
            _restore_optimizer(name, thing, tensors)
        case list() if _is_numeric(thing):
            return tensors[name].tolist()
        case _:
            for key, part in _parts(thing):
                _put(thing, key, _restored(f"{name}.{key}", part, tensors))
    return thing


def _restore_optimizer(name: str, optimizer: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, _, moment = key.removeprefix(f"{name}.").partition(".")
        if key.startswith(f"{name}.") and moment:
            state.setdefault(int(index), {})[moment] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    for group, rate in zip(optimizer.param_groups, tensors[f"{name}.rates"].tolist(), strict=True):
        group["lr"] = rate


def _parts(thing: Any) -> Sequence[tuple[Any, Any]]:
    """The parts of a list, of a dictionary, or of what has a ``STATE``."""
    if isinstance(thing, list):
        return list(enumerate(thing))
    if isinstance(thing, dict):
        return list(thing.items())
    return [(name, getattr(thing, name)) for name in thing.STATE]


def _put(thing: Any, key: Any, part: Any) -> None:
    if isinstance(thing, (list, dict)):
        thing[key] = part
    else:
        setattr(thing, key, part)


def _own_names(module: nn.Module) -> list[str]:
    """Names of a state dict, each shared tensor once."""
    return [name for name, first in first_names(module).items() if name == first]


def _is_numeric(values: list[Any]) -> bool:
    return not values or isinstance(values[0], (int, float, list))


def _numbers(values: Any) -> Tensor:
    """Whole numbers as int64, others as float64: exact both ways."""
    return torch.from_numpy(np.asarray(values).copy())
