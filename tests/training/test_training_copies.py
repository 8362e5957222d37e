"""Tables of training without copies, and what nets know of copies."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import small_results
from hits import measured
from matplotlib.colors import to_hex

from analysis.figures import CopyForest
from analysis.figures.copies import LOOKS
from analysis.studies.training.answers import faces_of, groups_of, read_answers, write_answers
from analysis.studies.training.copies import copies_table
from analysis.studies.training.tables import accuracy_table, on_groups
from iram import InputError
from iram.data.dataset import FaceDataset

KINDS = ["exact"] * 20 + ["near"] * 9 + ["mirrored"] + [""] * 70


@pytest.fixture(scope="module")
def faces():
    return pd.DataFrame({
        "image_id": [f"face{i}" for i in range(100)], "usage": "PrivateTest",
        "label": pd.Categorical.from_codes([1] * 100, ["happy", "sad"]),
        "copy": pd.Categorical(KINDS), "photograph": range(100),
        "copy_label": pd.Categorical.from_codes([0] * 5 + [1] * 25 + [-1] * 70, ["happy", "sad"]),
    })


@pytest.fixture(scope="module")
def models():
    """`none` knows the exact copies, and 35 of the 70 others; `iram` has 5 more of these."""
    hits = np.array([1] * 20 + [0] * 10 + [1, 0] * 35)
    better = hits.copy()
    better[31:41] = 1
    return [measured("none", hits), measured("iram", better)]


def test_accuracies_are_of_all_faces_without_copies_and_without_near_ones(models, faces):
    groups = groups_of(faces)
    assert {name: len(places) for name, places in groups.items()} == {
        "all": 100, "without copies": 80, "without near copies": 70}
    table = on_groups(lambda on: accuracy_table(on, "PrivateTest"), models, groups)
    own = table[table["label"] == "none"].set_index("faces")
    assert own["accuracy"].to_dict() == pytest.approx(
        {"all": 0.55, "without copies": 35 / 80, "without near copies": 0.5})
    assert own["images"].to_dict() == {name: len(places) for name, places in groups.items()}
    more = table[table["label"] == "iram"].set_index("faces")["difference"]
    assert more.to_dict() == pytest.approx(
        {"all": 0.05, "without copies": 5 / 80, "without near copies": 5 / 70})
    assert set(table.loc[table["kind"] == "published", "faces"]) == {"all"}


def test_of_answers_that_know_of_no_copies_there_is_one_group(faces):
    assert list(groups_of(faces.drop(columns=["copy"]))) == ["all"]
    assert list(groups_of(faces.assign(copy=""))) == ["all"]


def test_what_nets_know_of_copies_and_of_the_others(models, faces):
    table = copies_table(models, faces).set_index(["label", "faces"])
    own = table.loc["none"]
    assert own["accuracy"].to_dict() == {"exact copies": 1.0, "near copies": 0.0, "others": 0.5,
                                         "copies labelled otherwise": 1.0}
    assert own["images"].tolist() == [20, 10, 70, 5]
    exact = own.loc["exact copies"]
    assert exact["difference"] == 0.5
    assert 0.3 < exact["difference_low"] < 0.45 < 0.55 < exact["difference_high"] < 0.7
    assert own.loc["others"].isna()["difference"]
    assert copies_table(models, faces.assign(copy="")).empty
    assert copies_table(models, faces.drop(columns=["copy"])).empty


def test_copies_are_compared_with_others_of_the_same_expressions(faces):
    labels = np.r_[np.ones(30), np.zeros(35), np.ones(35)].astype(int)
    model = measured("none", np.ones(100))
    right = np.r_[np.tile([1] + [0] * 9, 3), np.ones(35), np.tile([1, 0, 0, 0, 0], 7)].astype(bool)
    model = replace(model, labels=labels, answers=np.where(right, labels, 2))
    exact = copies_table([model], faces).iloc[0]
    assert exact["accuracy"] == pytest.approx(0.1)
    assert exact["difference"] == pytest.approx(0.1 - 0.2)  # of the others of that class 7 of 35


def test_a_net_that_knows_a_face_gives_it_the_label_that_it_was_trained_with(models, faces):
    knows = replace(models[0], answers=np.r_[[0] * 4, models[0].answers[4:]])
    row = copies_table([knows], faces).iloc[-1]
    assert (row["faces"], row["images"]) == ("copies labelled otherwise", 5)
    shares = row["accuracy"], row["training_label"], row["difference"]
    assert shares == pytest.approx((0.2, 0.8, 0.6))
    assert row["training_label_low"] < 0.8 < row["training_label_high"]


def test_the_interval_is_wider_where_faces_are_of_few_photographs(models, faces):
    alone = copies_table(models[:1], faces).iloc[2]
    pairs = np.r_[:30, 30 + np.arange(70) // 2]  # of each a right and a wrong answer
    together = copies_table([replace(models[0], photographs=pairs)], faces).iloc[2]
    assert (together["low"], together["high"]) == pytest.approx((0.5, 0.5))
    assert alone["low"] < 0.45 < 0.55 < alone["high"]


def test_answers_keep_what_is_a_copy_of_what(models, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 16, 16)).astype(np.uint8)
    pixels[3] = pixels[2] = pixels[0]
    metadata = pd.DataFrame({"image_id": list("abcd"), "usage": ["Training"] + ["Test"] * 3,
                             "split": ["train"] + ["test"] * 3})
    test = FaceDataset(name="made", classes=("happy", "sad"), labels=[0, 1, 1, 1],
                       metadata=metadata, size=16, pixels=pixels).split("test")
    faces = faces_of(test)
    assert faces["copy"].astype(str).tolist() == ["", "exact", "exact"]
    model = measured("none", [1, 1, 0])
    model.card.update(label="none", seed=0, weights_sha256="x")
    write_answers(tmp_path, [model], faces)
    [model], again = read_answers(tmp_path / "answers.parquet")
    assert list(again) == list(faces)
    assert faces["copy_label"].astype(object).fillna("").tolist() == ["", "happy", "happy"]
    assert model.photographs[1] == model.photographs[2] != model.photographs[0]


def test_the_forest_has_a_point_per_kind_of_faces_and_leaves_switches_out():
    table = small_results.copies()
    switched = table[table["label"] == "iram"].assign(label="iram-reuse", switches="reuse=none")
    display = CopyForest(pd.concat([table, switched])).plot()
    left, right = display.axes_
    assert [tick.get_text() for tick in left.get_yticklabels()] == ["no attention", "IRAM"]
    points = {to_hex(line.get_color()): line.get_xdata() for line in left.get_lines()}
    for kind, (colour, _) in LOOKS.items():
        own = table.loc[table["faces"] == kind, "accuracy"]
        assert points[colour.lower()] == pytest.approx(100 * own.to_numpy())
    shown = [line for line in right.get_lines() if not line.get_label().startswith("_")]
    assert len(shown) == 2
    with pytest.raises(InputError, match="no net without switches"):
        CopyForest(switched).plot()
