"""Files of pictures: what they hash to, and decoding all of them."""

import hashlib
import json
import os
import re
import time
from pathlib import Path

import numpy as np

from iram.data import on_disk
from iram.data.cache import cache_folder, remembered
from iram.data.dataset import Problem
from iram.data.images import Picture, read_picture, resized
from iram.errors import InputError
from iram.files import sha256
from iram.photographs.framing import cropped

LARGEST_SIZE = 1024
NEARLY_BLACK = 5  # a range so many times larger is another file's, not this one's
BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # control characters and ends of lines
SETTLED = 2.0  # seconds: a file this young may change again without its time of change showing it


def check_size_option(size: int) -> int:
    """The option `size`, if it can be had."""
    if not 8 <= size <= LARGEST_SIZE:
        raise InputError(f"size={size}: 8 to {LARGEST_SIZE} pixels are possible")
    return size


def pictures_sha256(root: Path, names: list[str]) -> str:
    """SHA-256 over the names and contents of files, in the order given.

    Reading thousands of small files takes seconds, so the answer is remembered for as long as
    every name, size, time of change and time of status change (which no program can set back)
    stays the same. Files changed in the last two seconds are always read.
    """
    stamp, newest = hashlib.sha256(os.fsencode(root.resolve())), 0.0
    for name in names:
        status = _stat(f"{root}/{name}")  # text: making 36,000 paths would take half the time
        times = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        stamp.update(os.fsencode(name) + f"\0{times}\0".encode())
        newest = max(newest, status.st_mtime, status.st_ctime)
    if newest > time.time() - SETTLED:
        return _content_sha256(root, names)
    return remembered("pictures", stamp.hexdigest(), lambda: _content_sha256(root, names))


def identity_sha256(source_sha256: str, **settings) -> str:
    """What faces are known by that were made of a source with these settings: None is the default,
    and the source's own SHA-256 if all are."""
    chosen = {name: value for name, value in settings.items() if value is not None}
    if not chosen:
        return source_sha256
    return hashlib.sha256(json.dumps([source_sha256, chosen], sort_keys=True).encode()).hexdigest()


def as_it_is(picture: Picture) -> None:
    """The whole picture."""
    return


def decode_pictures(
    root: Path, names: list[str], size: int, exact: bool = False, face=as_it_is,
    colour: bool = False,
) -> tuple[np.ndarray, np.ndarray, list[Problem]]:
    """Pictures of the files of a folder, gray unless they are wanted in colour.

    Files of more than 8 bits that don't declare their range share the largest one found, so that
    a dark picture stays darker than the others, unless it would be nearly black by it.

    Args:
        exact: refuse pictures that are not `size` x `size` instead of resizing them.
        face: the `Box` to take of each `Picture`, None for all of it; may raise InputError with
            what is wrong.

    Returns:
        (n, size, size) uint8 images of the readable files, (n, size, size, 3) in colour, in a file
        where they are many; a boolean mask of length `len(names)` that says which these are, a
        problem for each other file, and one for each thing that was assumed of readable ones.
    """
    shape = (size, size, 3) if colour else (size, size)
    images = on_disk.empty((len(names), *shape), cache_folder())
    often = max(1, on_disk.BLOCK // max(1, images[:1].size))
    good, problems = np.zeros(len(names), dtype=bool), []
    notes: dict[int, tuple[str, ...]] = {}
    tops: dict[int, float] = {}

    def decode(place: int, top: float | None = None) -> None:
        name, good[place] = names[place], False
        try:
            picture = read_picture(root / name, top=top, colour=colour or face is not as_it_is)
            box = face(picture)
            shown = picture.pixels if colour else picture.gray
            shown = shown if box is None else cropped(shown, box)
            if exact and shown.shape != (size, size):
                raise InputError(f"{shown.shape[1]} x {shown.shape[0]} pixels where {size} x "
                                 f"{size} are needed; `folder:` resizes")
        except InputError as error:
            path = str(InputError(str(root / name)))  # one line, as in its message
            message = str(error).removeprefix(path).strip()
            problems.append(Problem(printable(name), None, message))
            return
        made = resized(shown, size)
        images[place] = made[..., None] if colour and made.ndim == 2 else made
        good[place] = True
        notes.pop(place, None)
        if picture.notes:
            notes[place] = picture.notes
        if picture.top is not None:
            tops[place] = picture.top

    for place in range(len(names)):
        decode(place)
        if place % often == 0:
            on_disk.let_go(images)
    whole = max(tops.values(), default=0)
    for place, top in list(tops.items()):
        if 1 < top < whole < NEARLY_BLACK * top:
            decode(place, whole)
    return on_disk.kept(images, good), good, [*problems, *_assumed(names, notes)]


def _assumed(names: list[str], notes: dict[int, tuple[str, ...]]) -> list[Problem]:
    """One problem for each thing that was assumed of pictures, with their number."""
    having: dict[str, list[int]] = {}
    for place, told in notes.items():
        for note in told:
            having.setdefault(note, []).append(place)
    return [
        Problem("", None, f"{len(places):,} of {len(names):,} pictures, such as "
                f"{printable(names[places[0]])}: {note}", unusable=False, assumed=True)
        for note, places in having.items()
    ]


def printable(name: str) -> str:
    """A file name as `storable` gives it, in one line: the end of a line becomes \\n."""
    return BREAKS.sub(lambda found: found[0].encode("unicode_escape").decode(), storable(name))


def storable(name: str) -> str:
    """A file name as text that can be stored: a byte that is no UTF-8 becomes \\xff, so that other
    names stay other names."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def tenth(name: str) -> int:
    """0 to 9, by a hash of the name: a tenth of the faces each, the same on every machine."""
    return int(hashlib.sha256(os.fsencode(name)).hexdigest()[:12], 16) % 10


def _stat(path: str) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None


def _content_sha256(root: Path, names: list[str]) -> str:
    digest = hashlib.sha256()
    for name in names:
        try:
            content = sha256(root / name)
        except OSError:  # decoding it will say so, and other files may be whole
            content = "unreadable"
        digest.update(os.fsencode(name) + f"\0{content}\0".encode())
    return digest.hexdigest()
