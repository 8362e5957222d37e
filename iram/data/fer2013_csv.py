"""FER2013's CSV: the challenge's own, and Kaggle's `icml_face_data.csv`, whose header has spaces
and another order. Plain or packed (gzip, xz, bzip2, zip, tar).

Other columns, such as the index that pandas saves, are passed over; semicolons and tabs separate
as commas do. A CSV without Usage (the competition's `train.csv`) is read as Training, and told.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from iram.data.archives import text_lines
from iram.data.cache import Decoded, cached
from iram.data.classes import canonical
from iram.data.csv_files import column_names, csv_rows
from iram.data.dataset import Problem
from iram.data.images import absent
from iram.data.splits import role_of
from iram.errors import InputError, listing
from iram.files import sha256, unfetched

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
ROLE_OF_USAGE = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}
USAGE_OF_WORD = {usage.lower(): usage for usage in ROLE_OF_USAGE}
USAGE_OF_ROLE = {role: usage for usage, role in ROLE_OF_USAGE.items()}
COLUMNS = ("emotion", "pixels", "usage")
SPLIT_COLUMNS = ("split", "set", "subset", "partition", "phase")  # in place of Usage
NO_USAGE = ("there is no column Usage: every row is read as Training, as of the competition's "
            "train.csv")
SIZE = 48
PIXELS = SIZE * SIZE
EIGHTH = 0.01  # share of rows with emotion 7 above which these are eight classes, not mistakes
CHUNK = 2000  # rows parsed at once: 20 MB of text


def decoded_csv(path: Path) -> tuple[str, Decoded]:
    """The CSV's SHA-256 and its faces, from the cache if they are there."""
    if not path.is_file():
        raise InputError(f"{path} is a folder; the CSV file is needed" if path.is_dir()
                         else absent(path))
    source = sha256(path)
    return source, cached("fer2013", source, lambda: decode_csv(path))


def decode_csv(path: Path) -> Decoded:
    """Reads every row of the CSV; unusable ones are left out and become problems."""
    pixels, frames, problems, total = [], [], [], 0
    emotions, usages = Counter(), set()
    with text_lines(path) as lines:
        numbered = csv_rows(path, lines)
        _, header = next(numbered, (1, []))
        places = _column_places(path, header)
        if len(places) == len(COLUMNS) and "usage" not in column_names(path, header, ()):
            problems.append(Problem("", 1, f"the column {header[places[2]].strip()} is taken as "
                                    "Usage", unusable=False))
        if len(places) < len(COLUMNS):
            problems.append(Problem("", 1, NO_USAGE, unusable=False, assumed=True))
        for line_numbers, rows in _chunks(numbered, places, len(header)):
            emotions.update(row[0] for row in rows)
            usages |= {row[2].lower() for row in rows if len(row) == len(COLUMNS)}
            images, frame, found = _parse(rows, line_numbers, total)
            pixels.append(images)
            frames.append(frame)
            problems += found
            total += len(rows)
    if not total:
        raise InputError(f"{path} has a header and no rows")
    _check_numbering(path, emotions, total)
    frame = pd.concat(frames, ignore_index=True)
    taken = [f"{word} is taken as {usage}" for word in sorted(usages)
             if word not in USAGE_OF_WORD and (usage := usage_of(word))]
    problems += [Problem("", None, f"Usage: {listing(taken)}", unusable=False)] * bool(taken)
    return Decoded(np.concatenate(pixels), frame, tuple(problems), total)


def _check_numbering(path: Path, emotions: Mapping[str, int], total: int) -> None:
    """Refuses emotions that run from another number than 0; a few rows of a number too much are
    problems of their own."""
    below = emotions["-1"] + emotions["-1.0"]
    shifted = 50 * below > total and not emotions["6"]
    first = -1 if shifted else 0 if emotions["0"] else 1
    if shifted or emotions["7"] > (0 if first else EIGHTH * total):
        raise InputError(f"{path}: its emotions run from {first} to {5 if shifted else 7}, "
                         "FER2013's from 0 (angry) to 6 (neutral): each face would be taken for "
                         "another class; write FER2013's numbers, or the names")


def _chunks(
    numbered: Iterator[tuple[int, list[str]]], places: list[int], width: int
) -> Iterator[tuple[list[int], list[list[str]]]]:
    """Line numbers and rows as [emotion, pixels, usage], some thousand at a time."""
    numbers, rows = [], []
    for number, fields in numbered:
        if len(fields) == width:
            rows.append([_plain(fields[place]) for place in places])
            rows[-1] += ["Training"] * (len(COLUMNS) - len(places))
        else:  # a lone message stands for a row that has no such places
            rows.append([f"{len(fields)} fields where the header has {width}"])
        numbers.append(number)
        if len(rows) == CHUNK:
            yield numbers, rows
            numbers, rows = [], []
    if rows:
        yield numbers, rows


