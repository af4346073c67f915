"""The least time of a piece of work."""

from __future__ import annotations

import time
from collections.abc import Callable


def seconds(work: Callable[[], object], repeats: int = 4, *, warm: bool = False) -> float:
    """Least time of several runs, after one to warm up unless it is warm already."""
    if not warm:
        work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)
