"""Printed tables: as LaTeX for the package booktabs, and the same numbers as CSV."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import NamedTuple

ESCAPED = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "−": "$-$", "×": r"$\times$", "–": "--",
    "“": "``", "”": "''", "’": "'", "±": r"$\pm$",
}


class Number(NamedTuple):
    """A number as it is printed, with its interval where it has one."""

    value: float
    low: float = float("nan")
    high: float = float("nan")
    decimals: int = 1

    def texts(self) -> tuple[str, str, str]:
        """Value, low and high; "" where there is none."""
        shown = (round(one, self.decimals) + 0.0 for one in (self.value, self.low, self.high))
        return tuple("" if isnan(one) else f"{one:.{self.decimals}f}" for one in shown)


@dataclass(frozen=True)
class PrintedTable:
    """Attributes:
    header: a title per column.
    rows: of words and numbers, each as long as the header.
    note: what is to be known, in one line.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str | Number]]
    note: str

    def latex(self, run: str = "") -> str:
        r"""A `tabular`, to be put in a float of its own; needs \usepackage{booktabs} alone."""
        numbers = self._numeric()
        columns = "".join("r" if number else "l" for number in numbers)
        lines = [f"% {' '.join(text.split())}" for text in (self.note, run) if text]
        lines += [rf"\begin{{tabular}}{{@{{}}{columns}@{{}}}}", r"\toprule",
                  _line(map(escaped, self.header)), r"\midrule"]
        lines += [_line(map(_cell, row)) for row in self.rows]
        return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])

    def csv(self) -> str:
        """The same numbers to the same decimals, low and high in columns of their own."""
        wide = [number and any(isinstance(row[i], Number) and not isnan(row[i].low)
                               for row in self.rows)
                for i, number in enumerate(self._numeric())]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([one for name, three in zip(self.header, wide, strict=True)
                         for one in ([name, f"{name} low", f"{name} high"] if three else [name])]
                        )
        for row in self.rows:
            writer.writerow([one for cell, three in zip(row, wide, strict=True)
                             for one in _parts(cell)[: 3 if three else 1]])
        return text.getvalue()

    def _numeric(self) -> list[bool]:
        return [any(isinstance(row[i], Number) for row in self.rows)
                for i in range(len(self.header))]


def escaped(text: str) -> str:
    """The text as LaTeX shows it."""
    return "".join(ESCAPED.get(letter, letter) for letter in str(text))


def _parts(cell: str | Number) -> tuple[str, str, str]:
    return cell.texts() if isinstance(cell, Number) else (cell, "", "")


def _cell(cell: str | Number) -> str:
    if not isinstance(cell, Number):
        return escaped(cell)
    value, low, high = (text and f"${text}$" for text in cell.texts())
    return f"{value} [{low}, {high}]" if low else value or "--"


def _line(cells) -> str:
    return " & ".join(cells) + r" \\"
