"""Boxes of faces that somebody else's detector found: a CSV of path,left,top,right,bottom."""

import csv
import os
from pathlib import Path
from typing import NamedTuple

from iram.errors import InputError, listing
from iram.photographs import Box

COLUMNS = ("path", "left", "top", "right", "bottom")
LARGEST = 10**9


class Line(NamedTuple):
    """A box as it stands in the file, with the number of its line (the header is line 1)."""

    path: Path
    box: Box
    line: int


def read_boxes(path: Path) -> list[Line]:
    """The boxes of a CSV with these columns in any order; others are passed over.

    Pictures are named from the folder that the CSV stands in, or from where the command runs.
    Numbers are in pixels of the upright picture (turned as its EXIF says), of 0 to before `right`
    and `bottom`; fractions are rounded.

    Raises:
        InputError: the file is missing or no such CSV; a line without a number or with an empty
            box (with its line).
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            header = [name.strip().lower() for name in reader.fieldnames or []]
            missing = [name for name in COLUMNS if name not in header]
            if missing:
                raise InputError(
                    f"{path}: no column {listing(missing)}; the first line must be "
                    f"{','.join(COLUMNS)}, it is {listing(header) or 'empty'}"
                )
            reader.fieldnames = header
            lines = [_line(path, reader.line_num, row) for row in reader]
    except FileNotFoundError:
        raise InputError(f"--faces {path}: there is no such file; write auto, whole or the name of "
                         "a CSV of boxes") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        told = getattr(error, "strerror", None) or error
        raise InputError(f"{path} is no CSV of boxes that can be read: {told}") from None
    if not lines:
        raise InputError(f"{path} has no boxes, only a header")
    return lines


def _line(path: Path, line: int, row: dict) -> Line:
    try:
        numbers = [float(row[name]) for name in COLUMNS[1:]]
        left, top, right, bottom = (round(number) for number in numbers)
    except (ValueError, OverflowError):
        found = ",".join(row[name] for name in COLUMNS[1:])
        raise InputError(f"{path} line {line}: '{found}' are not four numbers, "
                         "left,top,right,bottom") from None
    box = Box(left, top, right, bottom)
    if box.width < 1 or box.height < 1 or max(map(abs, box)) > LARGEST:
        raise InputError(f"{path} line {line}: the box {box} is empty; right and bottom must be "
                         "larger than left and top")
    named = row["path"].strip()
    if not named:
        raise InputError(f"{path} line {line}: no picture is named")
    beside = path.parent / named
    return Line(beside if os.path.lexists(beside) else Path(named), box, line)
