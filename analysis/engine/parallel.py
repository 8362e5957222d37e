"""Cells of a study shared by several workers, each of which computes with one thread of torch.

One thread a worker, however many workers there are: sums of floats depend on how many threads made
them, and results must not depend on the machine. The workers are threads of this process (the
default: nothing to start, one copy of faces and models), local processes, or those of a Dask
cluster; all write the same bytes. Each writes its own cells, so one that dies loses those it was
at and no others.

Of several GPUs in one machine, processes take one each in turn, task by task (a model is read anew
for each task); threads share the first. A worker of a cluster uses the GPU that it was started with
(`dask cuda worker` starts one a GPU).
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import cycle, islice, repeat
from threading import Lock

import torch

from iram.errors import InputError
from iram.extras import install_hint
from iram.memory import give_back, keep_memory
from iram.processes import end_with_parent
from iram.threads import one_thread

KINDS = ("threads", "processes", "dask")
CONNECT_SECONDS = 10


@dataclass(frozen=True)
class Executor:
    """Who computes.

    Attributes:
        kind: one of `KINDS`.
        workers: how many, None: one a core of this machine; of a cluster: all that it has.
        scheduler: address of a Dask scheduler, such as tcp://127.0.0.1:8786.

    Raises:
        InputError: a kind that does not exist, a scheduler without Dask or Dask without one.
    """

    kind: str = "threads"
    workers: int | None = None
    scheduler: str | None = None

    def __post_init__(self):
        if self.kind not in KINDS:
            raise InputError(f"--executor {self.kind}: write one of {', '.join(KINDS)}")
        if self.kind == "dask" and not self.scheduler:
            raise InputError(
                "--executor dask: --scheduler ADDRESS says where the cluster is, such as "
                "tcp://127.0.0.1:8786 (`dask scheduler` starts one)"
            )
        if self.scheduler and self.kind != "dask":
            raise InputError(f"--scheduler {self.scheduler} is for --executor dask only")

    @property
    def count(self) -> int:
        """Workers on this machine."""
        return self.workers or len(os.sched_getaffinity(0))


HERE = Executor()


def shared(
    function: Callable, common: object, parts: Sequence, executor: Executor,
    advance: Callable[[int], None],
) -> Iterator:
    """What function(common, part, advance) returns for each of the parts, as they are finished.

    Args:
        common: sent to each worker once.
        advance: called with the progress that `function` tells, of all workers in turn; workers
            in other processes tell theirs, an int, by what they return.

    Raises:
        InputError: a cluster that can't be reached, or a worker process that died.
    """
    if executor.kind == "threads":
        yield from _by_threads(function, common, parts, executor.count, advance)
        return
    by_others = _by_processes if executor.kind == "processes" else _by_cluster
    for result in by_others(function, common, parts, executor):
        advance(result)
        yield result


def _by_processes(function, common, parts, executor: Executor) -> Iterator:
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky.process_executor import BrokenProcessPool

    gpus = torch.cuda.device_count()
    turns = cycle(range(gpus)) if gpus > 1 else repeat(None)
    tasks = (delayed(_in_process)(function, common, part, gpu)
             for part, gpu in zip(parts, turns, strict=False))
    try:
        # "c": each writes for itself in what all share, as heads do that are drawn when asked for.
        with parallel_config("loky", n_jobs=executor.count, inner_max_num_threads=1,
                             mmap_mode="c"):
            yield from Parallel(return_as="generator_unordered", batch_size=1)(tasks)
    except BrokenProcessPool:
        raise InputError("a worker process died, perhaps for lack of memory; what was finished "
                         "is kept: run it again, with fewer --workers") from None


def _by_cluster(function, common, parts, executor: Executor) -> Iterator:
    """What is sent to all is the result of a task, which the scheduler has made again where the
    worker that held it died; what is only scattered would be lost."""
    with _cluster(executor.scheduler) as client:
        from distributed import as_completed as as_ended

        sent = client.submit(_same, common, pure=False)
        waiting = iter(parts)

        def submitted(count: int | None) -> list:
            return [client.submit(_elsewhere, function, sent, part, pure=False)
                    for part in islice(waiting, count)]

        running = as_ended(submitted(executor.workers), loop=client.loop)
        for future in running:
            yield future.result()
            for one in submitted(1):
                running.add(one)


def _by_threads(function, common, parts, count: int, advance) -> Iterator:
    lock, stopped = Lock(), False

    def told(progress: int) -> None:
        if stopped:  # by an error of another worker, or by the user
            raise CancelledError
        with lock:
            advance(progress)

    with one_thread(), ThreadPoolExecutor(count) as pool:
        try:
            tasks = [pool.submit(_alone, function, common, part, told) for part in parts]
            for task in as_completed(tasks):
                yield task.result()
        finally:
            stopped = True
            pool.shutdown(wait=True, cancel_futures=True)


def _alone(function, common, part, advance):
    torch.set_num_threads(1)  # of this worker; OpenMP counts for each thread
    try:
        return function(common, part, advance)
    finally:
        give_back()


def _in_process(*task):
    end_with_parent()
    return _elsewhere(*task)


def _elsewhere(function, common, part, gpu: int | None = None):
    """Args: gpu: what "cuda" means to this task; None leaves it to the process."""
    keep_memory()  # the process is ours
    if gpu is not None:
        torch.cuda.set_device(gpu)
    return _alone(function, common, part, _untold)


def _untold(progress: int) -> None:
    """Another process can't move the bar of this one."""


def _same(value):
    return value


@contextlib.contextmanager
def _cluster(scheduler: str) -> Iterator:
    """A client of the scheduler. Raises InputError if Dask or the scheduler is missing."""
    try:
        from distributed import Client, KilledWorker
    except ImportError:
        raise InputError(f"--executor dask needs Dask: {install_hint('dask')}") from None
    try:
        client = Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"--scheduler {scheduler}: no Dask scheduler answers ({error})") from None
    with client:
        try:
            yield client
        except CancelledError:
            raise InputError(f"--scheduler {scheduler}: the scheduler or all of its workers were "
                             "lost; what was finished is kept: run it again") from None
        except KilledWorker as error:
            raise InputError(f"{error.allowed_failures + 1} workers of the cluster died at one "
                             f"task, the last of them {error.last_worker.address}, perhaps for "
                             "lack of memory; what was finished is kept: run it again") from None
