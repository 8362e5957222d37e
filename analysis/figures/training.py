"""Training: validation accuracy against the epoch, and what each module and switch changes."""

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from analysis.figures.display import Display, chosen
from analysis.figures.names import ACCURACY, KINDS, OVER_FACES, model_titles
from analysis.figures.style import (
    BLUE,
    DOUBLE_COLUMN,
    MUTED,
    SINGLE_COLUMN,
    dots,
    line,
    look,
    points,
)


@dataclass
class TrainingCurves(Display):
    """Accuracy on the validation split after every epoch: a line per model, a colour per label.

    Panels: models without switches that share the recipe of the first one; those of other recipes;
    those with a switch off its default. Dots are the epochs that were chosen, with their 95%
    intervals over faces. Models of shuffled labels are left out: they do not learn what the
    validation split asks.

    Attributes:
        curves, ledger: the tables `curves.csv` and `ledger.csv`; of the ledger's models those on
            the first finished one's data are shown.
    """

    curves: pd.DataFrame
    ledger: pd.DataFrame
    COLUMNS: ClassVar = {
        "curves": ("name", "epoch", "validation_accuracy"),
        "ledger": ("name", "label", "recipe", "switches", "data", "status", "selected_epoch",
                   "validation_low", "validation_high"),
    }

    def _panels(self) -> dict[str, pd.DataFrame]:
        table = self.ledger[~self.ledger["recipe"].str.contains("random_labels", na=False)]
        logged = table["name"].isin(set(self.curves["name"]))
        done = chosen(table[logged], "no finished model with a log of its training",
                      status="done")
        done = done[done["data"] == done["data"].iloc[0]]
        kinds = _kinds(done)
        found = {title: done[kinds == kind] for kind, title in KINDS.items()}
        return {title: rows for title, rows in found.items() if len(rows)}

    def size(self) -> tuple[float, float]:
        panels = self._panels().values()
        labels = max(rows["label"].nunique() for rows in panels)
        rows = labels if len(panels) > 1 else -(-labels // 2)
        return (DOUBLE_COLUMN if len(panels) > 1 else SINGLE_COLUMN), 71 + 4 * rows

    def draw(self, figure):
        rows = self._panels()
        panels = list(figure.subplots(1, len(rows), sharey=True, squeeze=False).flat)
        for ax, (title, models) in zip(panels, rows.items(), strict=True):
            self._panel(ax, models, columns=1 if len(rows) > 1 else 2)
            ax.set(title=title, xlabel="epoch")
        panels[0].set_ylabel("accuracy on the validation split (%)")
        figure.suptitle(f"markers: the epochs that were chosen; bars: {OVER_FACES}")
        return panels

    def _panel(self, ax, models: pd.DataFrame, columns: int) -> None:
        for model, style in look(models["name"]).items():
            log = self.curves[self.curves["name"] == model]
            ax.plot(log["epoch"], 100 * log["validation_accuracy"], linewidth=points(0.9),
                    **line(style))
            row = models[models["name"] == model].iloc[0]
            best = log[log["epoch"] == row["selected_epoch"]]
            ax.vlines(best["epoch"], 100 * row["validation_low"], 100 * row["validation_high"],
                      color=style["color"], linewidth=points(0.8))
            ax.plot(best["epoch"], 100 * best["validation_accuracy"],
                    **dots(style) | {"label": "_"})
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=columns,
                  fontsize=points(7), columnspacing=0.8, handlelength=1.8)


def _kinds(rows: pd.DataFrame) -> pd.Series:
    """ "module", "control" or "ablation" for each row of a ledger."""
    usual = rows["recipe"] == rows["recipe"].iloc[0]
    kinds = usual.map({True: "module", False: "control"})
    return kinds.where(rows["switches"].fillna("") == "", "ablation")


@dataclass
class ModuleDifferences(Display):
    """Forest plot: each model's accuracy, and at the right what it has over its reference, in
    points, with 95% intervals.

    Filled where the adjusted p is below 0.05. At the very right, the training seeds that were
    paired. The reference itself has an accuracy alone, and every panel of accuracies its own scale.

    Attributes:
        table: `accuracy.csv` or `ablation.csv`; published figures are left out.
    """

    table: pd.DataFrame
    COLUMNS: ClassVar = {"table": (
        "kind", "label", "accuracy", "low", "high", "reference", "paired_seeds", "difference",
        "difference_low", "difference_high", "p_holm",
    )}
    TITLES: ClassVar = {"whole": "IRAM as it is", **KINDS}

    def _kinds(self) -> dict[str, pd.DataFrame]:
        ours = self.table[self.table["kind"] != "published"]
        if not ours["difference"].notna().any():
            chosen(ours[:0], "no model with a reference to compare it with")
        return {kind: rows for kind in self.TITLES if len(rows := ours[ours["kind"] == kind])}

    def size(self) -> tuple[float, float]:
        kinds = self._kinds()
        return DOUBLE_COLUMN, 5 * sum(map(len, kinds.values())) + 7 * len(kinds) + 16

    def draw(self, figure):
        kinds = self._kinds()
        heights = [len(rows) + 0.2 for rows in kinds.values()]
        grid = figure.subplots(len(kinds), 2, sharey="row", squeeze=False, height_ratios=heights)
        for (left, right), (kind, rows) in zip(grid, kinds.items(), strict=True):
            self._accuracies(left, rows)
            self._differences(right, rows)
            left.set_title(self.TITLES[kind], loc="left")
            right.sharex(grid[0, 1])
            right.tick_params(labelbottom=right is grid[-1, 1])
        grid[-1, 0].set_xlabel(f"{ACCURACY}; bars: {OVER_FACES}\nand, with several, over seeds")
        grid[-1, 1].set_xlabel("difference from the reference\n(points); filled: p < 0.05 (Holm)")
        return list(grid.flat)

    def _accuracies(self, ax, rows: pd.DataFrame) -> None:
        for place, row in enumerate(rows.itertuples()):
            _bar(ax, place, row.accuracy, row.low, row.high, BLUE)
        titles = model_titles(self.table.loc[self.table["kind"] != "published", "label"])
        ax.set_yticks(range(len(rows)), [titles[label] for label in rows["label"]])
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.grid(axis="y", visible=False)

    def _differences(self, ax, rows: pd.DataFrame) -> None:
        ax.axvline(0, color=MUTED, linewidth=0.8)
        references = set(self.table["reference"])
        for place, row in enumerate(rows.itertuples()):
            told = "the reference" if row.label in references else "no reference"
            if row.difference == row.difference:
                _bar(ax, place, row.difference, row.difference_low, row.difference_high,
                     BLUE if row.p_holm < 0.05 else "white")
                seeds = len(str(row.paired_seeds).split())
                told = f"{seeds} seed{'s' * (seeds > 1)}"
            ax.annotate(told, (1, place), (2, 0), ha="left", va="center", color=MUTED,
                        xycoords=ax.get_yaxis_transform(), textcoords="offset points",
                        fontsize=points(7))
        ax.grid(axis="y", visible=False)


def _bar(ax, place: int, value: float, low: float, high: float, face: str) -> None:
    """One point of shares with its interval, in percent."""
    ax.hlines(place, 100 * low, 100 * high, color=BLUE)
    ax.plot(100 * value, place, "o", color=BLUE, markerfacecolor=face)
