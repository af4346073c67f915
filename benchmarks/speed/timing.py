"""The least time of a piece of work."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping


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


def in_turns(works: Mapping[str, Callable[[], object]], rounds: int, repeats: int = 1) -> dict[str, float]:
    """Least time of each of several pieces of work, done in turns: a shared machine is not always as fast.

    Args:
        works: by name; each is done once before, to warm up.
        rounds: how often each has its turn.
        repeats: runs of a turn.
    """
    for work in works.values():
        work()
    times = dict.fromkeys(works, float("inf"))
    for _ in range(rounds):
        for name, work in works.items():
            times[name] = min(times[name], seconds(work, repeats, warm=True))
    return times
