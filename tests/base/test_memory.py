"""Chunks fit the memory there is; where it runs out half as much is done at once, with the same results."""

import sys
import warnings

import pandas as pd
import pytest
import torch

from robust_hypergan import __main__
from robust_hypergan.attacks import registry
from robust_hypergan.base import memory
from robust_hypergan.base.layout import IMAGE_CHUNK
from robust_hypergan.base.memory import (
    Chunks,
    available_bytes,
    bytes_for_an_image,
    cgroup_room,
    is_out_of_memory,
)
from robust_hypergan.engine.backends import BACKENDS
from robust_hypergan.engine.ensemble import NETWORK_BLOCK, network_block
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.transferability.config import TransferConfig
from robust_hypergan.transferability.crafting import CRAFT_BATCH
from robust_hypergan.transferability.measurement import transfer
from tests.conftest import TINY, TinyClassifier

CPU = torch.device("cpu")

ERRORS = {
    "python": MemoryError(),
    "cpu": RuntimeError(
        "[enforce fail] . DefaultCPUAllocator: can't allocate memory: you tried to allocate 9"
    ),
    "gpu": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
}


def file(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(content))


def test_the_limits_of_every_control_group_above_count(tmp_path):
    file(tmp_path / "own2", "0::/a/b\n")
    file(tmp_path / "a" / "memory.max", 1000)
    file(tmp_path / "a" / "memory.current", 700)
    file(tmp_path / "a" / "memory.stat", "anon 10\ninactive_file 50\nactive_file 9\n")
    file(tmp_path / "a" / "b" / "memory.max", "max")
    file(tmp_path / "a" / "b" / "memory.current", 700)
    assert cgroup_room(tmp_path, tmp_path / "own2") == [350]
    file(tmp_path / "own1", "5:cpu:/c\n4:memory:/c\n")
    file(tmp_path / "memory" / "c" / "memory.limit_in_bytes", 2000)
    file(tmp_path / "memory" / "c" / "memory.usage_in_bytes", 500)
    file(tmp_path / "memory" / "c" / "memory.stat", "inactive_file 1\ntotal_inactive_file 20\n")
    assert cgroup_room(tmp_path, tmp_path / "own1") == [1520]
    assert cgroup_room(tmp_path, tmp_path / "none") == []


def test_the_least_of_all_limits_is_what_can_be_had(monkeypatch):
    free = available_bytes(CPU)
    assert 0 < free <= memory.psutil.virtual_memory().total
    monkeypatch.setattr(memory, "cgroup_room", lambda: [free // 3, free // 2])
    assert available_bytes(CPU) == free // 3
    monkeypatch.setattr(memory, "cgroup_room", lambda: [-5])
    assert available_bytes(CPU) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="limits of a process are those of Linux here")
def test_the_limits_of_the_process_count(monkeypatch):
    import resource

    used = memory.psutil.Process().memory_info()
    limits = {resource.RLIMIT_AS: used.vms + 10**7, resource.RLIMIT_DATA: -1}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (limits[kind], -1))
    assert 0 < available_bytes(CPU) <= 10**7
    limits |= {resource.RLIMIT_AS: -1, resource.RLIMIT_DATA: used.data + 10**6}
    assert available_bytes(CPU) <= 10**6


def test_chunks_are_a_share_of_the_memory_there_is(monkeypatch):
    images = torch.zeros(4, 1, 8, 8)
    each = bytes_for_an_image(TinyClassifier(), images)
    assert each == 2 * 4 * (64 + 4 * 36 + 3)  # the image, and what the two layers put out
    for room, size in ((40 * each, 10), (10**9, 64), (0, 1)):
        monkeypatch.setattr(memory, "available_bytes", lambda _, room=room: room)
        assert Chunks(64, each, CPU).size == size


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_when_memory_runs_out_half_as_much_is_done_at_once(error):
    images, sizes = torch.arange(150.0), []

    def run(chunk):
        sizes.append(len(chunk))
        if len(chunk) > 20:
            raise error
        return chunk * 2

    chunks = Chunks(64, 0, CPU)
    with pytest.warns(RuntimeWarning, match="out of memory with") as told:
        assert torch.equal(chunks.map(run, images), images * 2)
    assert sizes == [50, 25, *[12] * 7, *[11] * 6]
    assert str(told[0].message) == "out of memory with 50 images at once: going on with 25"
    assert chunks.size == 12
    assert torch.equal(chunks.map(run, images[:0]), images[:0])


