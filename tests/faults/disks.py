"""Files that are damaged after they were written, and disks that are full, read-only or slow."""

import os
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import iram.files
from analysis.commands.main import main
from faults.runs import (
    USERS_MISTAKE,
    Whole,
    begun,
    contents,
    differing,
    ended,
    finished,
    forked,
    told,
)
from faults.told import Told

SLOW = 0.05  # seconds a file
SHARES = (0.02, 0.3, 0.6, 0.9)  # of the room that a run needs
AT_ONCE = 3  # cells damaged at once
CELLS = "*.parquet"


def campaign(
    folder: Path, wholes: dict[str, Whole], flips: int, fills: int, seed: int = 0
) -> Iterator[str | Told]:
    """Yields findings, and what was tried.

    Args:
        flips: times that cells of every command that has cells are damaged.
        fills: sizes of disks that are too small.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, whole in wholes.items():
        generator = np.random.default_rng([seed, *name.encode()])
        if any(whole.out.rglob(CELLS)):
            yield from _damaged(folder / f"{name}-damaged", name, whole, generator, flips)
        yield from _slow(folder / f"{name}-slow", name, whole)
        yield from _largest_file(folder / f"{name}-limit", name, whole)
        yield from _full_and_read_only(folder / f"{name}-disk", name, whole, fills)


def _damaged(out: Path, name: str, whole: Whole, generator, flips: int) -> Iterator[str | Told]:
    """Flips one bit of several cells, or cuts them short: they are found and made again."""
    shutil.copytree(whole.out, out)
    for _ in range(flips):
        cells = sorted(out.rglob(CELLS))
        for path in generator.choice(cells, min(AT_ONCE, len(cells)), replace=False):
            data = bytearray(path.read_bytes())
            data[generator.integers(len(data))] ^= 1 << int(generator.integers(8))
            path.write_bytes(data[: int(generator.integers(len(data)))] if generator.random() < 0.3
                             else data)
        for table in (*out.rglob("*.csv"), *out.rglob("tables.sha256")):
            table.unlink()  # so that the rows are read again
        if code := finished(whole.command, out):
            yield f"{name}: damaged cells: code {code}: {told(out)}"
        found = contents(out)
        tables = {file: found.get(file) for file in found.keys() | whole.files.keys()
                  if not Path(file).match(CELLS)}
        if different := differing({file: whole.files.get(file) for file in tables}, tables):
            yield f"{name}: damaged cells: other results in {different}"
    yield Told(name, f"times {AT_ONCE} damaged cells", flips)


def _slow(out: Path, name: str, whole: Whole) -> Iterator[str | Told]:
    def slowly() -> int:
        replace = os.replace

        def late(*arguments):
            time.sleep(SLOW)
            replace(*arguments)

        iram.files.os.replace = late
        return main([*whole.command, "--out", str(out)])

    code = ended(forked(slowly, out.with_suffix(".log")))
    if code:
        yield f"{name}: slow disk: code {code}: {told(out)}"
    if different := differing(whole.files, contents(out)):
        yield f"{name}: slow disk: other bytes in {different}"
    yield Told(name, f"slow disk, {SLOW} s a file")


def _largest_file(out: Path, name: str, whole: Whole) -> Iterator[str | Told]:
    """No file may be longer than half the longest one: a limit that needs no root."""
    largest = max(map(len, whole.files.values()))

    def limited() -> int:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest // 2, resource.RLIM_INFINITY))
        return main([*whole.command, "--out", str(out)])

    code = ended(forked(limited, out.with_suffix(".log")))
    yield from _refused(name, "file too large", code, out)
    yield from _goes_on(name, "run after a file too large", out, whole)


def _full_and_read_only(disk: Path, name: str, whole: Whole, fills: int) -> Iterator[str | Told]:
    """A disk of memory with a part of the room that the run needs, read-only, then larger."""
    disk.mkdir()
    size = sum(map(len, whole.files.values()))
    if not _mounts(disk, f"size={max(int(size * SHARES[0]), 4096)}"):
        yield Told(name, "full or read-only disks: mounting one needs root", 0)
        return
    out = disk / "out"
    log = disk.with_suffix(".log")
    try:
        for share in SHARES[-fills:]:
            _mounts(disk, f"remount,rw,size={max(int(size * share), 4096)}")
            code = ended(begun(whole.command, out, log))
            yield from _refused(name, f"disk full at {share:.0%}", code, disk)
        assert _mounts(disk, "remount,ro"), f"{disk}: something still writes there"
        code = ended(begun(whole.command, out, log))
        yield from _refused(name, "read-only disk", code, disk)
        _mounts(disk, f"remount,rw,size={20 * size + (1 << 20)}")
        yield from _goes_on(name, "run after a full disk", out, whole)
    finally:
        # Lazily: processes that drew may end a moment later, and hold the log.
        subprocess.run(["umount", "--lazy", str(disk)], check=False)


def _refused(name: str, what: str, code: int, out: Path) -> Iterator[str | Told]:
    """It must be told in one line."""
    printed = told(out)
    lines = [line for line in printed.splitlines() if line.startswith("iram: ")]
    if code != USERS_MISTAKE or "Traceback" in printed or len(lines) != 1:
        yield f"{name}: {what}: code {code}: {printed}"
    yield Told(name, f"{what}: {lines[0] if lines else 'nothing told'}")


def _goes_on(name: str, what: str, out: Path, whole: Whole) -> Iterator[str | Told]:
    if code := finished(whole.command, out):
        yield f"{name}: {what}: code {code}: {told(out)}"
    if different := differing(whole.files, contents(out)):
        yield f"{name}: {what}: other bytes in {different}"
    yield Told(name, what)


def _mounts(disk: Path, options: str) -> bool:
    """Whether it can be mounted so, within a few seconds: until then workers of a run that has just
    ended may have files open there."""
    until = time.monotonic() + (10 if options.startswith("remount") else 0)
    while not _mounted(disk, options):
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def _mounted(disk: Path, options: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:  # no such program
        return False
