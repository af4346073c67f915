"""A run's folder: ``run.json`` says what is being done, how, and whether it is running, done or failed."""

from __future__ import annotations

import datetime
import json
import os
import platform
import shlex
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

from robust_hypergan.errors import InputError

FORMAT = 1

REPORTED_VERSIONS = ("robust-hypergan", "torch", "torchvision", "numpy", "pandas")


class RunFolder:
    """One run in its folder, used with ``with``: leaving it writes ``done``, an exception ``failed``.

    Args:
        path: the folder; made if it is not there. A run with the same configuration that is not done
            is taken up again.
        command: the command that repeats the run.
        config: the full configuration, as JSON values.
        again: take up a finished run too, to add to it.

    Raises:
        InputError: the folder holds a finished or another run, or something else, or can't be written.
    """

    def __init__(self, path: Path, command: str, config: Mapping[str, Any], *, again: bool = False) -> None:
        self.path = path
        plain = json.loads(json.dumps(dict(config)))
        try:
            path.mkdir(parents=True, exist_ok=True)
            entries = {entry.name for entry in path.iterdir()}
        except OSError as error:
            raise InputError(
                f"can't use {path} for a run ({error.strerror}): choose another --out"
            ) from error
        if entries:
            _refuse_unless_resumable(path, entries, plain, again)
        self.record: dict[str, Any] = {
            "format": FORMAT,
            "status": "running",
            "command": command,
            "config": plain,
            "versions": {"python": platform.python_version()}
            | {name.replace("-", "_"): version(name) for name in REPORTED_VERSIONS},
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
            "started": _now(),
            "finished": None,
            "error": None,
            "seconds": {},
        }

    def update(self, seconds: Mapping[str, float] | None = None, **facts: Any) -> None:
        """Adds facts to ``run.json`` and writes it."""
        self.record |= facts
        self.record["seconds"] |= {name: round(value, 2) for name, value in (seconds or {}).items()}
        beside = self.path / "run.json.part"
        try:
            beside.write_text(json.dumps(self.record, indent=2) + "\n", encoding="utf-8")
            os.replace(beside, self.path / "run.json")
        except OSError as error:
            raise InputError(
                f"can't write in {self.path} ({error.strerror}): choose another --out"
            ) from error

    def __enter__(self) -> RunFolder:
        self.update()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.update(status="done", finished=_now())
            return
        reason = "interrupted" if isinstance(error, KeyboardInterrupt) else f"{type(error).__name__}: {error}"
        self.update(status="failed", finished=_now(), error=reason)


def is_finished(path: Path) -> bool:
    """Whether a folder holds a run that is done."""
    try:
        record = json.loads((path / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(record, dict) and record.get("status") == "done"


def repeat_command() -> str:
    """The command line that is running, as a user would type it again."""
    return shlex.join(["robust-hypergan", *sys.argv[1:]])


def accuracy_sentence(path: Path) -> str:
    """The accuracy that a finished run measured, for the terminal."""
    measured = json.loads((path / "run.json").read_text(encoding="utf-8"))["accuracy"]
    mean, least, most = (f"{measured[key]:.2%}" for key in ("single_mean", "single_min", "single_max"))
    votes = [f", mean vote of {n} {measured[f'vote_{n}']:.2%}" for n in (10, 100) if measured[f"vote_{n}"]]
    return (
        f"{measured['networks']} networks on {measured['examples']:,} test images: single {mean} "
        f"(least {least}, greatest {most}){''.join(votes)}"
    )


def _refuse_unless_resumable(path: Path, entries: set[str], config: dict[str, Any], again: bool) -> None:
    if "run.json" not in entries:
        raise InputError(f"{path} is not empty and holds no run: choose another --out")
    try:
        old = json.loads((path / "run.json").read_text(encoding="utf-8"))
        status, old_config = old["status"], old["config"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} holds a damaged run.json: choose another --out") from error
    if status == "done" and not again:
        raise InputError(f"{path} holds a finished run: choose another --out, or delete it")
    if old_config != config:
        raise InputError(f"{path} holds a run with other settings: choose another --out, or delete it")


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
