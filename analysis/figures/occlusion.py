"""Accuracy under occlusion."""

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from analysis.figures.display import Display, chosen, legend, places, shared_panels, stripes
from analysis.figures.names import ACCURACY, DROP, FILLS, FRACTION, OCCLUDERS, OVER_FACES, title
from analysis.figures.style import BAND, DOUBLE_COLUMN, MUTED, dots, look

COLUMNS = 5


def fills(summary: pd.DataFrame) -> list[str]:
    """The fills with which occluders are measured at a fraction of the face."""
    upright = summary["yaw_deg"] == 0
    return list(dict.fromkeys(summary.loc[upright & (summary["fraction"] > 0), "fill"]))


@dataclass
class OcclusionCurves(Display):
    """Accuracy against the occluded fraction: a panel per occluder, a line per model.

    The point at 0 is the clean pass. Bands are 95% bootstrap intervals over images.

    Attributes:
        summary: the table `summary.csv` of a benchmark.
        fill: what the occluders are painted with.
        occluders: which of them, in this order; () is all.
    """

    summary: pd.DataFrame
    fill: str = "mean"
    occluders: tuple[str, ...] = ()
    COLUMNS: ClassVar = {"summary": ("model", "condition", "occluder", "fill", "fraction",
                                     "metric", "value", "low", "high")}

    def size(self) -> tuple[float, float]:
        return DOUBLE_COLUMN, 36 * -(-len(self._shown()) // COLUMNS) + 18

    def draw(self, figure):
        names, table = self._shown(), self._table()
        panels = shared_panels(figure, len(names), COLUMNS)
        for ax, occluder in zip(panels, names, strict=True):
            self._panel(ax, table, occluder)
            ax.set_title(title(occluder, OCCLUDERS))
        panels[0].set_ylim(bottom=0)
        figure.supxlabel(FRACTION)
        figure.supylabel(ACCURACY)
        legend(figure, panels[0], f"fill: {title(self.fill, FILLS)}; bands: {OVER_FACES}")
        return panels

    def _table(self) -> pd.DataFrame:
        flat = ~self.summary["condition"].str.contains("yaw|pitch")  # heads turned are elsewhere
        table = self.summary[flat & (self.summary["metric"] == "accuracy")]
        return table[table["fraction"].notna()]  # natural sizes are of no curve

    def _shown(self) -> list[str]:
        table = chosen(self._table(), f"no occluder with the fill '{self.fill}' in this summary",
                       fill=self.fill)
        known = dict.fromkeys([*OCCLUDERS, *table["occluder"]])
        return [name for name in self.occluders or known if name in set(table["occluder"])]

    def _panel(self, ax, table: pd.DataFrame, occluder: str) -> None:
        covered = table[(table["occluder"] == occluder) & (table["fill"] == self.fill)]
        for model, style in look(table["model"]).items():
            clean = table[(table["model"] == model) & (table["condition"] == "clean")]
            own = covered[covered["model"] == model].sort_values("fraction")
            line = pd.concat([clean, own])
            x = 100 * line["fraction"]
            ax.fill_between(x, 100 * line["low"], 100 * line["high"], color=style["color"], **BAND)
            ax.plot(x, 100 * line["value"], **style)


@dataclass
class OccluderForest(Display):
    """What each occluder costs, over its fractions and fills: a row per occluder, a point per model
    with its 95% interval over faces; at the right, if there are such, beyond random boxes of the
    same areas and fills.

    Attributes:
        occluders: the table `occluders.csv` of a benchmark.
    """

    occluders: pd.DataFrame
    COLUMNS: ClassVar = {"occluders": ("model", "occluder", "metric", "value", "low", "high")}
    PANELS: ClassVar = {"drop": DROP, "drop_beyond_box": "beyond the random box (points)"}

    def _rows(self) -> list[str]:
        table = chosen(self.occluders, "no drop of accuracy in this table", metric="drop")
        first = table[table["model"] == table["model"].iloc[0]]
        return list(first.sort_values("value", kind="stable")["occluder"])

    def size(self) -> tuple[float, float]:
        return DOUBLE_COLUMN, 4.6 * len(self._rows()) + 26

    def draw(self, figure):
        rows, styles = self._rows(), look(self.occluders["model"])
        shown = [name for name in self.PANELS if name in set(self.occluders["metric"])]
        panels = list(figure.subplots(1, len(shown), sharey=True, squeeze=False,
                                      width_ratios=[1.2, 1][: len(shown)]).flat)
        for ax, metric in zip(panels, shown, strict=True):
            stripes(ax, len(rows))
            ax.axvline(0, color=MUTED, linewidth=0.8)
            for (model, style), shift in zip(styles.items(), offsets(len(styles)), strict=True):
                own = self.occluders[(self.occluders["metric"] == metric)
                                     & (self.occluders["model"] == model)]
                y = places(own["occluder"], rows) + shift
                ax.hlines(y, 100 * own["low"], 100 * own["high"], color=style["color"])
                ax.plot(100 * own["value"], y, **dots(style))
            ax.set_xlabel(self.PANELS[metric])
        panels[0].set_yticks(range(len(rows)), [title(name, OCCLUDERS) for name in rows])
        panels[0].set_ylim(-0.6, len(rows) - 0.4)
        legend(figure, panels[0], f"mean over fractions and fills; bars: {OVER_FACES}")
        return panels


def offsets(count: int, height: float = 0.66) -> list[float]:
    """How far from the middle of its row each of several points stands, the first highest."""
    step = height / max(count, 1)
    return [height / 2 - step * (number + 0.5) for number in range(count)]
