"""Memory that a process keeps, so that the system need not hand it out again at every step."""

import ctypes
import sys

ARENA_MAX, MMAP_THRESHOLD, TRIM_THRESHOLD = -8, -3, -1  # of mallopt(3)


def keep_memory() -> None:
    """Lets the C library keep freed memory (up to 1 GiB) for the next batch.

    By default each large tensor is mapped anew and its pages are cleared by the kernel: a tenth
    to a third of the time of forward passes (`tests/benchmarks/bench_process.py`). All threads
    share one pool, so that the peak is as before.
    For processes that are ours, such as the command `iram`; other C libraries are left alone.
    """
    if sys.platform != "linux":
        return
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):  # glibc's; musl has none
        for setting, value in (
            (ARENA_MAX, 1),
            (MMAP_THRESHOLD, 1 << 25),
            (TRIM_THRESHOLD, 1 << 30),
        ):
            mallopt(setting, value)


def give_back() -> None:
    """Gives the system all memory that is free, also between what is in use: between tasks, of
    which each needs pieces of other sizes, or what all left free would add up. Where the C library
    is glibc; others do as they like."""
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)
