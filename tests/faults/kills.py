"""Runs that are killed at random moments and run again, until they end: to the same bytes.

A run is a command line; a kill is SIGKILL, or SIGINT as by Ctrl-C, which must end with the code 130
and no traceback. Processes are forked from this one, which has imported everything, so that a kill
falls into the work and not into Python's start.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from analysis.cli import main

INTERRUPTED = 130
TIMED = ("*-seed*.json", "log.csv")  # cards and logs of trainings
BY_HAND = 0.25  # share of the kills that are Ctrl-C


def killed_until_finished(
    command: Sequence[str], out: Path, seconds: float, generator: np.random.Generator,
    kills: int,
) -> tuple[int, list[str]]:  # fmt: skip
    """Runs the command, killed up to `kills` times, then to its end; how often, and findings.

    Args:
        seconds: what it takes undisturbed; each kill comes after a random part of it.
    """
    findings = []
    for count in range(kills):
        by_hand = generator.random() < BY_HAND
        log = out.with_suffix(".log")
        process = forked(lambda: main([*command, "--out", str(out)]), log)
        time.sleep(generator.random() * seconds)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGINT if by_hand else signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        told = log.read_text(errors="replace")
        if code == 0:
            return count, findings
        if "Traceback" in told or (by_hand and code != INTERRUPTED):
            how = "SIGINT" if by_hand else "SIGKILL"
            findings.append(f"{command[0]}: code {code} after {how}: {told[-1500:]}")
    code = finished(command, out)
    if code:
        findings.append(f"{command[0]}: code {code} at the end: "
                        f"{out.with_suffix('.log').read_text()[-1500:]}")  # fmt: skip
    return kills, findings


def finished(command: Sequence[str], out: Path) -> int:
    """The exit code of the command, run to its end."""
    process = forked(lambda: main([*command, "--out", str(out)]), out.with_suffix(".log"))
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def forked(work: Callable[[], int], log: Path) -> int:
    """The number of a process that does the work, which prints into `log`."""
    sys.stdout.flush()
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        with open(log, "w") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        code = work()
    except KeyboardInterrupt:  # before the command began
        code = INTERRUPTED
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        os._exit(code)


def contents(folder: Path) -> dict[str, bytes]:
    """What lies in a folder, of each file its bytes, but of those that tell times only the name."""
    return {
        str(path.relative_to(folder)): b"" if any(map(path.match, TIMED)) else _bytes(path, folder)
        for path in sorted(folder.rglob("*")) if path.is_file()
    }  # fmt: skip


def _bytes(path: Path, folder: Path) -> bytes:
    return path.read_bytes().replace(os.fsencode(folder), b"OUT")


def differing(whole: dict[str, bytes], found: dict[str, bytes]) -> str:
    """The first files whose bytes are not the same, "" if there is none."""
    files = sorted(whole.keys() | found.keys())
    return ", ".join([file for file in files if whole.get(file) != found.get(file)][:5])


def campaign(
    folder: Path, commands: dict[str, Sequence[str]], kills: int, seed: int = 0, each: int = 10
) -> Iterator[str]:
    """Yields findings, and lines of numbers that begin with "ok"; `kills` of every command.

    Args:
        each: kills of one run at most; then it is let finish, and another is begun.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, command in commands.items():
        started = time.perf_counter()
        if code := finished(command, folder / name):
            yield f"{name}: code {code}: {(folder / f'{name}.log').read_text()[-1500:]}"
            continue
        seconds, whole = time.perf_counter() - started, contents(folder / name)
        generator = np.random.default_rng([seed, len(name)])
        done, runs = 0, 0
        while done < kills:
            out = folder / f"{name}-{runs}"
            count, findings = killed_until_finished(
                command, out, seconds, generator, min(each, kills - done)
            )
            yield from findings
            if different := differing(whole, contents(out)):
                yield f"{name}: after {count} kills other bytes in {different}"
            done, runs = done + max(count, 1), runs + 1
        yield f"ok {name}: killed {done} times in {runs} runs of {seconds:.1f} s, the same bytes"
