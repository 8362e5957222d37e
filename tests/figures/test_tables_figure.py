"""The matrix of expressions and places draws what the table says."""

import numpy as np
import pandas as pd
import pytest

from analysis.figures import ImportanceMatrix
from analysis.figures.importance import PANEL_COLUMNS
from iram.errors import InputError

CELLS = [  # expression, occluder, points, low, high, n
    ("all", "mouth", 10.0, 5.0, 15.0, 50), ("all", "eyes", -10.0, -15.0, -5.0, 50),
    ("happy", "mouth", 40.0, 30.0, 50.0, 30), ("happy", "eyes", -0.01, -2.0, 2.0, 30),
    ("sad", "mouth", 3.0, -1.0, 7.0, 20), ("sad", "eyes", np.nan, np.nan, np.nan, 20),
]


@pytest.fixture
def table():
    columns = ["expression", "occluder", "value", "low", "high", "n"]
    table = pd.DataFrame(CELLS, columns=columns).assign(model="iram", metric="drop_beyond_box")
    table[["value", "low", "high"]] /= 100
    plain = table.assign(metric="drop", value=0.99)
    return pd.concat([table, plain, table.assign(model="none", value=0.5)])


@pytest.fixture
def display(table):
    return ImportanceMatrix(table, "iram").plot()


def test_a_row_per_expression_with_its_count_and_the_pooled_one_last(display):
    (axis,) = display.axes_
    assert [label.get_text() for label in axis.get_yticklabels()] == [
        "happy (n = 30)", "sad (n = 20)", "all (n = 50)",
    ]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["mouth", "eyes"]


def test_cells_are_signed_points_and_bold_where_the_interval_excludes_0(display):
    own = [text for text in display.ax_.texts if not text.get_text().startswith("±")]
    printed = {(round(text.get_position()[1]), round(text.get_position()[0])): text for text in own}
    words = {place: text.get_text() for place, text in printed.items()}
    assert words == {(0, 0): "+40.0", (0, 1): "0.0", (1, 0): "+3.0", (1, 1): "–",
                     (2, 0): "+10.0", (2, 1): "−10.0"}
    bold = {place for place, text in printed.items() if text.get_fontweight() == "bold"}
    assert bold == {(0, 0), (2, 0), (2, 1)}


def test_below_each_cell_stands_half_of_its_interval(display):
    halves = {(round(text.get_position()[1]), round(text.get_position()[0])): text.get_text()
              for text in display.ax_.texts if text.get_text().startswith("±")}
    assert halves == {(0, 0): "±10.0", (0, 1): "±2.0", (1, 0): "±4.0", (2, 0): "±5.0",
                      (2, 1): "±5.0"}


def test_colours_are_symmetric_about_0_and_the_same_for_all_models(display):
    (image,) = display.axes_[0].get_images()
    assert image.get_clim() == (-50, 50)  # of the other model's largest


def test_it_is_a_double_column_wide_and_many_occluders_go_to_further_panels(table):
    row = table[(table["model"] == "iram") & (table["metric"] == "drop_beyond_box")].iloc[:1]
    many = pd.concat([row.assign(occluder=f"place_{i}") for i in range(PANEL_COLUMNS + 2)])
    display = ImportanceMatrix(many, "iram").plot()
    assert display.figure_.get_figwidth() * 25.4 == pytest.approx(178)
    titles = [[label.get_text() for label in axis.get_xticklabels()] for axis in display.axes_]
    assert [*titles[0], *titles[1]] == [f"place {i}" for i in range(PANEL_COLUMNS + 2)]
    assert [len(panel) for panel in titles] == [7, 6]


def test_a_model_that_is_not_in_the_table_is_told(table):
    with pytest.raises(InputError, match="no occluder of model 'cbam'"):
        ImportanceMatrix(table, "cbam").plot()
