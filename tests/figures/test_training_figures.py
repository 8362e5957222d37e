"""Figures of training draw what the tables say."""

import pandas as pd
import pytest

from analysis.figures import ModuleDifferences, TrainingCurves
from iram.errors import InputError


@pytest.fixture
def compared():
    columns = ["kind", "label", "reference", "difference", "difference_low", "difference_high",
               "p_holm", "paired_seeds"]
    table = pd.DataFrame([
        ("module", "none", None, None, None, None, None, None),
        ("module", "iram", "none", 0.02, 0.01, 0.04, 0.01, "0 1 2"),
        ("module", "se", "none", -0.01, -0.02, 0.01, 0.4, "0"),
        ("control", "iram-e", "none-e", 0.0, -0.01, 0.01, 1.0, "0"),
        ("published", "ResNet", None, None, None, None, None, None),
    ], columns=columns)
    return table.assign(accuracy=[0.6, 0.62, 0.59, 0.6, 0.7], low=0.55, high=0.65)


def test_a_forest_has_a_row_per_model_with_accuracy_and_difference_in_percent(compared):
    display = ModuleDifferences(compared).plot()
    accuracies, differences, controls, _ = display.axes_
    assert [label.get_text() for label in accuracies.get_yticklabels()] == ["no attention", "IRAM",
                                                                            "SE"]
    points = accuracies.get_lines()
    assert [point.get_xdata()[0] for point in points] == pytest.approx([60, 62, 59])
    points = differences.get_lines()[1:]  # after the line at 0
    assert [point.get_xdata()[0] for point in points] == pytest.approx([2, -1])
    assert [point.get_ydata()[0] for point in points] == [1, 2]
    ends = differences.collections[0].get_segments()[0][:, 0]
    assert ends == pytest.approx([1, 4])
    assert [text.get_text() for text in differences.texts] == [
        "the reference", "3 seeds", "1 seed",
    ]
    faces = [point.get_markerfacecolor() for point in points]
    assert (faces[0] != "white", faces[1] != "white") == (True, False)  # filled: p below 0.05
    assert controls.get_title(loc="left") == "other recipes or sizes"


def test_a_forest_of_nothing_compared_says_so(compared):
    with pytest.raises(InputError, match="no model with a reference"):
        ModuleDifferences(compared[:1]).plot()


@pytest.fixture
def logged():
    rows = [("none-seed0", "none", "epochs=3", "", "x"),
            ("none-seed1", "none", "epochs=3", "", "x"),
            ("iram-seed0", "iram", "epochs=3", "", "x"),
            ("iram-e-seed0", "iram-e", "epochs=3 erasing=0.5", "", "x"),
            ("iram-r-seed0", "iram-r", "epochs=3", "reuse=none", "x"),
            ("iram-l-seed0", "iram-l", "epochs=3 random_labels=True", "", "x"),
            ("heads-seed0", "heads", "epochs=3", "", "other")]
    ledger = pd.DataFrame(rows, columns=["name", "label", "recipe", "switches", "data"])
    ledger = ledger.assign(status="done", selected_epoch=2, validation_low=0.6,
                           validation_high=0.8)
    curves = pd.DataFrame([(name, epoch, 0.5 + 0.1 * epoch) for name in ledger["name"]
                           for epoch in (1, 2, 3)],
                          columns=["name", "epoch", "validation_accuracy"])
    return curves, ledger


def test_curves_have_a_panel_per_kind_a_line_per_model_and_a_dot_at_the_chosen_epoch(logged):
    display = TrainingCurves(*logged).plot()
    assert [axis.get_title() for axis in display.axes_] == ["modules", "other recipes or sizes",
                                                            "IRAM's switches"]
    lines = display.axes_[0].get_lines()
    assert len(lines) == 6  # three models, each a curve and a dot
    assert lines[0].get_ydata().tolist() == pytest.approx([60, 70, 80])
    assert display.ax_.collections[0].get_segments()[0].tolist() == [[2, 60], [2, 80]]
    assert (lines[1].get_xdata().tolist(), lines[1].get_ydata().tolist()) == ([2], [70])
    names = [text.get_text() for text in display.axes_[0].get_legend().get_texts()]
    assert names == ["no attention (2 seeds)", "IRAM"]
    assert len(display.axes_[1].get_lines()) == 2  # not of shuffled labels


def test_curves_without_a_finished_model_say_so(logged):
    curves, ledger = logged
    with pytest.raises(InputError, match="no finished model with a log"):
        TrainingCurves(curves, ledger.assign(status="missing")).plot()
