"""Ctrl-C in every stage: as each module of the project is first entered, in the order of a run.

The stages of a run are found, not listed: an undisturbed run tells in which order it enters the
modules. Then it is interrupted at each of them in turn, and goes on in the same folder.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from analysis.commands.main import main
from faults.runs import INTERRUPTED, Whole, contents, differing, ended, finished, forked, told
from faults.told import Told

OURS = ("analysis.", "iram.")
CATCHES = "analysis.commands.main"  # where Ctrl-C is caught, once it has been entered
STARTS = ("numpy", "torch", "pandas", "pyarrow", "matplotlib", "scipy.stats")
START = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)

def hook(event, arguments):
    if event == "import" and arguments[0] == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGINT)

sys.addaudithook(hook)
from analysis.commands.main import main
sys.exit(main(sys.argv[2:]))
"""


def campaign(
    folder: Path, wholes: dict[str, Whole], most: int, starts: int
) -> Iterator[str | Told]:
    """Yields findings, and what was tried.

    Args:
        most: modules of each command at which it is interrupted.
        starts: libraries at whose import a command of its own process is interrupted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, whole in wholes.items():
        out = folder / name
        modules = _spread(_entered(whole.command, out), most)
        for module in modules:
            code = _interrupted(whole.command, out, module)
            if code != INTERRUPTED or "Traceback" in told(out):
                yield f"{name}: code {code} after Ctrl-C in {module}: {told(out)}"
        if code := finished(whole.command, out):
            yield f"{name}: code {code} at the end: {told(out)}"
        if different := differing(whole.files, contents(out)):
            yield f"{name}: after Ctrl-C in every stage other bytes in {different}"
        yield Told(name, "times Ctrl-C, each in another stage", len(modules))
    yield from _at_start(folder / "start", next(iter(wholes.values())), STARTS[:starts])


def _entered(command: Sequence[str], out: Path) -> list[str]:
    """The modules of the project that the command enters, the first one first."""
    listed = out.with_suffix(".entered")
    found: dict[str, None] = {}

    def work() -> int:
        _watch(lambda module: found.setdefault(module))
        code = main([*command, "--out", str(out.with_name(f"{out.name}-watched"))])
        listed.write_text("\n".join(found))
        return code

    code = ended(forked(work, out.with_suffix(".log")))
    assert code == 0, f"code {code}: {told(out)}"
    return [name for name in listed.read_text().split() if name != CATCHES]


def _interrupted(command: Sequence[str], out: Path, module: str) -> int:
    """The exit code of the command, with SIGINT where the module is first entered."""
    waiting = [module]

    def entered(name: str) -> None:
        if waiting and name == module:
            waiting.clear()
            os.kill(os.getpid(), signal.SIGINT)

    def work() -> int:
        _watch(entered)
        return main([*command, "--out", str(out)])

    return ended(forked(work, out.with_suffix(".log")))


def _watch(entered: Callable[[str], object]) -> None:
    """Calls `entered` with the module of every function of the project that is called."""

    def trace(frame, event, argument) -> None:  # None: the lines within are not watched
        name = frame.f_globals.get("__name__", "")
        if name.startswith(OURS):
            entered(name)

    threading.settrace(trace)
    sys.settrace(trace)


def _spread(modules: list[str], most: int) -> list[str]:
    """At most so many of them, from all parts of the run."""
    count = min(most, len(modules))
    return [modules[(2 * place + 1) * len(modules) // (2 * count)] for place in range(count)]


def _at_start(out: Path, whole: Whole, libraries: Sequence[str]) -> Iterator[str | Told]:
    """Interrupts processes of their own, which import everything anew."""
    for library in libraries:
        command = [sys.executable, "-c", START, library, *whole.command, "--out", str(out)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode != INTERRUPTED or "Traceback" in run.stderr:
            yield f"start: code {run.returncode} after Ctrl-C at {library}: {run.stderr[-1500:]}"
    yield Told("start", "times Ctrl-C, each at the import of another library", len(libraries))
