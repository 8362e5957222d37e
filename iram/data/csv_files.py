"""The rows of CSV files as they are handed out or saved again: separated by commas, semicolons,
tabs or bars, with columns in any order (`iram.data.archives` has their lines)."""

import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from iram.errors import InputError, listing

SEPARATORS = ",;\t|"
NAMED = re.compile(f'"?sep=([{SEPARATORS}])"?', re.IGNORECASE)


def csv_rows(path: Path, lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """The number of its line and the fields of each row, the header first, without empty lines; by
    whichever separator the first line has, or names (`sep=;`, which Excel reads).

    Raises:
        InputError: a row that is no CSV.
    """
    first, before = next(lines, ""), 0
    named = NAMED.fullmatch(first.strip())
    if named:
        first, before = next(lines, ""), 1
    separator = named[1] if named else max(SEPARATORS, key=first.count)
    reader = csv.reader(itertools.chain([first], lines), delimiter=separator)
    try:
        for fields in reader:
            if fields:
                yield before + reader.line_num, fields
    except csv.Error as error:
        line = before + reader.line_num
        raise InputError(f"{path} line {line} is no CSV: {error}") from None


def column_names(path: Path, header: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """The names of the header without regard to case and spaces about them.

    Raises:
        InputError: a column that is wanted stands in it twice.
    """
    names = [name.strip().lower() for name in header]
    twice = [name for name in wanted if names.count(name) > 1]
    if twice:
        raise InputError(f"{path} line 1 has the column {listing(twice)} more than once: leave the "
                         "one that counts")
    return names
