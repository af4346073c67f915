"""The global random states of Python, NumPy and torch: kept, or seeded for code that knows no other."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator

import numpy as np
import torch


@contextlib.contextmanager
def kept_random_state() -> Iterator[Callable[[], bool]]:
    """Whatever happens inside, the global random states are afterwards what they were.

    Yields:
        A function that says whether they were used so far.
    """
    python_state, torch_state = random.getstate(), torch.get_rng_state()
    numpy_state = np.random.get_state(legacy=False)  # noqa: NPY002 - the global state is what is protected
    cuda_states = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []

    def used() -> bool:
        return (
            random.getstate() != python_state
            or not torch.equal(torch.get_rng_state(), torch_state)
            or str(np.random.get_state(legacy=False)) != str(numpy_state)  # noqa: NPY002 - likewise
        )

    try:
        yield used
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002 - likewise
        torch.set_rng_state(torch_state)
        if cuda_states:
            torch.cuda.set_rng_state_all(cuda_states)


@contextlib.contextmanager
def seeded_random_state(generator: torch.Generator) -> Iterator[int]:
    """Inside, the global random states are seeded from a generator; afterwards they are what they were.

    Yields:
        The seed, for code that takes one.
    """
    seed = int(torch.randint(2**31 - 1, (1,), generator=generator))
    with kept_random_state():
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - the global state is what such code draws from
        torch.manual_seed(seed)
        yield seed
