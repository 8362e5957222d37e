"""Runs that are killed at random moments and run again, until they end: to the same bytes.

A kill is SIGKILL, or SIGINT as by Ctrl-C, which must end with the code 130 and no traceback.
"""

import contextlib
import math
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from faults.runs import INTERRUPTED, Whole, begun, contents, differing, ended, finished, told
from faults.told import Told

BY_HAND = 0.2  # share of the kills that are Ctrl-C
EACH = 10  # kills of one run at most; then it is let finish, and another is begun


def campaign(
    folder: Path, wholes: dict[str, Whole], kills: int, seed: int = 0
) -> Iterator[str | Told]:
    """Yields findings, and what was tried; `kills` SIGKILLs in all, more of the commands that take
    less time."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, whole in wholes.items():
        generator = np.random.default_rng([seed, *name.encode()])
        killed, by_hand, runs = 0, 0, 0
        wanted = _share(whole, wholes, kills)
        while killed < wanted:
            out = folder / f"{name}-{runs}"
            counts, findings = killed_until_finished(
                whole, out, generator, min(EACH, wanted - killed)
            )
            yield from findings
            if different := differing(whole.files, contents(out)):
                yield f"{name}: after {counts} kills other bytes in {different}"
            killed, by_hand, runs = killed + counts[0], by_hand + counts[1], runs + 1
        yield Told(name, f"times killed, and {by_hand} times interrupted, in {runs} runs of "
                   f"{whole.seconds:.1f} s", killed)


def _share(whole: Whole, wholes: dict[str, Whole], kills: int) -> int:
    """How many of the kills are of this command: each takes its share of time, one at least."""
    speeds = sum(1 / each.seconds for each in wholes.values())
    return max(1, math.ceil(kills / whole.seconds / speeds))


def killed_until_finished(
    whole: Whole, out: Path, generator: np.random.Generator, kills: int
) -> tuple[tuple[int, int], list[str]]:
    """Runs the command, killed up to `kills` times, then to its end.

    Returns:
        How often it was killed by SIGKILL and by SIGINT, and the findings.
    """
    counts, findings, name = [0, 0], [], whole.command[0]
    while counts[0] < kills:
        by_hand = bool(generator.random() < BY_HAND)
        process = begun(whole.command, out)
        time.sleep(generator.random() * whole.seconds)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGINT if by_hand else signal.SIGKILL)
        code = ended(process)
        if code == 0:
            return tuple(counts), findings
        counts[by_hand] += 1
        expected = INTERRUPTED if by_hand else -signal.SIGKILL
        if code != expected or "Traceback" in told(out):
            how = "SIGINT" if by_hand else "SIGKILL"
            findings.append(f"{name}: code {code} after {how}: {told(out)}")
    if code := finished(whole.command, out):
        findings.append(f"{name}: code {code} at the end: {told(out)}")
    return tuple(counts), findings
