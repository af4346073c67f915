"""Every figure and table of the paper from nothing: networks are trained, studies made of them, one page.

What is finished is never made again, so that an interrupted reproduction goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from robust_hypergan.base.errors import InputError
from robust_hypergan.reports import write_reproduction
from robust_hypergan.runs.benchmark import bench
from robust_hypergan.runs.run_folder import RunFolder, is_finished
from robust_hypergan.studies.budgets import Item, Plan

NETWORKS = "networks"
"""The folder of the trained networks, each a run of its own."""

Say = Callable[[str], object]


def run_reproduction(
    plan: Plan,
    out: Path,
    *,
    only: Sequence[str] = (),
    device: torch.device | None = None,
    command: str = "",
    quiet: bool = True,
    say: Say = str,
) -> Path:
    """Makes the items of a plan in the folder ``out``, and a page of all that are finished.

    Args:
        plan: networks to train and studies to make.
        out: the folder: new, empty, or of an earlier try of the same plan, whose finished parts are kept.
        only: names of the items to make now; none are all of them.
        device: where to compute; None is the CPU.
        command: the command that repeats it.
        quiet: no progress bars.
        say: is told what is begun; by default nobody is.

    Returns:
        The path of ``report.html``.

    Raises:
        InputError: an unknown item, a folder that can't be used; or, after everything else is done and
            reported, items that could not be made.
    """
    wanted = plan.chosen(only)
    device = device or torch.device("cpu")
    outcome: dict[str, str] = {}
    config = {"reproduction": plan.name, "seed": plan.seed, **plan.settings}
    with RunFolder(out, command, config, again=True) as run:
        run.update(title=plan.title, device=str(device))
        for name, item in wanted.items():
            say(name)
            try:
                _make(plan, name, item, out, device, quiet, say)
                outcome[name] = "done"
            except InputError as error:  # one item that can't be made is no reason to lose the others
                outcome[name] = str(error)
            run.update(reproduction=_every(plan.items, out, outcome))
            write_reproduction(out)
    failed = {name: text for name, text in outcome.items() if text != "done"}
    if failed:
        reasons = "; ".join(f"{name}: {text}" for name, text in failed.items())
        raise InputError(f"{len(failed)} of {len(wanted)} items could not be made: {reasons}")
    return out / "report.html"


def _every(items: Mapping[str, Any], out: Path, outcome: Mapping[str, str]) -> dict[str, str]:
    """What became of each item, those of earlier tries too."""
    found = {name: "done" if is_finished(out / name) else "not made yet" for name in items}
    return found | dict(outcome)


def _make(plan: Plan, name: str, item: Item, out: Path, device: torch.device, quiet: bool, say: Say) -> None:
    folder = out / name
    if is_finished(folder):
        return
    checkpoints = {}
    for needed in item.networks:
        config = plan.networks[needed]
        place = out / NETWORKS / needed
        if not is_finished(place):
            say(f"{name}: training {needed}")
            bench(config, place, device=device, quiet=quiet)
        checkpoints[needed] = str(place / config.checkpoint_name)
    item.run(item.config(checkpoints), folder, device=device, quiet=quiet)
