"""Runs of commands in processes forked from this one, and what they leave.

A fork has imported all that this process has, so that a fault falls into the work and not into
Python's start, and a run costs no start.
"""

import contextlib
import importlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.commands.main import main

INTERRUPTED, USERS_MISTAKE = 130, 2
TIMED = ("*-seed*.json", "log.csv")  # cards and logs of trainings


@dataclass(frozen=True)
class Whole:
    """A command, and what it leaves if nothing disturbs it.

    Attributes:
        seconds: what it takes.
        out: where it ran.
        files: the bytes of all files that it left.
    """

    command: Sequence[str]
    seconds: float
    out: Path
    files: dict[str, bytes]


def undisturbed(command: Sequence[str], out: Path) -> Whole:
    """Runs it twice: what the first run imports is imported here too, the second is timed.

    Raises:
        AssertionError: it fails, or the second run gives other bytes.
    """
    first, modules = out.with_name(f"{out.name}-first"), out.with_suffix(".modules")

    def work() -> int:
        code = main([*command, "--out", str(first)])
        modules.write_text("\n".join(sys.modules))
        return code

    code = ended(forked(work, out.with_suffix(".log")))
    assert code == 0, f"code {code}: {told(out)}"
    for name in modules.read_text().split():
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    started = time.perf_counter()
    code = finished(command, out)
    whole = Whole(command, time.perf_counter() - started, out, contents(out))
    assert code == 0, f"code {code}: {told(out)}"
    assert not (other := differing(contents(first), whole.files)), f"run again: other {other}"
    return whole


def finished(command: Sequence[str], out: Path) -> int:
    """The exit code of the command, run to its end."""
    return ended(begun(command, out))


def begun(command: Sequence[str], out: Path, log: Path | None = None) -> int:
    """The number of a process that runs the command, which prints into OUT.log."""
    return forked(lambda: main([*command, "--out", str(out)]), log or out.with_suffix(".log"))


def ended(process: int) -> int:
    """The exit code of a process, waited for; below 0: the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def over(process: int) -> bool:
    """Whether a process has come to its end; it can still be waited for."""
    return os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def told(out: Path) -> str:
    """The end of what a run printed."""
    return out.with_suffix(".log").read_text(errors="replace")[-1500:]


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
    except Exception:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def contents(folder: Path) -> dict[str, bytes]:
    """What lies in a folder, of each file its bytes, but of those that tell times only the name."""
    return {
        str(path.relative_to(folder)): b"" if any(map(path.match, TIMED)) else _bytes(path, folder)
        for path in sorted(folder.rglob("*")) if path.is_file()
    }


def _bytes(path: Path, folder: Path) -> bytes:
    return path.read_bytes().replace(os.fsencode(folder), b"OUT")


def differing(whole: dict[str, bytes], found: dict[str, bytes]) -> str:
    """The first files whose bytes are not the same, "" if there is none."""
    files = sorted(whole.keys() | found.keys())
    return ", ".join([file for file in files if whole.get(file) != found.get(file)][:5])
