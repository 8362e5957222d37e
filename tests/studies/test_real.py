"""Really occluded and turned faces: found by their lists, compared class by class."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from real_rows import CLASSES, found, made

from analysis.figures import RealForest
from analysis.figures.nearest import nearest
from analysis.stimuli.conditions import select
from analysis.studies.occlusion.real.matching import drawn, interval, means
from analysis.studies.occlusion.real.modules import real_modules
from analysis.studies.occlusion.real.painted import synthetic_against_real, type_correlation
from analysis.studies.occlusion.real.run import RealFaces, RealResults, report_lines
from analysis.studies.occlusion.real.table import GROUPS, real_table
from iram.errors import InputError


def test_a_drop_weighs_the_classes_of_the_comparison_as_the_group_has_them():
    kinds = ["none"] * 6 + ["side"] * 4
    labels = [0, 0, 1, 1, 1, 1, 0, 0, 0, 1]
    hits = [1, 0, 1, 1, 1, 1, 1, 0, 0, 1]
    faces, rows = made(kinds, labels, hits)
    table = real_table({"m": rows}, faces, CLASSES, 0)
    drop = found(table, "side", "drop_matched")
    assert drop.value == pytest.approx((3 * 0.5 + 1 * 1) / 4 - 2 / 4)
    assert drop.low <= drop.value <= drop.high
    assert (drop.n, drop.left_out, drop.counts) == (4, 0, "angry 3, happy 1")
    assert found(table, "not_listed", "accuracy").value == pytest.approx(5 / 6)
    assert set(table["group"]) == set(GROUPS)


def test_equal_accuracies_per_class_are_no_drop_however_the_classes_are_mixed():
    easy, hard = [1] * 10, [1, 0] * 5  # class 0 is always right, class 1 in half
    labels = [0] * 40 + [1] * 10 + [0] * 10 + [1] * 40
    faces, rows = made(["none"] * 50 + ["upper"] * 50, labels, easy * 4 + hard + easy + hard * 4)
    table = real_table({"m": rows}, faces, CLASSES, 0)
    plain = [found(table, group, "accuracy").value for group in ("not_listed", "upper")]
    assert plain == pytest.approx([0.9, 0.6])
    assert found(table, "upper", "drop_matched").value == pytest.approx(0)


def test_a_class_that_no_face_in_no_list_has_is_left_out_of_both_sides_and_counted():
    faces, rows = made(["none"] * 3 + ["side"] * 4, [0, 0, 1, 0, 1, 2, 2], [1, 1, 0, 1, 1, 0, 0])
    table = real_table({"m": rows}, faces, CLASSES, 0)
    drop = found(table, "side", "drop_matched")
    assert drop.value == pytest.approx((1 + 0) / 2 - 2 / 2)
    assert (drop.n, drop.left_out, drop.counts) == (2, 2, "angry 1, happy 1")
    assert found(table, "side", "accuracy").n == 4
    empty = synthetic_against_real(None, [], [], faces, CLASSES, 0)
    results = RealResults(RealFaces(faces, []), table, empty, type_correlation(empty))
    text = "\n".join(report_lines(results))
    assert "side: 2 of these are left out of the drop" in text
    assert re.search(r"glasses +0  none here", text)


def test_the_interval_of_a_drop_covers_the_truth_in_92_to_98_percent_of_simulations():
    generator = np.random.default_rng(0)
    skill, covered, runs = np.array([0.9, 0.7, 0.5]), 0, 300
    for seed in range(runs):
        labels = generator.choice(3, 150, p=[0.6, 0.3, 0.1]), generator.choice(3, 80)
        hits = [generator.random((len(of), 1)) < (skill - drop)[of][:, None]
                for of, drop in zip(labels, (0, 0.1), strict=True)]
        comparison, group = (drawn(labels[i], hits[i], 3, seed, str(i)) for i in (0, 1))
        reference, value = means(comparison, like=group)
        _, low, high = interval((reference - value)[:, 0])
        covered += low <= 0.1 <= high
    assert 0.92 <= covered / runs <= 0.98


def test_other_labels_leave_out_what_has_none_or_no_class_here_and_count_it():
    majority = ["happiness", "sad", "", "contempt", "happy", "angry", "angry"]
    faces, rows = made(["side"] * 4 + ["none"] * 3, [0, 2, 1, 1, 1, 0, 1], [0, 1, 1, 1, 1, 1, 1],
                       ferplus_label=majority)
    table = real_table({"m": rows}, faces, CLASSES, 0)
    accuracy = found(table, "side", "accuracy", "ferplus")
    assert accuracy.value == 1  # what is "happy" by FERPlus was answered so
    assert (accuracy.n, accuracy.left_out, accuracy.counts) == (2, 2, "happy 1, sad 1")
    agreed = found(table, "side", "accuracy", "agreed")
    assert (agreed.value, agreed.n, agreed.left_out, agreed.counts) == (1, 1, 3, "sad 1")


def test_labels_that_never_differ_are_not_told_twice():
    faces, rows = made(["side", "none"], [0, 1], [1, 1], ferplus_label=["angry", ""])
    assert set(real_table({"m": rows}, faces, CLASSES, 0)["labels"]) == {"own", "ferplus"}


def test_groups_without_a_face_stay_in_the_table():
    faces, rows = made(["side", "none"], [0, 0], [1, 1])
    row = found(real_table({"m": rows}, faces, CLASSES, 0), "glasses", "drop_matched")
    assert np.isnan([row.value, row.low, row.high]).all()
    assert (row.n, row.counts) == (0, "")


def test_turned_and_occluded_faces_are_told_apart():
    faces, rows = made(["side", "side", "none", "none"], [0] * 4, [1, 0, 1, 1],
                       pose_30=[True, False, True, False])
    faces["pose_30"] = [True, False, True, False]
    table = real_table({"m": rows}, faces, CLASSES, 0)
    sizes = {group: found(table, group, "accuracy").n for group in GROUPS}
    expected = {"occluded": 2, "pose_30": 2, "occluded_not_turned": 1, "turned_not_occluded": 1,
                "not_listed": 1, "pose_45": 0}
    assert {group: sizes[group] for group in expected} == expected


def test_rows_of_other_faces_are_an_error():
    faces, rows = made(["side", "none"], [0, 0], [1, 1])
    with pytest.raises(ValueError, match="in their order"):
        real_table({"m": rows[::-1]}, faces, CLASSES, 0)


@pytest.fixture
def painted():
    """Faces of all four types, and answers to clean and covered pictures."""
    kinds = ["none"] * 40 + ["upper", "lower", "side", "glasses"] * 5
    faces, clean = made(kinds, [0, 1] * 30, [1, 1, 1, 1, 0] * 12)
    wrong = {"upper_half-0.3-mean": 40, "upper_half-0.3-noise": 20, "hand-0.3-mean": 10,
             "lower_half-0.3-mean": 30, "left_half-0.3-mean": 4, "eyes-0.3-mean": 20}

    def read(model, condition):
        right = clean["correct"] & (np.arange(60) >= wrong.get(condition.name, 0))
        prediction = clean["prediction"].where(right, 2)
        return clean.assign(correct=right, prediction=prediction)

    conditions = select("upper_half-0.3-mean,upper_half-0.3-noise,lower_half-0.3-mean,"
                        "left_half-0.3-mean,eyes-0.3-mean,eyes-0.1-mean,box-0.3-mean,rotation,"
                        "yaw+30-eyes-0.3-mean")
    return faces, clean, read, conditions


def test_painted_and_real_drops_stand_side_by_side_on_the_same_draws(painted):
    faces, clean, read, conditions = painted
    table = synthetic_against_real(read, ["m"], conditions, faces, CLASSES, 0)
    of = {(r.type, r.occluder, r.fraction): r for r in table.itertuples()}
    assert {key[:2] for key in of} == {("upper", "upper_half"), ("lower", "lower_half"),
                                       ("side", "left_half"), ("glasses", "eyes")}
    assert of["glasses", "eyes", 0.1].synthetic_drop == 0
    half = of["glasses", "eyes", 0.3]
    assert half.synthetic_drop == pytest.approx(0.4)  # 16 of 40 right answers lost
    assert half.difference == pytest.approx(half.synthetic_drop - half.real_drop)
    assert half.difference_low <= half.difference <= half.difference_high
    assert (half.n, half.n_not_listed, half.fills) == (5, 40, "mean")
    real = found(real_table({"m": clean}, faces, CLASSES, 0), "glasses", "drop_matched")
    assert (half.real_drop, half.real_low, half.real_high) == (real.value, real.low, real.high)


def test_a_painted_drop_is_the_mean_over_the_fills(painted):
    faces, _, read, conditions = painted
    table = synthetic_against_real(read, ["m"], conditions, faces, CLASSES, 0)
    (upper,) = table[table["occluder"] == "upper_half"].itertuples()
    assert upper.fills == "mean, noise"
    assert upper.synthetic_drop == pytest.approx((32 + 16) / 2 / 40)


def test_of_an_object_the_natural_size_is_shown_and_of_others_the_nearest_fraction(painted):
    faces, _, read, _ = painted
    conditions = select("hand-0.2-mean,hand-natural-mean,upper_half-0.1-mean,upper_half-0.3-mean")
    table = synthetic_against_real(read, ["m"], conditions, faces, CLASSES, 0)
    upper = nearest(table[table["type"] == "upper"], 0.3).set_index("occluder")["fraction"]
    assert upper["upper_half"] == 0.3
    assert np.isnan(upper["hand"])


def test_a_run_without_such_occluders_gives_an_empty_table(painted):
    faces, _, read, _ = painted
    table = synthetic_against_real(read, ["m"], select("box"), faces, CLASSES, 0)
    assert table.empty
    assert type_correlation(table).empty


def test_types_that_rise_together_correlate_and_three_are_too_few():
    table = pd.DataFrame({
        "model": "m", "labels": "own", "type": ["upper", "upper", "lower", "side", "glasses"],
        "occluder": ["hair", "hand", "cup", "hand", "eyes"],
        "synthetic_drop": [0.1, 0.3, 0.3, 0.4, 0.9], "real_drop": [0.1, 0.1, 0.2, 0.3, 0.8],
    })
    (row,) = type_correlation(table).itertuples()
    assert (row.n, row.spearman) == (4, pytest.approx(1))
    assert row.pearson == pytest.approx(
        np.corrcoef([0.2, 0.3, 0.4, 0.9], [0.1, 0.2, 0.3, 0.8])[0, 1]
    )
    assert row.smallest_p == pytest.approx(1 / 12)
    assert type_correlation(table[:4]).empty


def test_the_forest_shows_real_and_painted_drops_in_points(painted):
    faces, _, read, conditions = painted
    table = synthetic_against_real(read, ["one", "other"], conditions, faces, CLASSES, 0)
    display = RealForest(table).plot()
    names = [text.get_text() for text in display.axes_[0].get_yticklabels()]
    assert names[:2] == ["upper face, real (5 faces)", "upper half, 30%"]
    assert names.count("eyes, 30%") == 1
    assert [axis.get_title() for axis in display.axes_] == ["one", "other"]
    drops = [line.get_xdata()[0] for line in display.axes_[0].get_lines()
             if line.get_marker() == "s"]
    assert drops[-1] == pytest.approx(40)
    plt.close(display.figure_)
    with pytest.raises(InputError, match="by the labels 'agreed'"):
        RealForest(table, "agreed").plot()


def test_of_one_seed_a_module_has_the_accuracy_and_drop_of_its_model():
    kinds = ["none"] * 30 + ["side"] * 20
    hits = [1, 0, 1, 1, 0] * 10
    faces, rows = made(kinds, [0, 1] * 25, hits)
    model = real_table({"a": rows}, faces, CLASSES, 0)
    module = real_modules({"a": rows}, faces, CLASSES, {"a": {0: "a"}}, {}, 0)
    for metric in ("accuracy", "drop_matched"):
        one, other = found(model, "side", metric), found(module, "side", metric)
        assert (other.value, other.low, other.high) == pytest.approx((one.value, one.low, one.high))
        assert other.n == one.n
        assert np.isnan(other.difference)
    assert np.isnan(found(module, "glasses", "accuracy").value)


def test_modules_on_real_faces_are_compared_seed_by_seed():
    kinds = ["none"] * 20 + ["side"] * 20
    labels = [0] * 40
    answers = {"iram_0": 0, "iram_1": 4, "none_0": 10, "none_2": 0}  # wrong of those at the side
    rows = {}
    for name, wrong in answers.items():
        faces, rows[name] = made(kinds, labels, [1] * (40 - wrong) + [0] * wrong)
    seeds = {"iram": {0: "iram_0", 1: "iram_1"}, "none": {0: "none_0", 2: "none_2"}}
    table = real_modules(rows, faces, CLASSES, seeds, {"iram": "none", "none": "none"}, 0)
    iram, none = (table[table["label"] == name] for name in seeds)
    own = found(iram, "side", "accuracy")
    assert own.value == pytest.approx(1 - (0 + 4) / 2 / 20)
    assert (own.difference, own.paired_seeds, own.seeds) == (pytest.approx(0.5), "0", "0 1")
    assert found(iram, "side", "drop_matched").difference == pytest.approx(-0.5)
    assert none["difference"].isna().all()
