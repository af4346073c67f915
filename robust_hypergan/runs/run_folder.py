"""A run's folder: ``run.json`` says what is being done, how, and whether it is running, done or failed.

One process at a time works in it. What an interrupted one finished is there for the next: ``run.json`` with
the stages that are done, their tables, and in ``progress`` the states of what was under way.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import json
import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

from robust_hypergan.base.distributed import Ranks
from robust_hypergan.base.durable import PARTIAL, read_text, remove_folder, remove_partials, write_bytes
from robust_hypergan.base.errors import InputError
from robust_hypergan.reports import RUN_FORMAT, check_format
from robust_hypergan.storage.resumable import FOLDER

REPORTED_VERSIONS = ("robust-hypergan", "torch", "torchvision", "numpy", "pandas")

LOCK = ".lock"

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""Of a file system without locks, as some over a network are."""


class RunFolder:
    """One run in its folder, used with ``with``: leaving it writes ``done``, an exception ``failed``.

    The folder is locked until then; the system takes the lock from a process that dies. A file system without
    locks has none, and there it is on the user not to start a run twice.

    Args:
        path: the folder; made if it is not there. A run with the same configuration that is not done
            is taken up again.
        command: the command that repeats the run.
        config: the full configuration, as JSON values.
        again: take up a finished run too, to add to it.

    Attributes:
        record: what ``run.json`` holds; of a run that is taken up again all that it held.
        progress: folder for states of what is under way, see :mod:`robust_hypergan.storage.resumable`. It is
            removed when the run is done, and that is the last of it.

    Raises:
        InputError: the folder holds a finished or another run, or something else, or can't be written, or
            another process works in it.
    """

    def __init__(self, path: Path, command: str, config: Mapping[str, Any], *, again: bool = False) -> None:
        self.path, self.progress = path, path / FOLDER
        try:
            path.mkdir(parents=True, exist_ok=True)
            _old_record(path, again)  # before anything is written into a folder that is not ours
            self._lock = _locked(path)
        except OSError as error:
            raise InputError(
                f"can't use {path} for a run ({error.strerror}): choose another --out"
            ) from error
        try:
            self.record = self._begun(command, json.loads(json.dumps(dict(config))), again)
        except InputError:
            self._lock.release()
            raise
        remove_partials(path)

    def _begun(self, command: str, config: dict[str, Any], again: bool) -> dict[str, Any]:
        old = _old_record(self.path, again)
        if old.get("config", config) != config:
            raise self._other("settings")
        own = {
            "format": RUN_FORMAT,
            "status": "running",
            "command": command,
            "config": config,
            "versions": {"python": platform.python_version()}
            | {name.replace("-", "_"): version(name) for name in REPORTED_VERSIONS},
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
            "finished": None,
            "error": None,
        }
        return own | {"started": _now(), "seconds": {}} | old | own

    def _other(self, what: str) -> InputError:
        return InputError(
            f"{self.path} holds an unfinished run with other {what}: choose another --out, or delete it"
        )

    def has(self, stage: str) -> bool:
        """Whether an earlier try has finished a stage: its seconds are written when all else is."""
        return stage in self.record["seconds"]

    def update(self, seconds: Mapping[str, float] | None = None, **facts: Any) -> None:
        """Adds facts to ``run.json`` and writes it.

        Raises:
            InputError: it can't be written.
        """
        self.record |= facts
        self.record["seconds"] |= {name: round(value, 2) for name, value in (seconds or {}).items()}
        write_bytes(self.path / "run.json", (json.dumps(self.record, indent=2) + "\n").encode())

    def update_same(self, **facts: Any) -> None:
        """Adds facts that an earlier try must have found, too, if it came so far.

        Raises:
            InputError: it found others.
        """
        for name, fact in facts.items():
            if name in self.record and self.record[name] != json.loads(json.dumps(fact)):
                raise self._other(name)
        self.update(**facts)

    def finish(self) -> None:
        """Writes ``done``, once: before the folder is left, where a page is still to be made of it."""
        if self.record["status"] != "done":
            self.update(status="done", finished=_now())

    def __enter__(self) -> RunFolder:
        self.update()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.finish()
                remove_folder(self.progress)
                _tidy(self.path)
                return
            reason = (
                "interrupted" if isinstance(error, KeyboardInterrupt) else f"{type(error).__name__}: {error}"
            )
            with contextlib.suppress(InputError):  # what went wrong first is to be told
                self.update(status="failed", finished=_now(), error=reason)
        finally:
            self._lock.release()


