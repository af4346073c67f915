"""A study: one of the paper's further experiments, measured and reported in a folder of its own."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from robust_hypergan.base.durable import make_folder
from robust_hypergan.base.errors import InputError
from robust_hypergan.base.text import file_name
from robust_hypergan.base.user_code import code_digest, is_user_code
from robust_hypergan.data.datasets import Dataset
from robust_hypergan.models.compatibility import check_fit
from robust_hypergan.models.networks import (
    NetworkDistribution,
    Networks,
    check_draw,
    fresh_available,
    kind_of,
    move,
    without_attacker,
)
from robust_hypergan.models.parameters import fingerprint
from robust_hypergan.reports import write_study, write_table
from robust_hypergan.runs.bench_config import plain_values
from robust_hypergan.runs.run_folder import RunFolder
from robust_hypergan.storage.checkpoint import Checkpoint, load_checkpoint

OWN_NAMES = frozenset({"progress", "figures", "run.json", "report.html", "report.md"})
"""What every folder of a study holds itself."""

Tables = dict[str, pd.DataFrame]
"""Tables by the stem of their CSV."""


def run_study(
    name: str,
    config: Mapping[str, Any],
    out: Path,
    measure: Callable[[RunFolder], Tables],
    *,
    device: torch.device | None = None,
    command: str = "",
) -> Path:
    """Measures a study in a folder: its tables, ``run.json``, figures and page.

    Args:
        name: of the study, one of those that ``robust_hypergan.reports`` can report.
        config: the full configuration.
        out: the folder: new, empty, or of the same study unfinished.
        measure: gives the tables; it may add facts to the folder's ``run.json``.
        device: what is recorded as the device.
        command: the command that repeats the study.

    Returns:
        The path of ``report.html``.

    Raises:
        InputError: the folder can't be used, or whatever ``measure`` refuses.
    """
    with RunFolder(out, command, {"study": name, **plain_values(config)}) as run:
        run.update(study=name, device=str(device or "cpu"))
        make_folder(run.progress)  # while it is there, a run that is killed is taken up again
        started = time.perf_counter()
        for stem, table in measure(run).items():
            write_table(table, out / f"{stem}.csv")
        run.update(seconds={name: time.perf_counter() - started})
        run.finish()  # a page can be made again of what is there
        return write_study(out)


def record_inputs(
    run: RunFolder, sets: Iterable[Dataset], named: Mapping[str, NetworkDistribution], seed: int
) -> None:
    """Writes into ``run.json`` what is measured on what, as ``inputs``: SHA-256 of images, networks and code.

    Raises:
        InputError: an earlier try had others under the same names, with which what it left can't be joined.
    """
    networks = {name: _fingerprint(each, seed) for name, each in named.items()}
    code = {name: code_digest(each.classifier) for name, each in named.items()}
    data = {each.name: each.sha256 for each in sets}
    run.update_same(inputs={"data": data, "networks": networks, "code": code})


def split_name(given: str) -> tuple[str, Path]:
    """``NAME=PATH`` as name and path; the name of a bare ``PATH`` is empty.

    A path may hold a ``=`` itself: the longest that is there is taken, else what follows the last.
    """
    parts = given.split("=")
    whole = [("=".join(parts[:place]), Path("=".join(parts[place:]))) for place in range(len(parts))]
    return next((each for each in whole if _is_there(str(each[1]))), whole[-1])


def _is_there(text: str) -> bool:
    """Whether a path, or the file of code of the user's own, is there."""
    return os.path.exists(text) or (is_user_code(text) and os.path.exists(text.rpartition(":")[0]))


def load_named(
    checkpoints: Sequence[str], dataset: Dataset, device: torch.device, classifier: str | None = None
) -> dict[str, NetworkDistribution]:
    """The network distributions of :func:`load_named_checkpoints`, with its arguments and errors."""
    found = load_named_checkpoints(checkpoints, dataset, device, classifier)
    return {name: each.distribution for name, each in found.items()}


