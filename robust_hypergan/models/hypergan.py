"""HyperGAN: Gaussian noise -> mixer -> one code a layer -> one generator a layer -> parameters.

Source: Ratzlaff & Li, *HyperGAN: A Generative Model for Diverse, Performant Neural Networks*,
ICML 2019, arXiv:1901.11058. Shapes: M networks, Z latent and K code dimensions, L layers.
"""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from robust_hypergan.base.errors import InputError, check_range
from robust_hypergan.base.threads import one_thread
from robust_hypergan.models.layer_generators import (
    ChunkedLayerGenerator,
    LayerGenerator,
    LayerGenerators,
    two_hidden_layers,
)
from robust_hypergan.models.layers import LayerShape, layer_shapes
from robust_hypergan.models.networks import Networks
from robust_hypergan.models.parameters import Params

GENERATION_BLOCK = 16
"""Networks are always generated in aligned blocks of this size, so that the matrix products, and
with them every last bit of network *i*, do not depend on which other networks are asked for."""


MOST_UNITS = 2**16
"""Beyond, a width is a slip: its weights would fill any memory."""


@dataclass(frozen=True)
class HyperGANConfig:
    """Sizes of a HyperGAN.

    Attributes:
        latent_dim: Z, dimensions of the noise that a network starts from.
        code_dim: K, dimensions of each layer's code.
        hidden: width of the two hidden layers of mixer, generators and discriminator.
        noise_share: share of the initial variance of the generated weights that comes from what a generator
            makes of its code; the rest is a fixed random network, without which training starts late. Codes
            have features in common, so that at 0.95 about a third of the variance is between networks. The
            default is what the study of the trade-off chose on MNIST-5000.
        mixer: False is the paper's ablation: every layer gets independent noise for its code.
        chunk: parameters that a generator makes at once; None makes a layer whole. A layer larger than
            this is generated in equal chunks by one network (:class:`ChunkedLayerGenerator`).

    Raises:
        InputError: a size outside 1 to 65,536, or a share outside [0, 1].
    """

    latent_dim: int = 256
    code_dim: int = 64
    hidden: int = 512
    noise_share: float = 0.95
    mixer: bool = True
    chunk: int | None = None

    def __post_init__(self) -> None:
        for name in ("latent_dim", "code_dim", "hidden"):
            check_range(name, getattr(self, name), 1, MOST_UNITS)
        check_range("noise_share", self.noise_share, 0, 1)
        if self.chunk is not None:
            check_range("chunk", self.chunk, 1)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Modules built inside start with the same weights for the same seed; the global state is kept."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


class Mixer(nn.Module):
    """Noise to one correlated code a layer."""

    def __init__(self, latent_dim: int, code_dim: int, layers: int, hidden: int) -> None:
        super().__init__()
        self.network = two_hidden_layers(latent_dim, hidden, layers * code_dim)
        self.network.get_parameter("4.weight").data.div_(math.sqrt(2))  # codes of variance 1
        self.shape = (layers, code_dim)

    def forward(self, latents: Tensor) -> Tensor:
        """Codes ``[M, L, K]`` of latents ``[M, Z]``."""
        codes: Tensor = self.network(latents).unflatten(1, self.shape)
        return codes


def _layer_generator(layer: LayerShape, config: HyperGANConfig) -> LayerGenerator:
    sizes = (layer, config.code_dim, config.hidden, config.noise_share)
    if config.chunk is None or layer.size <= config.chunk:
        return LayerGenerator(*sizes)
    return ChunkedLayerGenerator(*sizes, config.chunk)


def _size(layers: Sequence[LayerShape], config: HyperGANConfig) -> int:
    """How many weights a :class:`Generator` has, without making one."""

    def network(inputs: int, outputs: int) -> int:
        return (inputs + 1) * config.hidden + (config.hidden + 1) * (config.hidden + outputs)

    size = network(config.latent_dim, len(layers) * config.code_dim) if config.mixer else 0
    for layer in layers:
        chunks = math.ceil(layer.size / min(config.chunk or layer.size, layer.size))
        size += network(config.code_dim * min(chunks, 2), math.ceil(layer.size / chunks))
        size += chunks * config.code_dim if chunks > 1 else 0  # the embeddings
    return size