def test_other_errors_and_too_little_for_one_image_are_told():
    def fails(chunk):
        raise RuntimeError("shapes differ" if len(chunk) > 1 else "CUDA error: out of memory")

    with pytest.raises(RuntimeError, match="shapes differ"):
        Chunks(64, 0, CPU).map(fails, torch.zeros(9))
    with pytest.raises(RuntimeError, match="out of memory"):
        Chunks(1, 0, CPU).map(fails, torch.zeros(9))


def test_what_the_library_raises_when_memory_runs_out_is_known():
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**55)
    assert is_out_of_memory(raised.value)
    assert not is_out_of_memory(ValueError("out of memory"))


class Greedy(TinyClassifier):
    """Runs out of memory with more than some images at once."""

    limit = 10**9

    def forward(self, images):
        if len(images) > self.limit:
            raise torch.OutOfMemoryError(f"CUDA out of memory with {len(images)} images")
        return super().forward(images)


def whole_batch(model, inputs, labels, *, eps, generator, **_):
    """A stranger's attack: the whole batch at once, with randomness."""
    noise = torch.rand(inputs.shape, generator=generator) - 0.5
    images = (inputs + eps * noise).clamp(0, 1).requires_grad_()
    (gradient,) = torch.autograd.grad(torch.nn.functional.cross_entropy(model(images), labels), images)
    return (images.detach() + eps / 2 * gradient.sign()).clamp(0, 1)


@pytest.mark.parametrize("backend", [name for name in BACKENDS if name not in ("compiled-loop", "fused")])
def test_a_measurement_that_runs_out_of_memory_ends_in_the_same_tables(
    backend, trained, test_set, monkeypatch
):
    monkeypatch.setitem(registry.BUILT_IN, "stranger", whole_batch)
    config = TransferConfig(
        ("fgsm", "pgd:steps=3", "stranger", "ensemble-pgd:networks=2,steps=2"),
        (0.2,),
        networks=9,
        examples=80,
    )
    greedy = HyperGAN(Greedy(), TINY, seed=3)
    greedy.generator.load_state_dict(trained.generator.state_dict())
    whole = transfer(greedy, test_set, config)
    monkeypatch.setattr(Greedy, "limit", 24)
    assert min(CRAFT_BATCH, IMAGE_CHUNK) > Greedy.limit
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        halved = transfer(greedy, test_set, TransferConfig(**(vars(config) | {"backend": backend})))
    assert [cell.error for cell in halved.cells] == [None] * 4
    assert any("out of memory" in str(each.message) for each in told)
    for one, other in zip(whole.cells, halved.cells, strict=True):
        torch.testing.assert_close(one.adversarials, other.adversarials, atol=1e-5, rtol=0)
    counts = whole.examples.drop(columns=["entropy_clean", "entropy_adversarial", "linf", "l2"])
    pd.testing.assert_frame_equal(counts, halved.examples[counts.columns], check_exact=True)
    pd.testing.assert_frame_equal(whole.networks, halved.networks, check_exact=True)


def test_few_networks_are_generated_at_once_where_memory_is_short(trained, test_set, monkeypatch):
    config = TransferConfig(("fgsm",), (0.1,), networks=20, examples=30)
    whole = transfer(trained, test_set, config)
    assert network_block(trained.classifier, CPU) == NETWORK_BLOCK
    each = sum(value.nbytes for value in trained.classifier.parameters())
    monkeypatch.setattr("robust_hypergan.engine.ensemble.available_bytes", lambda _: 4 * 3 * 5 * each)
    assert network_block(trained.classifier, CPU) == 5
    short = transfer(trained, test_set, config)
    pd.testing.assert_frame_equal(whole.examples, short.examples, check_exact=True)
    pd.testing.assert_frame_equal(whole.networks, short.networks, check_exact=True)


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_a_command_that_can_not_go_on_says_so_in_one_line(error, monkeypatch, capsys):
    monkeypatch.setattr(__main__.cli, "main", lambda **_: (_ for _ in ()).throw(error))
    monkeypatch.setattr(__main__, "end_on_signals", lambda: None)
    with pytest.raises(SystemExit) as ended:
        __main__.main()
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith("robust-hypergan: out of memory")
    assert told.count("\n") == 1
