"""A run's folder is read whole, or refused in one plain line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robust_hypergan.base.errors import InputError
from robust_hypergan.reports.tables.run import load_run


def test_a_finished_run_is_read(folder: Path, fake: Any) -> None:
    run = load_run(folder)
    assert len(run.examples) == len(fake.examples)
    assert run.training is not None
    assert run.gallery is not None
    np.testing.assert_array_equal(run.gallery.adversarial, fake.images["adversarial"])
    np.testing.assert_array_equal(run.gallery.counts.sum(1), 50)


def test_training_and_gallery_may_be_absent(folder: Path) -> None:
    for name in ("training.csv", "gallery.csv"):
        (folder / name).unlink()
    run = load_run(folder)
    assert run.training is None
    assert run.gallery is None


def test_counts_are_ordered_by_class_not_by_column(fake: Any, tmp_path: Path) -> None:
    expected = fake.gallery[[f"counts_{label}" for label in range(10)]].to_numpy()
    fake.gallery = fake.gallery[fake.gallery.columns[::-1]]
    gallery = load_run(fake.write(tmp_path / "run")).gallery
    assert gallery is not None
    np.testing.assert_array_equal(gallery.counts, expected)


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such folder: .*absent"):
        load_run(tmp_path / "absent")


def test_any_other_folder_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not a run's folder: it has no run\.json"):
        load_run(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", "", "\ufeff{}", '{"status": "done"}'])
def test_a_damaged_record_is_said(folder: Path, content: str) -> None:
    (folder / "run.json").write_text(content)
    with pytest.raises(InputError, match=r"run\.json is damaged"):
        load_run(folder)


def test_a_run_that_only_trained_asks_for_a_transfer(folder: Path, fake: Any) -> None:
    info = {key: value for key, value in fake.info.items() if key != "cells"}
    (folder / "run.json").write_text(json.dumps(info))
    with pytest.raises(InputError, match="only trained: attack its checkpoint"):
        load_run(folder)


@pytest.mark.parametrize("status", ["running", "failed"])
def test_an_unfinished_run_asks_to_be_finished(folder: Path, fake: Any, status: str) -> None:
    (folder / "run.json").write_text(json.dumps(fake.info | {"status": status}))
    with pytest.raises(InputError, match=f"'{status}': finish it first"):
        load_run(folder)


@pytest.mark.parametrize("name", ["examples.csv", "networks.csv"])
def test_a_missing_table_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(InputError, match=f"{name} is missing"):
        load_run(folder)


def test_damaged_pictures_are_said(folder: Path) -> None:
    content = (folder / "gallery.safetensors").read_bytes()
    (folder / "gallery.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"gallery\.safetensors is damaged"):
        load_run(folder)


def test_pictures_of_another_table_are_refused(folder: Path) -> None:
    lines = (folder / "gallery.csv").read_text().splitlines()
    (folder / "gallery.csv").write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(InputError, match=r"does not fit gallery\.csv"):
        load_run(folder)
