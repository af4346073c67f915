"""Work spread over threads that compute with one each."""

import os
import signal
import threading

import pytest
import torch

from robust_hypergan.base.threads import one_thread, spread, thread_count


def seen(_):
    return threading.get_ident(), torch.get_num_threads(), thread_count()


def test_one_thread_computes_inside_and_all_of_them_afterwards(set_threads):
    set_threads(3)
    with one_thread(), one_thread():
        assert (torch.get_num_threads(), thread_count()) == (1, 3)
    assert (torch.get_num_threads(), thread_count()) == (3, 3)
    with pytest.raises(KeyError), one_thread():
        raise KeyError
    assert (torch.get_num_threads(), thread_count()) == (3, 3)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_jobs_are_spread_over_threads_that_compute_alone_and_their_results_in_order(set_threads, count):
    set_threads(count)
    together = threading.Barrier(count)

    def work(job):
        together.wait(60)  # passes when as many are at work as there are threads
        return job, *seen(job)

    jobs = list(range(2 * count))
    for inside in (False, True):
        with one_thread() if inside else torch.no_grad():
            done = spread(work, jobs)
        assert [job for job, *_ in done] == jobs
        assert len({thread for _, thread, *_ in done}) == count
        assert all(counts == [1, 1] for _, _, *counts in done)
    assert torch.get_num_threads() == count


def test_one_job_stays_on_this_thread_and_is_alone_all_the_same(set_threads):
    set_threads(2)
    assert spread(seen, [0]) == [(threading.get_ident(), 1, 2)]


def test_a_job_that_fails_is_heard_and_the_threads_are_as_before(set_threads):
    set_threads(2)
    with pytest.raises(ZeroDivisionError):
        spread(lambda job: 1 / job, [1, 0])
    assert torch.get_num_threads() == 2


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # it says what is tested here
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_threads_of_its_own(set_threads):
    set_threads(2)
    assert len(spread(seen, range(2))) == 2
    child = os.fork()
    if not child:
        signal.alarm(60)
        os._exit(0 if spread(abs, [-1, 2, -3]) == [1, 2, 3] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
