"""Figures of training draw what the tables say."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from analysis.figures import ModuleDifferences, TrainingCurves
from iram.errors import InputError


@pytest.fixture
def compared():
    columns = ["kind", "label", "reference", "difference", "difference_low", "difference_high",
               "p_holm", "paired_seeds"]  # fmt: skip
    return pd.DataFrame([
        ("module", "none", None, None, None, None, None, None),
        ("module", "iram", "none", 0.02, 0.01, 0.04, 0.01, "0 1 2"),
        ("module", "se", "none", -0.01, -0.02, 0.01, 0.4, "0"),
        ("control", "iram-e", "none-e", 0.0, -0.01, 0.01, 1.0, "0"),
    ], columns=columns)  # fmt: skip


def test_a_forest_has_a_panel_per_kind_and_a_point_per_comparison_in_percent(compared):
    display = ModuleDifferences(compared).plot()
    modules, controls = display.axes_
    assert [label.get_text() for label in modules.get_yticklabels()] == ["iram − none", "se − none"]
    points = [container.lines[0] for container in modules.containers]
    assert [point.get_xdata()[0] for point in points] == pytest.approx([2, -1])
    assert [point.get_ydata()[0] for point in points] == [0, 1]
    ends = modules.containers[0].lines[2][0].get_segments()[0][:, 0]
    assert ends == pytest.approx([1, 4])
    assert [text.get_text() for text in modules.texts] == ["3 seeds", "1 seed"]
    faces = [point.get_markerfacecolor() for point in points]
    assert (faces[0] != "white", faces[1] != "white") == (True, False)  # filled: p below 0.05
    assert len(controls.containers) == 1
    plt.close(display.figure_)


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
            ("heads-seed0", "heads", "epochs=3", "", "other")]  # fmt: skip
    ledger = pd.DataFrame(rows, columns=["name", "label", "recipe", "switches", "data"])
    ledger = ledger.assign(status="done", selected_epoch=2)
    curves = pd.DataFrame([(name, epoch, 0.5 + 0.1 * epoch) for name in ledger["name"]
                           for epoch in (1, 2, 3)],
                          columns=["name", "epoch", "validation_accuracy"])  # fmt: skip
    return curves, ledger


def test_curves_have_a_panel_per_kind_a_line_per_model_and_a_dot_at_the_chosen_epoch(logged):
    display = TrainingCurves(*logged).plot()
    assert [axis.get_title() for axis in display.axes_] == ["modules", "other recipes",
                                                            "IRAM's switches"]  # fmt: skip
    lines = display.axes_[0].get_lines()
    assert len(lines) == 6  # three models, each a curve and a dot
    assert lines[0].get_ydata().tolist() == pytest.approx([60, 70, 80])
    assert (lines[1].get_xdata().tolist(), lines[1].get_ydata().tolist()) == ([2], [70])
    names = [text.get_text() for text in display.axes_[0].get_legend().get_texts()]
    assert names == ["none", "iram"]
    assert len(display.axes_[1].get_lines()) == 2  # not of shuffled labels
    plt.close(display.figure_)


def test_curves_without_a_finished_model_say_so(logged):
    curves, ledger = logged
    with pytest.raises(InputError, match="no finished model with a log"):
        TrainingCurves(curves, ledger.assign(status="missing")).plot()
