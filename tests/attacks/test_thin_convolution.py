"""The gradient of thin convolutions as a matrix product is the library's gradient."""

import pytest
import torch
from torch import nn

from robust_hypergan.attacks.loss import gradient_in_images, input_gradient
from robust_hypergan.attacks.thin_convolution import (
    ThinConvolutions,
    _is_thin,
    _ThinConvolution,
    image_gradient,
)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kernel", [1, 3, (2, 4)])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"stride": 2},
        {"padding": 2},
        {"dilation": 2},
        {"bias": False},
        {"stride": (3, 2), "padding": (0, 1), "dilation": (1, 2)},
        {"stride": (2, 4), "padding": (3, 0), "dilation": (2, 1)},
    ],
)
def test_the_gradient_in_the_image_is_the_librarys(channels, kernel, settings):
    generator = torch.Generator().manual_seed(0)
    convolution = nn.Conv2d(channels, 6, kernel, **settings).double()
    images = torch.rand(4, channels, 11, 9, generator=generator, dtype=torch.float64, requires_grad=True)
    expected = torch.autograd.grad(convolution(images).sin().sum(), images)[0]
    with ThinConvolutions():
        found = torch.autograd.grad(convolution(images).sin().sum(), images)[0]
    torch.testing.assert_close(found, expected)


def test_it_is_taken_for_thin_images_only(monkeypatch):
    calls = []
    original = _ThinConvolution.apply
    monkeypatch.setattr(_ThinConvolution, "apply", lambda *a: (calls.append(1), original(*a))[1])
    with ThinConvolutions():
        nn.Conv2d(3, 6, 3)(torch.rand(2, 3, 8, 8, requires_grad=True))
        assert len(calls) == 1
        nn.Conv2d(8, 6, 3)(torch.rand(2, 8, 8, 8, requires_grad=True))
        nn.Conv2d(2, 6, 3, groups=2)(torch.rand(2, 2, 8, 8, requires_grad=True))
        nn.Conv2d(2, 6, 3, padding="same")(torch.rand(2, 2, 8, 8, requires_grad=True))
        nn.Conv2d(3, 6, 3)(torch.rand(2, 3, 8, 8))
    assert len(calls) == 1
    assert not _is_thin(torch.rand(1, 8, 8, requires_grad=True), torch.rand(6, 1, 3, 3))


def test_a_model_whose_view_refuses_the_strides_gets_its_gradient_all_the_same():
    class Views(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.linear = nn.Conv2d(1, 4, 3), nn.Linear(144, 3)

        def forward(self, images):
            return self.linear(self.conv(images).view(len(images), -1))

    model, images = Views(), torch.rand(5, 1, 8, 8, requires_grad=True)
    labels = torch.tensor([0, 1, 2, 0, 1])
    loss = nn.functional.cross_entropy(model(images), labels, reduction="sum")
    expected = torch.autograd.grad(loss, images)[0]
    torch.testing.assert_close(input_gradient(model, images, labels, None), expected)


def test_another_error_of_the_model_is_its_own():
    def broken(images, labels, targets):
        raise RuntimeError("no such layer")

    with pytest.raises(RuntimeError, match="no such layer"):
        gradient_in_images(broken, torch.rand(2, 1, 4, 4), torch.zeros(2), None)


def test_it_is_the_same_whatever_the_threads_and_the_images_beside(set_threads):
    random = torch.Generator().manual_seed(0)
    gradient = torch.randn(24, 32, 12, 12, generator=random).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(32, 1, 5, 5, generator=random)
    results = []
    for threads, size in ((1, 24), (2, 24), (2, 7), (3, 5)):
        set_threads(threads)
        parts = [image_gradient(part, weight, (16, 16), 1, 0, 1) for part in gradient.split(size)]
        results.append(torch.cat(parts))
    assert all(each.equal(results[0]) for each in results)


@pytest.mark.parametrize("more", [(), (None,), (None, 2), (None, 1, 1)])
def test_a_convolution_called_with_fewer_arguments_has_its_gradient_too(more):
    random = torch.Generator().manual_seed(0)
    images = torch.rand(2, 1, 8, 8, generator=random, requires_grad=True)
    weight = torch.randn(4, 1, 3, 3, generator=random)
    expected = torch.autograd.grad(nn.functional.conv2d(images, weight, *more).sin().sum(), images)[0]
    with ThinConvolutions():
        found = torch.autograd.grad(nn.functional.conv2d(images, weight, *more).sin().sum(), images)[0]
    torch.testing.assert_close(found, expected)
