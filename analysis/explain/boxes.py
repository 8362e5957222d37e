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
    """A line of the file, with its number (the header is line 1).

    Attributes:
        box: None where the line has none, as detectors write nan for a picture without a face.
        problem: what is wrong with such a line, file and line included.
    """

    path: Path
    box: Box | None
    line: int
    problem: str = ""


def read_boxes(path: Path) -> list[Line]:
    """The lines of a CSV with these columns in any order; others are passed over.

    Pictures are named from the folder that the CSV stands in, or from where the command runs.
    Numbers are in pixels of the upright picture (turned as its EXIF says), of 0 to before `right`
    and `bottom`; fractions are rounded.

    Raises:
        InputError: the file is missing or no such CSV, or not one line of it has a box.
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
    if not any(line.box for line in lines):
        raise InputError(lines[0].problem)
    return lines


def _line(path: Path, line: int, row: dict) -> Line:
    named = row["path"].strip()
    beside = path.parent / named
    picture = beside if os.path.lexists(beside) else Path(named)
    found = ",".join(row[name] for name in COLUMNS[1:])
    box, wrong = None, ""
    try:
        box = Box(*(round(float(row[name])) for name in COLUMNS[1:]))
    except (ValueError, OverflowError):
        wrong = f"'{found}' are not four numbers, left,top,right,bottom"
    if box and (box.width < 1 or box.height < 1 or max(map(abs, box)) > LARGEST):
        wrong = f"the box {box} is empty; right and bottom must be larger than left and top"
    if not named:
        wrong = "no picture is named"
    return Line(picture, None if wrong else box, line, wrong and f"{path} line {line}: {wrong}")
