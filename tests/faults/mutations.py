"""Files of every kind that is read, damaged at random: each gives what is right, or one clear line.

A trial takes a good file, changes some bytes, and opens it as a user's command would. Anything but
a result that holds together or an InputError that names the file is a finding; so is a trial of
more than SECONDS or of more than MEMORY bytes above what opening the good file takes.
"""

import json
import resource
import signal
import sys
import time
import traceback
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import sources
import tiny

from analysis.store import read_cell, read_table, write_cell
from iram import InputError, load_model, open_dataset

SECONDS, MEMORY = 10, 1 << 30
TOKENS = [b"\n", b"\r\n", b",", b" ", b'"', b"\0", b"-", b"300", b"9" * 25, b"1e999", b"nan",
          b"../", b"/etc/passwd", b"\xef\xbb\xbf", "é".encode(), b"\xff", b"{", b"}", b"[]",
          b"<<<<<<<", b"Training", b"PublicTest", b"True"]  # fmt: skip


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


@dataclass(frozen=True)
class Finding:
    target: str
    trial: int
    what: str


def mutated(data: bytes, generator: np.random.Generator) -> bytes:
    """The bytes with a few changes: flipped, cut, copied, moved, or with a token put in."""
    data = bytearray(data)
    for _ in range(1 + generator.geometric(0.5)):
        start = int(generator.integers(len(data) + 1))
        length = int(min(generator.geometric(0.1), len(data) - start))
        match generator.integers(7):
            case 0 if start < len(data):
                data[start] ^= 1 << int(generator.integers(8))
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
            case _ if generator.random() < 0.3:
                del data[start:]
    return bytes(data)


def campaign(
    folder: Path, trials: int, seed: int = 0, only: str | None = None
) -> Iterator[Finding | str]:
    """Yields findings, and after each kind of file the line that tells its numbers."""
    for name, target in TARGETS.items():
        if only in (None, name):
            yield from _kind(folder / name, name, target, trials, seed)


def _kind(folder: Path, name: str, target: Target, trials: int, seed: int):
    folder.mkdir(parents=True)
    path = target.write(folder)
    good = path.read_bytes()
    target.read(folder, path)  # that it is good
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused, slowest = 0, 0.0
    for trial in range(trials):
        generator = np.random.default_rng([seed, trial])
        path.write_bytes(mutated(good, generator))
        started = time.perf_counter()
        try:
            with _limited():
                target.read(folder, path)
        except InputError as error:
            refused += 1
            if target.named and path.stem not in str(error):
                yield Finding(name, trial, f"the message names no file: {error}")
            if "\n" in str(error):
                yield Finding(name, trial, f"the message has several lines: {error}")
        except Exception:
            yield Finding(name, trial, traceback.format_exc(limit=-4))
        slowest = max(slowest, time.perf_counter() - started)
    more = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    if more > MEMORY:
        yield Finding(name, trials, f"{more / 2**20:.0f} MB of memory")
    yield (f"ok {name}: {trials} files, {refused} refused, slowest {slowest:.2f} s, "
           f"{more / 2**20:.0f} MB more at the peak")  # fmt: skip


class _limited:
    """A trial that takes too long is a TimeoutError."""

    def __enter__(self):
        def late(*arguments):
            raise TimeoutError(f"over {SECONDS} s")

        self.before = signal.signal(signal.SIGALRM, late)
        signal.setitimer(signal.ITIMER_REAL, SECONDS)

    def __exit__(self, *arguments):
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self.before)


# What is read ----------------------------------------------------------------------------------


def _faces(spec: str) -> None:
    dataset = open_dataset(spec)
    pictures = dataset.images_uint8(slice(None))
    assert pictures.dtype == np.uint8
    assert len(pictures) == len(dataset) == len(dataset.labels) == len(dataset.metadata)
    assert all(0 <= label < len(dataset.classes) for label in dataset.labels.tolist())


def _csv(folder: Path) -> Path:
    return sources.write_csv(folder / "fer2013.csv", sources.fer_rows())


def _zip(folder: Path) -> Path:
    path = folder / "fer2013.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(_csv(folder), "fer2013.csv")
    return path


def _votes(folder: Path) -> Path:
    return sources.write_votes(folder / "fer2013new.csv", sources.fer_rows())


def _pictures(kind: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        names = [f"{split}/{label}/{i}.{kind}" for split in ("train", "test")
                 for label in ("happy", "sad") for i in range(2)]  # fmt: skip
        sources.write_pictures(folder / "faces", names)
        return folder / "faces" / names[0]

    return write


def _lists(folder: Path) -> Path:
    _csv(folder), _votes(folder)
    sources.write_lists(
        folder / "lists", b"2_fer0000002.png 8 0\r\n5_fer0000005.png 8 3\r\n",
        b"5/fer0000005.jpg\n0/fer0000008.jpg\n", b"0/fer0000008.jpg\n",
    )  # fmt: skip
    return folder / "lists" / "jianfei_occlusion_list.txt"


def _flagged(folder: Path, path: Path) -> None:
    _faces(f"fer2013:{folder}/fer2013.csv,votes={folder}/fer2013new.csv,ran_lists={path.parent}")


def _weights(folder: Path) -> Path:
    path = tiny.weights(folder, "iram")
    np.save(folder / "whole.npy", _state(path))
    return path


def _state(path: Path) -> np.ndarray:
    return np.concatenate([v.numpy().ravel() for v in load_model(path).state_dict().values()])


def _same_weights(folder: Path, path: Path) -> None:
    assert np.array_equal(_state(folder / "iram-seed0.safetensors"), np.load(folder / "whole.npy"))


def _card(folder: Path) -> Path:
    return _weights(folder).with_suffix(".json")


def _cell(folder: Path) -> Path:
    table = tiny.dataset().metadata
    write_cell(folder / "cell.parquet", table, "key")
    return folder / "cell.parquet"


def _same_cell(folder: Path, path: Path) -> None:
    """The rows that were written, or None: it is made again."""
    found = read_cell(path, "key")
    assert found is None or found.equals(tiny.dataset().metadata.astype(found.dtypes))


def _table(folder: Path) -> Path:
    (folder / "table.csv").write_text("model,value,low\nnone,0.5,0.25\niram,,1\n")
    return folder / "table.csv"


def _run(folder: Path) -> Path:
    (folder / "run.json").write_text(json.dumps({"identity": {"seed": 0, "faces": 3}}))
    return folder / "run.json"


def _reopened(folder: Path, path: Path) -> None:
    from analysis.store import open_run

    assert open_run(folder, {"seed": 0, "faces": 3}, {})["identity"] == {"seed": 0, "faces": 3}


TARGETS = {
    "fer2013": Target(_csv, lambda folder, path: _faces(f"fer2013:{path}")),
    "fer2013-zip": Target(_zip, lambda folder, path: _faces(f"fer2013:{path}")),
    "ferplus": Target(_votes, lambda folder, path: _faces(f"ferplus:{_csv(folder)},{path}")),
    "folder-png": Target(_pictures("png"), lambda folder, path: _faces(f"folder:{folder}/faces")),
    "folder-jpg": Target(_pictures("jpg"), lambda folder, path: _faces(f"folder:{folder}/faces")),
    "lists": Target(_lists, _flagged),
    "weights": Target(_weights, _same_weights),
    "card": Target(_card, _same_weights),
    "cell": Target(_cell, _same_cell),
    "table": Target(_table, lambda folder, path: read_table(path)),
    "run": Target(_run, _reopened, named=False),
}
