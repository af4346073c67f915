"""Several processes, as ``torchrun`` starts them, make the same files as one, also when some are killed.

``make nightly`` runs four, kills more of them, and goes on with another number each time.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from robust_hypergan.base.distributed import Ranks
from robust_hypergan.cli.main import cli
from robust_hypergan.runs.run_folder import is_finished
from tests.killing import STAGES, contents, stage
from tests.ranks import shorten

LONG = int(os.environ.get("KILLS", "0")) >= 20

HERE = Path(__file__).parents[1]
BENCH = ["bench", "--classifier", f"{HERE / 'small_classifier.py'}:Small", "--batch", "32", "--quiet"]
BENCH += [
    "--steps",
    "120" if LONG else "20",
    "--train-networks",
    "3",
    "--pgd-eps",
    "0.02",
    "--disagreement",
    "0.1",
    "--snapshots",
    "2",
]
BENCH += ["--learning-rate", "2e-3"]
BENCH += ["--networks", "300" if LONG else "150", "--examples", "60", "--eps", "0.1", "--eps", "0.2"]
BENCH += ["--attack", "fgsm", "--attack", "pgd:steps=5", "--attack", "square:queries=20"]
BENCH += ["--checks", "off", "--outliers", "noise", "--save-adversarials"]


@dataclass
class Launch:
    """A run of ``tests/ranks.py`` under way."""

    out: Path
    process: subprocess.Popen[str]

    def kill(self, rank: int, at: str, after: float) -> None:
        """Kills a rank by SIGKILL so many seconds after a stage began, if the run does not end before."""
        while self.process.poll() is None and STAGES.index(stage(self.out)) < STAGES.index(at):
            time.sleep(0.01)
        time.sleep(after)
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(self.out.with_name(f"pid-{rank}").read_text()), signal.SIGKILL)

    def end(self) -> tuple[int, str]:
        """Exit code, and everything that was printed."""
        printed = self.process.communicate(timeout=500)[0]
        return self.process.returncode, printed


def launch(ranks: int, out: Path, seconds: float = 60.0) -> Launch:
    """Starts a run in so many processes, one without ``torchrun``, which save their state every so often."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)]
    command = [sys.executable, *(torchrun if ranks > 1 else []), str(HERE / "ranks.py")]
    process = subprocess.Popen(
        [*command, *BENCH, "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ
        | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE.parent), "STATE_SECONDS": str(seconds)},
    )
    return Launch(out, process)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What one process makes, this one."""
    out = tmp_path_factory.mktemp("one") / "run"
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch)
        cli.main([*BENCH, "--out", str(out)], standalone_mode=False)
    return contents(out)


def differing(out, whole):
    found = contents(out)
    assert found.keys() == whole.keys()
    return [name for name in whole if found[name] != whole[name]]


def test_a_lost_rank_ends_two_which_go_on_to_the_files_of_one(whole, tmp_path):
    begun = launch(2, tmp_path / "run", seconds=0.1)
    begun.kill(1, "training", 0.0)
    code, printed = begun.end()
    assert code != 0
    assert "give the same command again" in printed or "interrupted; to go on: robust-hypergan" in printed
    assert not is_finished(tmp_path / "run")
    code, printed = launch(2, tmp_path / "run").end()
    assert code == 0, printed
    assert "robust-hypergan" not in printed  # nobody had anything to complain of
    assert printed.count("report.html") == 1  # only the leader tells what was found
    assert differing(tmp_path / "run", whole) == []


@pytest.mark.skipif(not LONG, reason="make nightly")
def test_whoever_is_lost_any_number_of_ranks_goes_on_to_the_files_of_one(whole, tmp_path):
    code, printed = launch(4, tmp_path / "four").end()
    assert code == 0, printed
    assert differing(tmp_path / "four", whole) == []
    chance, numbers = random.Random(0), []
    for kills in range(12):
        out, ranks = tmp_path / f"run-{kills // 4}", chance.choice([2, 3, 4])
        if is_finished(out):
            continue
        begun = launch(ranks, out, seconds=0.1)
        lost = chance.randrange(ranks)
        begun.kill(lost, STAGES[1 + kills % 4], chance.uniform(0, 1.5))
        code, printed = begun.end()
        assert (code == 0) == is_finished(out), printed
        numbers.append((ranks, lost, stage(out)))
    for number in range(3):
        out = tmp_path / f"run-{number}"
        code, printed = launch(1 + number % 2, out).end()
        assert code == 0 or "holds a finished run" in printed, printed
        assert differing(out, whole) == []
    print(f"\n(ranks, who was lost, at): {numbers}")


def test_what_cannot_be_shared_is_refused_in_a_line(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    result = CliRunner().invoke(cli, ["attacks"])
    assert str(result.exception) == "attacks runs in one process: torchrun is for bench, train, transfer"


@pytest.mark.parametrize(("count", "size"), [(0, 1), (1, 3), (7, 3), (16, 4), (5, 8)])
def test_shares_are_in_a_row_and_differ_by_one_at_most(count, size):
    shares = [Ranks(rank, size).share(count) for rank in range(size)]
    assert [each for share in shares for each in share] == list(range(count))
    lengths = [len(share) for share in shares]
    assert max(lengths) - min(lengths) <= 1
