"""run.json: nearly everything may be absent, and what is there is typed."""

from __future__ import annotations

import math
from typing import Any

import pytest

from robust_hypergan.base.errors import InputError
from robust_hypergan.reports.tables.record import Audit, audit_text, parse_cell, parse_record

LEAST: dict[str, Any] = {"status": "done", "data": {"name": "mnist"}, "cells": []}


def test_the_least_record_is_read() -> None:
    record = parse_record(LEAST)
    assert (record.data_name, record.cells, record.seed, record.accuracy, record.command) == (
        "mnist",
        (),
        None,
        {},
        "",
    )


def test_targets_are_named_and_told_once() -> None:
    cell = {"attack": "fgsm", "norm": "linf", "eps": 0.1}
    cells = [cell, *(cell | {"target": target} for target in (1, 1, 7, None))]
    named = parse_record(LEAST | {"cells": cells, "data": {"name": "mnist", "classes": ["zero", "one"]}})
    assert named.targets == ("one", "7")
    assert parse_record(LEAST | {"cells": [cell]}).targets == ()


def test_null_counts_as_absent() -> None:
    nulls = dict.fromkeys(
        ("seed", "versions", "command", "accuracy", "source", "fresh", "examples", "config")
    )
    assert parse_record(LEAST | nulls) == parse_record(LEAST)


def test_a_full_record_keeps_its_values(fake: Any) -> None:
    record = parse_record(fake.info)
    assert record.weights == 31594
    assert record.classes == tuple("0123456789")
    assert record.accuracy["vote_100"] == 0.968
    assert [(cell.attack, cell.eps) for cell in record.cells][:2] == [("fgsm", 0.05), ("fgsm", 0.1)]
    assert record.cells[0].audit.linf_max == 0.1


@pytest.mark.parametrize("key", ["status", "data", "cells"])
def test_what_no_run_can_lack_is_asked_for(key: str) -> None:
    with pytest.raises(InputError, match=r"must have 'status', 'data\.name' and 'cells'"):
        parse_record({name: value for name, value in LEAST.items() if name != key})


@pytest.mark.parametrize(("number", "advice"), [(2, "update robust-hypergan"), (0, "repeat the run")])
def test_another_format_is_refused_with_advice(number: int, advice: str) -> None:
    with pytest.raises(InputError, match=advice):
        parse_record(LEAST | {"format": number})


@pytest.mark.parametrize(
    "cell", [3, {"attack": "fgsm", "norm": "linf"}, {"attack": "fgsm", "norm": "linf", "eps": "big"}]
)
def test_a_damaged_cell_is_said(cell: Any) -> None:
    with pytest.raises(InputError, match="damaged"):
        parse_record(LEAST | {"cells": [cell]})


def test_a_cell_without_details_is_done_and_not_audited() -> None:
    cell = parse_cell({"attack": "fgsm", "norm": "linf", "eps": 1})
    assert cell.status == "done"
    assert math.isnan(cell.seconds)
    assert audit_text(cell.audit) == "not audited"
    assert parse_cell(cell) is cell


def test_audit_text_names_what_was_found() -> None:
    assert audit_text(Audit(known=True)) == "ok"
    found = Audit(known=True, repaired=2, out_of_ball=1, notes=("changed the labels",))
    assert audit_text(found) == "2 repaired; 1 out of the ball; changed the labels"
