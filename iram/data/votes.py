"""FERPlus votes (`fer2013new.csv`): ten annotators' votes for each row of FER2013."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from iram.data.archives import text_lines
from iram.data.cache import Decoded
from iram.data.classes import canonical
from iram.data.csv_files import column_names, csv_rows
from iram.data.dataset import Problem
from iram.data.fer2013_csv import CLASSES, usage_of
from iram.errors import InputError, listing
from iram.files import unfetched

EXPRESSIONS = (
    "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt",
)
OWN = np.array([*(CLASSES.index(name) if (name := canonical(word)) in CLASSES else -1
                  for word in EXPRESSIONS), -1])  # FER2013's label; -1: it has none, or no vote
ENOUGH = 100  # faces whose labels are compared
LEAST_AGREED = 0.3  # of FER2013's own faces 0.63, of shuffled ones 0.18
VOTES = re.compile(r"[0-9]{1,4}(\.0*)?")  # pandas writes 8.0 where any cell of a column was empty
COLUMNS = ("usage", "image name", *EXPRESSIONS, "unknown", "nf")


@dataclass(frozen=True)
class Votes:
    """The votes, row by row in the order of FER2013.

    Attributes:
        counts: (N, 10) int64, votes for the eight expressions, "unknown" and "NF" (no face).
        names: the picture's name in FERPlus (`fer0000000.png`); "" for a few rows.
        usages: Training, PublicTest or PrivateTest.
        lines: the line of the file that each row stands in.
    """

    path: Path
    counts: np.ndarray
    names: list[str]
    usages: list[str]
    lines: list[int]

    def joined(
        self, source: Path, decoded: Decoded
    ) -> tuple[np.ndarray, list[str], list[Problem]]:
        """(n, 10) counts and n names for the decoded rows, which may lack unusable ones; and what
        is said of votes that seem to be of other faces.

        Raises:
            InputError: another number of rows, or another Usage in one of them.
        """
        if len(self.names) != decoded.total:
            raise InputError(
                f"{self.path} has {len(self.names):,} rows of votes and {source} has "
                f"{decoded.total:,} faces; they are joined row by row, so both must have the same"
            )
        rows = decoded.frame["row"].to_numpy()
        for row, usage in zip(rows, decoded.frame["usage"], strict=True):
            if usage_of(self.usages[row]) != usage:
                raise InputError(
                    f"{self.path} line {self.lines[row]}: Usage '{self.usages[row][:40]}' where "
                    f"row {row + 1} of {source} has {usage}; the rows must be in the same order"
                )
        counts = self.counts[rows]
        told = self._doubted(source, counts, decoded.frame["label"].to_numpy())
        return counts, [self.names[row] for row in rows], told

    def _doubted(self, source: Path, counts: np.ndarray, labels: np.ndarray) -> list[Problem]:
        """Rows that were shuffled or shifted in one of the files fit by number and Usage."""
        voted = OWN[most_voted(counts)]
        known = voted >= 0
        agreed = np.mean(voted[known] == labels[known]) if known.sum() >= ENOUGH else 1.0
        if agreed >= LEAST_AGREED:
            return []
        message = (f"the votes agree with the emotions of {source} on {agreed:.0%} of the faces, "
                   "FER2013's own on 63%: are the rows of both in the same order?")
        return [Problem(str(self.path), None, message, unusable=False, assumed=True)]


def read_votes(path: str | Path) -> Votes:
    """Reads the CSV `Usage,Image name,neutral,...,contempt,unknown,NF`, plain or packed.

    Raises:
        InputError: missing or damaged file, missing columns, or a count that is no whole number;
            the message names file, line and value.
    """
    path = Path(path)
    counts, names, usages, lines = [], [], [], []
    with text_lines(path) as text:
        for line, (usage, name, *votes) in _rows(path, text):
            counts.append([_count(path, line, COLUMNS[2 + i], v) for i, v in enumerate(votes)])
            names.append(name)
            usages.append(usage)
            lines.append(line)
    if not counts:
        raise InputError(f"{path} has a header and no rows")
    return Votes(path, np.array(counts, dtype=np.int64), names, usages, lines)


def most_voted(counts: np.ndarray) -> np.ndarray:
    """(N,) place of the expression with the most votes, -1 where there is none.

    Of expressions with equally many votes the first in the file's order is taken. There is none
    if "unknown" or "NF" has more votes than every expression, or no expression has a vote.
    """
    expressions, others = counts[:, : len(EXPRESSIONS)], counts[:, len(EXPRESSIONS) :]
    best = expressions.max(axis=1)
    known = (best > 0) & (best >= others.max(axis=1))
    return np.where(known, expressions.argmax(axis=1), -1)


def majority(counts: np.ndarray) -> np.ndarray:
    """(N,) place of the expression with over half the votes, -1 where there is none.

    The rule of FERPlus's authors: single votes are taken for mistakes and struck out first, then
    over half of what is left, "unknown" and "NF" included, must be for one expression.
    """
    kept = np.where(counts > 1, counts, 0)
    best = kept.argmax(axis=1)
    known = (2 * kept.max(axis=1) > kept.sum(axis=1)) & (best < len(EXPRESSIONS))
    return np.where(known, best, -1)


def _rows(path: Path, text: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and the fields of each row in the order of COLUMNS."""
    rows = csv_rows(path, text)
    _, header = next(rows, (1, []))
    if not header:
        raise InputError(f"{path} is empty; the FERPlus votes (fer2013new.csv) are needed")
    names = column_names(path, header, COLUMNS)
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        hint = ("; it is FER2013's own CSV, which comes first: ferplus:CSV,VOTES" if
                "pixels" in names else unfetched(header[0].encode()))
        raise InputError(f"{path} line 1 lacks the column {listing(missing)} of FERPlus votes; it "
                         f"has: {listing((name[:40] for name in header), 14)}{hint}")
    places = [names.index(name) for name in COLUMNS]
    for number, fields in rows:
        if len(fields) != len(header):
            raise InputError(f"{path} line {number}: {len(fields)} fields where the header has "
                             f"{len(header)}")
        yield number, [fields[place].strip() for place in places]


def _count(path: Path, line: int, column: str, value: str) -> int:
    if not VOTES.fullmatch(value):
        raise InputError(f"{path} line {line}: {column} '{value[:40]}' is no number of votes")
    return int(value.partition(".")[0])
