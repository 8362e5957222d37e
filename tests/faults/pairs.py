"""Two runs of one command into one folder, the second begun at a random moment of the first.

Each ends well or is refused in one line (exit code 2), one at least ends well, and what lies there
in the end is what one run alone would have left.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from faults.runs import USERS_MISTAKE, Whole, begun, contents, differing, ended
from faults.told import Told


def campaign(
    folder: Path, wholes: dict[str, Whole], pairs: int, seed: int = 0
) -> Iterator[str | Told]:
    """Yields findings, and what was tried; `pairs` of every command."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, whole in wholes.items():
        generator = np.random.default_rng([seed, *name.encode()])
        refused = 0
        for place in range(pairs):
            out = folder / f"{name}-{place}"
            codes, findings = _together(whole, out, place and generator.random() * whole.seconds)
            yield from findings
            refused += codes.count(USERS_MISTAKE)
        yield Told(name, f"times two runs in one folder, {refused} refused", pairs)


def _together(whole: Whole, out: Path, later: float) -> tuple[list[int], list[str]]:
    """The exit codes of two runs, one `later` seconds after the other, and the findings."""
    logs = [out.with_suffix(f".{place}.log") for place in range(2)]
    first = begun(whole.command, out, logs[0])
    time.sleep(later)
    codes = [ended(process) for process in (first, begun(whole.command, out, logs[1]))]
    findings, name = [], whole.command[0]
    printed = [log.read_text(errors="replace") for log in logs]
    if 0 not in codes or not set(codes) <= {0, USERS_MISTAKE} or "Traceback" in "".join(printed):
        findings.append(f"{name}: codes {codes} of two runs in one folder: {printed}")
    if different := differing(whole.files, contents(out)):
        findings.append(f"{name}: two runs in one folder: other bytes in {different}")
    return codes, findings