class FollowedRun(RunFolder):
    """The run's folder for a rank that does not lead: it knows what the leader found, and writes nothing.

    Args:
        path: the folder, which the leader has opened as a :class:`RunFolder`.
        record: what the leader's ``run.json`` holds.
    """

    def __init__(self, path: Path, record: dict[str, Any]) -> None:
        self.path, self.progress, self.record = path, path / FOLDER, record

    def update(self, seconds: Mapping[str, float] | None = None, **facts: Any) -> None:
        """Leaves it to the leader."""

    def finish(self) -> None:
        """Leaves it to the leader."""

    def __exit__(self, *_: object) -> None:
        """Leaves it to the leader."""


def open_run(path: Path, command: str, config: Mapping[str, Any], ranks: Ranks) -> RunFolder:
    """A run's folder on every rank; only the leader locks it and writes.

    Raises:
        InputError: as of :class:`RunFolder`.
    """
    if ranks.leads:
        run = RunFolder(path, command, config)
        ranks.told(run.record)
        return run
    return FollowedRun(path, ranks.told(None))


def is_finished(path: Path) -> bool:
    """Whether a folder holds a run that is done."""
    try:
        record = json.loads(read_text(path / "run.json"))
    except (OSError, ValueError, RecursionError):
        return False
    done = isinstance(record, dict) and record.get("status") == "done"
    return done and not (path / FOLDER).exists()


def accuracy_sentence(path: Path) -> str:
    """The accuracy that a finished run measured, for the terminal."""
    measured = json.loads((path / "run.json").read_text(encoding="utf-8"))["accuracy"]
    mean, least, most = (f"{measured[key]:.2%}" for key in ("single_mean", "single_min", "single_max"))
    votes = [f", mean vote of {n} {measured[f'vote_{n}']:.2%}" for n in (10, 100) if measured[f"vote_{n}"]]
    return (
        f"{measured['networks']} networks on {measured['examples']:,} test images: single {mean} "
        f"(least {least}, greatest {most}){''.join(votes)}"
    )


def _old_record(path: Path, again: bool) -> dict[str, Any]:
    """What ``run.json`` holds of an earlier try, empty in a new folder; refuses what can't be taken up."""
    entries = [entry for entry in path.iterdir() if entry.name != LOCK and not entry.match(PARTIAL)]
    if not entries:
        return {}
    if path / "run.json" not in entries:
        raise InputError(f"{path} is not empty and holds no run: choose another --out")
    try:
        old: dict[str, Any] = json.loads(read_text(path / "run.json"))
        check_format(old)
        if not {"status", "config", "started", "seconds"} <= old.keys():
            raise KeyError("status")
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} holds a damaged run.json: choose another --out") from error
    if is_finished(path) and not again:
        _tidy(path)  # the process may have been killed at that
        raise InputError(f"{path} holds a finished run: choose another --out, or delete it")
    return old


def _tidy(path: Path) -> None:
    """Removes what a run that is done needs no more.

    Whoever opened the lock's file before gets the lock of a file that is gone, but then finds the run done.
    """
    remove_partials(path)
    with contextlib.suppress(OSError):
        (path / LOCK).unlink()


def _locked(path: Path) -> FileLock:
    """The folder's lock, held."""
    lock = FileLock(path / LOCK, blocking=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise InputError(
            f"another process is at work in {path}: wait until it ends, or choose another --out"
        ) from error
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    return lock


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
