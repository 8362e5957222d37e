"""Boxes of faces that somebody else's detector found: a CSV of path,left,top,right,bottom."""

import os
from pathlib import Path
from typing import NamedTuple

from iram.data.archives import text_lines
from iram.data.csv_files import column_names, csv_rows
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
    """The lines of a CSV with these columns in any order; others are passed over. Separators and
    encoding are as of other CSVs (`iram.data.csv_files`, `iram.data.archives`).

    Pictures are named from the folder that the CSV stands in, or from where the command runs.
    Numbers are in pixels of the upright picture (turned as its EXIF says), of 0 to before `right`
    and `bottom`; fractions are rounded.

    Raises:
        InputError: the file is missing or no such CSV, or not one line of it has a box.
    """
    if not os.path.lexists(path):
        raise InputError(f"--faces {path}: there is no such file; write auto, whole or the name of "
                         "a CSV of boxes")
    with text_lines(path) as text:
        rows = csv_rows(path, text)
        _, header = next(rows, (1, []))
        names = column_names(path, header, COLUMNS)
        missing = [name for name in COLUMNS if name not in names]
        if missing:
            raise InputError(
                f"{path}: no column {listing(missing)}; the first line must be "
                f"{','.join(COLUMNS)}, it is {listing(names) or 'empty'}"
            )
        places = [names.index(name) for name in COLUMNS]
        lines = [_line(path, number, fields, places, len(names)) for number, fields in rows]
    if not lines:
        raise InputError(f"{path} has no boxes, only a header")
    if not any(line.box for line in lines):
        raise InputError(lines[0].problem)
    return lines


def _line(path: Path, line: int, fields: list[str], places: list[int], width: int) -> Line:
    more = any(fields[width:])
    fields = fields + [""] * (width - len(fields))
    named, *numbers = (fields[place].strip() for place in places)
    beside = path.parent / named
    picture = beside if os.path.lexists(beside) else Path(named)
    box, wrong = None, ""
    try:
        sides = [float(number) for number in numbers]
        box = Box(*map(round, sides))
    except (ValueError, OverflowError):
        wrong = f"'{','.join(numbers)}' are not four numbers, left,top,right,bottom"
    if box and (box.width < 1 or box.height < 1 or max(map(abs, box)) > LARGEST):
        wrong = (f"the box {box} is empty; right and bottom must be larger than left and top "
                 "(they are no width and height)")
    if box and any(sides) and all(0 <= side <= 1 for side in sides):
        wrong = (f"the box {','.join(numbers)} seems to be in shares of the picture; pixels are "
                 "needed")
    if more:
        wrong = f"more fields than the header's {width}; quote a name that has a separator in it"
    if not named:
        wrong = "no picture is named"
    return Line(picture, None if wrong else box, line, wrong and f"{path} line {line}: {wrong}")
