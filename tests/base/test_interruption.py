"""A signal ends a process in time with its exit code, even one that does not listen."""

import signal
import subprocess
import sys
import time

import pytest

DEAF = """
import sys, time
from robust_hypergan.base.interruption import end_on_signals
sys.argv = ["x", "bench", "--out", "my run"]
end_on_signals()
print("ready", flush=True)
while True:
    try:
        {work}
    except BaseException:
        pass
"""

LINE = "robust-hypergan: interrupted; to go on: robust-hypergan bench --out 'my run'"


def started(work, **options):
    """A process that does some work again and again and listens to nothing."""
    command = [sys.executable, "-c", DEAF.format(work=work)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("work", ["time.sleep(60)", "sum(range(1000))", "sorted(range(3_000_000))"])
def test_a_signal_ends_even_a_deaf_process_in_time_and_says_how_to_go_on(work, number, code):
    process = started(work)
    began = time.perf_counter()
    process.send_signal(number)
    process.send_signal(number)
    printed = process.communicate(timeout=20)[1]
    assert time.perf_counter() - began < 2
    assert (process.returncode, printed.strip()) == (code, LINE)


def test_a_signal_that_was_to_be_ignored_is():
    # as nohup and shells do
    process = started("time.sleep(60)", preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 143
