"""What real occlusion costs, beside what painted occluders cost."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.figures.style import COLOURS, DOUBLE_COLUMN, MM, OCCLUDER_TITLES, STYLE, plt
from analysis.tables.synthetic import nearest
from iram.errors import InputError

TYPE_TITLES = {"upper": "upper face", "lower": "lower face", "side": "side", "glasses": "glasses"}
LABEL_TITLES = {"own": "the data set's labels", "ferplus": "the labels of FERPlus's majority",
                "agreed": "faces on whose label FER2013 and FERPlus agree"}  # fmt: skip
REAL, PAINTED = "#000000", COLOURS[1]
COLUMNS = 3


@dataclass
class RealForest:
    """Drop of accuracy by type of occlusion: a panel per model, real black, painted coloured.

    Both are against the faces in no list, class by class; bars are 95% bootstrap intervals over
    faces. Of each occluder the fraction nearest to `fraction` is shown, with what it reached.

    Attributes:
        table: of `analysis.tables.synthetic.synthetic_against_real`.
        labels: which of its sets of labels is drawn.
        figure_, axes_: after `plot`.
    """

    table: pd.DataFrame
    labels: str = "own"
    fraction: float = 0.3
    figure_: Figure = field(default=None, repr=False)
    axes_: list = field(default=None, repr=False)

    def plot(self) -> "RealForest":
        table = self.table[self.table["labels"] == self.labels]
        if table.empty:
            raise InputError(f"no painted occluder beside a real one by the labels '{self.labels}'")
        models = list(dict.fromkeys(table["model"]))
        lines = self._lines(table[table["model"] == models[0]])
        columns = min(COLUMNS, len(models))
        rows = -(-len(models) // columns)
        with plt.style.context(STYLE):
            self.figure_, axes = plt.subplots(
                rows, columns, sharex=True, sharey=True, squeeze=False, layout="constrained",
                figsize=(DOUBLE_COLUMN, ((4.2 * len(lines) + 12) * rows + 12) * MM),
            )  # fmt: skip
            self.axes_ = list(axes.flat)
            for axis, model in zip(self.axes_, models, strict=False):
                self._panel(axis, self._lines(table[table["model"] == model]))
                axis.set_title(model)
            for axis in self.axes_[len(models) :]:
                axis.set_axis_off()
            self._dress(lines)
        return self

    def _lines(self, table: pd.DataFrame) -> list[tuple]:
        """(label, drop, low, high, colour), a line each from the top; None between two types."""
        lines = []
        for kind, rows in table.groupby("type", sort=False):
            first = rows.iloc[0]
            real = (f"{TYPE_TITLES[kind]}, real ({first.n} faces)", first.real_drop,
                    first.real_low, first.real_high, REAL)  # fmt: skip
            lines += [real] if not lines else [None, real]
            for row in nearest(rows, self.fraction).itertuples():
                title = OCCLUDER_TITLES.get(row.occluder, row.occluder.replace("_", " "))
                lines.append((f"{title}, {row.occlusion_fraction:.0%}", row.synthetic_drop,
                              row.synthetic_low, row.synthetic_high, PAINTED))  # fmt: skip
        return lines

    def _panel(self, axis, lines: list[tuple]) -> None:
        axis.axvline(0, color="0.4", linewidth=0.8)
        for place, line in enumerate(lines):
            if line is None:
                continue
            _, drop, low, high, colour = line
            marker = "o" if colour == REAL else "s"
            axis.plot(100 * np.array([low, high]), [place, place], color=colour, linewidth=1.4)
            axis.plot(100 * drop, place, marker, color=colour, markersize=4)

    def _dress(self, lines: list[tuple]) -> None:
        axis = self.axes_[0]
        named = [(place, line[0]) for place, line in enumerate(lines) if line is not None]
        axis.set_yticks(*zip(*named, strict=True))
        axis.set_ylim(len(lines) - 0.4, -0.6)
        for other in self.axes_:
            other.grid(axis="y", visible=False)
        self.figure_.supxlabel("drop of accuracy (points) from faces in no list, same expressions",
                               fontsize=8)  # fmt: skip
        handles = [plt.Line2D([], [], color=REAL, marker="o", label="real"),
                   plt.Line2D([], [], color=PAINTED, marker="s",
                              label="painted (with the share of the face)")]  # fmt: skip
        self.figure_.legend(handles=handles, loc="outside upper center", ncols=2,
                            title=f"{LABEL_TITLES[self.labels]}; bars: 95% over faces")  # fmt: skip
