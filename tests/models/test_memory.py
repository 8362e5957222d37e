"""Memory that is free goes back to the system between tasks."""

import subprocess
import sys

import pytest

from analysis.engine import parallel
from analysis.engine.parallel import Executor, shared

SCATTERED = """if 1:
    import torch
    from iram.memory import give_back, keep_memory

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096

    keep_memory()
    kept = [torch.ones(1 << 18) for _ in range(200)]  # 1 MiB each
    kept = kept[::2]  # free is what lies between them
    before = resident()
    give_back()
    print(before - resident())"""


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt and malloc_trim are glibc's")
def test_what_is_free_between_tensors_in_use_is_given_back():
    told = subprocess.run([sys.executable, "-c", SCATTERED], capture_output=True, check=True)
    assert int(told.stdout) > 80 << 20


def test_workers_give_memory_back_after_each_task(monkeypatch):
    calls = []
    monkeypatch.setattr(parallel, "give_back", lambda: calls.append(1))

    def work(common, part, advance):
        if part == 2:
            raise ValueError(part)
        return part

    with pytest.raises(ValueError, match="2"):
        list(shared(work, None, [0, 1, 2], Executor(workers=1), lambda progress: None))
    assert len(calls) == 3
