"""The cache of decoded images: decode once, then map the file into memory.

An entry is three files: the images (`.npy`), the table of faces (`.parquet`) and, written last,
a note (`.json`) with the SHA-256 of the other two, by which a damaged entry is found and made
anew. Nothing is pickled. Several processes may write the same entry at once: each file is
renamed into place whole, and they hold the same bytes.
"""

import contextlib
import hashlib
import itertools
import json
import os
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from iram.data import on_disk
from iram.data.dataset import Problem
from iram.data.images import FLAT_SPAN, is_flat
from iram.errors import InputError, listing
from iram.files import atomic_path, expanded, sha256, write_text

FORMAT = 4  # raise it when what a loader decodes changes


@dataclass(frozen=True)
class Decoded:
    """A decoded source.

    Attributes:
        pixels: (N, size, size) uint8, a read-only memory map when it comes from the cache.
        frame: one row a face, with `label` and the metadata columns.
        problems: what was found; `file` is relative to the source ("" for the source itself).
        total: rows in the source, the unusable ones included.
    """

    pixels: np.ndarray
    frame: pd.DataFrame
    problems: tuple[Problem, ...] = ()
    total: int = 0

    def problems_in(self, source: Path) -> list[Problem]:
        """The problems with the full names of their files."""
        return [replace(p, file=str(source / p.file)) for p in self.problems]


def cache_folder() -> Path:
    """Where decoded data sets are kept: `$IRAM_CACHE`, or the user's cache folder."""
    if folder := os.environ.get("IRAM_CACHE"):
        return expanded(folder) / "data"
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("iram")) / "data"


def cached(kind: str, source_sha256: str, decode: Callable[[], Decoded], **settings) -> Decoded:
    """What `decode` returns, from the cache if it is there and whole; pictures that show nothing
    are added to its problems.

    Args:
        kind: the loader's name.
        source_sha256: what the source is known by: other content, other entry.
        decode: decodes the source; its errors pass through and nothing is kept.
        **settings: what else the result depends on, such as the image size.
    """
    entry = entry_path(kind, source_sha256, **settings)
    found = _read(entry)
    if found is None:
        decoded = decode()
        decoded = replace(decoded, problems=(*decoded.problems, *_flat(decoded)))
        try:
            _write(entry, decoded)
        except (InputError, OSError) as error:
            warnings.warn(f"no cache, so each opening decodes anew: {error}", stacklevel=3)
            return decoded
        found = _read(entry) or decoded
    return found


def in_colour(decoded: Decoded) -> Decoded:
    """What was decoded in colour as it is kept: without pictures where none has any colour."""
    gray = all((part == part[..., :1]).all() for part in on_disk.blocks(decoded.pixels))
    return replace(decoded, pixels=decoded.pixels[:0], frame=decoded.frame[:0]) if gray else decoded


def entry_path(kind: str, source_sha256: str, **settings) -> Path:
    """The entry's files without their suffix."""
    key = json.dumps([FORMAT, kind, source_sha256, settings], sort_keys=True)
    return cache_folder() / f"{kind}-{hashlib.sha256(key.encode()).hexdigest()[:24]}"


def remembered(kind: str, stamp: str, compute: Callable[[], str]) -> str:
    """The SHA-256 that `compute` returns, kept under `stamp` so that it is computed once."""
    note = cache_folder() / f"{kind}-{stamp[:40]}.sha256"
    with contextlib.suppress(OSError, ValueError):
        text = note.read_text(encoding="ascii")
        if len(text) == 64 and int(text, 16):
            return text
    answer = compute()
    with contextlib.suppress(InputError):  # no cache: computed again next time
        write_text(note, answer)
    return answer


def _flat(decoded: Decoded) -> list[Problem]:
    """One problem if there are pictures that are constant, or nearly so."""
    pictures = itertools.chain.from_iterable(on_disk.blocks(decoded.pixels))
    flat = [place for place, picture in enumerate(pictures) if is_flat(picture)]
    if not flat:
        return []
    message = (
        f"{len(flat):,} of {len(decoded.pixels):,} pictures are constant or nearly so (98% of the "
        f"pixels within {FLAT_SPAN} gray values) and show no face: "
        f"{listing(decoded.frame['image_id'].iloc[flat])}"
    )
    return [Problem("", None, message, unusable=False)]


def _write(entry: Path, decoded: Decoded) -> None:
    pixels, table = entry.with_suffix(".npy"), entry.with_suffix(".parquet")
    with atomic_path(pixels) as temporary, open(temporary, "wb") as file:
        header = np.lib.format.header_data_from_array_1_0(decoded.pixels)
        np.lib.format.write_array_header_1_0(file, header | {"fortran_order": False})
        for part in on_disk.blocks(decoded.pixels):
            file.write(np.ascontiguousarray(part).data)
    with atomic_path(table) as temporary:
        decoded.frame.to_parquet(temporary, index=False)
    note = {
        "pixels": sha256(pixels),
        "table": sha256(table),
        "problems": [asdict(problem) for problem in decoded.problems],
        "total": decoded.total,
    }
    write_text(entry.with_suffix(".json"), json.dumps(note))


def _read(entry: Path) -> Decoded | None:
    """The entry, or None if there is none or any of its files is damaged."""
    pixels, table = entry.with_suffix(".npy"), entry.with_suffix(".parquet")
    try:
        note = json.loads(entry.with_suffix(".json").read_text(encoding="utf-8"))
        if sha256(pixels) != note["pixels"] or sha256(table) != note["table"]:
            return None
        return Decoded(
            pixels=np.load(pixels, mmap_mode="r", allow_pickle=False),
            frame=pd.read_parquet(table),
            problems=tuple(Problem(**problem) for problem in note["problems"]),
            total=note["total"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
