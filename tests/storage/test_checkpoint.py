"""Checkpoints come back bit for bit; anything else is refused in one line."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from robust_hypergan.base.errors import InputError
from robust_hypergan.models.classifiers import MNISTClassifier
from robust_hypergan.models.hypergan import HyperGAN, HyperGANConfig
from robust_hypergan.models.networks import Networks, materialise
from robust_hypergan.storage.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from robust_hypergan.storage.export import export_networks, parse_indices
from robust_hypergan.storage.tensor_files import save_tensors
from tests.killing import contents


@pytest.fixture(scope="module")
def hypergan():
    return HyperGAN(MNISTClassifier(), HyperGANConfig(hidden=64), seed=5)


@pytest.fixture(scope="module")
def path(hypergan, tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / "hypergan.safetensors"
    save_checkpoint(path, Checkpoint(hypergan, "mnist", 10, {"data": "mnist-5k"}))
    return path


@pytest.mark.parametrize(
    "config",
    [
        HyperGANConfig(16, 8, 24),
        HyperGANConfig(16, 8, 24, mixer=False),
        HyperGANConfig(16, 8, 24, chunk=1000),
        HyperGANConfig(16, 8, 24, chunk=10),
        HyperGANConfig(16, 8, 24, chunk=5130),  # exactly a layer
    ],
)
def test_every_shape_of_generator_comes_back(config, tmp_path):
    hypergan = HyperGAN(MNISTClassifier(), config, seed=1)
    save_checkpoint(tmp_path / "h.safetensors", Checkpoint(hypergan, "mnist", 10, {}))
    loaded = load_checkpoint(tmp_path / "h.safetensors").distribution
    networks = Networks(3, "fresh", range(2))
    first, second = hypergan.sample(networks), loaded.sample(networks)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_loaded_hypergan_generates_the_same_networks(hypergan, path):
    loaded = load_checkpoint(path)
    assert (loaded.classifier, loaded.classes, loaded.facts) == ("mnist", 10, {"data": "mnist-5k"})
    assert loaded.distribution.config == hypergan.config
    networks = Networks(3, "fresh", range(20))
    first, second = hypergan.sample(networks), loaded.distribution.sample(networks)
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("kept", [0, 5, 100, 5000, -1])
def test_a_truncated_checkpoint_is_refused(path, tmp_path, kept):
    damaged = tmp_path / "short.safetensors"
    damaged.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match="damaged or not a safetensors file"):
        load_checkpoint(damaged)


def test_a_strangers_safetensors_file_is_refused(tmp_path):
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="not a HyperGAN checkpoint"):
        load_checkpoint(tmp_path / "other.safetensors")


def test_a_checkpoint_that_contradicts_its_configuration_is_refused(path, tmp_path):
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    tensors.popitem()
    save_tensors(tmp_path / "missing.safetensors", tensors, metadata)
    with pytest.raises(InputError, match="its settings ask for 2,111,658 weights, it holds"):
        load_checkpoint(tmp_path / "missing.safetensors")
    unknown = metadata | {"configuration": metadata["configuration"].replace('"mnist"', '"mist"')}
    save_tensors(tmp_path / "unknown.safetensors", load_file(path), unknown)
    with pytest.raises(InputError, match="did you mean mnist"):
        load_checkpoint(tmp_path / "unknown.safetensors")


def test_a_missing_checkpoint_is_refused(tmp_path):
    with pytest.raises(InputError, match="no HyperGAN checkpoint at"):
        load_checkpoint(tmp_path / "nowhere.safetensors")


def test_exported_networks_load_into_the_plain_classifier_and_predict_the_same(hypergan, path, tmp_path):
    files = export_networks(path, "fresh", range(14, 19), 7, tmp_path / "nets")
    assert [file.name for file in files] == [f"fresh-{index:06d}.safetensors" for index in range(14, 19)]
    images = torch.rand(6, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    for index, file in zip(range(14, 19), files, strict=True):
        plain = MNISTClassifier()
        plain.load_state_dict(load_file(file))
        assert torch.equal(plain(images), materialise(hypergan, Networks(7, "fresh", [index]))(images))


def test_an_export_leaves_a_used_folder_alone(path, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        export_networks(path, "fresh", range(2), 0, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("written", [0, 1, 5, 19])
def test_an_interrupted_export_goes_on_and_leaves_finished_files_alone(path, tmp_path, monkeypatch, written):
    whole = export_networks(path, "fresh", range(10, 30), 7, tmp_path / "whole")
    made = []

    def save(file, *arguments, **options):
        if len(made) == written:
            raise KeyboardInterrupt
        made.append(file)
        save_tensors(file, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr("robust_hypergan.storage.export.save_tensors", save)
        with pytest.raises(KeyboardInterrupt):
            export_networks(path, "fresh", range(10, 30), 7, tmp_path / "nets")
    (tmp_path / "nets" / ".fresh-000029.safetensors.partial").write_bytes(b"half")
    before = {file: file.stat().st_mtime_ns for file in made}
    again = export_networks(path, "fresh", range(10, 30), 7, tmp_path / "nets")
    assert {file: file.stat().st_mtime_ns for file in made} == before
    assert contents(tmp_path / "nets") == contents(tmp_path / "whole")
    assert len(whole) == len(again) == 20
    assert sorted((tmp_path / "nets").iterdir()) == again


def test_a_file_that_a_power_cut_left_empty_is_exported_again(path, tmp_path):
    _, second = export_networks(path, "fresh", range(2), 7, tmp_path / "nets")
    before = contents(tmp_path / "nets")
    second.write_bytes(b"")
    export_networks(path, "fresh", range(2), 7, tmp_path / "nets")
    assert contents(tmp_path / "nets") == before


def test_networks_of_another_seed_are_not_mixed_into_a_folder(path, tmp_path):
    (file,) = export_networks(path, "fresh", range(1), 7, tmp_path / "nets")
    content = file.read_bytes()
    export_networks(path, "source", range(2), 7, tmp_path / "nets")
    with pytest.raises(InputError, match=r"not empty: \w+-00000\d.safetensors is none of these networks"):
        export_networks(path, "fresh", range(1), 8, tmp_path / "nets")
    assert file.read_bytes() == content


def test_indices_are_a_range_or_one():
    assert parse_indices("3:7") == range(3, 7)
    assert parse_indices("12") == range(12, 13)
    for bad in ("7:3", "a:b", "", "-1:4", "3:3"):
        with pytest.raises(InputError, match="networks"):
            parse_indices(bad)


def test_paths_may_be_text(hypergan, tmp_path):
    save_checkpoint(str(tmp_path / "a.safetensors"), Checkpoint(hypergan, "mnist", 10, {}))
    loaded = load_checkpoint(str(tmp_path / "a.safetensors"))
    address = Networks(0, "fresh", [1])
    assert torch.equal(
        loaded.distribution.sample(address)["linear.bias"], hypergan.sample(address)["linear.bias"]
    )
    (file,) = export_networks(
        str(tmp_path / "a.safetensors"), "fresh", range(1), 0, str(tmp_path / "networks")
    )
    assert file == tmp_path / "networks" / "fresh-000000.safetensors"


def test_facts_that_are_no_json_are_refused(hypergan, tmp_path):
    with pytest.raises(InputError, match="can't be saved as JSON"):
        save_checkpoint(tmp_path / "a.safetensors", Checkpoint(hypergan, "mnist", 10, {"where": tmp_path}))
    assert not list(tmp_path.iterdir())