class Generator(nn.Module):
    """The mixer and the generators of all layers: latents to networks."""

    def __init__(self, layers: Sequence[LayerShape], config: HyperGANConfig) -> None:
        super().__init__()
        count = len(layers)
        self.latent_dim = config.latent_dim if config.mixer else count * config.code_dim
        self.mixer: nn.Module = (
            Mixer(config.latent_dim, config.code_dim, count, config.hidden)
            if config.mixer
            else nn.Unflatten(1, (count, config.code_dim))
        )
        self.layers = LayerGenerators(_layer_generator(layer, config) for layer in layers)

    def forward(self, latents: Tensor) -> Params:
        """Parameters of M networks from latents ``[M, Z]``."""
        params: Params = self.layers(self.mixer(latents))
        return params


class Discriminator(nn.Module):
    """Tells codes of the mixer from draws of the prior ``N(0, I)``.

    Spectrally normalised (Miyato et al., ICLR 2018): otherwise it wins outright and stops teaching.
    """

    def __init__(self, code_dim: int, hidden: int) -> None:
        super().__init__()
        self.network = two_hidden_layers(code_dim, hidden, 1)
        for module in self.network:
            if isinstance(module, nn.Linear):
                spectral_norm(module)

    def forward(self, codes: Tensor) -> Tensor:
        """Logits ``[B]`` (high: from the prior) of codes ``[B, K]``."""
        logits: Tensor = self.network(codes).squeeze(1)
        return logits


class HyperGAN:
    """A distribution over the networks of one classifier, by the protocol ``NetworkDistribution``.

    Args:
        classifier: a module that takes images in [0, 1] to logits; see :mod:`robust_hypergan.models.layers`.
        config: sizes and ablations.
        seed: of the initial weights.

    Raises:
        InputError: the classifier has state that cannot be generated.
    """

    kind: ClassVar[str] = "hypergan"

    def __init__(self, classifier: nn.Module, config: HyperGANConfig | None = None, *, seed: int = 0) -> None:
        self.config, self.seed = config or HyperGANConfig(), seed
        self.classifier = copy.deepcopy(classifier).eval().requires_grad_(False)
        with seeded(seed):
            self.generator = Generator(layer_shapes(classifier), self.config)

    @property
    def device(self) -> torch.device:
        """Where the networks are generated."""
        return next(self.generator.parameters()).device

    def to(self, device: torch.device) -> Self:
        """Moves everything to a device; returns itself."""
        self.classifier.to(device)
        self.generator.to(device)
        return self

    def settings(self) -> dict[str, Any]:
        """The configuration."""
        return asdict(self.config)

    def tensors(self) -> dict[str, Tensor]:
        """Weights of mixer and generators."""
        return self.generator.state_dict()

    @classmethod
    def restore(cls, classifier: nn.Module, settings: Mapping[str, Any], tensors: Params) -> Self:
        """A HyperGAN that generates the same networks, bit for bit.

        Raises:
            InputError: the tensors are not those of these settings.
        """
        config = HyperGANConfig(**settings)
        asked, held = (
            _size(layer_shapes(classifier), config),
            sum(value.numel() for value in tensors.values()),
        )
        if asked != held:  # before anything is made as large as a file says
            raise InputError(f"its settings ask for {asked:,} weights, it holds {held:,}")
        hypergan = cls(classifier, config)
        hypergan.generator.load_state_dict(tensors)
        return hypergan

    @torch.no_grad()
    @one_thread()  # what is spread over threads has them to itself
    def sample(self, networks: Networks) -> Params:
        """Parameters of the networks at these addresses, each tensor ``[M, ...]``."""
        rows: dict[str, list[Tensor]] = {}
        order: list[int] = []
        for block in sorted({index // GENERATION_BLOCK for index in networks.indices}):
            numbers = range(block * GENERATION_BLOCK, (block + 1) * GENERATION_BLOCK)
            members = [index for index in numbers if index in networks.indices]
            wanted = [index - numbers.start for index in members]
            latents = torch.zeros(GENERATION_BLOCK, self.generator.latent_dim)
            latents[wanted] = Networks(networks.seed, networks.stream, members).latents(latents.shape[1])
            kept = _index(wanted, range(GENERATION_BLOCK), self.device)
            for name, values in self.generator(latents.to(self.device)).items():
                rows.setdefault(name, []).append(values[kept])
            order += members
        back = _index([order.index(index) for index in networks.indices], range(len(order)), self.device)
        return {name: torch.cat(parts)[back] for name, parts in rows.items()}


def _index(chosen: list[int], everything: range, device: torch.device) -> Tensor | slice:
    """What picks the chosen rows; of all in their order, a slice, for which nothing is sent to a GPU."""
    return slice(None) if chosen == list(everything) else torch.tensor(chosen, device=device)
