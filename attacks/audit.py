"""What an attack really did to a batch: measured, repaired where possible, and written down.

An attack may come from anywhere. It is handed copies of the batch and of the model, and whatever it does
to torch's default dtype and device or the global random state is undone; what it returns is checked and,
where it left the ball or [0, 1], projected back. Source of the idea: foolbox clips whatever an attack
returns (``attacks/base.py``). How often it used the model is counted on the way.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Mapping
from dataclasses import asdict, astuple, dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from robust_hypergan.attacks.contract import Attack, asks_for_draws
from robust_hypergan.attacks.draws import Draws
from robust_hypergan.attacks.norms import NORMS, per_example
from robust_hypergan.attacks.passes import CountedDraws, counted_passes
from robust_hypergan.attacks.random_state import kept_random_state
from robust_hypergan.base.errors import FOREIGN

TOLERANCE = 1e-5
"""Share of eps, and of the unit range, that rounding may add before it counts as a violation."""


class AttackError(RuntimeError):
    """An attack raised, or returned what cannot be used; its cell fails and the others go on."""


@dataclass(frozen=True)
class Audit:
    """Findings over all batches of a cell.

    Attributes:
        examples: adversarial images checked; 0 where nothing was, or nobody knows.
        linf_max: largest L-inf distance to the input, as returned.
        l2_max: largest L2 distance to the input, as returned.
        out_of_ball: images farther than eps in the cell's norm.
        out_of_range: images with a value outside [0, 1].
        repaired: images changed by either of the two.
        forward: images sent forward through the model or a drawn network, every repetition counted.
        backward: images a gradient was sent back for, likewise.
        notes: other misbehaviour, in words.
    """

    examples: int = 0
    linf_max: float = 0.0
    l2_max: float = 0.0
    out_of_ball: int = 0
    out_of_range: int = 0
    repaired: int = 0
    forward: int = 0
    backward: int = 0
    notes: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Audit:
        """An audit that was JSON, which knows no tuples.

        Raises:
            TypeError: it is none.
        """
        audit = replace(cls(**record), notes=tuple(map(str, record.get("notes", ()))))
        if not all(isinstance(each, int | float) for each in astuple(audit)[:-1]):
            raise TypeError("the audit holds no numbers")
        return audit

    def __add__(self, other: Audit) -> Audit:
        """The findings of both."""
        merged: dict[str, Any] = {}
        for key, mine in asdict(self).items():
            theirs = getattr(other, key)
            merged[key] = max(mine, theirs) if key.endswith("_max") else mine + theirs
        merged["notes"] = tuple(dict.fromkeys(merged["notes"]))
        return Audit(**merged)

    def record(self) -> dict[str, Any]:
        """The findings as they stand in ``run.json``, with the rates for each example."""
        count = max(self.examples, 1)
        rates = {
            "repaired_share": self.repaired / count,
            "forward_per_example": self.forward / count,
            "backward_per_example": self.backward / count,
        }
        return asdict(self) | rates


def craft_audited(
    attack: Attack,
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    *,
    eps: float,
    norm: str,
    generator: torch.Generator,
    targets: Tensor | None = None,
    draws: Draws | None = None,
) -> tuple[Tensor, Audit]:
    """Runs an attack on one batch and checks what comes back.

    Args:
        attack: the attack with its options.
        model: images in [0, 1] to logits, in eval mode; the attack gets a copy.
        inputs: images ``[B, C, H, W]`` in [0, 1].
        labels: true classes ``[B]``.
        eps: radius of the ball.
        norm: ``linf`` or ``l2``.
        generator: the attack's randomness.
        targets: target classes ``[B]``, or None.
        draws: further networks, for an attack that asks for them.

    Returns:
        Adversarial images ``[B, C, H, W]`` that are finite, in [0, 1] and in the ball, and the findings.

    Raises:
        AttackError: the attack raised, returned no image batch of the right shape or one with a NaN or an
            infinity, or asks for draws that were not given.
    """
    own_inputs, own_labels, own_model = inputs.clone(), labels.clone(), copy.deepcopy(model)
    notes: list[str] = []
    wants_draws = asks_for_draws(attack.craft)
    if wants_draws and draws is None:
        raise AttackError(f"{attack.spec} needs a distribution to draw networks from, not one network alone")
    with _restored(notes), counted_passes(own_model) as passes, torch.enable_grad():
        asked = {"draws": CountedDraws(draws, passes)} if wants_draws and draws else {}
        try:
            returned = attack.craft(
                own_model,
                own_inputs,
                own_labels,
                eps=eps,
                norm=norm,
                generator=generator,
                targets=None if targets is None else targets.clone(),
                **asked,
                **attack.options,
            )
        except FOREIGN as error:  # whatever a stranger's attack raises fails its own cell only
            raise AttackError(f"{attack.spec} raised {type(error).__name__}: {error}") from error
    if not torch.equal(own_inputs, inputs):
        notes.append("wrote into its inputs")
    if not torch.equal(own_labels, labels):
        notes.append("wrote into its labels")
    if _changed(own_model, model):
        notes.append("changed the model")
    if [each.training for each in own_model.modules()] != [each.training for each in model.modules()]:
        notes.append("left the model in another mode")
    adversarials = _as_images(returned, inputs, attack.spec, notes)
    if _looks_like_perturbations(adversarials, inputs, eps, norm):
        raise AttackError(f"{attack.spec} returned perturbations instead of images: add them to the inputs")
    repaired, audit = _repair(adversarials, inputs, eps, norm, notes)
    return repaired, replace(audit, forward=passes.forward, backward=passes.backward)


def _as_images(returned: Any, inputs: Tensor, spec: str, notes: list[str]) -> Tensor:
    """What an attack returned, in the inputs' dtype and on their device."""
    if not isinstance(returned, Tensor) or returned.shape != inputs.shape:
        got = tuple(returned.shape) if isinstance(returned, Tensor) else type(returned).__name__
        raise AttackError(f"{spec} returned {got} instead of images {tuple(inputs.shape)}")
    if returned.layout != torch.strided:
        raise AttackError(f"{spec} returned a sparse tensor instead of images in [0, 1]")
    if not returned.is_floating_point() or returned.is_meta:
        kind = "values on the meta device" if returned.is_meta else f"{_dtype(returned)} values"
        raise AttackError(f"{spec} returned {kind} instead of floating-point images in [0, 1]")
    if returned.dtype != inputs.dtype:
        notes.append(f"returned {_dtype(returned)}")
    if returned.device != inputs.device:
        notes.append(f"returned images on {returned.device}")
    images = returned.detach().to(inputs)
    broken = int((~images.flatten(1).isfinite().all(1)).sum())
    if broken:
        raise AttackError(f"{spec} returned NaN or infinity in {broken} of {len(images)} images")
    return images


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _looks_like_perturbations(adversarials: Tensor, inputs: Tensor, eps: float, norm: str) -> bool:
    """Whether everything lies in the ball around 0 and something far from the one around its input."""
    length, slack = NORMS[norm].length, TOLERANCE * (eps + 1)
    small = bool((length(adversarials) <= eps + slack).all())
    return small and bool((length(adversarials - inputs) > eps + slack).any())


