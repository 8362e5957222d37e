"""Texts whose numbers are taken from a folder of results, so that nobody types a result.

A template is a text with calls in double braces (Jinja2's syntax). README.md and docs/findings.md
are made so; a paper in LaTeX can be as well:

    the mask costs {{ estimate("erasing/modules.csv", "value", ".1%", label="iram-erasing-noise",
                               kind="surgical_mask", metric="drop") }} points

Each call names a table, a column, how it is written, and which row it is:

- `estimate(...)`: the value and its 95% interval, "27.6 [25.7, 29.5]"
- `number(...)`: the value alone; of a column of words, the word
- `least(...)`, `greatest(...)`, `total(...)`: over all rows that are meant
- `count(TABLE, ...)`: how many rows are meant
- `value(...)`: unrounded, to reckon with
- `rows(TABLE, ...)`: all rows that are meant, each as {column: cell}, to go through
- `there(TABLE)`: whether the results hold it, for what is told only then
- `titles(NAMES)`: {name: title} of models or labels, as figures have them
- `cards()`: the card of each shipped net, as `analysis.report.cards` gives them
- `so(CONDITION, "what the text says")`: nothing, or an error where it is no longer so, for words
  that hang on a number

How it is written is Python's format, such as "+.3f" or ",.0f". "%" means in hundredths and leaves
the sign "%" to the text: ".1%" writes 0.276 as 27.6. Rows are chosen by column=value, or
column=[one, another]; `where=` takes a condition as `DataFrame.query` does. Rows that leave copies
out are meant only where faces="without copies" or the like is asked for.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError

from analysis.engine.faces import FACES, of_all_faces
from analysis.figures.make import Results
from analysis.figures.names import model_titles
from analysis.report.cards import cards
from iram.errors import InputError, one_line

SUFFIX = ".j2"


def rendered(template: Path, results: Path) -> str:
    """The text that a template gives on a folder of results.

    Raises:
        InputError: the template is missing or wrong, or what it asks for is not in the results:
            no such table or column, or not exactly one row where one is meant.
    """
    environment = Environment(loader=FileSystemLoader(template.parent), undefined=StrictUndefined,
                              keep_trailing_newline=True, trim_blocks=True, autoescape=False)
    environment.globals.update(calls(Results(results)))
    try:
        return environment.get_template(template.name).render()
    except (TemplateError, InputError, TypeError, ValueError) as error:
        raise InputError(f"{template}: {one_line(error) or type(error).__name__}") from error


def calls(results: Results) -> Mapping[str, object]:
    """What a template can call, on these results."""
    tables = Tables(results)
    told = ("estimate", "number", "value", "least", "greatest", "total", "count", "rows")
    return {"cards": cards, "so": so, "there": results.holds, "titles": model_titles,
            **{name: getattr(tables, name) for name in told}}


def so(holds: bool, said: str) -> str:
    """Nothing; raises InputError where the tables no longer bear what the text says."""
    if not holds:
        raise InputError(f"the tables do not say so: {said}")
    return ""


class Tables:
    """The numbers of a folder of results, one call each; see the module."""

    def __init__(self, results: Results):
        self._results = results

    def estimate(self, table: str, column: str, written: str, **rows) -> str:
        """A value and its interval: COLUMN_low and COLUMN_high, or low and high that follow it."""
        row = self._row(table, rows)
        follows = list(row.index)[row.index.get_indexer([column])[0] + 1 :][:2] == ["low", "high"]
        ends = ("low", "high") if follows else (f"{column}_low", f"{column}_high")
        value, low, high = (_written(_cell(row, name, table), written) for name in (column, *ends))
        return f"{value} [{low}, {high}]"

    def number(self, table: str, column: str, written: str = "", **rows) -> str:
        return _written(self.value(table, column, **rows), written)

    def value(self, table: str, column: str, **rows):
        return _cell(self._row(table, rows), column, table)

    def least(self, table: str, column: str, written: str, **rows) -> str:
        return _written(self._column(table, column, rows).min(), written)

    def greatest(self, table: str, column: str, written: str, **rows) -> str:
        return _written(self._column(table, column, rows).max(), written)

    def total(self, table: str, column: str, written: str, **rows) -> str:
        return _written(self._column(table, column, rows).sum(), written)

    def count(self, table: str, **rows) -> int:
        return len(self._rows(table, rows))

    def rows(self, table: str, **rows) -> list[dict]:
        return self._rows(table, rows).to_dict("records")

    def _rows(self, table: str, rows: Mapping) -> pd.DataFrame:
        if not self._results.holds(table):
            raise InputError(self._results.missing(table))
        found = self._results.read(table)
        if FACES not in rows:
            found = of_all_faces(found)
        for column, wanted in rows.items():
            if column == "where":
                found = found.query(wanted)
                continue
            if column not in found:
                raise InputError(f"{table} has no column {column}")
            found = found[found[column].isin(wanted if isinstance(wanted, list) else [wanted])]
        return found

    def _row(self, table: str, rows: Mapping) -> pd.Series:
        found = self._rows(table, rows)
        if len(found) != 1:
            raise InputError(f"{table} has {len(found)} rows of {_told(rows)}; one is meant")
        return found.iloc[0]

    def _column(self, table: str, column: str, rows: Mapping) -> pd.Series:
        found = self._rows(table, rows)
        if column not in found or found[column].dropna().empty:
            raise InputError(f"{table} has no {column} of {_told(rows)}")
        return found[column]


def _cell(row: pd.Series, column: str, table: str):
    if column not in row or pd.isna(row[column]):
        raise InputError(f"{table} has no {column} of {', '.join(map(str, row.iloc[:3]))}")
    return row[column]


def _told(rows: Mapping) -> str:
    return ", ".join(f"{column}={value}" for column, value in rows.items()) or "any kind"


def _written(value, written: str) -> str:
    if not isinstance(value, str) and written.endswith("%"):
        return format(100 * value, written[:-1] + "f")
    return format(value, written)
