"""What covering a place costs each expression, against hand-made answers."""

import numpy as np
import pytest
from answers import conditions, value_of, wrong_under

from analysis.studies.occlusion.tables.groups import group_means
from analysis.studies.occlusion.tables.importance import importance
from analysis.studies.occlusion.tables.occluders import occluder_scores
from analysis.studies.occlusion.tables.worst import worst_expressions

CLASSES = ("happy", "sad", "fear")
LABELS = np.arange(60) % 3
HAPPY, SAD, FEAR = (place == LABELS for place in range(3))
GRID = conditions(
    ("mouth", 0.1, "mean"), ("mouth", 0.3, "noise"), ("eyes", 0.1, "mean"), ("eyes", 0.3, "noise"),
    ("box", 0.1, "mean"), ("box", 0.3, "noise"), ("sham", 0.3, "mean"),
)


def ends(table, **where):
    return [value_of(table, column, **where) for column in ("low", "value", "high")]


def test_a_model_that_needs_the_mouth_of_happy_faces_alone_has_importance_1_there_and_0_elsewhere():
    correct = wrong_under(GRID, 60, mouth=HAPPY)
    table = importance(GRID, correct, LABELS, CLASSES, seed=0)
    for expression in CLASSES:
        for occluder in ("mouth", "eyes"):
            expected = float((expression, occluder) == ("happy", "mouth"))
            for metric in ("drop", "drop_beyond_box"):
                cell = {"expression": expression, "occluder": occluder, "metric": metric}
                assert ends(table, **cell) == [expected] * 3
                assert value_of(table, "n", **cell) == 20
    pooled = {"expression": "all", "occluder": "mouth", "metric": "drop_beyond_box"}
    assert value_of(table, **pooled) == pytest.approx(1 / 3)
    assert value_of(table, "low", **pooled) < 1 / 3 < value_of(table, "high", **pooled)
    assert value_of(table, "n", **pooled) == 60


def test_what_the_random_box_costs_too_is_no_importance():
    correct = wrong_under(GRID, 60, mouth=HAPPY, box=HAPPY, eyes=SAD)
    table = importance(GRID, correct, LABELS, CLASSES, seed=0)
    found = {
        (row.expression, row.occluder): row.value
        for row in table[table["metric"] == "drop_beyond_box"].itertuples()
        if row.expression != "all"
    }
    assert found["happy", "mouth"] == 0
    assert found["happy", "eyes"] == -1  # it leans less on the eyes than on an average place
    assert found["sad", "eyes"] == 1
    assert value_of(table, expression="happy", occluder="mouth", metric="drop") == 1


def test_it_is_the_mean_over_fractions_and_fills_each_with_its_own_box():
    correct = wrong_under(GRID, 60)
    correct[HAPPY, 1] = False  # the mouth at 0.1
    correct[HAPPY, 6] = False  # the box at 0.3
    table = importance(GRID, correct, LABELS, CLASSES, seed=0)
    mouth = {"expression": "happy", "occluder": "mouth"}
    assert value_of(table, metric="drop", **mouth) == 0.5
    assert value_of(table, metric="drop_beyond_box", **mouth) == 0
    assert value_of(table, "conditions", metric="drop", **mouth) == 2


def test_conditions_without_a_box_count_for_the_drop_alone():
    some = conditions(("cup", 0.3, "mean"), ("cup", None, "mean"), ("hand", None, "object"),
                      ("box", 0.3, "mean"))
    correct = wrong_under(some, 60)
    correct[:, 2] = False  # the cup at its natural size
    table = occluder_scores(some, correct, seed=0)
    assert value_of(table, occluder="cup", metric="drop") == 0.5
    assert value_of(table, occluder="cup", metric="drop_beyond_box") == 0
    assert value_of(table, "conditions", occluder="cup", metric="drop_beyond_box") == 1
    for occluder in ("hand", "box"):
        own = table[table["occluder"] == occluder]
        assert set(own["metric"]) == {"accuracy", "drop"}


