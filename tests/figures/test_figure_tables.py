"""Printed tables: LaTeX that compiles, and the same numbers as CSV."""

import csv
import io
import re

import numpy as np
import pytest
import small_results

from analysis.figures import printed
from analysis.figures.latex import Number, PrintedTable, escaped


@pytest.fixture
def table():
    rows = [["a_b & 50%", Number(1.25, 1.0, -0.001, 2), "x"], ["plain", Number(np.nan), "−3"]]
    return PrintedTable(["name", "drop (%)", "note"], rows, "A note.\nOn two lines")


def test_latex_is_a_booktabs_tabular_with_every_name_escaped(table):
    assert table.latex("run 1").splitlines() == [
        "% A note. On two lines", "% run 1", r"\begin{tabular}{@{}lrl@{}}", r"\toprule",
        r"name & drop (\%) & note \\", r"\midrule",
        r"a\_b \& 50\% & $1.25$ [$1.00$, $0.00$] & x \\", r"plain & -- & $-$3 \\",
        r"\bottomrule", r"\end{tabular}",
    ]


def test_csv_holds_the_same_numbers_with_the_interval_in_columns_of_its_own(table):
    rows = list(csv.reader(io.StringIO(table.csv())))
    assert rows == [["name", "drop (%)", "drop (%) low", "drop (%) high", "note"],
                    ["a_b & 50%", "1.25", "1.00", "0.00", "x"], ["plain", "", "", "", "−3"]
                    ]


def test_what_latex_would_read_as_a_command_is_escaped():
    assert escaped(r"\x{y}^2~#1$") == (
        r"\textbackslash{}x\{y\}\textasciicircum{}2\textasciitilde{}\#1\$"
    )


MADE = {
    "occluders": ("occlusion/occluders.csv", "occlusion/robustness.csv"),
    "poses": ("pose/summary.csv",), "real": ("occlusion/real.csv",),
    "verdicts": ("shift/verdicts.csv",), "methods": ("attribution/ranking.csv",),
    "modules": ("training/accuracy.csv",),
}


@pytest.mark.parametrize("name", MADE)
def test_every_table_is_whole_and_agrees_with_its_csv(name):
    tables = small_results.tables()
    made = getattr(printed, name)(*(tables[source] for source in MADE[name]))
    assert made.rows
    assert {len(row) for row in made.rows} == {len(made.header)}
    latex = made.latex()
    body = latex.split(r"\midrule")[1].split(r"\bottomrule")[0].strip().splitlines()
    assert len(body) == len(made.rows)
    assert {line.count(" & ") for line in body} == {len(made.header) - 1}
    rows = list(csv.reader(io.StringIO(made.csv())))[1:]
    number = re.compile(r"-?\d+\.?\d*")
    for line, row in zip(body, rows, strict=True):
        given = [cell for cell in row if number.fullmatch(cell)]
        assert number.findall(re.sub(r"[^$]*\$([^$]*)\$|.*", r"\1 ", line)) == given


def test_numbers_are_those_of_the_result_tables():
    tables = small_results.tables()
    source = tables["occlusion/occluders.csv"]
    made = printed.occluders(source, tables["occlusion/robustness.csv"])
    assert made.header == ["occluder", "IRAM", "no attention"]
    drops = source[(source["metric"] == "drop") & (source["model"] == "iram-seed0")]
    dearest = drops.sort_values("value", ascending=False).iloc[0]
    assert made.rows[0][0] == dearest["occluder"]
    assert made.rows[0][1][:3] == pytest.approx(
        tuple(100 * dearest[["value", "low", "high"]].astype(float))
    )
    assert [row[0] for row in made.rows[2:]] == [
        "lost of what both recognise clean (%), mean", "the same, less that of no attention",
        "errors, no attention = 100", "the same, beyond clean errors"]
    robust = tables["occlusion/robustness.csv"].query("metric == 'lost' and kind == 'all'")
    difference = robust.set_index("model").loc["iram-seed0", "difference"]
    assert made.rows[3][1].value == pytest.approx(100 * difference)
    assert np.isnan(made.rows[3][2].value)  # the reference itself


def test_poses_are_in_the_order_of_their_angle():
    made = printed.poses(small_results.summary())
    assert [(row[0], row[1].value) for row in made.rows] == [
        ("yaw", -30), ("yaw", 0), ("yaw", 30), ("pitch", -30), ("pitch", 30),
    ]