def _repair(
    adversarials: Tensor, inputs: Tensor, eps: float, norm: str, notes: list[str]
) -> tuple[Tensor, Audit]:
    delta = adversarials - inputs
    lengths = {name: each.length(delta) for name, each in NORMS.items()}
    slack = TOLERANCE * (eps + 1)
    outside_ball = lengths[norm] > eps + slack
    low, high = adversarials.flatten(1).amin(1), adversarials.flatten(1).amax(1)
    outside_range = (low < -TOLERANCE) | (high > 1 + TOLERANCE)
    if torch.equal(adversarials, inputs):
        notes.append("left every image unchanged")
    audit = Audit(
        examples=len(inputs),
        linf_max=lengths["linf"].max().item(),
        l2_max=lengths["l2"].max().item(),
        out_of_ball=int(outside_ball.sum()),
        out_of_range=int(outside_range.sum()),
        repaired=int((outside_ball | outside_range).sum()),
        notes=tuple(notes),
    )
    wrong = outside_ball | outside_range
    projected = NORMS[norm].project(adversarials, inputs, eps)
    return torch.where(per_example(wrong, inputs), projected, adversarials).clamp(0.0, 1.0), audit


def _changed(now: nn.Module, before: nn.Module) -> bool:
    """Whether a copy of a model has other parameters or buffers by now."""
    own, others = now.state_dict(), before.state_dict()
    return own.keys() != others.keys() or any(
        (own[name].dtype, own[name].device) != (value.dtype, value.device)
        or not torch.equal(own[name], value)
        for name, value in others.items()
    )


@contextlib.contextmanager
def _restored(notes: list[str]) -> Iterator[None]:
    """Undoes changes to torch's default dtype and device and to the global random states."""
    dtype, device = torch.get_default_dtype(), torch.get_default_device()
    with kept_random_state() as used:
        try:
            yield
        finally:
            if used():
                notes.append("used the global random state")
            if torch.get_default_dtype() != dtype:
                torch.set_default_dtype(dtype)
                notes.append("changed torch's default dtype")
            if torch.get_default_device() != device:
                torch.set_default_device(None if device.type == "cpu" else device)
                notes.append("changed torch's default device")
