"""Accuracy against the angle of the head."""

from dataclasses import dataclass, field

import pandas as pd
from matplotlib.figure import Figure

from analysis.figures.style import DOUBLE_COLUMN, MM, STYLE, look, plt
from iram.errors import InputError

AXES = {"yaw_deg": "yaw (degrees, to the picture's right)", "pitch_deg": "pitch (degrees, up)"}


@dataclass
class PoseCurves:
    """Accuracy against yaw and pitch, a line per model; below, what the head hides of itself.

    Bands are 95% bootstrap intervals over images.

    Attributes:
        summary: the table `summary.csv` of a benchmark with poses.
        figure_, axes_: after `plot`; axes_ is (2, 2), accuracy above, hidden share below.
    """

    summary: pd.DataFrame
    figure_: Figure = field(default=None, repr=False)
    axes_: list = field(default=None, repr=False)

    def plot(self) -> "PoseCurves":
        plain = self.summary["occluder"] == "none"
        posed = self.summary["condition"].str.match(r"(yaw|pitch)[+-]\d+$")
        table = self.summary[plain & posed & (self.summary["metric"] == "accuracy")]
        if table.empty:
            raise InputError("no pose in depth in this summary")
        with plt.style.context(STYLE):
            self.figure_, self.axes_ = plt.subplots(
                2, 2, figsize=(DOUBLE_COLUMN, 82 * MM), sharex="col", sharey="row",
                height_ratios=[2, 1], width_ratios=[3, 2], layout="constrained",
            )  # fmt: skip
            for column, (angle, label) in zip(self.axes_.T, AXES.items(), strict=True):
                other = next(name for name in AXES if name != angle)
                self._column(
                    column, table[table[other] == 0].sort_values(angle, kind="stable"), angle
                )
                column[1].set_xlabel(label)
            self.axes_[0, 0].set(ylabel="accuracy (%)", ylim=(0, None))
            self.axes_[1, 0].set(ylabel="hidden (% of face)", ylim=(0, None))
            handles, names = self.axes_[0, 0].get_legend_handles_labels()
            self.figure_.legend(handles, names, loc="outside upper center", ncols=len(names),
                                title="bands: 95% over images")  # fmt: skip
        return self

    def _column(self, axes, table: pd.DataFrame, angle: str) -> None:
        for model, style in look(dict.fromkeys(table["model"])).items():
            own = table[table["model"] == model]
            axes[0].fill_between(own[angle], 100 * own["low"], 100 * own["high"],
                                 color=style["color"], alpha=0.18, linewidth=0)  # fmt: skip
            axes[0].plot(own[angle], 100 * own["value"], label=model, **style)
        first = table[table["model"] == table["model"].iloc[0]]
        axes[1].plot(first[angle], 100 * first["self_occlusion_fraction"], color="0.3", marker="o")
        axes[1].set_xticks(first[angle])
