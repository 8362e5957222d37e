"""How alike attribution methods are, beside chance, as a clustered matrix."""

from dataclasses import dataclass
from textwrap import fill
from typing import ClassVar

import numpy as np
import pandas as pd

from analysis.figures.display import Display, chosen
from analysis.figures.importance import readable_on
from analysis.figures.names import METHODS, SIMILARITIES, model_titles, title
from analysis.figures.style import DOUBLE_COLUMN, SIGNED, points

MOST_LETTERED = 25  # methods whose numbers fit their cells at 6 points


@dataclass
class AgreementMatrix(Display):
    """Every two methods of a model: above the diagonal the mean over faces, below it what of that
    is beyond chance (maps of different faces).

    Methods that are alike stand together (average linkage on the upper values). Bold below: the
    95% interval over faces excludes 0. Both halves have one scale, -1 to 1.

    Attributes:
        agreement: the table `agreement.csv` of the attribution suite.
        model: which of its models.
        metric, resolution: which of its measures.
    """

    agreement: pd.DataFrame
    model: str
    metric: str = "spearman"
    resolution: str = "common"
    COLUMNS: ClassVar = {"agreement": (
        "model", "method", "other", "metric", "resolution", "value", "beyond", "beyond_low",
        "beyond_high",
    )}

    def _own(self) -> pd.DataFrame:
        return chosen(self.agreement, f"no {self.metric} at resolution '{self.resolution}' of "
                      f"model '{self.model}' in this table", model=self.model, metric=self.metric,
                      resolution=self.resolution)

    def size(self) -> tuple[float, float]:
        own = self._own()
        side = min(DOUBLE_COLUMN, 50 + 7 * len(set(own["method"]) | set(own["other"])))
        return side, side * 0.92 + 6

    def draw(self, figure):
        own = self._own()
        names = clustered(own)
        ax = figure.subplots()
        image = self._cells(ax, own, names)
        titles = [title(name, METHODS) for name in names]
        ax.set_xticks(range(len(names)), titles, rotation=45, ha="left", rotation_mode="anchor")
        ax.set_yticks(range(len(names)), titles)
        ax.xaxis.tick_top()
        ax.tick_params(length=0)
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
        bar = figure.colorbar(image, ax=ax, location="bottom", fraction=0.03, aspect=50, pad=0.02,
                              ticks=[-1, -0.5, 0, 0.5, 1])
        of = model_titles(self.agreement["model"])[self.model]
        told = (
            f"{of}: {title(self.metric, SIMILARITIES)} of maps of one face above the diagonal; "
            "below it, less that of different faces (bold: 95% interval over faces excludes 0)"
        )
        bar.set_label(fill(told, round(self.size()[0] / 1.9)))
        bar.outline.set_visible(False)
        return [ax]

    def _cells(self, ax, own: pd.DataFrame, names: list[str]):
        value, beyond, low, high = (symmetric(own, column, names) for column in
                                    ("value", "beyond", "beyond_low", "beyond_high"))
        shown = np.where(np.tri(len(names), k=-1, dtype=bool), beyond, value)
        np.fill_diagonal(shown, np.nan)
        image = ax.imshow(shown, cmap=SIGNED, vmin=-1, vmax=1)
        size = points(7 if len(names) <= 16 else min(6, MOST_LETTERED * 6 / len(names)))
        for row, column in zip(*np.nonzero(np.isfinite(shown)), strict=True):
            certain = row > column and (low[row, column] > 0 or high[row, column] < 0)
            ax.text(column, row, _short(shown[row, column]), ha="center", va="center",
                    fontsize=size, fontweight="bold" if certain else "normal",
                    color=readable_on(image.cmap(image.norm(shown[row, column]))))
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
    value = symmetric(own, "value", names)
    less = "better" in own and own["better"].iloc[0] == "lower"  # itself a distance
    distance = np.nan_to_num(value, nan=np.nanmax(value)) if less else 1 - np.nan_to_num(value)
    np.fill_diagonal(distance, 0)
    condensed = squareform(distance.clip(0), checks=False)
    tree = optimal_leaf_ordering(linkage(condensed, "average"), condensed)
    return [names[i] for i in leaves_list(tree)]


def _short(value: float) -> str:
    """Two decimals without the zero before the point, and a true minus."""
    text = f"{value:.2f}".replace("0.", ".", 1) if abs(value) < 0.995 else f"{value:.1f}"
    return "0" if text in ("-.00", ".00") else text.replace("-", "−")
