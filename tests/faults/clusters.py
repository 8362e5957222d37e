"""Workers of a Dask cluster of three that are killed in mid-task.

The run ends with the bytes that it has without a cluster, or is refused in one line that says what
to do (exit code 2); run again, it goes on to the same bytes.
"""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from faults.runs import USERS_MISTAKE, Whole, begun, contents, differing, ended, over, told
from faults.told import Told

RECORD = "run.json"  # tells the command, whose --scheduler is another one each time
OVER_AND_OVER = 100
CLUSTER = """
import os, signal, sys, time
from distributed import Client, LocalCluster

if __name__ == "__main__":
    with LocalCluster(n_workers=3, threads_per_worker=1, dashboard_address=None) as cluster:
        client = Client(cluster)
        print(cluster.scheduler_address, flush=True)
        for line in sys.stdin:  # how many workers are to be killed, and for how long one waits
            wanted, seconds = line.split()
            killed, until = 0, time.monotonic() + float(seconds)
            while killed < int(wanted) and time.monotonic() < until:
                busy = {address for address, tasks in client.processing().items() if tasks}
                for worker in cluster.workers.values():
                    if worker.worker_address in busy and worker.pid:
                        os.kill(worker.pid, signal.SIGKILL)
                        killed += 1
                        break
                time.sleep(0.05)
            print(killed, flush=True)
"""


def campaign(folder: Path, wholes: dict[str, Whole], runs: int) -> Iterator[str | Told]:
    """Yields findings, and what was tried.

    Args:
        runs: of every command that a cluster computes, in each of which one worker is killed; in
            one more run they are killed over and over.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, whole in wholes.items():
        if name == "train":  # computed by this machine alone
            continue
        with _cluster(folder / f"{name}.cluster.log") as (scheduler, cluster):
            where = ["--executor", "dask", "--scheduler", scheduler]
            asked = replace(whole, command=[*whole.command, *where])
            for kind, wanted in [*((f"one-{k}", 1) for k in range(runs)), ("all", OVER_AND_OVER)]:
                yield from _disturbed(folder / f"{name}-{kind}", asked, cluster, wanted)


def _disturbed(
    out: Path, whole: Whole, cluster: subprocess.Popen, wanted: int
) -> Iterator[str | Told]:
    name = whole.command[0]
    process = begun(whole.command, out)
    killed, until = 0, time.monotonic() + max(60, 20 * whole.seconds)
    while killed < wanted and not over(process) and time.monotonic() < until:
        killed += _killed(cluster, 1, 2)
    code, printed = ended(process), told(out)
    lines = [line for line in printed.splitlines() if line.startswith("iram: ")]
    if "Traceback" in printed or code not in (0, USERS_MISTAKE) or len(lines) != bool(code):
        yield f"{name}: code {code} after {killed} workers were killed: {printed}"
    if code and wanted == 1:
        yield f"{name}: one worker of three was killed: {lines}"
    if not killed:
        yield Told(name, "workers seen at work", 0)
    again = ended(begun(whole.command, out)) if code else 0
    if again:
        yield f"{name}: code {again} when it was run again: {told(out)}"
    files, found = ({file: data for file, data in known.items() if Path(file).name != RECORD}
                    for known in (whole.files, contents(out)))
    if different := differing(files, found):
        yield f"{name}: after {killed} workers were killed other bytes in {different}"
    ending = f"refused ({lines[0]}), run again" if code else "ended"
    yield Told(name, f"busy workers of a cluster killed: {ending}", killed)


@contextlib.contextmanager
def _cluster(log: Path) -> Iterator[tuple[str, subprocess.Popen]]:
    """The address of a scheduler with three workers, and the process that is asked for kills."""
    with open(log, "w") as file, subprocess.Popen(
        [sys.executable, "-c", CLUSTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        stderr=file,  # of its own: it prints much about workers that die
    ) as process:
        try:
            yield process.stdout.readline().strip(), process
        finally:
            process.stdin.close()


def _killed(cluster: subprocess.Popen, wanted: int, seconds: float) -> int:
    """How many workers were killed while they were at work."""
    cluster.stdin.write(f"{wanted} {seconds}\n")
    cluster.stdin.flush()
    return int(cluster.stdout.readline())
