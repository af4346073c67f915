"""Convolution, pooling and ReLU as one operation: where it is found, and that it computes the same."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.func import vmap
from torch.nn import functional

from robust_hypergan.base.errors import InputError
from robust_hypergan.engine import vectorised
from robust_hypergan.engine.backends import BACKENDS
from robust_hypergan.engine.cascade import Account, Cascade
from robust_hypergan.engine.fused import fused, pooled_convolution
from robust_hypergan.engine.vectorised import fuses
from robust_hypergan.models.classifiers import CIFARClassifier, MNISTClassifier
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.models.networks import Networks
from robust_hypergan.models.parameters import call_network
from robust_hypergan.models.residual import ResidualClassifier


def operations(classifier):
    module = fused(classifier)
    return 0 if module is None else sum(node.target is pooled_convolution for node in module.graph.nodes)


def chain(*modules):
    return nn.Sequential(*modules, nn.Flatten(), nn.LazyLinear(3))


@pytest.mark.parametrize(
    ("kind", "shape", "count"), [(MNISTClassifier, (1, 28, 28), 2), (CIFARClassifier, (3, 32, 32), 3)]
)
@pytest.mark.parametrize("own", [False, True])
def test_the_papers_classifiers_are_fused_and_answer_the_same(kind, shape, count, own):
    hypergan = HyperGAN(kind(), seed=0)
    params = hypergan.sample(Networks(0, "fresh", range(3)))
    images = torch.rand(3, 5, *shape, generator=torch.Generator().manual_seed(0))
    images, axes = (images, (0, 0)) if own else (images[0], (0, None))
    assert operations(hypergan.classifier) == count
    with torch.no_grad():
        expected, found = (
            vmap(partial(call_network, each), in_dims=axes)(params, images)
            for each in (hypergan.classifier, fused(hypergan.classifier))
        )
    torch.testing.assert_close(found, expected)


def test_modules_in_either_order_are_found_and_shared():
    for modules in ([nn.ReLU(), nn.MaxPool2d(2)], [nn.MaxPool2d(2, 2), nn.ReLU()]):
        classifier = chain(nn.Conv2d(1, 16, 3), *modules)
        images = torch.rand(2, 1, 12, 12)
        classifier(images)
        assert operations(classifier) == 1
        module = fused(classifier)
        assert {id(each) for each in module.parameters()} == {id(each) for each in classifier.parameters()}
        assert dict(module.named_parameters()).keys() == dict(classifier.named_parameters()).keys()
        torch.testing.assert_close(module(images), classifier(images))


class _Uses(nn.Module):
    """What the convolution puts out is used twice, so it has to be there."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 16, 3)

    def forward(self, images):
        hidden = self.conv(images)
        return functional.relu(functional.max_pool2d(hidden, 2)).flatten(1) + hidden.mean()


class _Branches(nn.Module):
    """Goes one way or the other by what it sees."""

    def forward(self, images):
        return images.flatten(1) if images.sum() > 0 else -images.flatten(1)


@pytest.mark.parametrize(
    "classifier",
    [
        _Uses(),
        _Branches(),
        ResidualClassifier(),
        chain(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        chain(nn.Conv2d(1, 16, 3, stride=2), nn.ReLU(), nn.MaxPool2d(2)),
        chain(nn.Conv2d(1, 16, 3, bias=False), nn.ReLU(), nn.MaxPool2d(2)),
        chain(nn.Conv2d(1, 16, (3, 2)), nn.ReLU(), nn.MaxPool2d(2)),
        chain(nn.Conv2d(1, 12, 3), nn.ReLU(), nn.MaxPool2d(2)),
        chain(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(3)),
        chain(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(2, padding=1)),
        chain(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.AvgPool2d(2)),
        chain(nn.Conv2d(1, 16, 3), nn.Tanh(), nn.MaxPool2d(2)),
    ],
)
def test_anything_else_is_left_alone(classifier):
    assert fused(classifier) is None


def test_the_backend_refuses_a_classifier_that_has_nothing_to_fuse():
    with pytest.raises(InputError, match="nothing to fuse"):
        BACKENDS["fused"](ResidualClassifier(), torch.rand(2, 3, 32, 32))


def test_it_is_trusted_where_it_computes_the_same():
    pytest.importorskip("triton")
    assert fuses(MNISTClassifier().eval(), torch.rand(8, 1, 28, 28))
    assert not fuses(ResidualClassifier().eval(), torch.rand(8, 3, 32, 32))


@pytest.mark.parametrize("error", [0.01, float("nan")])
def test_kernels_that_compute_something_else_are_not_trusted_and_named(monkeypatch, error):
    pytest.importorskip("triton")
    right = vectorised.Fused.__call__
    monkeypatch.setattr(vectorised.Fused, "__call__", lambda self, params: right(self, params) * (1 + error))
    classifier = MNISTClassifier().eval()
    with pytest.warns(RuntimeWarning, match="fused kernels do not work here .*off by.* plain loop"):
        assert not fuses(classifier, torch.rand(8, 1, 28, 28))
    assert not fuses(classifier, torch.rand(8, 1, 28, 28))  # and that once


@pytest.mark.parametrize("scale", [1.0, 3e38])
def test_the_cascade_over_it_repeats_what_half_precision_cannot_hold(scale):
    """Logits beyond the range of half precision are infinite there, and no reason to give up."""
    hypergan = HyperGAN(MNISTClassifier(), seed=0)
    params = hypergan.sample(Networks(0, "fresh", range(3)))
    images = torch.rand(100, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        cascade, account = Cascade(hypergan.classifier, images, "fused"), Account()
        expected = BACKENDS["loop"](hypergan.classifier, images)(params).argmax(2)
        whole = cascade.fast
        cascade.fast = lambda params: torch.where(
            torch.arange(100)[:, None] < 7, whole(params) * scale * 1e9, whole(params)
        )
        found = cascade(params, 0, account)
    assert torch.equal(found.argmax(2), expected)
    assert found.isfinite().all()
    assert account.repeated >= (21 if scale > 1 else 0)
    assert account.logit_error < float("inf")


def test_the_kernels_compute_the_three_operations():
    """In Triton's interpreter on the CPU, which has to be asked for before Triton is imported."""
    pytest.importorskip("triton")
    script = Path(__file__).parents[1] / "interpreted_kernels.py"
    done = subprocess.run(
        [sys.executable, script], env=os.environ | {"TRITON_INTERPRET": "1"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the same") == 12
