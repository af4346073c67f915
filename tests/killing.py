"""Runs that are killed: a server that forks processes of the command line, and how two runs are compared.

Importing takes longer than the small runs here, so one process imports everything and every run is its fork.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors import safe_open

from robust_hypergan.storage.tensor_files import HASH

INTERVAL = 0.1
"""Seconds between two states, instead of 60."""

UNTIMED = ("seconds", "started", "finished", "command", "threads")
"""What differs between two runs of the same, in two folders and processes."""


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    ``code`` is its exit code or the negative signal, ``after`` the seconds from the signal to the end, and
    ``lost`` those from the last write into the run's folder, or from the start, to the signal.
    """

    code: int
    after: float
    lost: float
    printed: str


Kill = tuple[str, float, int]
"""The stage, the seconds after its begin or that of a later one, and the signal."""


class Server:
    """Forks runs of the command line, to be used with ``with``."""

    def __enter__(self) -> Server:
        self.process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        assert self._answer() == "ready"
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate(timeout=60)

    def run(self, *arguments: object, out: Path, kill: Kill | None = None) -> Ended:
        """Runs a command in a folder and kills it there, if it has not ended before."""
        self.start(*arguments, out=out)
        return self.wait(kill)

    def start(self, *arguments: object, out: Path, largest: int | None = None) -> None:
        """Starts a command in a folder, which may write files of ``largest`` bytes at most."""
        self.out = out
        self._say([[*map(str, arguments), "--out", str(out)], str(out), largest])

    def wait(self, kill: Kill | None = None) -> Ended:
        """Waits for the command to end."""
        self._say(kill)
        return Ended(*json.loads(self._answer()), _log(self.out).read_text())

    def _say(self, what: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def _answer(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()


def contents(folder: Path) -> dict[str, Any]:
    """Everything in a run's folder by its name, without what depends on the time."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): _content(path) for path in files}


def _content(path: Path) -> Any:
    if path.suffix == ".csv":
        return pd.read_csv(path).drop(columns="seconds", errors="ignore").to_csv()
    if path.suffix == ".json":
        return _untimed(json.loads(path.read_text()))
    if path.suffix == ".safetensors":
        with safe_open(path, framework="pt") as file:
            metadata = {name: _parsed(value) for name, value in (file.metadata() or {}).items()}
            metadata.pop(HASH, None)  # of the seconds too
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return metadata, {
            name: (value.dtype, value.shape, value.contiguous().view(torch.uint8).numpy().tobytes())
            for name, value in tensors.items()
        }
    return path.read_bytes()


def _parsed(value: str) -> Any:
    try:
        return _untimed(json.loads(value))
    except ValueError:
        return value


def _untimed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _untimed(each) for key, each in value.items() if key not in UNTIMED}
    return [_untimed(each) for each in value] if isinstance(value, list) else value


STAGES = ("start", "training", "accuracy", "transfer", "evidence")
"""Of a run; at its start, pretraining included, nothing is kept, which is some seconds."""


def stage(folder: Path) -> str:
    """The stage that a run is at, as far as can be seen from its folder."""
    if not (folder / "run.json").exists():
        return "start"
    done = json.loads((folder / "run.json").read_text())["seconds"]
    if not done and not (folder / "progress" / "training.safetensors").exists():
        return "start"
    return next((name for name in STAGES[1:-1] if name not in done), STAGES[-1])


def _newest(folder: Path) -> float:
    """When something was last written in a folder, 0 if nothing was."""
    times = [0.0]
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # gone since
            times.append(path.stat().st_mtime)
    return max(times)


def _serve() -> None:
    from robust_hypergan import __main__
    from robust_hypergan.runs import benchmark
    from robust_hypergan.storage import resumable

    resumable.CHECKPOINT_SECONDS = INTERVAL
    benchmark.measure_accuracy = partial(benchmark.measure_accuracy, networks=10)
    for name in ("detection", "pairs", "checks"):  # they keep no state
        del benchmark.MEASUREMENTS[name]
    # figures take longer than all the rest; the page is killed in a test of its own
    benchmark.write_report = lambda folder: shutil.copy(folder / "examples.csv", folder / "report.html")
    print("ready", flush=True)
    for line in sys.stdin:
        arguments, out, largest = json.loads(line)
        pid = os.fork()
        if not pid:
            if largest:
                resource.setrlimit(resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
            _become(arguments, _log(Path(out)), __main__.main)
        began, kill = time.time(), json.loads(sys.stdin.readline())
        print(json.dumps(_ended(pid, Path(out), began, kill)), flush=True)


def _ended(pid: int, out: Path, began: float, kill: Kill | None) -> tuple[int, float, float]:
    """Exit code, seconds from the signal to the end, and seconds that were lost."""
    lost, sent = 0.0, time.perf_counter()
    while kill:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status), 0.0, 0.0
        if STAGES.index(stage(out)) < STAGES.index(kill[0]):
            sent = time.perf_counter()
        elif time.perf_counter() >= sent + kill[1]:
            lost = time.time() - max(began, _newest(out))
            os.kill(pid, kill[2])
            break
        time.sleep(0.002)
    sent = time.perf_counter()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code, time.perf_counter() - sent, lost


def _log(out: Path) -> Path:
    return out.with_name("log")


def _become(arguments: list[str], log: Path, main: Any) -> None:
    descriptor = os.open(log, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = ["robust-hypergan", *arguments]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code: Any = 1
    try:
        main()
        code = 0
    except SystemExit as error:
        code = error.code
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code or 0)


if __name__ == "__main__":
    _serve()
