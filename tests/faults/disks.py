"""A folder that others write to as well, and disks that are full, read-only, slow or damaged."""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

import iram.files
from analysis.cli import main
from faults.kills import contents, differing, finished, forked

USERS_MISTAKE = 2
SLOW = 0.05  # seconds a file


def campaign(folder: Path, command: Sequence[str], seed: int = 0, flips: int = 8) -> Iterator[str]:
    """Yields findings, and lines that begin with "ok" or, of what can't be tried here, "skip"."""
    folder.mkdir(parents=True, exist_ok=True)
    if code := finished(command, folder / "whole"):
        yield f"code {code}: {(folder / 'whole.log').read_text()[-1500:]}"
        return
    whole = contents(folder / "whole")
    yield from _two_at_once(folder / "shared", command, whole)
    yield from _flipped(folder / "whole", command, whole, np.random.default_rng(seed), flips)
    yield from _slow(folder / "slow", command, whole)
    yield from _full_and_read_only(folder / "small", command, whole)


def _two_at_once(out: Path, command, whole) -> Iterator[str]:
    processes = [
        forked(lambda: main([*command, "--out", str(out)]), out.with_suffix(f".{i}.log"))
        for i in range(2)
    ]
    codes = [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in processes]
    if codes.count(0) == 0 or not set(codes) <= {0, USERS_MISTAKE}:
        told = "\n".join(out.with_suffix(f".{i}.log").read_text()[-1500:] for i in range(2))
        yield f"two runs in one folder: codes {codes}: {told}"
    if different := differing(whole, contents(out)):
        yield f"two runs in one folder: other bytes in {different}"
    yield f"ok two runs in one folder: codes {codes}, the same bytes"


def _flipped(out: Path, command, whole, generator, flips: int) -> Iterator[str]:
    """Flips one bit of several cells and cuts another: they are found and made again."""
    for _ in range(flips):
        cells = sorted(out.rglob("*.parquet"))
        for path in generator.choice(cells, min(3, len(cells)), replace=False):
            data = bytearray(path.read_bytes())
            data[generator.integers(len(data))] ^= 1 << int(generator.integers(8))
            path.write_bytes(data[: int(generator.integers(len(data)))] if generator.random() < 0.3
                             else data)  # fmt: skip
        (out / "summary.csv").unlink()  # so that the rows are read again
        if code := finished(command, out):
            yield f"damaged cells: code {code}: {out.with_suffix('.log').read_text()[-1500:]}"
        found = contents(out)
        tables = {name: data for name, data in found.items() if not name.endswith(".parquet")}
        if different := differing({k: whole[k] for k in whole if k in tables}, tables):
            yield f"damaged cells: other results in {different}"
    yield f"ok damaged cells: {flips} times 3 of them, the same results"


def _slow(out: Path, command, whole) -> Iterator[str]:
    def slowly() -> int:
        replace = os.replace

        def late(*arguments):
            time.sleep(SLOW)
            replace(*arguments)

        iram.files.os.replace = late
        return main([*command, "--out", str(out)])

    process = forked(slowly, out.with_suffix(".log"))
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    different = differing(whole, contents(out))
    if code or different:
        yield f"slow disk: code {code}, other bytes in {different or 'none'}"
    yield f"ok slow disk: {SLOW} s a file, the same bytes"


def _full_and_read_only(disk: Path, command, whole) -> Iterator[str]:
    """A disk of memory with a third of the room that the run needs, then read-only, then larger."""
    disk.mkdir()
    size = sum(map(len, whole.values()))
    if not _mounts(disk, f"size={size // 3}"):
        yield "skip full and read-only disks: mounting one needs root"
        return
    out = disk / "out"
    try:
        for fault, option in (("full", None), ("read-only", "remount,ro")):
            if option:
                _mounts(disk, option)
            log = disk.with_suffix(f".{fault}.log")
            process = forked(lambda: main([*command, "--out", str(out)]), log)
            code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
            told = log.read_text()
            lines = [line for line in told.splitlines() if line.startswith("iram: ")]
            if code != USERS_MISTAKE or "Traceback" in told or len(lines) != 1:
                yield f"{fault} disk: code {code}: {told[-1500:]}"
            yield f"ok {fault} disk: {lines[0] if lines else 'nothing told'}"
        _mounts(disk, f"remount,rw,size={20 * size}")
        process = forked(lambda: main([*command, "--out", str(out)]), disk.with_suffix(".log"))
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        different = differing(whole, contents(out))
        if code or different:
            yield f"after a full disk: code {code}, other bytes in {different or 'none'}"
        yield "ok after a full disk: the same bytes"
    finally:
        subprocess.run(["umount", str(disk)], check=False)


def _mounts(disk: Path, options: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:  # no such program
        return False
