"""A library's attack classes as ordinary attacks: what the adapters of all libraries have in common."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

import torch
from torch import Tensor, nn

from robust_hypergan.attacks.contract import Craft, signature_of
from robust_hypergan.attacks.random_state import seeded_random_state
from robust_hypergan.base.errors import FOREIGN, InputError, unknown


@dataclass(frozen=True)
class Batch:
    """What an attack is called with, for a library that wants it in another form.

    Attributes:
        model: images in [0, 1] to logits.
        inputs: images ``[B, C, H, W]`` in [0, 1].
        labels: true classes ``[B]``.
        eps: radius of the ball.
        norm: ``linf`` or ``l2``.
        targets: target classes ``[B]``, or None.
        seed: for a library that takes one.
    """

    model: nn.Module
    inputs: Tensor
    labels: Tensor
    eps: float
    norm: str
    targets: Tensor | None
    seed: int

    def classes(self) -> int:
        """Number of classes, from the logits of one image."""
        with torch.no_grad():
            return int(self.model(self.inputs[:1]).shape[1])


@dataclass(frozen=True)
class Adapter:
    """One library.

    Attributes:
        library: name of the extra, of the package and in front of the attack: ``foolbox:LinfPGD``.
        module: what is imported.
        find: the attack classes in the library, by name.
        norms: the norms, of ours, in which a class works.
        reserved: arguments of the constructors that the adapter gives itself.
        run: ``(class, batch, options) -> adversarials``.
    """

    library: str
    module: str
    find: Callable[[ModuleType], Mapping[str, type]]
    norms: Callable[[type], tuple[str, ...]]
    reserved: frozenset[str]
    run: Callable[[type, Batch, dict[str, Any]], Tensor]

    def classes(self) -> Mapping[str, type]:
        """The library's attack classes by name.

        Raises:
            InputError: the library can't be imported.
        """
        try:
            with _quiet():
                return self.find(importlib.import_module(self.module))
        except ModuleNotFoundError as error:
            raise InputError(
                f"{self.library} is not installed ({error}): pip install robust-hypergan[{self.library}]"
            ) from error
        except FOREIGN as error:  # a library may break on import in any way
            raise InputError(f"{self.library} can't be imported ({type(error).__name__}: {error})") from error

    def attack(self, name: str) -> Craft:
        """One class as an attack whose options are those of the constructor.

        Raises:
            InputError: the library is not there, or has no such class.
        """
        classes = self.classes()
        if name not in classes:
            raise unknown(f"attack of {self.library}", name, classes)
        return self.adapt(classes[name])

    def adapt(self, kind: type) -> Craft:
        """A class of the library as an attack."""

        def craft(
            model: nn.Module,
            inputs: Tensor,
            labels: Tensor,
            *,
            eps: float,
            norm: str,
            generator: torch.Generator,
            targets: Tensor | None = None,
            **options: Any,
        ) -> Tensor:
            with seeded_random_state(generator) as seed, torch.enable_grad(), _quiet():
                batch = Batch(model, inputs, labels, eps, norm, targets, seed)
                return self.run(kind, batch, options).detach()

        craft.__doc__ = next(iter((inspect.getdoc(kind) or kind.__name__).strip().splitlines()))
        craft.__signature__ = self._signature(craft, kind)  # type: ignore[attr-defined] # functions have it
        return craft

    def _signature(self, craft: Craft, kind: type) -> inspect.Signature:
        *own, _ = signature_of(craft).parameters.values()
        norm = Literal[self.norms(kind)]  # type: ignore[valid-type] # known when it runs only
        own = [each.replace(annotation=norm) if each.name == "norm" else each for each in own]
        options = [
            each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for each in signature_of(kind).parameters.values()
            if each.name not in self.reserved
            and each.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        ]
        return inspect.Signature([*own, *options])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Libraries print and warn as they go; what they return is audited all the same."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def parameter_names(kind: type) -> set[str]:
    """Names of a constructor's parameters."""
    return set(inspect.signature(kind).parameters)
