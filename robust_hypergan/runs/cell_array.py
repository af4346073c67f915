"""An array of benchmark cells, each a run of its own, through submitit: on a Slurm cluster or here.

submitit pickles what it is to run; here that is a command line as a list of texts, in files of its own that
only its own processes read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from robust_hypergan.base.durable import make_folder, read_text
from robust_hypergan.base.errors import InputError, unknown
from robust_hypergan.base.progress import track
from robust_hypergan.base.text import file_name
from robust_hypergan.reports import CELLS
from robust_hypergan.runs.run_folder import is_finished

EXECUTORS = ("local", "slurm", "debug")
"""Processes on this machine; jobs of a Slurm array; one after the other in this process."""

MOST_HOURS = 10_000


def cell_folders(out: Path, attacks: Sequence[str], eps: Sequence[float]) -> dict[Path, tuple[str, float]]:
    """The folder of each cell, in the order of one run of all.

    It is the one that the cell has already, whatever its number; a new one is so named that the names are in
    that order, too.
    """
    there = {path.name.partition("-")[2]: path for path in sorted((out / CELLS).glob("*-*"))}
    found = {}
    for number, (attack, radius) in enumerate(product(attacks, eps)):
        name = f"{file_name(attack)}-{radius:g}"
        found[there.get(name, out / CELLS / f"{number:04d}-{name}")] = (attack, radius)
    return found


def check_settings(out: Path, folders: Mapping[Path, tuple[str, float]], config: Mapping[str, Any]) -> None:
    """Refuses cells that are there already, finished or not, and were asked something else.

    Args:
        out: the folder of all cells.
        folders: attack and eps of the cells that are asked for, by folder; the others may have their own.
        config: the configuration of one run of all, as JSON values.

    Raises:
        InputError: a cell has other settings, or a damaged ``run.json``.
    """
    asked = json.loads(json.dumps(config))
    for path in sorted((out / CELLS).glob("*/run.json")):
        try:
            found = json.loads(read_text(path))["config"]
            attacks, eps = found["transfer"]["attacks"], found["transfer"]["eps"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(f"{path.parent} holds a damaged run.json: delete that folder") from error
        if path.parent in folders:
            attacks, eps = ([each] for each in folders[path.parent])
        if found != {**asked, "transfer": {**asked["transfer"], "attacks": attacks, "eps": eps}}:
            raise InputError(
                f"{path.parent} holds a cell with other settings: choose another --out, or delete that folder"
            )


def check_jobs(out: Path, executor: str, hours: float) -> None:
    """Refuses what no job could be started with, before anything is written.

    Raises:
        InputError: an unknown executor, hours outside (0, 10,000], or a folder that holds something else.
    """
    if executor not in EXECUTORS:
        raise unknown("executor", executor, EXECUTORS)
    if not 0 < hours <= MOST_HOURS:
        raise InputError(f"hours {hours:g} is out of range: it must be in (0, {MOST_HOURS:,}]")
    try:
        entries = {entry.name for entry in out.iterdir()}
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"can't use {out} for cells ({error.strerror}): choose another --out") from error
    if entries and CELLS not in entries:
        raise InputError(f"{out} is not empty and holds no cells: choose another --out")


def run_cells(
    commands: Mapping[Path, Sequence[str]],
    out: Path,
    *,
    executor: str = "local",
    at_once: int = 1,
    hours: float = 24,
    slurm: Mapping[str, str] | None = None,
    quiet: bool = True,
) -> None:
    """Runs the command of every cell that is not finished, and waits for them.

    Args:
        commands: the command line of each cell by its folder.
        out: where the jobs keep their logs, in ``jobs``.
        executor: one of :data:`EXECUTORS`.
        at_once: cells at the same time.
        hours: after which a job is ended; the same call takes its cell up again.
        slurm: options of Slurm, such as ``partition``.
        quiet: no progress bar.

    Raises:
        InputError: submitit or Slurm is not there, or a cell has failed.
    """
    check_jobs(out, executor, hours)
    try:
        from submitit import AutoExecutor
        from submitit.core.utils import FailedJobError
        from submitit.helpers import CommandFunction
    except ImportError as error:
        raise InputError("cells needs submitit: pip install 'robust-hypergan[cluster]'") from error
    try:
        jobs = AutoExecutor(folder=out / "jobs", cluster=executor)
    except RuntimeError as error:
        raise InputError(f"can't use the executor {executor} ({error}): is it installed here?") from error
    jobs.update_parameters(timeout_min=max(1, round(60 * hours)), name="robust-hypergan")
    if executor == "slurm":
        options = {f"slurm_{name}": value for name, value in (slurm or {}).items()}
        try:
            jobs.update_parameters(slurm_array_parallelism=at_once, **options)
        except (NameError, TypeError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise InputError(f"submitit takes no such option of Slurm ({reason}): see --slurm") from error
    for folder in commands:
        make_folder(folder, parents=True)
    left = {folder: command for folder, command in commands.items() if not is_finished(folder)}
    group = len(left) if executor == "slurm" else at_once  # Slurm itself starts the next when one ends
    failed = []
    with track("cells", len(commands), quiet, initial=len(commands) - len(left)) as progress:
        for start in range(0, len(left), max(1, group)):
            folders = list(left)[start : start + group]
            functions = [CommandFunction(list(left[folder]), verbose=False) for folder in folders]
            try:
                submitted = jobs.submit_array(functions)
            except FailedJobError as error:
                reason = str(error).strip().splitlines()[-1]
                raise InputError(f"no job could be submitted ({reason}): see --slurm") from error
            for folder, job in zip(folders, submitted, strict=True):
                if job.exception() is not None:
                    failed.append(folder.name)
                progress.update()
    if failed:
        raise InputError(
            f"{len(failed)} of {len(commands)} cells failed, {failed[0]} first: see {out / 'jobs'}, "
            "and give the same command again"
        )


def parse_options(given: Sequence[str]) -> dict[str, str]:
    """``KEY=VALUE`` texts as a dictionary.

    Raises:
        InputError: one has no ``=``, or nothing before it.
    """
    for each in given:
        if not each.partition("=")[0] or "=" not in each:
            raise InputError(f"--slurm takes KEY=VALUE, as in partition=gpu, not {each!r}")
    return {key: value for key, _, value in (each.partition("=") for each in given)}
