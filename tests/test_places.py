"""Where a run can't write it ends in one line, keeps what is finished, and goes on once it can."""

import os
import shutil
import time

import pytest

from robust_hypergan.runs.run_folder import RunFolder
from tests.killing import Server, contents
from tests.small_classifier import __file__ as CLASSIFIER

TRAIN = ["train", "--classifier", f"{CLASSIFIER}:Small", "--kind", "ordinary", "--quiet"]
TRAIN += ["--steps", "40", "--train-networks", "2", "--batch", "32"]


@pytest.fixture(scope="module")
def server():
    with Server() as server:
        yield server


def refused(ended):
    """The one line of a command that was refused."""
    assert ended.code == 2, ended.printed
    assert ended.printed.count("\n") == 1
    assert ended.printed.startswith("robust-hypergan: ")
    return ended.printed


def test_a_disk_that_is_full_ends_it_and_with_room_it_goes_on(server, tmp_path):
    assert server.run(*TRAIN, out=tmp_path / "whole").code == 0
    server.start(*TRAIN, out=tmp_path / "full", largest=6_000)  # run.json has room, the checkpoint has not
    line = refused(server.wait())
    assert "File too large; make room and give the same command again: what is finished is kept" in line
    assert not list((tmp_path / "full").rglob("*.partial"))
    assert server.run(*TRAIN, out=tmp_path / "full").code == 0
    assert contents(tmp_path / "full") == contents(tmp_path / "whole")


def test_a_folder_that_vanishes_ends_it_and_stays_away(server, tmp_path):
    server.start(*TRAIN, "--steps", "100000", out=tmp_path / "run")
    while not (tmp_path / "run" / "progress" / "training.safetensors").exists():
        time.sleep(0.01)
    shutil.rmtree(tmp_path / "run", ignore_errors=True)  # a file may come while it is removed
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
    assert "its folder is gone" in refused(server.wait())
    assert not (tmp_path / "run").exists()


def test_a_second_run_in_the_same_folder_is_refused(server, tmp_path):
    with RunFolder(tmp_path / "run", "command", {}):
        before = (tmp_path / "run" / "run.json").read_bytes()
        line = refused(server.run(*TRAIN, out=tmp_path / "run"))
        assert (tmp_path / "run" / "run.json").read_bytes() == before
    assert "another process is at work in" in line


def test_a_folder_that_is_read_only_is_refused(server, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (tmp_path / "locked").mkdir(mode=0o500)
    line = refused(server.run(*TRAIN, out=tmp_path / "locked" / "run"))
    assert "(Permission denied): choose another --out" in line
