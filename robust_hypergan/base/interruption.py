"""SIGINT and SIGTERM end a command at once, whatever it is doing, and say how to go on.

Nothing has to be saved in a hurry: files are whole at any moment, and a state to go on from is there already.
So no exception is raised: a library may swallow one, or turn it into an error of its own, taken for a result.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import sys
import threading
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def repeat_command() -> str:
    """The command line that is running, as a user would type it again."""
    return shlex.join(["robust-hypergan", *sys.argv[1:]])


def is_follower() -> bool:
    """Whether this is one of several processes of a run, as ``torchrun`` starts them, but not the first."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and os.environ.get("RANK", "0") != "0"


def end_on_signals() -> None:
    """From now on SIGINT ends the process with 130 and SIGTERM with 143; in the main thread only.

    The system's handler wakes a thread, which needs nothing of the main one: that may be deep in a library. A
    signal that is ignored, as under ``nohup``, stays so.
    """
    heard, wakes = socket.socketpair()
    wakes.setblocking(False)
    signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
    for each in SIGNALS:
        if signal.getsignal(each) != signal.SIG_IGN:
            signal.signal(each, lambda *_: None)
    # the thread holds both ends, so that neither is closed
    threading.Thread(target=_end, args=(heard, wakes), daemon=True).start()


def _end(heard: socket.socket, _: socket.socket) -> NoReturn:
    number = heard.recv(1)[0]
    while number not in SIGNALS:  # another one's handler
        number = heard.recv(1)[0]
    told = f"\nrobust-hypergan: interrupted; to go on: {repeat_command()}\n"
    if not is_follower():
        os.write(2, told.encode())  # the stream may be in use by the main thread
    os._exit(128 + number)
