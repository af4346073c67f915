"""Runs whose folders are damaged: the report of one, and a run that would go on in one."""

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robust_hypergan.base.errors import InputError
from robust_hypergan.reports import Run, load_run
from tests.reports.conftest import make_run

FAKE = make_run(examples=8, networks=5)

RECORDS = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "a number": b"3",
    "null": b"null",
    "deep brackets": b"[" * 100_000,
    "not UTF-8": b'{"status": "\xff"}',
    "an empty object": b"{}",
    "cut": json.dumps(FAKE.info).encode()[:-1],
    "a byte more": json.dumps(FAKE.info).encode() + b"}",
    "many digits": b'{"status": ' + b"9" * 10_000 + b"}",
    "another format": json.dumps(FAKE.info | {"format": 99}).encode(),
    "no format": json.dumps(FAKE.info | {"format": None}).encode(),
    "cells that are none": json.dumps(FAKE.info | {"cells": [3]}).encode(),
    "cells without eps": json.dumps(FAKE.info | {"cells": [{"attack": "a", "norm": "b"}]}).encode(),
    "an eps that is text": json.dumps(
        FAKE.info | {"cells": [{"attack": "a", "norm": "linf", "eps": "x"}]}
    ).encode(),
    "running": json.dumps(FAKE.info | {"status": "running"}).encode(),
    "failed": json.dumps(FAKE.info | {"status": "failed"}).encode(),
    "an unknown study": json.dumps(FAKE.info | {"study": "astrology"}).encode(),
    "a study's number": json.dumps(FAKE.info | {"study": 3}).encode(),
    "a way out": json.dumps(FAKE.info | {"study": "../../etc"}).encode(),
}

TABLES = {
    "nothing": b"",
    "a header alone": b"attack\n",
    "ragged rows": b"attack,norm\nfgsm\n",
    "a pickle": b"\x80\x04\x95\x00\x00",
    "not UTF-8": b"attack,norm\n\xff,\xfe\n",
    "a null byte": b"attack,norm\n\x00,linf\n",
    "half a quotation": b'attack,norm\n"fgsm,linf\n',
    "a huge field": b"attack,norm\n" + b"x" * 200_000 + b",linf\n",
    "a formula": b"=cmd|' /C calc'!A0\n",
}


@pytest.mark.parametrize("content", RECORDS.values(), ids=RECORDS)
def test_a_record_that_is_none_is_one_line(content, traps, refuse):
    (FAKE.write(traps / "run") / "run.json").write_bytes(content)
    refuse("report", "run", names=("run",))


@pytest.mark.parametrize("file", ["examples.csv", "networks.csv", "training.csv", "gallery.csv"])
@pytest.mark.parametrize("content", TABLES.values(), ids=TABLES)
def test_a_table_that_is_none_is_one_line(file, content, traps, refuse):
    (FAKE.write(traps / "run") / file).write_bytes(content)
    refuse("report", "run", names=(file,))


@pytest.mark.parametrize(
    "file", ["run.json", "examples.csv", "networks.csv", "training.csv", "gallery.csv", "gallery.safetensors"]
)
def test_a_pipe_in_place_of_a_file_is_one_line(file, traps, refuse):
    folder = FAKE.write(traps / "run")
    (folder / file).unlink()
    os.mkfifo(folder / file)
    refuse("report", "run", names=(file, "run"))


@pytest.mark.parametrize("kept", [0, 4, 100, -1])
def test_pictures_that_are_cut_are_one_line(kept, traps, refuse):
    path = FAKE.write(traps / "run") / "gallery.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    refuse("report", "run", names=("gallery.safetensors",))


@pytest.mark.parametrize("content", RECORDS.values(), ids=RECORDS)
def test_a_run_does_not_go_on_in_a_folder_with_another_record(content, traps, refuse):
    (traps / "r").mkdir()
    (traps / "r" / "run.json").write_bytes(content)
    refuse("bench", "--kind", "ordinary", "--networks", "1", "--out", "r", names=("r-holds", "r:"))


@pytest.mark.parametrize("other", ["nowhere", "taken", "empty", "full", "pipes", "/dev/null"])
def test_runs_side_by_side_must_all_be_runs(other, traps, refuse):
    FAKE.write(traps / "run")
    refuse("report", "run", other, "--out", "page", names=(other,))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda parts: st.lists(parts, max_size=2) | st.dictionaries(st.text(max_size=5), parts, max_size=2),
    max_leaves=4,
)


def places(value, path=()):
    """Every place in a JSON value, as keys and indices."""
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from places(part, (*path, key))


@settings(max_examples=30)  # each writes a run
@given(place=st.sampled_from([place for place in places(FAKE.info) if place]), value=JSON)
def test_any_record_is_a_run_or_one_line(place, value, tmp_path):
    info = json.loads(json.dumps(FAKE.info))
    inner = info
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    folder = FAKE.write(tmp_path / "run")
    (folder / "run.json").write_text(json.dumps(info))
    try:
        assert isinstance(load_run(folder), Run)
    except InputError as error:
        assert "\n" not in str(error)