def _plain(field: str) -> str:
    """A field as the challenge writes it: others save pixels as "[1, 2]" or "1,2", a label as 3.0
    or by its name."""
    field = field.strip()
    if "," in field or field.startswith("["):
        return " ".join(field.strip("[]").replace(",", " ").split())
    if len(field) == 3 and field.endswith(".0"):
        return field[0]
    name = canonical(field) if len(field) < 20 else field
    return str(CLASSES.index(name)) if name in CLASSES else field


def _column_places(path: Path, header: list[str]) -> list[int]:
    """Where emotion, pixels and usage stand; without the last where all is Training."""
    if not header:
        raise InputError(f"{path} is empty; a header with emotion, pixels and Usage is needed")
    names = column_names(path, header, COLUMNS)
    if "usage" not in names and (other := [name for name in names if name in SPLIT_COLUMNS]):
        names[names.index(other[0])] = "usage"
    missing = [name for name in COLUMNS if name not in names]
    if missing and missing != ["usage"]:
        found = listing(name[:40] for name in header)
        hint = "; it has no labels: the file with them is fer2013.csv or icml_face_data.csv"
        raise InputError(f"{path} line 1 lacks the column {listing(missing)}; it has: {found}"
                         + hint * ("pixels" in names and "label" not in names)
                         + unfetched(header[0].encode()))
    return [names.index(name) for name in COLUMNS if name in names]


@cache
def usage_of(name: str) -> str | None:
    """FER2013's usage that it, or another usual name of a split, stands for; None if none."""
    return USAGE_OF_WORD.get(name.lower()) or USAGE_OF_ROLE.get(role_of(name))


def _parse(rows, line_numbers, first_row) -> tuple[np.ndarray, pd.DataFrame, list[Problem]]:
    """Images, table and problems of some rows."""
    messages = [_row_problem(row) for row in rows]
    texts = [row[1] for row, message in zip(rows, messages, strict=True) if message is None]
    images = parse_pixels(texts)
    if images is None:  # at least one row is wrong: look at each
        messages = [m or pixel_problem(row[1]) for row, m in zip(rows, messages, strict=True)]
        texts = [row[1] for row, message in zip(rows, messages, strict=True) if message is None]
        images = np.array([text.split() for text in texts], dtype=np.uint8).reshape(-1, PIXELS)
    good = [place for place, message in enumerate(messages) if message is None]
    usages = [usage_of(rows[place][2]) for place in good]
    frame = pd.DataFrame(
        {
            "image_id": [f"row{first_row + place:05d}" for place in good],
            "usage": usages,
            "split": [ROLE_OF_USAGE[usage] for usage in usages],
            "row": np.array(good, dtype=np.int64) + first_row,
            "label": np.array([int(rows[place][0]) for place in good], dtype=np.int64),
        }
    )
    bad = [(place, message) for place, message in enumerate(messages) if message is not None]
    problems = [Problem("", line_numbers[place], message) for place, message in bad]
    return images.reshape(-1, SIZE, SIZE), frame, problems


def _row_problem(row: list[str]) -> str | None:
    """What is wrong with a row apart from its pixels."""
    if len(row) != len(COLUMNS):
        return row[0]
    if row[0] not in "0123456" or len(row[0]) != 1:
        return f"emotion '{row[0][:40]}' where 0 to 6 is needed"
    if usage_of(row[2]) is None:
        return f"Usage '{row[2][:40]}' where one of {listing(ROLE_OF_USAGE)} is needed"
    return None


def parse_pixels(texts: list[str]) -> np.ndarray | None:
    """(n, 2304) uint8 from rows of numbers, or None if any row is not 2304 numbers 0 to 255.

    All rows are parsed in one call; that no row has more than 2303 gaps and that the total is
    right together say that each row has its own 2304.
    """
    joined = " ".join(texts)
    if joined.encode().translate(None, b"0123456789 "):
        return None
    if any(text.count(" ") != PIXELS - 1 for text in texts):
        return None
    values = np.fromstring(joined, dtype=np.int64, sep=" ")
    if len(values) != len(texts) * PIXELS or (values > 255).any():
        return None
    return values.astype(np.uint8).reshape(-1, PIXELS)


def pixel_problem(text: str) -> str | None:
    """What is wrong with a row of pixels."""
    values = text.split()
    if len(values) != PIXELS:
        return f"{len(values)} pixels where {PIXELS} (48 x 48) are needed"
    for place, value in enumerate(values):
        if not (value.isascii() and value.isdigit() and int(value[:9]) <= 255 and len(value) < 9):
            return f"pixel {place + 1} is '{value[:40]}' where 0 to 255 is needed"
    return None
