"""The progress bar: shown with the time left on anything longer than two seconds."""

from __future__ import annotations

from typing import Any

from tqdm import tqdm


def track(description: str, total: int, quiet: bool, initial: int = 0) -> tqdm[Any]:
    """A bar over ``total`` units, to be used with ``with`` and moved by ``update(n)``.

    Args:
        description: what is going on.
        total: units until done.
        quiet: show nothing.
        initial: units done before, when resuming.
    """
    return tqdm(
        desc=description,
        total=total,
        initial=initial,
        disable=quiet,
        delay=2,
        mininterval=0.5,
        dynamic_ncols=True,
        smoothing=0.1,
    )
