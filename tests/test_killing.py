"""Killed at any moment, a run goes on and ends in the same bits; ``make nightly`` kills a hundred times."""

import json
import os
import random
import signal
import statistics
from pathlib import Path

import pytest

from robust_hypergan.runs.run_folder import is_finished
from tests.killing import INTERVAL, STAGES, Server, contents, stage

KILLS = int(os.environ.get("KILLS", "3"))

CLASSIFIER = Path(__file__).parent / "small_classifier.py"
COMMON = ["bench", "--classifier", f"{CLASSIFIER}:Small", "--batch", "32", "--checks", "off", "--quiet"]
COMMON += ["--outliers", "noise", "--examples", "60", "--eps", "0.1", "--eps", "0.2", "--save-adversarials"]
COMMON += ["--attack", "fgsm", "--attack", "pgd:steps=15", "--attack", "square:queries=40"]

LONG = KILLS >= 20

RUNS = {
    "hypergan": [
        "--steps",
        "100" if LONG else "24",
        "--train-networks",
        "2",
        "--networks",
        "90",
        "--sources",
        "2",
    ],
    "swag": ["--steps", "60", "--train-networks", "8", "--networks", "90", "--kind", "swag"],
    "deep-ensemble": [
        *("--steps", "60", "--train-networks", "8", "--members", "8", "--networks", "4"),
        *("--kind", "deep-ensemble"),
    ],
    "mc-dropout": ["--steps", "60", "--train-networks", "8", "--networks", "90", "--kind", "mc-dropout"],
}
"""Trained and attacked through the command line."""

SIGNALS = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}
"""What kills, and the exit code that it has to give."""


@pytest.fixture(scope="module")
def server():
    with Server() as server:
        yield server


@pytest.mark.parametrize("kind", list(RUNS) if LONG else ["hypergan"])
def test_killed_at_random_moments_a_run_ends_in_the_same_bits(kind, server, tmp_path):
    arguments = [*COMMON, *RUNS[kind]]
    ended = server.run(*arguments, out=tmp_path / "whole")
    assert ended.code == 0, ended.printed
    whole = contents(tmp_path / "whole")
    seconds = json.loads((tmp_path / "whole" / "run.json").read_text())["seconds"]
    lengths = {"start": 1.0, "evidence": sum(seconds.values()) / 2} | {
        name: seconds[name] / 2 for name in ("training", "accuracy", "transfer")
    }

    chance = random.Random(kind)
    kills, runs, lost, endings = 0, 0, {}, []
    wanted = KILLS // len(RUNS) if LONG else KILLS
    while kills < wanted:
        out = tmp_path / f"killed-{runs}"
        while True:
            number = chance.choices(list(SIGNALS), [2, 1, 1])[0]
            at = chance.choices(STAGES, [1, 4, 1, 2, 1])[0]  # later ones are reached more often
            moment = (at, chance.uniform(0.05, lengths[at]), number) if kills < wanted else None
            killed_late = is_finished(out)  # when all was done, but the process still there
            ended = server.run(*arguments, out=out, kill=moment)
            if ended.code == 0 or (killed_late and ended.code == 2):
                break
            assert moment, ended.printed
            assert ended.code == SIGNALS[number], ended.printed
            assert "Traceback" not in ended.printed
            kills += 1
            lost.setdefault(stage(out), []).append(ended.lost)
            if number != signal.SIGKILL:
                endings.append(ended.after)
                assert f"to go on: robust-hypergan {arguments[0]}" in ended.printed
        runs += 1
        found = contents(out)
        assert found.keys() == whole.keys()
        assert [name for name in whole if found[name] != whole[name]] == []

    print(f"\n{kind}: {kills} kills in {runs} runs of {sum(seconds.values()):.1f} s, all with the same bits")
    for name, values in lost.items():
        print(f"  at {name}: {len(values)}, lost {statistics.median(values):.2f} s, most {max(values):.2f} s")
    if endings:
        print(f"  SIGINT and SIGTERM: {len(endings)}, ended after at most {max(endings):.2f} s")
    slack = 2.0  # a machine may be busy with other things
    assert max(endings, default=0) < 2 + slack
    assert all(max(lost.get(name, [0])) < INTERVAL + slack for name in ("training", "transfer"))
