"""A deep ensemble: members are their files, nobody is counted twice, and no file runs code."""

import os

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from robust_hypergan.base.errors import InputError
from robust_hypergan.models.classifiers import MNISTClassifier
from robust_hypergan.models.deep_ensemble import DeepEnsemble, read_members
from robust_hypergan.models.networks import Networks, materialise
from robust_hypergan.storage.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from robust_hypergan.transferability.config import TransferConfig
from robust_hypergan.transferability.measurement import transfer


def members(count):
    return [nn.Sequential(nn.Flatten(), nn.Linear(64, 3)) for _ in range(count)]


@pytest.fixture(scope="module")
def modules():
    return members(7)


@pytest.fixture(scope="module")
def ensemble(modules):
    return DeepEnsemble(modules[0], [module.state_dict() for module in modules])


def test_source_and_fresh_networks_are_the_members_each_once(ensemble, modules):
    drawn = [ensemble.sample(Networks(0, "source", [i]))["1.weight"][0] for i in range(3)]
    drawn += list(ensemble.sample(Networks(5, "fresh", range(4)))["1.weight"])
    assert all(torch.equal(own, module[1].weight) for own, module in zip(drawn, modules, strict=True))


def test_draws_inside_an_attack_see_the_attackers_members_only_and_all_of_them(ensemble):
    together = ensemble.sample(Networks(0, "eot", range(60)))["1.bias"]
    alone = ensemble.sample(Networks(0, "eot", [41]))["1.bias"]
    assert torch.equal(together[41], alone[0])
    sources = ensemble.sample(Networks(0, "source", range(3)))["1.bias"]
    chosen = (together[:, None] == sources).all(2)  # (60, 3)
    assert chosen.any(1).all()
    assert chosen.any(0).all()


@pytest.mark.parametrize(("stream", "index", "most"), [("source", 3, 3), ("fresh", 4, 4)])
def test_no_member_is_given_twice(ensemble, stream, index, most):
    with pytest.raises(InputError, match=f"ask for at most {most}"):
        ensemble.sample(Networks(0, stream, [index]))


def test_more_fresh_networks_than_members_are_refused_before_anything_is_computed(ensemble, test_set):
    with pytest.raises(InputError, match="has 4 fresh networks, not 5"):
        transfer(ensemble, test_set, TransferConfig(attacks=["fgsm"], eps=[0.1], networks=5, examples=9))


def test_running_statistics_are_a_part_of_a_member():
    modules = [nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(64, 3)) for _ in range(2)]
    images = torch.rand(20, 1, 8, 8)
    for shift, module in enumerate(modules):
        module(images + shift)
        module.eval()
    ensemble = DeepEnsemble(modules[0], [module.state_dict() for module in modules])
    network = materialise(ensemble, Networks(0, "fresh", [0]))
    assert torch.equal(network(images), modules[1](images))


def test_a_checkpoint_gives_the_same_members(tmp_path):
    networks = [MNISTClassifier(3) for _ in range(3)]
    ensemble = DeepEnsemble(networks[0], [network.state_dict() for network in networks], attacked=2)
    save_checkpoint(tmp_path / "e.safetensors", Checkpoint(ensemble, "mnist", 3, {}))
    loaded = load_checkpoint(tmp_path / "e.safetensors").distribution
    assert (len(loaded), loaded.fresh_count) == (3, 1)
    assert all(torch.equal(loaded.params[name], value) for name, value in ensemble.params.items())


def test_a_folder_of_state_dicts_is_an_ensemble_in_the_order_of_the_names(tmp_path, modules):
    save_file(modules[0].state_dict(), tmp_path / "a.safetensors")
    torch.save(modules[1].state_dict(), tmp_path / "b.pt")
    torch.save(modules[2].state_dict(), tmp_path / "c.pth")
    (tmp_path / "notes.txt").write_text("mine")
    ensemble = read_members(tmp_path, modules[0])
    expected = torch.stack([module[1].weight.detach() for module in modules[:3]])
    assert torch.equal(ensemble.params["1.weight"], expected)


class Malicious:
    def __reduce__(self):
        return os.mkdir, ("pwned",)


def test_a_malicious_file_is_refused_and_runs_nothing(tmp_path, modules, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets").mkdir()
    torch.save({"1.weight": Malicious()}, tmp_path / "nets" / "a.pt")
    with pytest.raises(InputError, match="holds more than weights"):
        read_members(tmp_path / "nets", modules[0])
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"1.weight": torch.zeros(3, 64)}, "has no 1.bias"),
        ({"1.weight": torch.zeros(3, 9), "1.bias": torch.zeros(3)}, r"1.weight of shape \(3, 9\)"),
        (
            {"1.weight": torch.zeros(3, 64), "1.bias": torch.zeros(3), "x": torch.zeros(1)},
            "has an unknown x",
        ),
        ([1, 2], "holds a list"),
    ],
)
def test_a_file_that_does_not_fit_is_one_line(tmp_path, modules, state, message):
    torch.save(state, tmp_path / "a.pt")
    with pytest.raises(InputError, match=message):
        read_members(tmp_path, modules[0])


def test_wrong_folders_are_one_line(tmp_path, modules):
    with pytest.raises(InputError, match="no state dicts in"):
        read_members(tmp_path, modules[0])
    with pytest.raises(InputError, match="--classifier names the classifier"):
        load_checkpoint(tmp_path, classes=3)
    with pytest.raises(InputError, match="is a folder of networks: give a checkpoint's file"):
        load_checkpoint(tmp_path, "mnist")
    save_file(modules[0].state_dict(), tmp_path / "a.safetensors")
    with pytest.raises(InputError, match="at least 2 members, not 1"):
        read_members(tmp_path, modules[0])
    (tmp_path / "b.pt").write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(InputError, match=r"b\.pt is damaged"):
        read_members(tmp_path, modules[0])
