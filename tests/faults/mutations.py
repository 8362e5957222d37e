"""Files of every kind that is read, damaged at random: each gives what is right, or one clear line.

A trial takes a good file, changes some bytes, and opens it as a user's command would. Anything but
a result that holds together or an InputError that names the file is a finding; so is a trial of
more than SECONDS of the processor, or of more than MEMORY bytes above what opening the good file
takes.
"""

import contextlib
import resource
import signal
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faults.told import Told
from iram import InputError

SECONDS, MEMORY = 10, 1 << 30
TOKENS = [b"\n", b"\r\n", b",", b" ", b'"', b"\0", b"-", b"300", b"9" * 25, b"1e999", b"nan",
          b"../", b"/etc/passwd", b"\xef\xbb\xbf", "é".encode(), b"\xff", b"{", b"}", b"[]",
          b"<<<<<<<", b"Training", b"PublicTest", b"True", b"9" * 5000, "٣".encode()]


@dataclass(frozen=True)
class Target:
    """A kind of file.

    Attributes:
        write: writes a good file, or a folder of them, and returns the file that is damaged.
        read: opens it as a command would; raises AssertionError if the result is wrong.
        named: whether an error must name the damaged file (a card may be named with its weights).
    """

    write: Callable[[Path], Path]
    read: Callable[[Path, Path], None]
    named: bool = True


class Late(BaseException):
    """A trial took too long; nothing that a reader catches."""


@dataclass(frozen=True)
class Finding:
    target: str
    trial: int
    what: str


def mutated(data: bytes, generator: np.random.Generator) -> bytes:
    """The bytes with a few changes: flipped, cut, copied, moved, or with a token put in."""
    data = bytearray(data)
    for _ in range(generator.geometric(0.5)):
        start = int(generator.integers(len(data) + 1))
        length = int(min(generator.geometric(0.1), len(data) - start))
        match generator.integers(9):
            case 0 if start < len(data):
                data[start] ^= 1 << int(generator.integers(7))  # text stays text
            case 1:
                del data[start : start + length]
            case 2:
                data[start:start] = data[start : start + length]
            case 3:
                data[start : start + length] = TOKENS[generator.integers(len(TOKENS))]
            case 4:
                data[start:start] = TOKENS[generator.integers(len(TOKENS))]
            case 5:
                data[start : start + length] = generator.bytes(length)
            case 6:
                data = _with_another_line(data, generator)
            case 7:
                data = _with_another_field(data, generator)
            case _ if generator.random() < 0.3:
                del data[start:]
    return bytes(data)


def _with_another_line(data: bytearray, generator: np.random.Generator) -> bytearray:
    """A line is left out, doubled, or changes places with another."""
    lines = data.split(b"\n")
    one, other = generator.integers(len(lines), size=2)
    match generator.integers(3):
        case 0:
            del lines[one]
        case 1:
            lines.insert(other, lines[one])
        case _:
            lines[one], lines[other] = lines[other], lines[one]
    return bytearray(b"\n".join(lines))


def _with_another_field(data: bytearray, generator: np.random.Generator) -> bytearray:
    """What stands between two commas stands between two others too."""
    fields = data.split(b",")
    one, other = generator.integers(len(fields), size=2)
    fields[one] = fields[other]
    return bytearray(b",".join(fields))


def campaign(
    folder: Path, targets: dict[str, Target], trials: int, seed: int = 0
) -> Iterator[Finding | Told]:
    """Yields findings, and after each kind of file its numbers."""
    for name, target in targets.items():
        yield from _kind(folder / name, name, target, trials, seed)


def _kind(folder: Path, name: str, target: Target, trials: int, seed: int):
    folder.mkdir(parents=True)
    path = target.write(folder)
    good = path.read_bytes()
    target.read(folder, path)  # that it is good
    before = _peak()
    refused, slowest, started = 0, 0.0, time.perf_counter()
    for trial in range(trials):
        generator = np.random.default_rng([seed, trial])
        path.write_bytes(mutated(good, generator))
        began = time.perf_counter()
        was_refused, wrong = tried(target, folder, path)
        refused += was_refused
        yield from (Finding(name, trial, what) for what in wrong)
        slowest = max(slowest, time.perf_counter() - began)
    more = _peak() - before
    if more > MEMORY:
        yield Finding(name, trials, f"{more / 2**20:.0f} MB of memory")
    yield Told(name, f"files, {refused} refused, {time.perf_counter() - started:.0f} s, slowest "
               f"{slowest:.2f} s, {more / 2**20:.0f} MB more at the peak", trials)


def tried(target: Target, folder: Path, path: Path) -> tuple[bool, list[str]]:
    """Whether the file is refused, and what is wrong with how it is read or refused."""
    try:
        with _limited():
            target.read(folder, path)
    except InputError as error:
        wrong = []
        if target.named and path.stem not in str(error):
            wrong.append(f"the message names no file: {error}")
        if "\n" in str(error):
            wrong.append(f"the message has several lines: {error}")
        return True, wrong
    except (Exception, Late):
        return False, [traceback.format_exc(limit=-4)]
    return False, []


def _peak() -> int:
    """Bytes of memory that this process has had at most since the last call."""
    most = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with contextlib.suppress(OSError):  # where it can't be set back it is since the beginning
        Path("/proc/self/clear_refs").write_text("5")
    return most


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    def late(*arguments):
        raise Late(f"over {SECONDS} s")

    # Of the processor, not of the clock: what else the machine does is no finding.
    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
