"""Areas under accuracy against fraction."""

import numpy as np
import pytest
from answers import conditions, value_of

from analysis.studies.occlusion.tables.curves import curve_areas


def falling(table, n=100):
    """Accuracy falls linearly: at fraction f, n f of the images are wrong."""
    limits = (n * table["fraction"].fillna(1)).round().to_numpy()
    return np.arange(n)[:, None] >= limits


def test_the_area_of_a_linear_fall_is_its_mean_height_whatever_the_points():
    for fractions in ((0.2, 0.4), (0.1, 0.15, 0.4), (0.4, 0.1)):
        table = conditions(*(("eyes", fraction, "mean") for fraction in fractions))
        areas = curve_areas(table, falling(table), seed=0)
        assert value_of(areas) == pytest.approx(0.8)  # from 1 to 0.6
        assert value_of(areas, "max_fraction") == 0.4
        assert value_of(areas, "fractions") == len(fractions)
        assert value_of(areas, "low") < 0.8 < value_of(areas, "high")


def test_the_clean_pass_is_the_point_at_0():
    table = conditions(("eyes", 0.1, "mean"), ("eyes", 0.2, "mean"))
    correct = np.ones((10, 3), bool)
    correct[:, 1:] = False
    # 1 at 0, then 0: a triangle over the first half of the range
    assert value_of(curve_areas(table, correct, 0)) == pytest.approx(0.25)


def test_a_model_that_is_always_right_has_area_1_with_no_width():
    table = conditions(("eyes", 0.1, "mean"), ("eyes", 0.5, "mean"))
    areas = curve_areas(table, np.ones((10, 3), bool), 0)
    assert [value_of(areas, end) for end in ("low", "value", "high")] == pytest.approx([1, 1, 1])


def test_each_fill_is_a_curve_and_a_curve_has_two_fractions_or_more():
    table = conditions(
        ("eyes", 0.1, "mean"), ("eyes", 0.2, "noise"), ("eyes", 0.2, "mean"),
        ("cup", 0.1, "object"), ("cup", None, "object"), ("box", 0.3, "mean"),
    )
    areas = curve_areas(table, falling(table), 0)
    assert areas[["occluder", "fill"]].to_numpy().tolist() == [["eyes", "mean"]]
    nothing = curve_areas(conditions(), np.ones((5, 1), bool), 0)
    assert list(nothing.columns) == list(areas.columns)
    assert nothing.empty