def test_the_sham_has_scores_but_is_no_region():
    correct = wrong_under(GRID, 60, sham=HAPPY)
    assert "sham" not in set(importance(GRID, correct, LABELS, CLASSES, 0)["occluder"])
    scores = occluder_scores(GRID, correct, seed=0)
    assert value_of(scores, occluder="sham", metric="drop") == pytest.approx(1 / 3)


def test_drops_are_paired_by_image():
    correct = np.random.default_rng(0).random(60)[:, None] < np.full(len(GRID), 0.5)
    table = occluder_scores(GRID, correct, seed=0)  # the same images wrong, whatever the condition
    assert ends(table, occluder="mouth", metric="drop") == [0, 0, 0]
    assert ends(table, occluder="mouth", metric="drop_beyond_box") == [0, 0, 0]
    low, value, high = ends(table, occluder="mouth", metric="accuracy")
    assert low < value < high


def test_pooled_importance_is_that_of_the_occluder_table_interval_and_all():
    correct = np.random.default_rng(1).random((60, len(GRID))) < 0.6
    pooled = importance(GRID, correct, LABELS, CLASSES, seed=3).query("expression == 'all'")
    scores = occluder_scores(GRID, correct, seed=3)
    for row in pooled.itertuples():
        cell = {"occluder": row.occluder, "metric": row.metric}
        assert ends(scores, **cell) == pytest.approx([row.low, row.value, row.high])


def test_without_occluders_the_tables_are_empty_with_their_columns():
    bare, correct = conditions(), np.ones((60, 1), bool)
    some = wrong_under(GRID, 60)
    for table, whole in (
        (importance(bare, correct, LABELS, CLASSES, 0), importance(GRID, some, LABELS, CLASSES, 0)),
        (occluder_scores(bare, correct, 0), occluder_scores(GRID, some, 0)),
    ):
        assert table.empty
        assert list(table.columns) == list(whole.columns)


def test_a_group_mean_agrees_with_its_standard_error():
    generator = np.random.default_rng(0)
    values, labels = generator.normal(2, 3, (900, 1)), np.arange(900) % 3
    table = group_means(values, labels, CLASSES, seed=0)
    own = values[labels == 1]
    low, value, high = ends(table, expression="sad")
    assert value == pytest.approx(own.mean())
    assert high - low == pytest.approx(2 * 1.96 * own.std() / 300**0.5, rel=0.08)


def test_an_expression_without_faces_is_nan_and_with_three_has_no_interval():
    labels = np.zeros(60, int)
    labels[:3] = 1
    table = group_means(np.ones((60, 1)), labels, CLASSES, seed=0)
    assert np.isnan(ends(table, expression="fear")).all()
    assert value_of(table, expression="sad") == 1
    assert np.isnan(value_of(table, "low", expression="sad"))
    assert table["n"].tolist() == [60, 57, 3, 0]


def test_the_worst_expression_of_each_kind():
    correct = wrong_under(GRID, 60, mouth=HAPPY, eyes=FEAR)
    correct[SAD.nonzero()[0][:5], 0] = False  # a quarter of the sad ones on clean pictures
    classes = (*CLASSES, "contempt")  # which never occurs
    table = worst_expressions(GRID, correct, LABELS, classes, seed=0).set_index("kind")
    assert table["expression"].to_dict() == {
        "clean": "sad", "mouth": "happy", "eyes": "fear", "box": "happy",
    }
    assert table.loc["clean", "value"] == 0.75
    assert table.loc["clean", "low"] < 0.75 < table.loc["clean", "high"]
    assert table.loc["mouth", ["low", "value", "high"]].tolist() == [0, 0, 0]
    assert table["n"].tolist() == [20] * 4
    assert table["conditions"].tolist() == [1, 2, 2, 2]
