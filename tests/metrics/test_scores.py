"""Scores, against scikit-learn and hand-made cases."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score

from analysis.studies.occlusion.rows import measures
from analysis.studies.occlusion.tables.scores import SCORES, scores


def rows_of(logits, labels) -> pd.DataFrame:
    return pd.DataFrame({"label": labels, **measures(logits, labels)})


@pytest.fixture
def answers():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 5, (300,), generator=generator)  # classes 5 and 6 never occur
    logits = torch.randn(300, 7, generator=generator)
    logits[torch.arange(300), labels] += 1
    return logits, labels


def value_of(table, metric, column="value"):
    return table.set_index("metric").loc[metric, column]


def test_accuracy_and_macro_f1_agree_with_scikit_learn(answers):
    rows = rows_of(*answers)
    table = scores(rows, rows, 7, seed=0)
    assert tuple(table["metric"]) == SCORES
    assert value_of(table, "accuracy") == accuracy_score(rows["label"], rows["prediction"])
    expected = f1_score(rows["label"], rows["prediction"], average="macro", labels=range(5))
    assert value_of(table, "macro_f1") == pytest.approx(expected)


def test_measures_of_a_hand_made_case():
    found = measures(torch.tensor([[2.0, 0.5, 0.0], [1.0, 3.0, 0.0]]), torch.tensor([0, 0]))
    assert found["prediction"].tolist() == [0, 1]
    assert found["correct"].tolist() == [True, False]
    assert found["margin"].tolist() == [1.5, -2.0]
    expected = np.exp([2.0, 1.0]) / np.exp([[2.0, 0.5, 0.0], [1.0, 3.0, 0.0]]).sum(1)
    np.testing.assert_allclose(found["probability"], expected, rtol=1e-6)


def test_calibration_error_of_a_hand_made_case():
    rows = pd.DataFrame({
        "label": [0, 0, 0, 0], "prediction": [0, 0, 0, 1], "correct": [True, True, True, False],
        "confidence": [0.9, 0.9, 0.6, 0.6], "margin": [1.0, 1.0, 1.0, -1.0],
    })
    # bins: 0.9 twice, both right: gap 0.1; 0.6 twice, one right: gap 0.1
    assert value_of(scores(rows, rows, 2, 0), "ece") == pytest.approx(0.1)
    assert value_of(scores(rows, rows, 2, 0), "margin") == 0.5


def test_the_relative_drop_is_zero_against_itself_and_paired(answers):
    rows = rows_of(*answers)
    table = scores(rows, rows, 7, seed=0)
    for column in ("value", "low", "high"):
        assert value_of(table, "relative_drop", column) == 0
    worse = rows.assign(correct=rows["correct"] & (np.arange(300) % 2 == 0))
    worse["prediction"] = worse["prediction"].where(worse["correct"], 6)
    drop = scores(worse, rows, 7, seed=0)
    expected = 1 - worse["correct"].sum() / rows["correct"].sum()
    assert value_of(drop, "relative_drop") == pytest.approx(expected)
    assert 0 < value_of(drop, "relative_drop", "low") < expected


def test_the_relative_drop_is_nan_where_nothing_was_right(answers):
    rows = rows_of(*answers)
    none = rows.assign(correct=False)
    assert np.isnan(value_of(scores(rows, none, 7, 0), "relative_drop"))


def test_an_interval_contains_its_value(answers):
    table = scores(rows_of(*answers), rows_of(*answers), 7, seed=0)
    plain = table[table["metric"] != "ece"]  # whose bootstrap lies a little high
    assert (plain["low"] <= plain["value"]).all()
    assert (plain["value"] <= plain["high"]).all()
