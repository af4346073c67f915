"""How much memory there is, and what to do when it runs out: half as many images at once."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import torch
from torch import Tensor, nn

SHARE = 0.25
"""Share of the memory there is that the images computed at once may take: others want some too."""

CGROUPS = Path("/sys/fs/cgroup")

PRESSED = ("out of memory", "can't allocate memory", "not enough memory", "failed to allocate")
"""In the messages of errors that PyTorch raises without a class of their own, on a CPU above all."""


def available_bytes(device: torch.device) -> int:
    """Memory that can still be had on a device.

    On a GPU what is free there. Else the least of: what the system has left, what the control groups of this
    process (a container's limit) leave, and what its own limits (``ulimit -v`` and ``-d``) do.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return max(0, min([psutil.virtual_memory().available, *_process_room(), *cgroup_room()]))


def cgroup_room(root: Path = CGROUPS, own: Path = Path("/proc/self/cgroup")) -> list[int]:
    """Bytes that each control group above this process leaves, of version 1 and 2; none without a limit.

    Pages of files count as used there, but are given back when they are needed: they are free to us.
    """
    room = []
    for line in own.read_text().splitlines() if own.exists() else []:
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        names = ("memory.max", "memory.current") if not controllers else V1_NAMES
        place = (root / controllers / path.lstrip("/")) if controllers else root / path.lstrip("/")
        for folder in (place, *place.parents):
            with contextlib.suppress(OSError, ValueError):  # no such file, or "max"
                limit, used = (int((folder / name).read_text()) for name in names)
                room.append(limit - used + _file_pages(folder))
    return room


V1_NAMES = ("memory.limit_in_bytes", "memory.usage_in_bytes")


def _file_pages(folder: Path) -> int:
    """Bytes of a control group that are pages of files, and not in use lately."""
    rows = dict(line.split(" ", 1) for line in (folder / "memory.stat").read_text().splitlines())
    return int(rows.get("total_inactive_file", rows.get("inactive_file", 0)))


def _process_room() -> Iterator[int]:
    """Bytes that the limits of this process leave; none where there are none, as on Windows."""
    try:
        import resource
    except ImportError:
        return
    used = psutil.Process().memory_info()
    for kind, now in ((resource.RLIMIT_AS, used.vms), (resource.RLIMIT_DATA, getattr(used, "data", 0))):
        limit = resource.getrlimit(kind)[0]
        if limit != resource.RLIM_INFINITY:
            yield limit - now


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or on a CPU."""
    told = isinstance(error, RuntimeError) and any(each in str(error).lower() for each in PRESSED)
    return told or isinstance(error, (MemoryError, torch.OutOfMemoryError))


@torch.no_grad()
def bytes_for_an_image(classifier: nn.Module, images: Tensor) -> int:
    """Memory that one image takes on its way through a classifier, about: twice what its layers put out."""
    total = images[:1].nbytes

    def add(_: nn.Module, __: object, outputs: object) -> None:
        nonlocal total
        total += outputs.nbytes if isinstance(outputs, Tensor) else 0

    layers = [module for module in classifier.modules() if not any(module.children())]
    handles = [layer.register_forward_hook(add) for layer in layers]
    try:
        classifier(images[:1])
    finally:
        for handle in handles:
            handle.remove()
    return 2 * total


def even_part(total: int, most: int) -> int:
    """Size of the first of as few parts of about equal size as there can be with at most so many in each.

    >>> even_part(130, 125)
    65
    """
    return math.ceil(total / max(1, math.ceil(total / most)))


class Chunks:
    """How many images are computed at once: as many as are good, fewer where memory is short.

    Args:
        most: images beyond which there is no gain.
        image_bytes: memory that one image takes, see :func:`bytes_for_an_image`; 0 is not known.
        device: where.

    Attributes:
        size: images at once; it is halved whenever memory runs out, and stays so.
    """

    def __init__(self, most: int, image_bytes: int, device: torch.device) -> None:
        fitting = int(SHARE * available_bytes(device)) // image_bytes if image_bytes else most
        self.size, self.device = max(1, min(most, fitting)), device

    def map(self, run: Callable[[Tensor], Tensor], images: Tensor, axis: int = 0) -> Tensor:
        """What ``run`` makes of chunks of the images, joined along an axis.

        They are of about equal size: of a few images a library may sum in another order than of many. A
        chunk for which memory does not suffice is tried again as two.

        Raises:
            RuntimeError: it does not suffice for one image (or a MemoryError, as it was raised).
        """
        whole: Tensor | None = None
        done = 0
        while done < len(images) or whole is None:
            chunk = images[done : done + even_part(len(images) - done, self.size)]
            part = self._tried(run, chunk)
            if part is None:
                continue
            if len(chunk) == len(images):
                return part
            if whole is None:  # at once: small parts between large buffers would keep memory in pieces
                whole = part.new_empty([*part.shape[:axis], len(images), *part.shape[axis + 1 :]])
            whole.narrow(axis, done, len(chunk)).copy_(part)
            done += len(chunk)
        return whole

    def _tried(self, run: Callable[[Tensor], Tensor], chunk: Tensor) -> Tensor | None:
        try:
            return run(chunk)
        except (MemoryError, RuntimeError) as error:
            if len(chunk) == 1 or not is_out_of_memory(error):
                raise
        # out here, where nothing holds on to the error's frames and the tensors in them
        self.size = len(chunk) // 2
        warnings.warn(
            f"out of memory with {len(chunk)} images at once: going on with {self.size}",
            RuntimeWarning,
            stacklevel=2,
        )
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        return None
