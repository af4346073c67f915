"""Everything that can be attacked with, as a list; what breaks is a line of it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from robust_hypergan.attacks.contract import Craft, attack_norms, attack_options, takes_any_option
from robust_hypergan.attacks.plugins import distribution_name, plugin_attacks
from robust_hypergan.attacks.registry import ADAPTERS, BUILT_IN, find_plugin
from robust_hypergan.base.errors import FOREIGN, InputError

NOT_LOADED = "Not imported; --load does, and says more."


@dataclass(frozen=True)
class Listed:
    """One attack that can be named, or the reason why it can't be used.

    Attributes:
        name: as a specification.
        origin: ``built in``, ``entry point`` with its distribution, or ``adapter`` with its extra.
        norms: norms it works in.
        options: as ``steps=40``, or the bare name of an option that must be given.
        summary: one line on what it does.
        error: why it can't be used, or "".
        loaded: whether it was imported, so that norms and options are known.
    """

    name: str
    origin: str
    norms: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    summary: str = ""
    error: str = ""
    loaded: bool = True


def list_attacks(*, load: bool = False) -> Iterator[Listed]:
    """Everything that has a name; survives plug-ins and libraries that break.

    Args:
        load: import plug-ins and libraries, which runs their code; without, they are named and no more.
    """
    for name, craft in BUILT_IN.items():
        yield _described(name, "built in", craft)
    for point in plugin_attacks():
        origin = f"entry point of {distribution_name(point)}"
        if not load:
            yield Listed(point.name, origin, summary=NOT_LOADED, loaded=False)
            continue
        yield _listed(point.name, origin, functools.partial(find_plugin, point.name))
    for library, adapter in ADAPTERS.items():
        origin = f"adapter {library}"
        if not load:
            yield Listed(f"{library}:CLASS", origin, summary=NOT_LOADED, loaded=False)
            continue
        try:
            classes = adapter.classes()
        except InputError as error:
            yield Listed(f"{library}:CLASS", origin, error=str(error))
            continue
        for name, kind in classes.items():
            yield _listed(f"{library}:{name}", origin, functools.partial(adapter.adapt, kind))


def _listed(name: str, origin: str, load: Callable[[], Craft]) -> Listed:
    try:
        return _described(name, origin, load())
    except FOREIGN as error:  # whatever is wrong with one attack is its own line only
        return Listed(name, origin, error=str(error))


def _described(name: str, origin: str, craft: Craft) -> Listed:
    options = [
        key if option.default is option.empty else f"{key}={option.default}"
        for key, option in attack_options(craft).items()
    ]
    options += ["..."] if takes_any_option(craft) else []
    summary = (inspect.getdoc(craft) or "").partition("\n")[0]
    return Listed(name, origin, attack_norms(craft), tuple(options), summary)
