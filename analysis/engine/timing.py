"""How long work takes: measured on a little of it, told in words."""

import time

REPEATS = 3


def fastest(call, repeats: int = REPEATS, clock=time.perf_counter) -> float:
    """Seconds of the fastest of a few calls, after one that also allocates."""
    call()
    times = []
    for _ in range(repeats):
        started = clock()
        call()
        times.append(clock() - started)
    return min(times)


def duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
