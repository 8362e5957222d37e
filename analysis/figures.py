"""Figures of the benchmark: tables in, Display objects out; no model, no statistics here.

Colours, markers and words are named once, here, for all figures. The colours are Okabe and Ito's,
told apart by the colour-blind; line styles and markers carry the same in grey.
"""

from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import pandas as pd
from matplotlib import pyplot as plt

from iram.errors import InputError
from iram.files import atomic_path

STYLE = str(files("analysis") / "paper.mplstyle")
MM = 1 / 25.4  # a millimetre in inches
DOUBLE_COLUMN = 180 * MM
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", "-.", ":")
OCCLUDER_TITLES = {
    "box": "random box", "sham": "sham (background)", "eyes": "eyes", "brows": "brows",
    "nose": "nose", "mouth": "mouth", "upper_half": "upper half", "lower_half": "lower half",
    "left_half": "left half", "right_half": "right half",
}  # fmt: skip


def look(models) -> dict[str, dict]:
    """Colour, marker and line of each model, in the order given."""
    return {
        model: {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)],
                "linestyle": LINES[i % len(LINES)]}
        for i, model in enumerate(models)
    }  # fmt: skip


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
    figure_: plt.Figure = field(default=None, repr=False)
    axes_: list = field(default=None, repr=False)

    def plot(self) -> "OcclusionCurves":
        table = self.summary[self.summary["metric"] == "accuracy"]
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


def save(figure: plt.Figure, path: Path, run: str) -> list[Path]:
    """Writes PATH.pdf and PATH.png, with the run they show in their metadata; closes the figure.

    No date is written, so that equal data gives equal files.
    """
    written = []
    for suffix, metadata in ((".pdf", {"Subject": run, "CreationDate": None, "Creator": "iram"}),
                             (".png", {"Description": run, "Software": "iram"})):  # fmt: skip
        target = path.with_suffix(suffix)
        with atomic_path(target) as temporary:
            figure.savefig(temporary, format=suffix[1:], metadata=metadata)
        written.append(target)
    plt.close(figure)
    return written
