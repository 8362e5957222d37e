"""How alike attribution methods are, beside chance, as a clustered matrix."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.figures.style import DOUBLE_COLUMN, MM, STYLE, plt
from iram.errors import InputError

COLOURS = "PuOr_r"
TITLES = {
    "spearman": "Spearman's correlation", "pearson": "Pearson's correlation",
    "top_k_iou": "overlap of the top tenth (IoU)", "ssim": "structural similarity",
}  # fmt: skip


@dataclass
class AgreementMatrix:
    """Every two methods of a model: above the diagonal the mean over faces, below it what of that
    is beyond chance (maps of different faces).

    Methods that are alike stand together (average linkage on the upper values). Bold below: the
    95% interval over faces excludes 0. Both halves have one scale, -1 to 1.

    Attributes:
        agreement: the table `agreement.csv` of the attribution suite.
        model: which of its models.
        metric, resolution: which of its measures.
        figure_, axis_: after `plot`.
    """

    agreement: pd.DataFrame
    model: str
    metric: str = "spearman"
    resolution: str = "common"
    figure_: Figure = field(default=None, repr=False)
    axis_: object = field(default=None, repr=False)

    def plot(self) -> "AgreementMatrix":
        table = self.agreement
        own = table[(table["model"] == self.model) & (table["metric"] == self.metric)
                    & (table["resolution"] == self.resolution)]  # fmt: skip
        if own.empty:
            raise InputError(f"no {self.metric} at resolution '{self.resolution}' of model "
                             f"'{self.model}' in this table")  # fmt: skip
        names = clustered(own)
        count = len(names)
        side = min(DOUBLE_COLUMN, (50 + 7 * count) * MM)
        with plt.style.context(STYLE):
            self.figure_, self.axis_ = plt.subplots(
                figsize=(side, side * 0.92 + 8 * MM), layout="constrained"
            )
            image = self._cells(own, names)
            titles = [name.replace("_", " ") for name in names]
            self.axis_.set_xticks(range(count), titles, rotation=45, ha="left",
                                  rotation_mode="anchor")  # fmt: skip
            self.axis_.set_yticks(range(count), titles)
            self.axis_.xaxis.tick_top()
            self.axis_.tick_params(length=0)
            self.axis_.grid(visible=False)
            self.axis_.spines[:].set_visible(False)
            bar = self.figure_.colorbar(image, ax=self.axis_, location="bottom", fraction=0.03,
                                        aspect=50, pad=0.02, ticks=[-1, -0.5, 0, 0.5, 1]
                                        )  # fmt: skip
            bar.set_label(f"{self.model}: {TITLES.get(self.metric, self.metric)} of maps of one "
                          "face\nabove the diagonal; below it, less that of different faces "
                          "(bold: interval excludes 0)")  # fmt: skip
            bar.outline.set_visible(False)
        return self

    def _cells(self, own: pd.DataFrame, names: list[str]):
        value = symmetric(own, "value", names)
        beyond, low, high = (symmetric(own, c, names)
                             for c in ("beyond", "beyond_low", "beyond_high"))  # fmt: skip
        shown = np.where(np.tri(len(names), k=-1, dtype=bool), beyond, value)
        np.fill_diagonal(shown, np.nan)
        image = self.axis_.imshow(shown, cmap=COLOURS, vmin=-1, vmax=1)
        size = 6.5 if len(names) <= 12 else 4.6
        for row, column in zip(*np.nonzero(np.isfinite(shown)), strict=True):
            certain = row > column and (low[row, column] > 0 or high[row, column] < 0)
            dark = abs(shown[row, column]) > 0.62
            self.axis_.text(column, row, _short(shown[row, column]), ha="center", va="center",
                            fontsize=size, fontweight="bold" if certain else "normal",
                            color="white" if dark else "black")  # fmt: skip
        return image


def symmetric(own: pd.DataFrame, column: str, names: list[str]) -> np.ndarray:
    """(M, M) of a column over pairs of methods, NaN on the diagonal and where there is no pair."""
    half = own.pivot(index="method", columns="other", values=column).reindex(names, columns=names)
    values = half.to_numpy(dtype=float)
    return np.where(np.isnan(values), values.T, values)


def clustered(own: pd.DataFrame) -> list[str]:
    """The methods, those of like maps beside each other; undefined pairs count as unlike."""
    from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
    from scipy.spatial.distance import squareform

    names = list(dict.fromkeys([*own["method"], *own["other"]]))
    if len(names) < 3:
        return names
    distance = 1 - np.nan_to_num(symmetric(own, "value", names))
    np.fill_diagonal(distance, 0)
    condensed = squareform(distance.clip(0), checks=False)
    tree = optimal_leaf_ordering(linkage(condensed, "average"), condensed)
    return [names[i] for i in leaves_list(tree)]


def _short(value: float) -> str:
    """Two decimals without the zero before the point, and a true minus."""
    text = f"{value:.2f}".replace("0.", ".", 1) if abs(value) < 0.995 else f"{value:.1f}"
    return "0" if text in ("-.00", ".00") else text.replace("-", "−")
