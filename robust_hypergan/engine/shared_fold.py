"""Folding the answers of many networks on all ranks: each takes blocks in a row; the parts are put together.

In a *stretch* all ranks take as many blocks of networks. Then every second rank hands what it folded to the
one before it, of those that are left every second one likewise, and so on: the leader's fold holds everything
up to there, as if it had seen all networks itself. Stretches are short at first, and grow until one takes a
while, so that what is sent does not matter.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, ClassVar, Protocol, Self, TypeVar

from torch import Tensor

from robust_hypergan.base.distributed import Ranks
from robust_hypergan.engine.cascade import Account
from robust_hypergan.engine.ensemble import NETWORK_BLOCK, EnsembleForward
from robust_hypergan.storage.resumable import packed, unpacked

SHORT, LONG, PUTTING = 15.0, 300.0, 0.05
"""A stretch of less than ``SHORT`` seconds is followed by one of twice as many blocks, and so is one of less
than ``LONG`` of which more than a share ``PUTTING`` went into putting together; states are saved between."""


class Foldable(Protocol):
    """What networks are folded into one by one; its state as in :mod:`robust_hypergan.storage.resumable`."""

    STATE: ClassVar[Any]

    def add(self, logits: Tensor) -> object:
        """Adds the logits ``[N, classes]`` of the next network."""
        ...

    def part(self, start: int) -> Self:
        """An empty one for the same images, which begins with the network of number ``start``."""
        ...

    def extend(self, later: Self) -> None:
        """Adds a part that begins where this one ends: to the last bit as if its networks were added."""
        ...


Kind = TypeVar("Kind", bound=Foldable)


def fold_networks(
    fold: Foldable, forward: EnsembleForward, first: int, done: int, ranks: Ranks
) -> Iterator[int]:
    """Folds all blocks of a forward in, and says after each stretch how many networks were done.

    Args:
        fold: of the leader, which the networks go into; of another rank, an empty one of the same images.
        forward: the same on all ranks.
        first: number of its first network in the fold.
        done: so many of its networks are in the leader's fold already, whole blocks or all of them.
        ranks: who takes part; all have to call this in the same way.
    """
    position, blocks, length = -(-done // NETWORK_BLOCK), len(forward.blocks), 1
    while position < blocks:
        began = time.perf_counter()
        count = min(length * ranks.size, blocks - position)
        starts = [
            first + NETWORK_BLOCK * (position + ranks.share(count, rank).start) for rank in range(ranks.size)
        ]
        own = fold if ranks.leads else fold.part(starts[ranks.rank])
        for number in ranks.share(count):
            for logits in forward.block(position + number)[1]:
                own.add(logits)
        computed = time.perf_counter() - began
        _put_together(own, forward.account, starts, ranks)
        position += count
        seconds = time.perf_counter() - began
        too_short = seconds < SHORT or (seconds < LONG and seconds - computed > PUTTING * seconds)
        length = ranks.told(2 * length if too_short and ranks.size > 1 else length)
        yield min(position * NETWORK_BLOCK, sum(map(len, forward.blocks)))


def _put_together(own: Kind, account: Account, starts: list[int], ranks: Ranks) -> None:
    """Extends the leader's fold and account by those of all other ranks, which forget theirs."""
    step = 1
    while step < ranks.size:
        if ranks.rank % (2 * step):
            ranks.send(packed({"fold": own, "account": account}), ranks.rank - step)
            account.forget()
            return
        if ranks.rank + step < ranks.size:
            later, of_later = own.part(starts[ranks.rank + step]), Account()
            unpacked(ranks.receive(ranks.rank + step), {"fold": later, "account": of_later})
            own.extend(later)
            account.extend(of_later)
        step *= 2


def share_state(ranks: Ranks, **things: object) -> None:
    """Lays the leader's state of things over those of the other ranks."""
    if ranks.size > 1:
        content = ranks.told_bytes(packed(things) if ranks.leads else b"")
        if not ranks.leads:
            unpacked(content, things)