def load_trainings(
    checkpoints: Sequence[str], dataset: Dataset, device: torch.device, classifier: str | None = None
) -> dict[str, list[NetworkDistribution]]:
    """Network distributions by name, where a ``NAME`` that is given again means another training of the same.

    Takes what :func:`load_named_checkpoints` takes.

    Raises:
        InputError: what that raises; networks of several kinds have one name, or the same are given twice.
    """
    named = [split_name(each) for each in checkpoints]
    names = {name for name, _ in named}
    found: dict[str, list[NetworkDistribution]] = {}
    loaded = _loaded(checkpoints, dataset, device, classifier)
    for (given, _), (name, each) in zip(named, loaded, strict=True):
        own = given or _free_name(name, {*found, *names})
        found.setdefault(own, []).append(each.distribution)
    for own, trainings in found.items():
        check_trainings(own, trainings)
    return found


def check_trainings(name: str, trainings: Collection[NetworkDistribution]) -> None:
    """Looks at what is to be averaged as several trainings of the same.

    Args:
        name: what they are called, for messages.
        trainings: one or more.

    Raises:
        InputError: they are of several kinds or sizes, or two of them hold the same networks.
    """
    seen: dict[str, str] = {}
    for each in trainings:
        seen[_fingerprint(each)] = kind_of(each)
    kinds = sorted(set(seen.values()))
    if len(kinds) > 1:
        raise InputError(f"{name}: {' and '.join(kinds)} are not trainings of the same: measure them apart")
    counts = sorted({fresh_available(each, sys.maxsize) for each in trainings})
    if len(counts) > 1:
        raise InputError(f"{name}: trainings of {counts[0]} and {counts[-1]} networks: measure them apart")
    if len(seen) < len(trainings):
        raise InputError(f"{name}: the same networks are given twice: give each training once")


def _fingerprint(distribution: NetworkDistribution, seed: int = 0) -> str:
    """SHA-256 of what was learnt, or of the first network where that can't be known."""
    learnt = getattr(distribution, "tensors", None)  # of all that a checkpoint can hold
    if learnt is not None:
        return fingerprint(learnt())
    first, *_ = [*without_attacker(distribution, seed, 1), Networks(seed, "source", [0])]
    check_draw(distribution, first)
    return fingerprint(distribution.sample(first))


def load_named_checkpoints(
    checkpoints: Sequence[str], dataset: Dataset, device: torch.device, classifier: str | None = None
) -> dict[str, Checkpoint]:
    """Checkpoints by name, their networks on the device.

    Args:
        checkpoints: ``PATH``, or ``NAME=PATH`` to call it something else than its kind. A second one of the
            same name is called ``NAME-2``.
        dataset: images that their classifiers must take.
        device: where they go.
        classifier: specification of the classifier of those that do not say it themselves.

    Raises:
        InputError: one can't be read, or does not fit the data.
    """
    found: dict[str, Checkpoint] = {}
    for name, each in _loaded(checkpoints, dataset, device, classifier):
        found[_free_name(name, found)] = each
    return found


def _loaded(
    checkpoints: Sequence[str], dataset: Dataset, device: torch.device, classifier: str | None
) -> Iterator[tuple[str, Checkpoint]]:
    """Each checkpoint with the name that was given to it, or its kind."""
    for each in checkpoints:
        given, path = split_name(each)
        checkpoint = load_checkpoint(path, classifier, len(dataset.classes))
        check_fit(checkpoint.classifier, checkpoint.distribution.classifier, dataset)
        move(checkpoint.distribution, device)
        yield given or kind_of(checkpoint.distribution), checkpoint
    if not checkpoints:
        raise InputError("no networks to study: give --checkpoint, a file that train has written")


def named_paths(checkpoints: Sequence[str]) -> dict[str, Path]:
    """Paths by name, without reading them: a checkpoint without a name is called by its file's stem.

    Args:
        checkpoints: ``PATH`` or ``NAME=PATH``; a name becomes a folder's.

    Raises:
        InputError: a name that a run's folder needs itself.
    """
    found: dict[str, Path] = {}
    for each in checkpoints:
        given, path = split_name(each)
        name = file_name(given or path.stem)
        if name in OWN_NAMES:
            raise InputError(f"{name} is a name that the run's folder needs itself: give {path} another")
        found[_free_name(name, found)] = path
    return found


def _free_name(name: str, taken: Container[str]) -> str:
    return next(own for own in (name, *(f"{name}-{i}" for i in range(2, 999))) if own not in taken)
