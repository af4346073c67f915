"""Checkpoints, saved adversarial images and states that are damaged, or well made and wrong."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from robust_hypergan.attacks import Audit
from robust_hypergan.base.errors import InputError
from robust_hypergan.data.datasets import make_dataset
from robust_hypergan.models.networks import Networks
from robust_hypergan.storage.checkpoint import load_checkpoint
from robust_hypergan.storage.resumable import Saved
from robust_hypergan.storage.tensor_files import HASH, read_tensors, save_tensors
from robust_hypergan.transferability.cells import Cell, SavedCell, check_saved, load_cells, save_cell

FLIPS = 200


def metadata_of(content: bytes) -> dict[str, str]:
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length])["__metadata__"]


@pytest.mark.parametrize("kind", ["header", "weights"])
def test_a_flipped_bit_anywhere_is_noticed(kind, checkpoint, tmp_path):
    content = checkpoint.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    places = range(start) if kind == "header" else range(start, len(content))
    random = np.random.default_rng(7)
    for place in random.choice(places, FLIPS, replace=False):
        damaged = bytearray(content)
        damaged[place] ^= 1 << random.integers(8)
        (tmp_path / "flipped.safetensors").write_bytes(damaged)
        with pytest.raises(InputError) as refused:
            load_checkpoint(tmp_path / "flipped.safetensors")
        assert str(refused.value).startswith(str(tmp_path / "flipped.safetensors"))
        assert "\n" not in str(refused.value)


def test_a_cut_anywhere_is_noticed(checkpoint, tmp_path):
    content = checkpoint.read_bytes()
    for kept in np.random.default_rng(8).choice(len(content), 50, replace=False):
        (tmp_path / "cut.safetensors").write_bytes(content[:kept])
        with pytest.raises(InputError, match=r"cut\.safetensors is damaged"):
            load_checkpoint(tmp_path / "cut.safetensors")


def resealed(path: Path, tensors=None, **described) -> Path:
    """The checkpoint with other content, and a hash that is right for it, as a stranger might make it."""
    metadata = metadata_of(path.read_bytes())
    configuration = json.loads(metadata["configuration"]) | described
    configuration = {key: value for key, value in configuration.items() if value != "absent"}
    own = {"format": metadata["format"], "configuration": json.dumps(configuration)}
    changed = path.parent / "changed.safetensors"
    save_tensors(changed, load_file(path) if tensors is None else tensors, own)
    return changed


SETTINGS = {"latent_dim": 1, "code_dim": 1, "hidden": 1, "noise_share": 0.8, "mixer": True, "chunk": None}


@pytest.mark.parametrize(
    "described",
    [
        {"kind": "hypergann"},
        {"kind": ["hypergan"]},
        {"kind": "swag"},
        {"kind": "mc-dropout", "mc-dropout": {"image_shape": [10**6, 10**6, 1]}},
        {"kind": "mc-dropout", "mc-dropout": {"image_shape": "abc"}},
        {"kind": "deep-ensemble", "deep-ensemble": {"attacked": "all"}},
        {"kind": "ordinary", "ordinary": None},
        {"classifier": "mist"},
        {"classifier": None},
        {"classifier": "os:system"},
        {"classifier": "cifar"},
        {"classes": 0},
        {"classes": -1},
        {"classes": 11},
        {"classes": 10**12},
        {"classes": "ten"},
        {"classes": float("inf")},
        {"classes": "absent"},
        {"facts": "absent"},
        {"facts": 3},
        {"parameters": 3},
        {"parameters": {"conv1.weight": "big"}},
        {"hypergan": "absent"},
        {"hypergan": []},
        {"hypergan": {}},
        {"hypergan": SETTINGS | {"depth": 3}},
        *({"hypergan": SETTINGS | {name: 10**7}} for name in ("latent_dim", "code_dim", "hidden")),
        *({"hypergan": SETTINGS | {name: 10**30}} for name in ("latent_dim", "code_dim", "hidden")),
        *({"hypergan": SETTINGS | {name: "1"}} for name in ("latent_dim", "hidden", "noise_share")),
        {"hypergan": SETTINGS | {"chunk": 1}},
        {"hypergan": SETTINGS | {"chunk": -1}},
        {"hypergan": SETTINGS | {"mixer": False}},
        {"hypergan": SETTINGS | {"noise_share": float("nan")}},
    ],
    ids=lambda described: json.dumps(described)[:60],
)
def test_a_configuration_that_does_not_fit_is_one_line_and_fills_no_memory(described, checkpoint, refuse):
    changed = resealed(checkpoint, **described)
    refuse("sample", "--checkpoint", changed, "--out", "r", names=("changed.safetensors",))


def with_tensors(checkpoint, change) -> Path:
    tensors = load_file(checkpoint)
    change(tensors)
    return resealed(checkpoint, tensors)


FIRST = "layers.0.network.0.weight"
CHANGES = {
    "one missing": lambda each: each.pop(FIRST),
    "none": lambda each: each.clear(),
    "one too many": lambda each: each.update(more=torch.zeros(3)),
    "another name": lambda each: each.update(other=each.pop(FIRST)),
    "another shape": lambda each: each.update({FIRST: torch.zeros(7, 7)}),
    "the same size in another shape": lambda each: each.update({FIRST: each[FIRST].reshape(-1, 1, 1)}),
    "float16": lambda each: each.update({FIRST: each[FIRST].half()}),
    "float64": lambda each: each.update({FIRST: each[FIRST].double()}),
    "whole numbers": lambda each: each.update({FIRST: each[FIRST].long()}),
    "bool": lambda each: each.update({FIRST: each[FIRST] > 0}),
    "NaN": lambda each: each[FIRST].fill_(torch.nan),
    "infinity": lambda each: each[FIRST].fill_(-torch.inf),
    "weights that overflow": lambda each: [value.fill_(3e38) for value in each.values()],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_tensors_that_do_not_fit_are_one_line(change, checkpoint, refuse):
    refuse(
        "transfer",
        "--checkpoint",
        with_tensors(checkpoint, change),
        "--out",
        "r",
        names=("changed.safetensors",),
    )


HEADERS = {
    "none": b"",
    "no length": b"\x08\x00",
    "a length of everything": b"\xff" * 8,
    "a length of a terabyte": (10**12).to_bytes(8, "little") + b"{}",
    "a hundred megabytes that are not there": (10**8).to_bytes(8, "little") + b"{" * 1000,
    "deep brackets": (50_000).to_bytes(8, "little") + b"[" * 50_000,
    "no JSON": (4).to_bytes(8, "little") + b"abcd",
    "a list": (2).to_bytes(8, "little") + b"[]",
    "nothing": (2).to_bytes(8, "little") + b"{}",
    "a tensor of a petabyte": (67).to_bytes(8, "little")
    + b'{"a":{"dtype":"F32","shape":[250000000000000],"data_offsets":[0,9]}}'[:67],
    "a pickle": b"\x80\x04\x95\x00\x00\x00",
    "a zip": b"PK\x03\x04" + b"\x00" * 100,
}


@pytest.mark.parametrize("content", HEADERS.values(), ids=HEADERS)
def test_a_file_that_only_ends_like_a_checkpoint_is_one_line(content, refuse, traps):
    (traps / "c.safetensors").write_bytes(content)
    refuse("sample", "--checkpoint", "c.safetensors", "--out", "r", names=("c.safetensors",))


def test_deep_configuration_is_one_line(checkpoint, refuse):
    own = metadata_of(checkpoint.read_bytes()) | {"configuration": "[" * 100_000}
    own.pop(HASH)
    changed = checkpoint.parent / "changed.safetensors"
    save_tensors(changed, load_file(checkpoint), own)
    refuse("sample", "--checkpoint", changed, "--out", "r", names=("changed.safetensors",))


def test_an_older_file_without_a_hash_is_read_and_a_newer_one_is_not(checkpoint, tmp_path):
    own = metadata_of(checkpoint.read_bytes())
    own.pop(HASH)
    save_file(load_file(checkpoint), tmp_path / "new.safetensors", own)
    with pytest.raises(InputError, match="SHA-256"):
        load_checkpoint(tmp_path / "new.safetensors")
    own["format"] = "robust-hypergan checkpoint 1"
    save_file(load_file(checkpoint), tmp_path / "old.safetensors", own)
    assert load_checkpoint(tmp_path / "old.safetensors").classes == 10


def test_the_hash_covers_values_names_types_shapes_and_metadata(tmp_path):
    path = tmp_path / "t.safetensors"
    tensors = {"a": torch.arange(6.0), "empty": torch.zeros(0, 3), "one": torch.tensor(True)}
    save_tensors(path, tensors, {"format": "f", "fact": "1"})
    read, metadata = read_tensors(path, "f", "test")
    assert all(torch.equal(read[name], tensors[name]) for name in tensors)
    others = [
        (tensors | {"a": torch.arange(6.0) + 1}, metadata),
        (tensors | {"a": torch.arange(6.0).view(2, 3)}, metadata),
        (tensors | {"a": torch.arange(6.0).view(torch.int32)}, metadata),
        ({"b": tensors["a"], "empty": tensors["empty"], "one": tensors["one"]}, metadata),
        (tensors | {"empty": torch.zeros(0, 4)}, metadata),
        (tensors, {**metadata, "fact": "2"}),
        (tensors, {**metadata, "more": ""}),
    ]
    for changed, own in others:
        save_file(changed, path, dict(own))
        with pytest.raises(InputError, match="SHA-256"):
            read_tensors(path, "f", "test")


def test_a_state_that_was_changed_is_not_taken_up(tmp_path):
    saved = Saved(tmp_path / "state.safetensors", "training", {})
    saved.save({"values": torch.zeros(100)}, rows=[])
    content = bytearray(saved.path.read_bytes())
    content[-5] ^= 8
    saved.path.write_bytes(content)
    with pytest.raises(InputError, match=r"state\.safetensors is damaged"):
        saved.load({"values": torch.ones(100)})


@pytest.fixture
def dataset():
    images = torch.randint(0, 256, (6, 1, 4, 4), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    return make_dataset("mine", "test", images, torch.tensor([0, 1, 2, 0, 1, 2]), ("a", "b", "c"))


class Named:
    """An address that a file claims."""

    def __init__(self, claim):
        self.claim = claim

    def record(self):
        return self.claim


class Text(str):
    """A number that a file holds as text."""

    def __format__(self, _: str) -> str:
        return str(self)


def saved_folder(folder: Path, dataset, **changed) -> Path:
    given = {
        "attack": "fgsm",
        "norm": "linf",
        "eps": 0.1,
        "adversarials": torch.full((3, 1, 4, 4), 0.5),
        "source_labels": torch.tensor([1, 2, 0]),
        "labels": dataset.labels[:3],
        "examples": [0, 1, 2],
        "tried": [0, 1, 2, 4],
        "correct": torch.tensor([True, True, True, False]),
        "logits": torch.zeros(4, 3),
        "source": Networks(0, "source", [0]),
    } | changed
    made_of = {
        name: given.pop(name) for name in ("labels", "examples", "tried", "correct", "logits", "source")
    }
    save_cell(folder, SavedCell(Cell(**given), data_sha256=dataset.sha256, **made_of))
    return folder


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"adversarials": torch.full((3, 1, 4, 4), torch.nan)}, "images of fgsm"),
        ({"adversarials": torch.full((3, 1, 4, 4), 1.01)}, "images of fgsm"),
        ({"adversarials": torch.full((3, 1, 4, 4), -0.01)}, "images of fgsm"),
        ({"adversarials": torch.full((3, 1, 5, 5), 0.5)}, "images of fgsm"),
        ({"adversarials": torch.full((3, 1, 4, 4), 0.5).double()}, "images of fgsm"),
        ({"adversarials": torch.zeros((2, 1, 4, 4))}, "2 images but 3 labels"),
        ({"examples": [0, 1, 6]}, "examples of fgsm"),
        ({"examples": [0, 1, -1]}, "examples of fgsm"),
        ({"examples": [0, 1]}, "3 images but 3 labels"),
        ({"labels": torch.tensor([0, 1, 9])}, "labels of fgsm"),
        ({"source_labels": torch.tensor([1, 2, 3])}, "source labels of fgsm"),
        ({"source_labels": torch.tensor([1.0, 2.0, 0.0])}, "source labels of fgsm"),
        ({"target": 3}, "target of fgsm"),
        ({"norm": "l7"}, "can't be right"),
        ({"eps": float("nan")}, "can't be right"),
        ({"eps": -0.1}, "can't be right"),
        ({"eps": Text("0.1")}, "can't be right"),
        ({"target": 1.0}, "can't be right"),
        ({"tried": [0, 1, 2, 9]}, "examples of fgsm"),
        ({"tried": [0, 1, 2]}, "does not fit its own description"),
        ({"correct": torch.tensor([True, True, False, True])}, "examples of fgsm"),
        ({"correct": torch.tensor([1, 1, 1, 0])}, "does not fit its own description"),
        ({"logits": torch.zeros(3, 3)}, "does not fit its own description"),
        ({"source_labels": torch.tensor([[1], [2], [0]])}, "does not fit its own description"),
        ({"target": True}, "does not fit its own description"),
        ({"target": 1}, "examples of fgsm"),
        ({"source": Named({"seed": "none", "stream": "source", "index": 0})}, "does not fit"),
        ({"source": Named({"seed": 0, "stream": "freshly", "index": 0})}, "does not fit"),
        ({"source": Named({"seed": 0, "stream": "source", "index": -1})}, "does not fit"),
        ({"source": Named({})}, "does not fit its own description"),
        ({"audit": Audit(examples="many")}, "does not fit its own description"),
    ],
)
def test_saved_images_that_do_not_fit_are_said(changed, message, dataset, tmp_path):
    with pytest.raises(InputError, match=message):
        check_saved(load_cells(saved_folder(tmp_path / "a", dataset, **changed))[0], dataset)


def test_saved_images_that_fit_are_taken(dataset, tmp_path):
    (cell,) = load_cells(saved_folder(tmp_path / "a", dataset))
    check_saved(cell, dataset)
    assert cell.cell.options == {}
