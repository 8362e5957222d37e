"""FERPlus as its authors' program writes it: `FER2013Train/`, `FER2013Valid/` and `FER2013Test/`,
each with pictures `fer0000000.png` and a `label.csv` of their votes.

A line is `NAME,"(0, 0, 48, 48)",VOTES`, ten numbers in FERPlus's order; the box is passed over, and
later versions have none. Faces are known by their FERPlus names, whose number is their row.
"""

import csv
import re
from pathlib import Path

import numpy as np
import pandas as pd

from iram.data.cache import Decoded, cached
from iram.data.dataset import Problem
from iram.data.entries import entries, lost_links, not_read, shown_files, unread_note
from iram.data.fer2013_csv import ROLE_OF_USAGE, SIZE
from iram.data.pictures import decode_pictures, pictures_sha256, printable
from iram.data.splits import role_of
from iram.data.votes import EXPRESSIONS
from iram.errors import InputError

COLUMNS = (*EXPRESSIONS, "unknown", "nf")
LABELS = "label.csv"
USAGE_OF_ROLE = {role: usage for usage, role in ROLE_OF_USAGE.items()}
NAME = re.compile(r"fer(\d+)\.\w+")


def decoded_folder(root: Path) -> tuple[str, Decoded, list[Problem]]:
    """The folder's SHA-256, its faces, from the cache if they are there, and what isn't read.

    The frame holds the votes in `COLUMNS` and `ferplus_name`.

    Raises:
        InputError: no split folder with a `label.csv`, or a line of another form.
    """
    splits = [name for name in entries(root).folders if (root / name / LABELS).is_file()]
    unknown = [name for name in splits if not role_of(name)]
    if not splits or unknown:
        what = (f"{unknown[0]}/ is no split by its name" if unknown
                else f"no folder in it has a {LABELS}")
        raise InputError(f"{root}: {what}; FERPlus's folders are FER2013Train/, FER2013Valid/ and "
                         "FER2013Test/ (or write ferplus:CSV,VOTES)")
    names, unread, listed = [], [], {}
    for split in splits:
        listed[split], twice = _lines(root / split / LABELS)
        unread += [Problem(f"{split}/{LABELS}", line, printable(f"{name} stands in the file twice, "
                           "with other votes; the first line is taken")) for line, name in twice]
    for split, lines in listed.items():
        inside = entries(root / split)
        unread += lost_links(split, inside.broken)
        unread += unread_note([path for path in not_read(split, inside)
                               if path != f"{split}/{LABELS}"])
        unlisted = [name for name in inside.pictures if name not in lines]
        if unlisted:
            message = f"{shown_files(unlisted)}, not in {LABELS}: without votes, and not read"
            unread.append(Problem(split, None, printable(message), unusable=False))
        here = set(inside.pictures)
        unread += [Problem(f"{split}/{LABELS}", line, f"there is no picture {split}/{name}")
                   for name, (line, _) in lines.items() if name not in here]
        names += [f"{split}/{name}" for name in lines if name in here]
    if not names:
        raise InputError(f"{root} has no pictures of those in {LABELS}")
    source = pictures_sha256(root, [*(f"{split}/{LABELS}" for split in splits), *names])
    decoded = cached("ferplus-folder", source, lambda: _decode(root, names, listed))
    return source, decoded, unread


def _lines(path: Path) -> tuple[dict[str, tuple[int, list[int]]], list[tuple[int, str]]]:
    """Line number and votes of each picture; where a picture has other votes once more."""
    found: dict[str, tuple[int, list[int]]] = {}
    twice = []
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            for fields in filter(None, reader):
                name, votes = fields[0].strip(), [one.strip() for one in fields[1:]]
                votes = votes[1:] if len(votes) > len(COLUMNS) else votes
                if len(votes) != len(COLUMNS) or not all(
                        one.isascii() and one.isdigit() and len(one) < 5 for one in votes):
                    raise InputError(f"{path} line {reader.line_num}: a picture's name and ten "
                                     f"numbers of votes are needed, not '{','.join(fields)[:60]}'")
                counts = [int(one) for one in votes]
                if found.setdefault(name, (reader.line_num, counts))[1] != counts:
                    twice.append((reader.line_num, name))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read {path}: {error}") from None
    return found, twice


def _decode(root: Path, names: list[str], listed: dict) -> Decoded:
    images, good, problems = decode_pictures(root, names, SIZE, exact=True)
    chosen = [names[place].split("/") for place in np.flatnonzero(good)]
    usages = [USAGE_OF_ROLE[role_of(split)] for split, _ in chosen]
    numbers = [NAME.fullmatch(name) for _, name in chosen]
    frame = pd.DataFrame({
        "image_id": [printable(Path(name).stem) for _, name in chosen],
        "usage": usages,
        "split": [ROLE_OF_USAGE[usage] for usage in usages],
        "row": [int(found[1]) if found else place for place, found in enumerate(numbers)],
        "ferplus_name": [printable(name) for _, name in chosen],
    })
    votes = np.array([listed[split][name][1] for split, name in chosen]).reshape(-1, len(COLUMNS))
    frame = frame.assign(**{column: votes[:, k] for k, column in enumerate(COLUMNS)})
    return Decoded(images, frame, tuple(problems), len(names))
