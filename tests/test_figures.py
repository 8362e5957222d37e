"""Figures draw what the tables say."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from analysis.figures import OcclusionCurves, PoseCurves, save
from iram.errors import InputError


@pytest.fixture
def summary():
    rows = []
    for model, clean in (("iram-seed0", 0.7), ("none-seed0", 0.68)):
        rows.append((model, "clean", "none", "none", 0.0, clean))
        rows += [
            (model, f"{o}-{f}-mean", o, "mean", f, clean - drop * f)
            for o, drop in (("eyes", 0.2), ("mouth", 0.5), ("box", 0.3))
            for f in (0.5, 0.1)
        ]
    columns = ["model", "condition", "occluder", "fill", "fraction", "value"]
    table = pd.DataFrame(rows, columns=columns)  # fmt: skip
    return table.assign(metric="accuracy", low=table["value"] - 0.02, high=table["value"] + 0.02)


def test_a_panel_per_occluder_and_a_line_per_model_in_percent(summary):
    display = OcclusionCurves(summary, "mean").plot()
    titles = [axis.get_title() for axis in display.axes_]
    assert titles == ["random box", "eyes", "mouth"]
    lines = display.axes_[2].get_lines()
    assert [line.get_label() for line in lines] == ["iram-seed0", "none-seed0"]
    assert lines[0].get_xdata().tolist() == [0, 10, 50]
    assert lines[0].get_ydata().tolist() == pytest.approx([70, 65, 45])
    assert display.figure_.get_supxlabel() == "occluded share of the face area (%)"
    plt.close(display.figure_)


def test_models_differ_in_colour_marker_and_line(summary):
    display = OcclusionCurves(summary, "mean").plot()
    one, other = display.axes_[0].get_lines()
    for look in ("color", "marker", "linestyle"):
        assert plt.getp(one, look) != plt.getp(other, look)
    plt.close(display.figure_)


def test_a_fill_that_was_not_measured_is_told(summary):
    with pytest.raises(InputError, match="no occluder with the fill 'noise'"):
        OcclusionCurves(summary, "noise").plot()


def test_equal_data_gives_equal_files_with_the_run_inside(summary, tmp_path):
    for name in ("a", "b"):
        save(OcclusionCurves(summary).plot().figure_, tmp_path / name, "run 123")
    for suffix in (".pdf", ".png"):
        first, second = ((tmp_path / name).with_suffix(suffix).read_bytes() for name in "ab")
        assert first == second
    assert b"run 123" in (tmp_path / "a.png").read_bytes()
    assert not plt.get_fignums()


def test_pose_curves_show_accuracy_and_what_is_hidden_against_the_angle():
    rows = [(f"yaw{yaw:+g}", yaw, 0.0, 0.9 - abs(yaw) / 100, abs(yaw) / 200)
            for yaw in (30.0, -30.0, 0.0)]  # fmt: skip
    rows.append(("pitch+15", 0.0, 15.0, 0.8, 0.05))
    columns = ["condition", "yaw_deg", "pitch_deg", "value", "self_occlusion_fraction"]
    table = pd.DataFrame(rows, columns=columns).assign(
        model="iram", occluder="none", metric="accuracy", low=0.0, high=1.0
    )
    display = PoseCurves(table).plot()
    (line,) = display.axes_[0, 0].get_lines()
    assert line.get_xdata().tolist() == [-30, 0, 30]
    assert line.get_ydata().tolist() == pytest.approx([60, 90, 60])
    (hidden,) = display.axes_[1, 0].get_lines()
    assert hidden.get_ydata().tolist() == pytest.approx([15, 0, 15])
    assert display.axes_[0, 1].get_lines()[0].get_xdata().tolist() == [0, 15]
    plt.close(display.figure_)
    with pytest.raises(InputError, match="no pose in depth"):
        PoseCurves(table[table["condition"] == "none"]).plot()
