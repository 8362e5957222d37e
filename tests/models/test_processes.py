"""Processes that have ended, and workers that end with the process that began them."""

import os
import subprocess
import sys
import time

import pytest

from iram import processes
from iram.processes import runs

WORKER = """import sys, time
from iram.processes import end_with_parent
end_with_parent()
print("begun", flush=True)
while True:
    time.sleep(60)
"""
PARENT = """import subprocess, sys, time
worker = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
worker.stdout.readline()
print(worker.pid, flush=True)
time.sleep(600)
"""


def ends_within(process: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while runs(process) and time.monotonic() < until:
        time.sleep(0.01)
    return not runs(process)


def test_this_process_runs_and_one_that_was_waited_for_does_not():
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert runs(os.getpid())
    assert not runs(ended.pid)
    assert runs(2**80), "what is no number of a process is not said to have ended"


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="no pidfds on this system")
def test_one_that_ended_and_that_nobody_waited_for_does_not_run():
    with subprocess.Popen(["sleep", "600"]) as process:
        assert runs(process.pid)
        process.kill()
        assert ends_within(process.pid, 10)
        assert process.returncode is None, "not waited for"


@pytest.mark.parametrize("pidfds", [True, False])
def test_a_worker_ends_with_a_parent_that_is_killed(pidfds):
    """In a container whose first process waits for none, the worker is never waited for."""
    without = "" if pidfds else "import os; del os.pidfd_open\n"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, without + WORKER],
                              stdout=subprocess.PIPE)
    with parent:
        worker = int(parent.stdout.readline())
        assert runs(worker)
        parent.kill()
    assert ends_within(worker, 60), worker


def test_without_pidfds_a_process_that_is_there_counts_as_running(monkeypatch):
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    with subprocess.Popen(["true"]) as process:
        time.sleep(0.1)
        assert processes.runs(process.pid)
    assert not processes.runs(process.pid)
