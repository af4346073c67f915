"""Threads of a CPU that compute with one each, so that the order of no sum hangs on how many there are."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Job = TypeVar("Job")
Result = TypeVar("Result")

_outside = threading.local()


def thread_count() -> int:
    """Threads that PyTorch computes with on this thread, or did before :func:`one_thread` began."""
    return getattr(_outside, "threads", None) or torch.get_num_threads()


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """A CPU computes with one thread inside: the order of a product's sums may hang on the threads.

    Before work is spread, this also keeps OpenMP's own threads asleep: after each piece of work they wait
    busily for milliseconds, on the cores that others could use.
    """
    threads, before = torch.get_num_threads(), getattr(_outside, "threads", None)
    _outside.threads = before or threads
    torch.set_num_threads(1)
    try:
        yield
    finally:
        _outside.threads = before
        torch.set_num_threads(threads)


def spread(work: Callable[[Job], Result], jobs: Iterable[Job]) -> list[Result]:
    """Does every job on one of :func:`thread_count` threads that computes alone; returns their results.

    Gradients are recorded there unless a job says otherwise, whatever is set here.
    """
    jobs = list(jobs)
    with one_thread():  # here too: some libraries hold one number for all threads
        threads = min(thread_count(), len(jobs))
        return list(map(work, jobs)) if threads < 2 else list(_pool(thread_count()).map(work, jobs))


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))


os.register_at_fork(after_in_child=_pool.cache_clear)  # a forked process has none of the threads
