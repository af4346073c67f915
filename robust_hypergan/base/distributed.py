"""One run on several processes, as ``torchrun`` starts them: who computes what, and how it comes together.

All ranks run the same code; the first one leads: it alone decides, writes and prints. Between GPUs tensors go
through nccl, everything else through gloo, as JSON or safetensors, never as pickle.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from robust_hypergan.base.errors import LostRankError

PATIENCE = datetime.timedelta(days=7)
"""How long a rank waits: what the leader does alone may take hours, and a lost process is noticed anyway."""


@dataclass(frozen=True)
class Ranks:
    """The processes of a run, as one of them sees it; alone by default, when nothing is sent anywhere.

    Attributes:
        rank: of this process, 0 the leader's.
        size: how many there are.

    Every method that sends or receives has to be called by all ranks in the same order, and raises a
    :class:`LostRankError` if one of them is gone.
    """

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the process that decides, writes and prints."""
        return self.rank == 0

    def share(self, count: int, rank: int | None = None) -> range:
        """Which of ``count`` things a rank, this one by default, takes: as many as the others, in a row.

        >>> [list(Ranks(rank, 3).share(7)) for rank in range(3)]
        [[0, 1], [2, 3], [4, 5, 6]]
        """
        rank = self.rank if rank is None else rank
        return range(rank * count // self.size, (rank + 1) * count // self.size)

    def told(self, value: Any) -> Any:
        """The leader's value, one that JSON can hold."""
        return json.loads(self.told_bytes(json.dumps(value).encode())) if self.size > 1 else value

    def told_bytes(self, content: bytes) -> bytes:
        """The leader's bytes."""
        if self.size == 1:
            return content
        with _noticing_losses():
            length = torch.tensor(len(content))
            dist.broadcast(length, 0)
            sent = _as_tensor(content) if self.leads else torch.empty(int(length), dtype=torch.uint8)
            dist.broadcast(sent, 0)
        return _as_bytes(sent)

    def gathered(self, own: Tensor, count: int) -> Tensor:
        """All rows ``[count, ...]``, of which each rank has those of its :meth:`share`."""
        if self.size == 1:
            return own
        most = -(-count // self.size)
        padded = own.new_zeros(most, *own.shape[1:])
        padded[: len(own)] = own
        everyone = own.new_empty(self.size * most, *own.shape[1:])
        with _noticing_losses():
            dist.all_gather_into_tensor(everyone, padded)
        of_ranks = zip(everyone.split(most), range(self.size), strict=True)
        return torch.cat([rows[: len(self.share(count, rank))] for rows, rank in of_ranks])

    def send(self, content: bytes, rank: int) -> None:
        """Sends bytes to one rank, which has to :meth:`receive` them."""
        with _noticing_losses():
            dist.send(torch.tensor(len(content)), rank)
            dist.send(_as_tensor(content), rank)

    def receive(self, rank: int) -> bytes:
        """Bytes that one rank sends."""
        with _noticing_losses():
            length = torch.tensor(0)
            dist.recv(length, rank)
            received = torch.empty(int(length), dtype=torch.uint8)
            dist.recv(received, rank)
        return _as_bytes(received)

    def wait(self) -> None:
        """Waits until all ranks are here."""
        if self.size > 1:
            with _noticing_losses():
                dist.all_reduce(torch.zeros(1))


ALONE = Ranks()
"""One process."""


@contextlib.contextmanager
def joined() -> Iterator[Ranks]:
    """The ranks that ``torchrun`` started, each on a GPU of its own if there are any; else one alone."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ALONE
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    with _noticing_losses():
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE
        )
    yield Ranks(dist.get_rank(), size)
    dist.destroy_process_group()  # after an error, the system does it: others may never come


@contextlib.contextmanager
def _noticing_losses() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # what gloo and nccl raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise LostRankError(
            f"another process of this run is gone ({reason}): give the same command again, "
            "with as many processes as there are"
        ) from error


def _as_tensor(content: bytes) -> Tensor:
    return torch.frombuffer(bytearray(content), dtype=torch.uint8) if content else torch.empty(0).byte()


def _as_bytes(tensor: Tensor) -> bytes:
    return tensor.numpy().tobytes()
