"""Tables survive the file unchanged, files are replaced whole, and damage is said in one line."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from robust_hypergan.base.errors import InputError
from robust_hypergan.reports.tables.files import read_table, write_bytes, write_table

COLUMNS = ["attack", "eps", "fooled", "source_fooled", "wrong_label"]


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "attack": ["007", "nan", 'a,"b"', "", "True"],
            "eps": [0.1, 8 / 255, 1 / 3, 1e-300, 0.30000000000000004],
            "fooled": [1, 2, 3, 4, 5],
            "source_fooled": [True, False, True, True, False],
            "wrong_label": [3.0, np.nan, 1.0, np.nan, 0.0],
        }
    )


def test_a_table_reads_back_exactly_with_names_as_text(tmp_path: Path) -> None:
    write_table(table(), tmp_path / "table.csv")
    again = read_table(tmp_path / "table.csv", COLUMNS)
    assert again["attack"].tolist() == table()["attack"].tolist()
    pd.testing.assert_frame_equal(
        again.drop(columns="attack"), table().drop(columns="attack"), check_exact=True
    )


def test_an_empty_table_keeps_its_columns(tmp_path: Path) -> None:
    write_table(table().iloc[:0], tmp_path / "table.csv")
    assert read_table(tmp_path / "table.csv", COLUMNS).columns.tolist() == COLUMNS


def test_further_columns_are_kept(tmp_path: Path) -> None:
    write_table(table().assign(counts_0=7), tmp_path / "table.csv")
    assert read_table(tmp_path / "table.csv", COLUMNS)["counts_0"].tolist() == [7] * 5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("attack,eps\nfgsm,0.1\n", "lacks the column fooled, source_fooled, wrong_label"),
        ("attack,eps,fooled,source_fooled,wrong_label\nfgsm,0.1,3\n", "row 2 has 3 of 5 values"),
        (
            "attack,eps,fooled,source_fooled,wrong_label\nfgsm,0.1,3,True,2,9,9\nfgsm,0.1,3,True,2\n",
            "row 2 has 7 of 5 values",
        ),
        ("attack,eps,fooled,source_fooled,wrong_label\nfgsm,O.1,3,True,2\n", "column eps"),
        ("", "damaged"),
        ("\0\0\0", "damaged|lacks"),
    ],
)
def test_a_damaged_table_is_said_in_one_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "table.csv").write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        read_table(tmp_path / "table.csv", COLUMNS)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_are_a_damaged_table(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_bytes(b"attack,eps\n\xff\xfe,1\n")
    with pytest.raises(InputError, match="damaged"):
        read_table(tmp_path / "table.csv", ["attack", "eps"])


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.csv is missing"):
        read_table(tmp_path / "absent.csv", COLUMNS)


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bytes(tmp_path / "page.html", b"old")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(InputError, match=r"cannot write .*page\.html: No space left"):
        write_bytes(tmp_path / "page.html", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("page.html", b"old")]


def test_a_folder_that_cannot_be_made_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "figures").write_text("a file where the folder should be")
    with pytest.raises(InputError, match="cannot write"):
        write_bytes(tmp_path / "figures" / "one.png", b"")
