"""Small classifiers of every make, for 8x8 images of one channel and three classes."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


class LeNet5(nn.Module):
    """LeCun et al. 1998, made small, with ``view`` where the features are flattened, as most code has it."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 3, padding=1),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Conv2d(6, 8, 3, padding=1),
            nn.Tanh(),
        )
        self.head = nn.Sequential(nn.Linear(128, 24), nn.Tanh(), nn.Linear(24, classes))

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.features(images - 0.5)
        return self.head(hidden.view(len(images), -1))


class ResidualNetwork(nn.Module):
    """A residual block with group norm and dropout."""

    def __init__(self, num_classes: int = 3) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 3, padding=1)
        self.block = nn.Sequential(
            nn.GroupNorm(2, 8), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.Dropout2d(0.2)
        )
        self.head = nn.Linear(8 * 16, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.stem(images - 0.5)
        hidden = nn.functional.max_pool2d(torch.relu(hidden + self.block(hidden)), 2)
        return self.head(hidden.flatten(1))


class VisionTransformer(nn.Module):
    """Patches, a class token, position embeddings and one block of attention."""

    def __init__(self, classes: int = 3, width: int = 16) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, width, 2, stride=2)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, 17, width))
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, 32), nn.GELU(), nn.Dropout(0.1), nn.Linear(32, width))
        self.head = nn.Linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        patches = self.patches(images - 0.5).flatten(2).transpose(1, 2)
        hidden = torch.cat([self.token.expand(len(images), -1, -1), patches], 1) + self.positions
        normed = self.norm1(hidden)
        hidden = hidden + self.attention(normed, normed, normed, need_weights=False)[0]
        hidden = hidden + self.mlp(self.norm2(hidden))
        return self.head(hidden[:, 0])


def multilayer_perceptron() -> nn.Module:
    """Takes no number of classes."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 32), nn.PReLU(), nn.Dropout(0.3), nn.LayerNorm(32), nn.Linear(32, 3)
    )


class DepthwiseSeparable(nn.Module):
    """A depthwise and a pointwise convolution, and a grouped one, with instance norm."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 1),
            nn.Conv2d(8, 8, 3, padding=1, groups=8),
            nn.Conv2d(8, 8, 1),
            nn.InstanceNorm2d(8, affine=True),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3, stride=2, groups=2),
        )
        self.head = nn.Linear(72, classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images - 0.5).flatten(1))


class SharedWeights(nn.Module):
    """One layer applied twice under two names, and one that is frozen."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(64, 64), nn.Linear(64, 64)
        self.second.weight = self.first.weight
        self.again = self.first
        self.head = nn.Linear(64, classes)
        self.head.bias.requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        hidden = torch.tanh(self.first(images.flatten(1) - 0.5))
        hidden = torch.tanh(self.again(torch.tanh(self.second(hidden))))
        return 0.1 * self.head(hidden)  # a saturated softmax has no gradient for FGSM


class RowsConvolution(nn.Module):
    """A one-dimensional convolution along the flattened rows."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 8, 8, stride=4)
        self.head = nn.Linear(120, classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(torch.relu(self.conv(images.flatten(2) - 0.5)).flatten(1))


class TransposedConvolution(nn.Module):
    """Down, and up again by a transposed convolution."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.down = nn.Conv2d(1, 8, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(8, 4, 4, stride=2, padding=1)
        self.head = nn.Linear(64, classes)

    def forward(self, images: Tensor) -> Tensor:
        hidden = torch.relu(self.up(torch.relu(self.down(images - 0.5))))
        return self.head(nn.functional.max_pool2d(hidden, 2).flatten(1))


class Volume(nn.Module):
    """The image as a volume of 4 slices under a three-dimensional convolution."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv3d(1, 8, 3, padding=1)
        self.head = nn.Linear(128, classes)

    def forward(self, images: Tensor) -> Tensor:
        hidden = torch.relu(self.conv((images - 0.5).unflatten(2, (4, 2))))
        return self.head(nn.functional.max_pool3d(hidden, (2, 1, 2)).flatten(1))


class WithoutBiases(nn.Module):
    """No bias anywhere, a scalar gain, and a parameter that nothing uses."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3, bias=False)
        self.head = nn.Linear(72, classes, bias=False)
        self.gain = nn.Parameter(torch.tensor(1.0))
        self.unused = nn.Parameter(torch.zeros(5))

    def forward(self, images: Tensor) -> Tensor:
        hidden = nn.functional.max_pool2d(torch.relu(self.conv(images - 0.5)), 2)
        return self.gain * self.head(hidden.flatten(1))


class StandardisedWeights(nn.Module):
    """Weight standardisation that views the weight of its convolution (Qiao et al. 2019)."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3)
        self.deeper = nn.Conv2d(8, 8, 3)
        self.head = nn.Linear(32, classes)

    def forward(self, images: Tensor) -> Tensor:
        hidden = torch.relu(self.conv(images - 0.5))
        weight = self.deeper.weight
        rows = weight.view(len(weight), -1)
        rows = (rows - rows.mean(1, keepdim=True)) / (rows.std(1, keepdim=True) + 1e-5)
        hidden = nn.functional.conv2d(hidden, 0.2 * rows.view_as(weight), self.deeper.bias)
        return self.head(nn.functional.max_pool2d(torch.relu(hidden), 2).flatten(1))


class QuantisedPixels(nn.Module):
    """An embedding of each pixel's grey level, beside the pixel itself that gradients go through."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.levels = nn.Embedding(8, 4)
        self.head = nn.Linear(5 * 64, classes)

    def forward(self, images: Tensor) -> Tensor:
        pixels = images.flatten(1)
        embedded = self.levels((pixels * 7).round().long()).flatten(1)
        return self.head(torch.cat([pixels - 0.5, 0.1 * embedded], 1))


class WeightNormed(nn.Module):
    """Layers whose weights are computed from a length and a direction (Salimans & Kingma 2016)."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.conv = nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 8, 3))
        self.head = nn.utils.parametrizations.weight_norm(nn.Linear(72, classes))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(nn.functional.max_pool2d(torch.relu(self.conv(images - 0.5)), 2).flatten(1))


ZOO: dict[str, Callable[[], nn.Module]] = {
    "LeNet-5": LeNet5,
    "residual": ResidualNetwork,
    "transformer": VisionTransformer,
    "perceptron": multilayer_perceptron,
    "depthwise": DepthwiseSeparable,
    "shared": SharedWeights,
    "rows": RowsConvolution,
    "transposed": TransposedConvolution,
    "volume": Volume,
    "without biases": WithoutBiases,
    "standardised": StandardisedWeights,
    "embedding": QuantisedPixels,
    "weight norm": WeightNormed,
}


class TwoOutputs(nn.Module):
    """Gives a tuple."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(784, 10)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return self.linear(images.flatten(1)), images


class Wide(nn.Module):
    """A perceptron for 28x28 images of any number of classes."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(784, 8), nn.ReLU(), nn.Linear(8, num_classes))

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)
