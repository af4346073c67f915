"""Parts of a study, each measured once: a study that was interrupted goes on behind those that are done."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

from torch import Tensor

from robust_hypergan.base.durable import make_folder
from robust_hypergan.base.progress import track
from robust_hypergan.engine.ensemble import ensemble_forward
from robust_hypergan.models.networks import NetworkDistribution, Networks
from robust_hypergan.reports import TEXT_COLUMNS, read_table, write_table
from robust_hypergan.storage.resumable import Saved
from robust_hypergan.studies.study import Tables


def kept_tables(
    folder: Path,
    columns: Mapping[str, list[str]],
    measured: Callable[[], Tables],
    texts: Collection[str] = TEXT_COLUMNS,
) -> Tables:
    """The tables of one part, read from its folder if an earlier try has left them there.

    Args:
        folder: of the part alone; made, with those above it.
        columns: of each table by its stem; a table that lacks one gets it without values.
        measured: gives all of these tables.
        texts: columns that hold text.

    Raises:
        InputError: the place can't be written, or a table that is there is damaged.
    """
    paths = {stem: folder / f"{stem}.csv" for stem in columns}
    if not all(path.exists() for path in paths.values()):
        make_folder(folder, parents=True)
        for stem, table in measured().items():
            write_table(table.reindex(columns=columns[stem]), paths[stem])
    return {stem: read_table(path, columns[stem], texts) for stem, path in paths.items()}


class SoftmaxFold(Protocol):
    """What the softmax of networks is folded into; state as in :mod:`robust_hypergan.storage.resumable`."""

    STATE: ClassVar[Any]

    def add(self, probability: Tensor) -> object:
        """Adds the softmax ``[N, classes]`` of the next network."""
        ...


def fold_softmax(
    folds: Mapping[int, SoftmaxFold],
    distribution: NetworkDistribution,
    addresses: Sequence[Networks],
    images: Tensor,
    *,
    state: Path,
    title: str,
    backend: str | None = None,
    quiet: bool = True,
) -> None:
    """Adds the softmax of networks to all folds, one network after the other.

    Args:
        folds: what is added to, by a number of their own.
        distribution: what the networks are drawn from.
        addresses: of the networks, in their order.
        images: ``[N, C, H, W]`` in [0, 1], on the networks' device.
        state: the file in which the folds are kept, once a minute and in the end.
        title: of the progress bar.
        backend: of the ensemble forward; None is the fastest.
        quiet: no progress bar.

    Raises:
        InputError: the state is of other networks or damaged, or can't be written.
        NotFinite: a logit is not.
    """
    things = {"folds": folds}
    saved = Saved(state, "study", {"networks": [[own.stream, own.seed, len(own)] for own in addresses]})
    done = left_out = (saved.load(things) or {"done": 0})["done"]
    end = sum(map(len, addresses))
    with track(title, end, quiet, initial=done) as progress:
        for networks in addresses:
            here = min(left_out, len(networks))
            left_out -= here
            for block, logits in ensemble_forward(distribution, networks, images, backend=backend, done=here):
                for own in logits:
                    probability = own.softmax(1)
                    for fold in folds.values():
                        fold.add(probability)
                progress.update(len(block))
                done += len(block)
                if saved.due or done == end:
                    saved.save(things, done=done)
