"""An array of benchmark cells, each a run of its own, through submitit: on a Slurm cluster or here.

submitit pickles what it is to run; here that is a command line as a list of texts, in files of its own that
only its own processes read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

from robust_hypergan.durable import make_folder
from robust_hypergan.errors import InputError, unknown
from robust_hypergan.progress import track
from robust_hypergan.reports import CELLS
from robust_hypergan.run_folder import is_finished
from robust_hypergan.text import file_name

EXECUTORS = ("local", "slurm", "debug")
"""Processes on this machine; jobs of a Slurm array; one after the other in this process."""

MOST_HOURS = 10_000


def cell_folders(out: Path, attacks: Sequence[str], eps: Sequence[float]) -> dict[Path, tuple[str, float]]:
    """The folder of each cell, so named that their order is that of one run of all."""
    cells = enumerate(product(attacks, eps))
    return {
        out / CELLS / f"{number:04d}-{file_name(attack)}-{radius:g}": (attack, radius)
        for number, (attack, radius) in cells
    }


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
        from submitit.helpers import CommandFunction
    except ImportError as error:
        raise InputError("cells needs submitit: pip install 'robust-hypergan[cluster]'") from error
    for folder in commands:
        make_folder(folder, parents=True)
    left = {folder: command for folder, command in commands.items() if not is_finished(folder)}
    try:
        jobs = AutoExecutor(folder=out / "jobs", cluster=executor)
    except RuntimeError as error:
        raise InputError(f"can't use the executor {executor} ({error}): is it installed here?") from error
    jobs.update_parameters(timeout_min=max(1, round(60 * hours)), name="robust-hypergan")
    if executor == "slurm":
        options = {f"slurm_{name}": value for name, value in (slurm or {}).items()}
        jobs.update_parameters(slurm_array_parallelism=at_once, **options)
    group = len(left) if executor == "slurm" else at_once  # Slurm itself starts the next when one ends
    failed = []
    with track("cells", len(commands), quiet, initial=len(commands) - len(left)) as progress:
        for start in range(0, len(left), max(1, group)):
            folders = list(left)[start : start + group]
            functions = [CommandFunction(list(left[folder]), verbose=False) for folder in folders]
            for folder, job in zip(folders, jobs.submit_array(functions), strict=True):
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
