"""A run's folder never looks finished when it is not, and never swallows another run."""

import contextlib
import errno
import json
import shutil

import pytest

from robust_hypergan.base.errors import InputError
from robust_hypergan.runs.run_folder import RunFolder, is_finished

CONFIG = {"verb": "bench", "eps": [0.1]}


def status(path):
    return json.loads((path / "run.json").read_text())["status"]


@contextlib.contextmanager
def interrupted(path):
    """A run that is interrupted at the end of the block."""
    with contextlib.suppress(KeyboardInterrupt), RunFolder(path, "command", CONFIG) as run:
        yield run
        raise KeyboardInterrupt


def names(path):
    return sorted(entry.name for entry in path.iterdir())


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


def test_a_run_that_is_at_work_is_left_alone_and_its_folder_is_free_afterwards(tmp_path):
    with RunFolder(tmp_path / "run", "command", CONFIG) as run:
        for settings in (CONFIG, {**CONFIG, "eps": [0.2]}):
            with pytest.raises(InputError, match=r"another process is at work in .*: wait until it ends"):
                RunFolder(tmp_path / "run", "command", settings)
        run.update(device="cpu")
    assert status(tmp_path / "run") == "done"
    assert names(tmp_path / "run") == ["run.json"]
    with pytest.raises(ValueError, match="no"), RunFolder(tmp_path / "other", "command", CONFIG):
        raise ValueError("no")
    with RunFolder(tmp_path / "other", "command", CONFIG):
        pass


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_will_do(number, tmp_path, monkeypatch):
    def acquire(_):
        raise OSError(number, "No locks available")

    monkeypatch.setattr("robust_hypergan.runs.run_folder.FileLock.acquire", acquire)
    with RunFolder(tmp_path / "run", "command", CONFIG):
        pass
    assert status(tmp_path / "run") == "done"


def test_a_folder_that_can_not_be_written_is_one_line(tmp_path, monkeypatch):
    def acquire(_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("robust_hypergan.runs.run_folder.FileLock.acquire", acquire)
    with pytest.raises(InputError, match=r"can't use .* \(Read-only file system\): choose another --out"):
        RunFolder(tmp_path / "run", "command", CONFIG)


def test_what_an_earlier_try_found_is_there_again(tmp_path):
    with interrupted(tmp_path / "run") as run:
        started = run.record["started"]
        run.update(seconds={"accuracy": 3.0}, accuracy={"single_mean": 0.9})
    with RunFolder(tmp_path / "run", "again", CONFIG) as run:
        assert run.has("accuracy")
        assert not run.has("transfer")
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (record["accuracy"], record["started"]) == ({"single_mean": 0.9}, started)
    assert (record["command"], record["error"], record["status"]) == ("again", None, "done")


def test_other_data_or_networks_than_at_the_start_are_refused(tmp_path):
    with interrupted(tmp_path / "run") as run:
        run.update_same(networks="abc", data={"classes": ("0", "1")})
    with RunFolder(tmp_path / "run", "command", CONFIG) as run:
        run.update_same(data={"classes": ("0", "1")})
        with pytest.raises(InputError, match="unfinished run with other networks"):
            run.update_same(networks="xyz")


@pytest.mark.parametrize(("number", "advice"), [(0, "the version that wrote it"), (2, "update")])
def test_a_run_of_another_format_is_refused_with_advice(number, advice, tmp_path):
    with interrupted(tmp_path) as run:
        run.update(format=number)
    with pytest.raises(InputError, match=rf"has format {number}, this version reads 1: .*{advice}"):
        RunFolder(tmp_path, "command", CONFIG)


def test_a_run_is_finished_when_its_states_are_gone_and_not_before(tmp_path):
    with RunFolder(tmp_path, "command", CONFIG) as run:
        run.progress.mkdir()
        run.finish()
        assert (status(tmp_path), is_finished(tmp_path)) == ("done", False)  # killed here it is taken up
    assert is_finished(tmp_path)
    assert names(tmp_path) == ["run.json"]


def test_a_run_that_was_killed_while_it_tidied_up_is_finished_and_tidied(tmp_path):
    with RunFolder(tmp_path, "command", CONFIG):
        pass
    (tmp_path / ".progress.partial").mkdir()
    (tmp_path / ".lock").touch()
    with pytest.raises(InputError, match="holds a finished run"):
        RunFolder(tmp_path, "command", CONFIG)
    assert names(tmp_path) == ["run.json"]


def test_what_a_kill_left_half_written_is_removed(tmp_path):
    (tmp_path / ".run.json.partial").write_text("{")
    (tmp_path / ".lock").touch()
    with RunFolder(tmp_path, "command", CONFIG):
        assert names(tmp_path) == [".lock", "run.json"]


def test_a_folder_that_vanishes_ends_the_run_and_stays_away(tmp_path):
    run = RunFolder(tmp_path / "run", "command", CONFIG)
    with pytest.raises(InputError, match=r"cannot write .*run\.json: .*its folder is gone"), run:
        shutil.rmtree(tmp_path / "run")
    assert names(tmp_path) == []


def fail_after(monkeypatch, replace):
    monkeypatch.setattr("os.replace", replace)
    return ValueError("the first error")


def test_a_full_disk_is_told_though_the_status_can_not_be_written_either(tmp_path, monkeypatch):
    def replace(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ValueError, match="first"), RunFolder(tmp_path / "run", "command", CONFIG):
        raise fail_after(monkeypatch, replace)
    monkeypatch.undo()
    assert status(tmp_path / "run") == "running"
    with RunFolder(tmp_path / "run", "command", CONFIG):
        pass
    assert names(tmp_path / "run") == ["run.json"]


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
