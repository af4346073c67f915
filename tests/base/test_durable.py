"""A file is whole or as it was, whatever happens while it is written, and on the disk before its name is."""

import errno
import os

import pytest

from robust_hypergan.base.durable import make_folder, remove_folder, remove_partials, write_bytes
from robust_hypergan.base.errors import InputError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def calls_of_a_write(path, monkeypatch, **options):
    """The calls of the system that a write makes, in their order."""
    calls = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, name=name, real=real: (calls.append(name), real(*a)))
    write_bytes(path, b"new", **options)
    return calls


def test_content_is_synced_before_the_name_and_the_name_after(tmp_path, monkeypatch):
    assert calls_of_a_write(tmp_path / "a", monkeypatch) == ["fsync", "replace", "fsync"]
    assert (tmp_path / "a").read_bytes() == b"new"


def test_what_is_quickly_made_again_is_not_waited_for(tmp_path, monkeypatch):
    assert calls_of_a_write(tmp_path / "a", monkeypatch, sync=False) == ["replace"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_whatever_stops_it_the_old_file_stays_alone(call, error, tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"old")

    def stop(*_):
        raise error

    monkeypatch.setattr(os, call, stop)
    expected = InputError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected) as raised:
        write_bytes(tmp_path / "a", b"new")
    if expected is InputError:
        assert str(raised.value) == (
            f"cannot write {tmp_path / 'a'}: No space left on device; make room and give the same command "
            "again: what is finished is kept"
        )
    assert (names(tmp_path), (tmp_path / "a").read_bytes()) == (["a"], b"old")


def test_a_folder_that_vanished_is_said_and_does_not_come_back(tmp_path):
    with pytest.raises(InputError, match="its folder is gone"):
        write_bytes(tmp_path / "run" / "a", b"")
    with pytest.raises(InputError, match="its folder is gone"):
        make_folder(tmp_path / "run" / "figures")
    assert names(tmp_path) == []


def test_a_folder_system_that_can_not_sync_folders_will_do(tmp_path, monkeypatch):
    real = os.fsync

    def fsync(descriptor):
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.EINVAL, "Invalid argument")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    write_bytes(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"


def test_what_a_kill_left_half_written_or_half_removed_is_found_at_any_depth(tmp_path):
    (tmp_path / "beside" / ".progress.partial").mkdir(parents=True)
    (tmp_path / "beside" / ".progress.partial" / "state").touch()
    (tmp_path / ".run.json.partial").touch()
    (tmp_path / "mine.partial").touch()
    remove_partials(tmp_path)
    assert (names(tmp_path), names(tmp_path / "beside")) == (["beside", "mine.partial"], [])


def test_a_folder_is_removed_at_once(tmp_path, monkeypatch):
    (tmp_path / "progress").mkdir()
    (tmp_path / "progress" / "state").touch()
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)  # the process is killed there
    remove_folder(tmp_path / "progress")
    assert names(tmp_path) == [".progress.partial"]
    remove_folder(tmp_path / "nothing")
