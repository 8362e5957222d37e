"""Workers of a process that is killed end too."""

import os
import signal
import subprocess
import sys
import time

import pytest

BEGUN = """if 1:
    import os, time
    from analysis.engine.parallel import Executor, shared

    def told(common, part, advance):
        return os.getpid()

    for process in shared(told, None, [0, 1, 2, 3], Executor("processes", 2), lambda n: None):
        print(process, flush=True)
    time.sleep(600)
"""


@pytest.mark.exhaustive
def test_workers_that_wait_for_a_task_end_when_their_process_is_killed():
    begun = subprocess.Popen([sys.executable, "-c", BEGUN], stdout=subprocess.PIPE, text=True)
    workers = {int(begun.stdout.readline()) for _ in range(4)}
    assert begun.pid not in workers
    os.kill(begun.pid, signal.SIGKILL)
    begun.wait()
    ends = time.monotonic() + 30
    while any(map(alive, workers)):
        assert time.monotonic() < ends
        time.sleep(0.2)


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
