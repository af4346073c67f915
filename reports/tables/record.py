"""``run.json`` as typed values: the one place that knows which of its keys may be absent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from robust_hypergan.base.errors import InputError

RUN_FORMAT = 1
"""Of ``run.json``."""


@dataclass(frozen=True)
class Audit:
    """What the audit of one batch of adversarials found.

    ``linf_max`` and ``l2_max`` are the largest perturbations, in the images' units of [0, 1] (NaN when
    unknown); the four counts are numbers of examples; ``notes`` are the auditor's own words.
    """

    known: bool = False
    linf_max: float = math.nan
    l2_max: float = math.nan
    repaired: int = 0
    non_finite: int = 0
    out_of_ball: int = 0
    out_of_range: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cell:
    """One (attack, norm, eps) of the run. ``seconds`` is the crafting time, NaN when unknown.

    ``attacker`` says what the attack was made against, ``one network`` or ``several networks``; ``target``
    is the class it aimed at, NaN for any wrong class.
    """

    attack: str
    norm: str
    eps: float
    status: str = "done"
    error: str = ""
    seconds: float = math.nan
    options: Mapping[str, Any] = field(default_factory=dict)
    audit: Audit = Audit()
    attacker: str = "one network"
    target: float = math.nan


@dataclass(frozen=True)
class Record:
    """The whole of ``run.json``; text is "" and a mapping is empty where a key is absent."""

    status: str
    data_name: str
    cells: tuple[Cell, ...]
    command: str
    config: Mapping[str, Any]
    seed: int | None
    versions: Mapping[str, str]
    device: str
    machine: str
    backend: str
    started: str
    finished: str
    data_sha256: str
    classes: tuple[str, ...]
    train_images: int | None
    test_images: int | None
    kind: str
    classifier: str
    weights: int | None
    accuracy: Mapping[str, float]
    source: Mapping[str, Any]
    fresh: Mapping[str, Any]
    stopping: Mapping[str, Any]
    tried: int | None
    source_correct: int | None
    seconds: Mapping[str, float]
    beside: Mapping[str, str]

    @property
    def itself(self) -> bool:
        """Whether the attacked network is also the one that is judged."""
        return self.kind == "ordinary"

    @property
    def targets(self) -> tuple[str, ...]:
        """The classes that cells aim at, by name; none where they aim at any wrong class."""
        aims = dict.fromkeys(int(cell.target) for cell in self.cells if math.isfinite(cell.target))
        return tuple(self.classes[aim] if 0 <= aim < len(self.classes) else str(aim) for aim in aims)


def check_format(info: Mapping[str, Any]) -> None:
    """Refuses a ``run.json`` that another version of the toolkit wrote in another format.

    Raises:
        InputError: says which, and what to do.
    """
    found = info.get("format", RUN_FORMAT)
    if found != RUN_FORMAT:
        older = isinstance(found, int) and found < RUN_FORMAT
        advice = "repeat the run, or use the version that wrote it" if older else "update robust-hypergan"
        raise InputError(f"run.json has format {found!r}, this version reads {RUN_FORMAT}: {advice}")


def parse_record(info: Mapping[str, Any]) -> Record:
    """Typed values of a parsed ``run.json``.

    Raises:
        InputError: when ``status``, ``data.name`` or ``cells`` is absent, a value has the wrong type, or
            the file is of another format.
    """
    check_format(info)
    data, examples = _mapping(info, "data"), _mapping(info, "examples")
    if not (isinstance(info.get("status"), str) and data.get("name") and isinstance(info.get("cells"), list)):
        raise InputError("run.json is damaged: it must have 'status', 'data.name' and 'cells'")
    return Record(
        status=info["status"],
        data_name=str(data["name"]),
        cells=tuple(parse_cell(cell) for cell in info["cells"]),
        command=_text(info, "command"),
        config=_mapping(info, "config"),
        seed=_count(info, "seed"),
        versions={key: str(value) for key, value in _mapping(info, "versions").items()},
        device=_text(info, "device"),
        machine=_text(info, "machine"),
        backend=_text(info, "backend"),
        started=_text(info, "started"),
        finished=_text(info, "finished"),
        data_sha256=_text(data, "sha256"),
        classes=tuple(str(name) for name in data.get("classes") or ()),
        train_images=_count(data, "train_images"),
        test_images=_count(data, "test_images"),
        kind=_text(info, "kind"),
        classifier=_text(info, "classifier"),
        weights=_count(info, "weights"),
        accuracy=_numbers(info, "accuracy"),
        source=_mapping(info, "source"),
        fresh=_mapping(info, "fresh"),
        stopping=_mapping(info, "stopping"),
        tried=_count(examples, "tried"),
        source_correct=_count(examples, "source_correct"),
        seconds=_numbers(info, "seconds"),
        beside={name: str(outcome) for name, outcome in _mapping(info, "beside").items()},
    )


def parse_cell(cell: Mapping[str, Any] | Cell) -> Cell:
    """One entry of ``cells``, typed; a `Cell` is returned as it is.

    Raises:
        InputError: when it does not name its attack, norm and eps, or a value has the wrong type.
    """
    if isinstance(cell, Cell):
        return cell
    if not isinstance(cell, Mapping) or not {"attack", "norm", "eps"} <= cell.keys():
        raise InputError("run.json is damaged: every cell must have 'attack', 'norm' and 'eps'")
    return Cell(
        attack=str(cell["attack"]),
        norm=str(cell["norm"]),
        eps=_number(cell, "eps"),
        status=_text(cell, "status") or "done",
        error=_text(cell, "error"),
        seconds=_number(cell, "seconds"),
        options=_mapping(cell, "options"),
        audit=_parse_audit(_mapping(cell, "audit")),
        attacker=_text(cell, "attacker") or "one network",
        target=_number(cell, "target"),
    )


def audit_text(audit: Audit) -> str:
    """``"ok"``, ``"not audited"``, or what was found in a few words."""
    if not audit.known:
        return "not audited"
    counts = {
        "repaired": audit.repaired,
        "non-finite": audit.non_finite,
        "out of the ball": audit.out_of_ball,
        "out of range": audit.out_of_range,
    }
    found = [f"{count} {name}" for name, count in counts.items() if count]
    return "; ".join([*found, *audit.notes]) or "ok"


def _parse_audit(audit: Mapping[str, Any]) -> Audit:
    counts = {
        name: _count(audit, name) or 0 for name in ("repaired", "non_finite", "out_of_ball", "out_of_range")
    }
    notes = audit.get("notes") or ()
    notes = (notes,) if isinstance(notes, str) or not isinstance(notes, Sequence) else notes
    return Audit(
        known=bool(audit),
        linf_max=_number(audit, "linf_max"),
        l2_max=_number(audit, "l2_max"),
        notes=tuple(str(note) for note in notes),
        **counts,
    )


def _mapping(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = parent.get(key)
    return value if isinstance(value, Mapping) else {}


def _text(parent: Mapping[str, Any], key: str) -> str:
    value = parent.get(key)
    return "" if value is None else str(value)


def _number(parent: Mapping[str, Any], key: str) -> float:
    """A number, NaN when absent."""
    value = parent.get(key)
    if value is None:
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"run.json is damaged: {key!r} must be a number, got {value!r}") from error


def _numbers(parent: Mapping[str, Any], key: str) -> dict[str, float]:
    values = _mapping(parent, key)
    return {name: _number(values, name) for name in values if values[name] is not None}


def _count(parent: Mapping[str, Any], key: str) -> int | None:
    value = _number(parent, key)
    return None if math.isnan(value) else int(value)
