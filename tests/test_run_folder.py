"""A run's folder never looks finished when it is not, and never swallows another run."""

import json

import pytest

from robust_hypergan.errors import InputError
from robust_hypergan.run_folder import RunFolder

CONFIG = {"verb": "bench", "eps": [0.1]}


def status(path):
    return json.loads((path / "run.json").read_text())["status"]


def test_a_run_is_running_and_then_done(tmp_path):
    with RunFolder(tmp_path / "a" / "b", "command", CONFIG) as run:
        assert status(run.path) == "running"
        run.update(seconds={"training": 1.234}, device="cpu")
    record = json.loads((run.path / "run.json").read_text())
    assert (record["status"], record["device"], record["seconds"]) == ("done", "cpu", {"training": 1.23})
    assert record["finished"] >= record["started"]
    assert record["versions"]["torch"]
    assert [entry.name for entry in run.path.iterdir()] == ["run.json"]


@pytest.mark.parametrize(
    ("error", "reason"), [(ValueError("no"), "ValueError: no"), (KeyboardInterrupt(), "interrupted")]
)
def test_a_run_that_stops_is_failed_and_says_why(tmp_path, error, reason):
    with pytest.raises(type(error)), RunFolder(tmp_path / "run", "command", CONFIG):
        raise error
    assert status(tmp_path / "run") == "failed"
    assert json.loads((tmp_path / "run" / "run.json").read_text())["error"] == reason


def test_an_unfinished_run_is_taken_up_by_the_same_configuration_only(tmp_path):
    with pytest.raises(KeyboardInterrupt), RunFolder(tmp_path / "run", "command", CONFIG):
        raise KeyboardInterrupt
    with pytest.raises(InputError, match="run with other settings"):
        RunFolder(tmp_path / "run", "command", {**CONFIG, "eps": [0.2]})
    with RunFolder(tmp_path / "run", "command", {**CONFIG, "eps": (0.1,)}):
        pass
    assert status(tmp_path / "run") == "done"


def test_a_finished_run_is_left_alone(tmp_path):
    with RunFolder(tmp_path / "run", "command", CONFIG):
        pass
    before = (tmp_path / "run" / "run.json").read_bytes()
    with pytest.raises(InputError, match="holds a finished run"):
        RunFolder(tmp_path / "run", "command", CONFIG)
    assert (tmp_path / "run" / "run.json").read_bytes() == before


@pytest.mark.parametrize("content", ["", "[]", '{"status": "done"}', "\x00"])
def test_a_damaged_run_is_left_alone(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(InputError, match=r"damaged run\.json"):
        RunFolder(tmp_path, "command", CONFIG)


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty and holds no run"):
        RunFolder(tmp_path, "command", CONFIG)


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="choose another --out"):
        RunFolder(tmp_path / "file" / "run", "command", CONFIG)
