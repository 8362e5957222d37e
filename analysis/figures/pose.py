"""Accuracy against the angle of the head, and how far heads are really turned."""

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from analysis.figures.display import Display, Panel, chosen, legend
from analysis.figures.names import ACCURACY, ANGLES, DATASETS, HIDDEN, OVER_FACES, title
from analysis.figures.style import (
    BAND,
    COLOURS,
    DOUBLE_COLUMN,
    LINES,
    MARKERS,
    MUTED,
    SINGLE_COLUMN,
    look,
)


@dataclass
class PoseCurves(Display):
    """Accuracy against yaw and pitch, a line per model; below, what the head hides of itself.

    Bands are 95% bootstrap intervals over images. The panels: accuracy against yaw and pitch, then
    the hidden share against both.

    Attributes:
        summary: the table `summary.csv` of a benchmark with poses.
    """

    summary: pd.DataFrame
    COLUMNS: ClassVar = {"summary": (
        "model", "condition", "occluder", "metric", "value", "low", "high", "yaw_deg", "pitch_deg",
        "self_occlusion_fraction",
    )}

    def size(self) -> tuple[float, float]:
        return DOUBLE_COLUMN, 82

    def draw(self, figure):
        plain = self.summary["occluder"] == "none"
        posed = self.summary["condition"].str.match(r"(yaw|pitch)[+-]\d+$")
        table = chosen(self.summary[plain & posed], "no pose in depth in this summary",
                       metric="accuracy")
        grid = figure.subplots(2, 2, sharex="col", sharey="row", height_ratios=[2, 1],
                               width_ratios=[3, 2])
        for column, (angle, label) in zip(grid.T, ANGLES.items(), strict=True):
            other = next(name for name in ANGLES if name != angle)
            own = table[table[other] == 0].sort_values(angle, kind="stable")
            self._column(column, own, angle)
            column[1].set_xlabel(label)
        grid[0, 0].set(ylabel=ACCURACY, ylim=(0, None))
        grid[1, 0].set(ylabel=HIDDEN.replace(" (", "\n("), ylim=(0, None))
        figure.align_ylabels(grid[:, 0])
        legend(figure, grid[0, 0], f"bands: {OVER_FACES}")
        return list(grid.flat)

    def _column(self, panels, table: pd.DataFrame, angle: str) -> None:
        for model, style in look(table["model"]).items():
            own = table[table["model"] == model]
            panels[0].fill_between(own[angle], 100 * own["low"], 100 * own["high"],
                                   color=style["color"], **BAND)
            panels[0].plot(own[angle], 100 * own["value"], **style)
        first = table[table["model"] == table["model"].iloc[0]]
        hidden = 100 * first["self_occlusion_fraction"]
        panels[1].fill_between(first[angle], 0, hidden, color=MUTED, **BAND)
        panels[1].plot(first[angle], hidden, color=MUTED, marker="o")
        panels[1].set_xticks(first[angle])


@dataclass
class MeasuredYaw(Panel):
    """The yaw that FaceMesh measures of turned faces against the one asked for, with 95% intervals
    over faces; both are from the same face at 0.

    Attributes:
        photographs, heads: the tables of `iram landmarks --yaw` of two data sets.
    """

    photographs: pd.DataFrame
    heads: pd.DataFrame
    COLUMNS: ClassVar = dict.fromkeys(
        ("photographs", "heads"),
        ("dataset", "requested_yaw_deg", "measured_yaw_deg", "low", "high"),
    )

    def size(self) -> tuple[float, float]:
        return SINGLE_COLUMN, 70

    def draw_on(self, ax) -> None:
        for place, table in enumerate((self.photographs, self.heads)):
            x, y = table["requested_yaw_deg"], table["measured_yaw_deg"]
            ax.errorbar(
                x, y, yerr=[y - table["low"], table["high"] - y], color=COLOURS[place], capsize=2,
                marker=MARKERS[place], linestyle=LINES[place],
                label=title(table["dataset"].iloc[0], DATASETS),
            )
        ends = (x.min(), x.max())
        ax.plot(ends, ends, color=MUTED, linewidth=0.8, linestyle=":", label="as asked for")
        ax.set(xlabel="yaw asked for (degrees)", ylabel="yaw measured (degrees)", xticks=x)
        ax.legend(title=f"bars: {OVER_FACES}")
