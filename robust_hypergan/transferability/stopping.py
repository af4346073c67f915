"""When enough fresh networks were drawn: every interval narrow enough, or more networks no help.

Networks are drawn in rounds, each doubling what there is, and judged between rounds only; what ends it has
to be seen after two rounds in a row. Stopping at the first narrow interval would favour those that are
narrow by chance (``benchmarks/interval_coverage.py`` measures how much is left of that). The interval of a
cell shrinks with the networks to what its examples alone leave; where that is too wide, no network can help.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence

from robust_hypergan.base.distributed import ALONE, Ranks
from robust_hypergan.base.progress import track
from robust_hypergan.engine.cascade import Account
from robust_hypergan.engine.ensemble import EnsembleForward
from robust_hypergan.engine.shared_fold import fold_networks, share_state
from robust_hypergan.models.networks import NetworkDistribution, Networks, fresh_available
from robust_hypergan.reports import crossed_mean_interval, unlimited_columns_interval
from robust_hypergan.storage.resumable import Saved
from robust_hypergan.transferability.fold import CellFold, Fold


def draw_until_sure(
    fold: Fold,
    distribution: NetworkDistribution,
    *,
    seed: int,
    networks: int,
    width: float | None,
    most: int,
    backend: str | None = None,
    precision: str | None = None,
    account: Account,
    saved: Saved,
    ranks: Ranks = ALONE,
    quiet: bool = True,
) -> tuple[tuple[int, ...], str, float]:
    """Folds fresh networks in, round by round.

    Args:
        fold: what they are tried on.
        distribution: what they are drawn from; it may end before ``most``.
        seed: of their addresses.
        networks: of the first round.
        width: see :func:`stop_reason`; None is one round.
        most: networks at most.
        backend: of the ensemble forward.
        precision: likewise.
        account: where is written down what was computed.
        saved: where the leader keeps the fold's state, to go on from after an interruption, and in the end.
        ranks: who shares the networks; in the end all of them have the whole fold and account.
        quiet: no progress bar.

    Returns:
        The networks there were after each round; why no more were drawn, empty without a width; and the
        seconds it took, those before an interruption included.
    """
    things = {"fold": fold, "account": account}
    facts = (saved.load(things) if ranks.leads else None) or {"reason": "", "seconds": 0.0}
    began = time.perf_counter() - facts["seconds"]
    reason, done = ranks.told([facts["reason"], fold.networks])
    drawn, ends = 0, [networks]
    if width is not None:
        ends = list(round_ends(networks, fresh_available(distribution, most)))
    with track("fresh networks", networks, quiet, initial=done) as progress:
        for position, stop in enumerate(ends):
            progress.total = stop
            if stop >= done:  # else it was judged before the interruption
                forward = EnsembleForward(
                    distribution,
                    Networks(seed, "fresh", range(drawn, stop)),
                    fold.images,
                    backend=backend,
                    precision=precision,
                    account=account,
                )
                for folded in fold_networks(fold, forward, drawn, max(0, done - drawn), ranks):
                    progress.update(drawn + folded - progress.n)
                    if ranks.leads and (saved.due or fold.networks == stop):
                        saved.save(things, reason=reason, seconds=time.perf_counter() - began)
                before = reason
                if width is not None:
                    reason = ranks.told(stop_reason(fold.cells, width, stop, ends[-1]) if ranks.leads else "")
                if reason and before:
                    ends = ends[: position + 1]
                    break
            drawn = stop
    share_state(ranks, **things)
    return tuple(ends), reason, time.perf_counter() - began


def round_ends(first: int, most: int) -> Iterator[int]:
    """Networks after each round: the first, then twice as many each time, at most ``most``.

    >>> list(round_ends(500, 3000))
    [500, 1000, 2000, 3000]
    """
    count = first
    while count < most:
        yield count
        count *= 2
    yield max(first, most)


def stop_reason(cells: Sequence[CellFold], width: float, networks: int, most: int) -> str:
    """Why no more networks are needed, in a plain sentence; empty if they are.

    Args:
        cells: those that did not fail, with the networks so far. Where nothing fooled the source there is
            no interval, and the cell has no say.
        width: what every interval has to be narrower than.
        networks: how many there are.
        most: how many there may be.
    """
    means = [(each, *each.fooled_fractions) for each in cells]
    wide = [
        (each.cell, len(examples), _width(unlimited_columns_interval(examples, by_network)))
        for each, examples, by_network in means
        if _width(crossed_mean_interval(examples, by_network)) >= width
    ]
    if not wide:
        return f"every 95% interval is narrower than {width:g} with {networks:,} networks"
    hopeless = [each for each in wide if each[2] >= width]
    if len(hopeless) < len(wide) and networks < most:
        return ""
    total, verb = f"{len(wide)} of {len(means)} intervals", "is" if len(wide) == 1 else "are"
    reason = f"{total} {verb} not narrower than {width:g} with {networks:,} networks"
    if not hopeless:
        return f"{reason}, the most there may be"
    cell, examples, floor = max(hopeless, key=lambda each: each[2])
    needed = math.ceil(examples * (floor / width) ** 2)
    share = "all of them" if len(hopeless) == len(wide) else f"{len(hopeless)} of them"
    return (
        f"{reason}; {share} would not be with any number of networks: the {examples:,} examples of "
        f"{cell.attack} at eps {cell.eps:g} that fooled the source alone leave {floor:.2g}, and about "
        f"{needed:,} are needed"
    )


def _width(interval: tuple[float, float]) -> float:
    return interval[1] - interval[0]
