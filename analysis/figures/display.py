"""What every figure is: an object made of tables, whose `plot()` draws it."""

import io
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from analysis.engine.faces import of_all_faces
from analysis.engine.marks import MARK, reasons, unmarked
from analysis.figures import style
from analysis.figures.names import OVER_FACES, asked_against
from iram.errors import InputError, listing

LETTERS = 115  # that a legend's row can hold in a double column
STRIPE = "0.965"  # of every other row of a forest


class Display(ABC):
    """A figure of one or more panels.

    A subclass is a dataclass of tables and choices, and computes nothing but places and units. It
    defines `size()`, the (width, height) on paper in mm of the figure that it fills alone, and
    `draw(figure)`, which draws into an empty Figure or SubFigure and gives the panels. Of tables
    that also leave copies out (`analysis.engine.faces`) it has the rows of all faces.

    Attributes:
        figure_: the Figure or SubFigure that was drawn into.
        axes_: its panels. Both after `plot`.
        ax_: the first of these.
    """

    COLUMNS: ClassVar[dict[str, Sequence[str]]] = {}  # attribute that is a table -> its columns

    def __post_init__(self):
        for name in self.COLUMNS:
            if isinstance(table := getattr(self, name), pd.DataFrame):
                setattr(self, name, of_all_faces(table))

    def plot(self, ax: Axes | Figure | SubFigure | None = None) -> Self:
        """Draws, and returns itself.

        Args:
            ax: where to draw: an empty figure or subfigure, or axes of one, whose place is then
                divided among the panels. None makes a new figure in the style that is in use.

        Raises:
            InputError: a table lacks a column, or has nothing to draw.
        """
        self._check()
        with style.context():
            if ax is None:
                ax = style.new_figure(*self.size())
            self.figure_ = self.place(ax)
            marks = self._leave_out()
            self.axes_ = list(self.draw(self.figure_))
            self._tell_against()
            for own in self.figure_.legends if marks else ():
                told = f"marked, nothing is to be read from their robustness: {listing(marks, 4)}"
                own.set_title(f"{own.get_title().get_text()}\n{told}")
        return self

    def _tell_against(self) -> None:
        """Says above the panels what predictions were asked against, if a table says so."""
        tables = (getattr(self, name) for name in self.COLUMNS)
        asked = {one for table in tables if isinstance(table, pd.DataFrame) and "against" in table
                 for one in table["against"].dropna().unique()}
        if asked:
            told = f"explained: {'; '.join(map(asked_against, sorted(asked)))}"
            for own in self.figure_.legends:
                own.set_title("\n".join(filter(None, (own.get_title().get_text(), told))))
            if not self.figure_.legends:
                self.figure_.suptitle(told, fontsize=style.points(8))

    def _leave_out(self) -> list[str]:
        """Takes models that are marked out of the tables, unless none would be left; returns their
        names."""
        found: list[str] = []
        for name in self.COLUMNS:
            table = getattr(self, name)
            if isinstance(table, pd.DataFrame) and MARK in table:
                found += reasons(table, "label" if "label" in table else "model")
                if len(rest := unmarked(table)):
                    setattr(self, name, rest)
        return list(dict.fromkeys(found))

    def place(self, ax: Axes | Figure | SubFigure) -> Figure | SubFigure:
        if not isinstance(ax, Axes):
            return ax
        figure = ax.figure.add_subfigure(ax.get_subplotspec())
        ax.remove()
        return figure

    @property
    def ax_(self) -> Axes:
        return self.axes_[0]

    @abstractmethod
    def size(self) -> tuple[float, float]:
        """(width, height) on paper in mm."""

    @abstractmethod
    def draw(self, figure: Figure | SubFigure) -> Sequence[Axes]:
        """Draws into an empty figure; the panels."""

    def _check(self) -> None:
        for name, wanted in self.COLUMNS.items():
            table = getattr(self, name)
            if not isinstance(table, pd.DataFrame):
                continue  # one that it can do without
            lacking = [column for column in wanted if column not in table]
            if lacking:
                raise InputError(f"the table '{name}' lacks the columns {listing(lacking)}")

    def _repr_png_(self) -> bytes:
        """How a notebook shows it."""
        if not hasattr(self, "figure_"):
            self.plot()
        picture = io.BytesIO()
        with style.context():
            self.figure_.savefig(picture, format="png", dpi="figure")
        return picture.getvalue()


class Panel(Display):
    """A figure of one panel; `draw_on(ax)` draws it."""

    def draw(self, figure: Figure | SubFigure) -> Sequence[Axes]:
        ax = figure.axes[0] if figure.axes else figure.subplots()
        self.draw_on(ax)
        return [ax]

    def plot(self, ax: Axes | Figure | SubFigure | None = None) -> Self:
        """As of `Display`, but axes are drawn on as they are, whatever they hold."""
        if not isinstance(ax, Axes):
            return super().plot(ax)
        self._check()
        with style.context():
            self.figure_, self.axes_ = ax.figure, [ax]
            self.draw_on(ax)
        return self

    @abstractmethod
    def draw_on(self, ax: Axes) -> None:
        """Draws on the axes, whatever they hold."""


def legend(figure: Figure | SubFigure, ax: Axes, note: str = OVER_FACES, where: str = "upper"):
    """One legend for all panels, above (or, "lower", below) them; the note says what the bands or
    bars are."""
    handles, labels = ax.get_legend_handles_labels()
    return figure.legend(handles, labels, loc=f"outside {where} center", title=note,
                         ncols=legend_columns(labels))


def legend_columns(labels: Sequence[str]) -> int:
    """As many columns as a double column holds, or fewer that need no more rows."""
    widths = [8 + len(label) for label in labels]  # with the marker and the gap
    fitting = [n for n in range(1, len(widths) + 1)
               if sum(map(max, np.array_split(widths, n))) <= LETTERS]
    rows = -(-len(widths) // max(fitting, default=1))
    return -(-len(widths) // rows) if rows else 1


def shared_panels(figure: Figure | SubFigure, count: int, columns: int) -> list[Axes]:
    """That many panels with the same axes, in rows of at most `columns`. A panel with none below
    it has its x axis lettered, as those of the last row."""
    columns = min(columns, count)
    grid = figure.subplots(-(-count // columns), columns, sharex=True, sharey=True, squeeze=False)
    panels = list(grid.flat)
    for ax in panels[count:]:
        ax.remove()
    for ax in panels[count - columns : count]:
        ax.tick_params(labelbottom=True)
    return panels[:count]


def stripes(ax: Axes, rows: int) -> None:
    """A light band behind every other row of a forest: which points belong to which label."""
    for place in range(0, rows, 2):
        ax.axhspan(place - 0.5, place + 0.5, color=STRIPE, linewidth=0, zorder=0)
    ax.grid(axis="y", visible=False)


def places(values: Iterable, rows: Sequence) -> np.ndarray:
    """Where each value stands among the rows of a figure, counted from 0."""
    return np.array([rows.index(value) for value in values], float)


def chosen(table: pd.DataFrame, problem: str, **values) -> pd.DataFrame:
    """The rows with these values.

    Raises:
        InputError: there are none; with `problem` as the message.
    """
    for column, value in values.items():
        table = table[table[column] == value]
    if table.empty:
        raise InputError(problem)
    return table
