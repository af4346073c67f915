"""The attack on the expected accuracy of a randomised ensemble."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from robust_hypergan.attacks.contract import Count, Length
from robust_hypergan.attacks.draws import Draws, Network
from robust_hypergan.attacks.ensemble_loss import fooled_share
from robust_hypergan.attacks.loss import is_fooled
from robust_hypergan.attacks.norms import NORMS, Norm, per_example

OVERSHOOT = 0.05
"""Share of eps by which a boundary is crossed; the value of the authors' code."""


def arc(
    model: nn.Module,  # noqa: ARG001 - the first held network is the model
    inputs: Tensor,
    labels: Tensor,
    *,
    draws: Draws,
    eps: float,
    norm: str = "linf",
    generator: torch.Generator | None = None,  # noqa: ARG001 - every attack takes one
    targets: Tensor | None = None,
    networks: Count = 8,
    steps: Count = 20,
    step_size: Length = None,
    boundaries: Count = 4,
) -> Tensor:
    """Greedy, network by network: cross its nearest boundary if the images then fool no fewer networks.

    Source: ARC, Dbouk & Shanbhag, *Adversarial Vulnerability of Randomized Ensembles*, ICML 2022,
    arXiv:2206.06737. The expected loss, which PGD climbs, can rise while the expected accuracy does not fall;
    this attack looks at the accuracy itself. In every step a local perturbation of length ``step_size`` is
    built up: for each network in turn it is tilted towards the network's nearest linearised boundary just far
    enough to cross it, scaled back to that length, and kept if all networks together are fooled no less. A
    network that is fooled already asks for nothing. The paper visits the networks by falling probability;
    held networks are equally probable, so they come in their order.

    A step evaluates every network K + 1 times and differentiates it ``boundaries`` times.

    Args:
        model: not used: it is the first of the held networks.
        inputs: images ``[B, C, H, W]`` in [0, 1].
        labels: true classes ``[B]``.
        draws: gives the held networks.
        eps: radius of the ball, in units of the images.
        norm: ``linf`` or ``l2``.
        generator: not used, the attack is deterministic and starts at the input.
        targets: target classes ``[B]``, or None for any wrong class.
        networks: K, how many networks the attacker holds.
        steps: passes over the networks.
        step_size: length of the local perturbation of a step; None is ``eps / 4``.
        boundaries: how many of the likeliest wrong classes the nearest boundary is sought among.

    Returns:
        Adversarial images ``[B, C, H, W]``.

    Raises:
        ValueError: a count below 1.
    """
    if steps < 1 or boundaries < 1:
        raise ValueError(f"it needs steps and boundaries of at least 1, not {steps} and {boundaries}")
    size = eps / 4 if step_size is None else step_size
    held, ball = draws.held(networks), NORMS[norm]

    @torch.no_grad()
    def share(images: Tensor) -> Tensor:
        return fooled_share(held(images), labels, targets)

    adversarials, fooled = inputs, share(inputs)
    for _ in range(steps):
        local, moved = torch.zeros_like(inputs), adversarials
        for network in held.networks:
            tilted = _tilt(network, moved, local, labels, targets, boundaries, ball, size, OVERSHOOT * eps)
            candidate = ball.project(adversarials + tilted, inputs, eps)
            new = share(candidate)
            kept = per_example(new >= fooled, inputs)
            local, moved = torch.where(kept, tilted, local), torch.where(kept, candidate, moved)
            fooled = torch.maximum(new, fooled)
        adversarials = moved
    return adversarials


def _tilt(
    network: Network,
    images: Tensor,
    local: Tensor,
    labels: Tensor,
    targets: Tensor | None,
    boundaries: int,
    ball: Norm,
    size: float,
    overshoot: float,
) -> Tensor:
    """The local perturbation tilted towards the network's nearest boundary; as it was if that is fooled."""
    normal, distance, fooled = _nearest_boundary(network, images, labels, targets, boundaries, ball)
    progress = (normal * local).flatten(1).sum(1)
    # from the centre of the local ball the boundary is this far; beyond the ball it is out of reach
    whole = distance + progress
    weight = torch.where(whole < size, size / (size - whole) * distance + overshoot, size)
    tilted = local + per_example(weight, local) * ball.steepest(normal)
    tilted = tilted * per_example(size / ball.length(tilted).clamp_min(1e-12), tilted)
    return torch.where(per_example(fooled, local), local, tilted)


def _nearest_boundary(
    network: Network,
    images: Tensor,
    labels: Tensor,
    targets: Tensor | None,
    boundaries: int,
    ball: Norm,
) -> tuple[Tensor, Tensor, Tensor]:
    """The nearest linearised boundary to a class that would fool the network.

    Returns:
        Its normal ``[B, C, H, W]``, of unit length in the dual norm and pointing across; the distance
        ``[B]`` in the ball's norm; whether the network is fooled already, ``[B]``.
    """
    with torch.enable_grad():
        own = images.detach().requires_grad_()
        logits = network(own)
        if targets is None:
            others = logits.detach().scatter(1, labels[:, None], -torch.inf)
            rivals = others.topk(min(boundaries, others.shape[1] - 1)).indices
            held_by = labels
        else:
            rivals, held_by = targets[:, None], logits.argmax(1)
        margins = logits.gather(1, held_by[:, None]) - logits.gather(1, rivals)  # (B, rivals)
        gradients = [torch.autograd.grad(each.sum(), own, retain_graph=True)[0] for each in margins.unbind(1)]
    normal, distance = torch.zeros_like(images), torch.full_like(margins[:, 0], torch.inf)
    for margin, gradient in zip(margins.detach().unbind(1), gradients, strict=True):
        dual = (gradient * ball.steepest(gradient)).flatten(1).sum(1).clamp_min(1e-12)
        nearer = margin / dual < distance
        distance = torch.where(nearer, margin / dual, distance)
        normal = torch.where(per_example(nearer, images), -gradient / per_example(dual, images), normal)
    return normal, distance, is_fooled(logits.detach(), labels, targets)
