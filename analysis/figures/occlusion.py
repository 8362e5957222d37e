"""Accuracy under occlusion."""

from dataclasses import dataclass, field

import pandas as pd
from matplotlib.figure import Figure

from analysis.figures.style import DOUBLE_COLUMN, MM, OCCLUDER_TITLES, STYLE, look, plt
from iram.errors import InputError


@dataclass
class OcclusionCurves:
    """Accuracy against the occluded fraction: a panel per occluder, a line per model.

    The point at 0 is the clean pass. Bands are 95% bootstrap intervals over images.

    Attributes:
        summary: the table `summary.csv` of a benchmark.
        fill: what the occluders are painted with.
        figure_, axes_: after `plot`.
    """

    summary: pd.DataFrame
    fill: str = "mean"
    figure_: Figure = field(default=None, repr=False)
    axes_: list = field(default=None, repr=False)

    def plot(self) -> "OcclusionCurves":
        flat = ~self.summary["condition"].str.contains("yaw|pitch")  # heads turned are elsewhere
        table = self.summary[flat & (self.summary["metric"] == "accuracy")]
        table = table[table["fraction"].notna()]  # natural sizes are of no curve
        covered = table[table["fill"] == self.fill]
        occluders = [name for name in OCCLUDER_TITLES if name in set(covered["occluder"])]
        if not occluders:
            raise InputError(f"no occluder with the fill '{self.fill}' in this summary")
        columns = min(5, len(occluders))
        rows = -(-len(occluders) // columns)
        with plt.style.context(STYLE):
            self.figure_, axes = plt.subplots(
                rows, columns, figsize=(DOUBLE_COLUMN, 42 * MM * rows + 8 * MM),
                sharex=True, sharey=True, squeeze=False, layout="constrained",
            )  # fmt: skip
            self.axes_ = list(axes.flat)
            for axis, occluder in zip(self.axes_, occluders, strict=False):
                self._panel(axis, table, covered[covered["occluder"] == occluder])
                axis.set_title(OCCLUDER_TITLES[occluder])
            for axis in self.axes_[len(occluders) :]:
                axis.set_axis_off()
            self._dress(axes, rows, columns)
        return self

    def _panel(self, axis, table: pd.DataFrame, covered: pd.DataFrame) -> None:
        styles = look(dict.fromkeys(table["model"]))
        for model, style in styles.items():
            clean = table[(table["model"] == model) & (table["condition"] == "clean")]
            own = covered[covered["model"] == model].sort_values("fraction")
            line = pd.concat([clean, own])
            x = 100 * line["fraction"]
            axis.fill_between(x, 100 * line["low"], 100 * line["high"], color=style["color"],
                              alpha=0.18, linewidth=0)  # fmt: skip
            axis.plot(x, 100 * line["value"], label=model, **style)

    def _dress(self, axes, rows: int, columns: int) -> None:
        self.axes_[0].set_ylim(bottom=0)
        self.figure_.supxlabel("occluded share of the face area (%)", fontsize=8)
        self.figure_.supylabel("accuracy (%)", fontsize=8)
        handles, names = self.axes_[0].get_legend_handles_labels()
        self.figure_.legend(handles, names, loc="outside upper center", ncols=len(names),
                            title=f"fill: {self.fill}; bands: 95% over images")  # fmt: skip
