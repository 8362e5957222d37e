"""Who computes: threads, processes and a Dask cluster do the same, and say what they lack."""

import contextlib
import os
import threading
import time
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from analysis.engine.parallel import Executor, shared
from iram.errors import InputError

pytestmark = pytest.mark.exhaustive


def work(common, part, advance):
    """A sum of floats that depends on the number of threads that make it."""
    advance(part)
    values = torch.linspace(0, 1, 100_000 + part) * common
    return values.sum().item(), torch.get_num_threads(), os.getpid()


def counted(common, part, advance):
    advance(1)
    return 1


def run(executor, function=work, parts=range(12)):
    told = []
    results = list(shared(function, 1.5, list(parts), executor, told.append))
    return results, told


@pytest.mark.parametrize("count", [1, 2, 5])
def test_threads_compute_with_one_thread_of_torch_each_and_leave_torch_as_it_was(count):
    torch.set_num_threads(2)
    results, told = run(Executor(workers=count))
    assert {threads for _, threads, _ in results} == {1}
    assert torch.get_num_threads() == 2
    assert sorted(told) == list(range(12))


def test_processes_and_a_cluster_give_what_threads_give(cluster):
    threads, _ = run(Executor(workers=2))
    sums = sorted(value for value, _, _ in threads)
    for executor in (Executor("processes", 2), Executor("dask", scheduler=cluster)):
        results, _ = run(executor)
        assert sorted(value for value, _, _ in results) == sums
        assert {threads for _, threads, _ in results} == {1}
        assert os.getpid() not in {process for _, _, process in results}


def _keeps(common, part, advance):
    """Writes in what all share, as rendered heads are kept."""
    common[part] += 1
    return float(common[part])


@pytest.mark.parametrize("kind", ["processes", "dask"])
def test_workers_elsewhere_may_write_in_a_large_array_and_leave_that_of_this_process(kind, cluster):
    executor = Executor(kind, 2, cluster if kind == "dask" else None)
    large = np.zeros(1_000_000)
    assert set(shared(_keeps, large, [0, 1, 2], executor, lambda n: None)) == {1.0}
    assert not large.any()


def test_workers_elsewhere_tell_their_progress_by_what_they_return(cluster):
    for executor in (Executor("processes", 2), Executor("dask", scheduler=cluster)):
        results, told = run(executor, counted)
        assert results == told == [1] * 12


def test_processes_take_several_gpus_in_turn(monkeypatch):
    taken = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    monkeypatch.setattr("joblib.parallel_config", lambda *a, **b: contextlib.nullcontext())
    run(Executor("processes", 1), counted, range(5))  # joblib without a backend: in this process
    assert taken == [0, 1, 0, 1, 0]
    run(Executor(workers=1), counted)
    assert len(taken) == 5


def test_an_error_stops_all_threads_at_once_and_is_raised_as_it_is():
    begun, before = threading.Event(), threading.enumerate()
    went_on = []

    def fails_or_waits(_, part, advance):
        if part == 0:
            begun.wait(timeout=20)
            raise InputError("no numbers")
        begun.set()
        for _ in range(2000):
            advance(0)
            went_on.append(part)
            threading.Event().wait(0.005)

    with pytest.raises(InputError, match="no numbers"):
        list(shared(fails_or_waits, None, [0, 1, 2, 3], Executor(workers=2), lambda n: None))
    assert len(went_on) < 1000  # of 2,000: it was stopped on its way
    left = [t for t in threading.enumerate() if t not in before]  # compilers keep pools of theirs
    assert not [t for t in left if t.name.startswith("ThreadPool")]


def test_an_interruption_goes_through():
    def interrupted(_, part, advance):
        if part == 3:
            raise KeyboardInterrupt
        advance(1)

    with pytest.raises(KeyboardInterrupt):
        list(shared(interrupted, None, list(range(9)), Executor(workers=2), lambda n: None))


def test_a_process_that_dies_is_told():
    with pytest.raises(InputError, match="a worker process died"):
        list(shared(_dies, None, [0, 1, 2], Executor("processes", 2), lambda n: None))


def _dies(common, part, advance):
    os._exit(1)


def test_what_a_cluster_loses_with_its_workers_is_computed_again():
    """All workers are lost, and with them what they had computed and been sent; others come."""
    distributed = pytest.importorskip("distributed", reason="Dask is an extra: iram-study[dask]")
    with distributed.LocalCluster(
        n_workers=3, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        left = list(cluster.workers.values())

        def lose(progress):
            if left:
                cluster.scale(6)
            while left:
                cluster.loop.add_callback(left.pop().batched_stream.comm.abort)

        executor = Executor("dask", scheduler=cluster.scheduler_address)
        results = list(shared(_slowly, Shared(), [Part(k) for k in range(12)], executor, lose))
    assert sorted(results) == list(range(12))


@dataclass
class Shared:
    numbers: list = field(default_factory=lambda: list(range(10_000)))


@dataclass
class Part:
    number: int
    more: bytes = bytes(5_000)


def _slowly(common, part, advance):
    time.sleep(0.2)
    return common.numbers[part.number]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fibres",), "--executor fibres: write one of threads, processes, dask"),
        (("dask",), "--scheduler ADDRESS says where the cluster is"),
        (("threads", 2, "tcp://127.0.0.1:1"), "is for --executor dask only"),
    ],
)
def test_mistakes_are_told(arguments, message):
    with pytest.raises(InputError, match=message):
        Executor(*arguments)


def test_a_scheduler_that_is_not_there_is_named(monkeypatch):
    pytest.importorskip("distributed", reason="Dask is an extra: iram-study[dask]")
    monkeypatch.setattr("analysis.engine.parallel.CONNECT_SECONDS", 1)
    with pytest.raises(InputError, match="no Dask scheduler answers"):
        run(Executor("dask", scheduler="tcp://127.0.0.1:9"))
