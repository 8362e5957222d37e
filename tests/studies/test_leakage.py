"""The leakage check: it catches a planted leak, and lets chance pass."""

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from sklearn.metrics import recall_score
from sklearn.neighbors import NearestCentroid

from analysis.commands import main as cli
from analysis.stimuli.conditions import Condition, select
from analysis.stimuli.layout import mean_layout
from analysis.stimuli.occluders import GROWING, Growth
from analysis.stimuli.perturb import cover_faces
from analysis.studies.occlusion import leakage
from analysis.studies.occlusion.leakage import (
    balanced_accuracy,
    mask_features,
    masking,
    masks,
    stratified_folds,
)
from iram.errors import InputError

BOX = Condition("box", 0.3, "mean")


def covering(monkeypatch, name: str, columns) -> Condition:
    """An occluder that grows from the given column of each face, face by face in their order."""
    left = iter(columns)

    def grow(layout, generators):
        x = torch.arange(layout.size) + 0.5
        starts = torch.tensor([next(left) for _ in generators], dtype=torch.float32)
        return Growth((x - starts[:, None, None]).abs().expand(-1, layout.size, -1), layout.face)

    monkeypatch.setitem(GROWING, name, grow)
    return Condition(name, 0.2, "mean")


def test_a_place_that_depends_on_the_label_in_one_face_of_four_is_caught(monkeypatch):
    dataset = tiny.dataset(700)
    generator = np.random.default_rng(0)
    random = generator.uniform(8, 40, 700)
    by_label = np.where(generator.random(700) < 0.25, 8 + 5 * dataset.labels.numpy(), random)
    planted = covering(monkeypatch, "planted", by_label)
    table = leakage.leakage(dataset, [BOX, planted]).set_index("occluder")
    leak = table.loc["planted"]
    assert leak["verdict"] == "leaks"
    assert leak["balanced_accuracy"] > leak["null_high"] > leak["chance"] == pytest.approx(1 / 7)
    assert leak["permutations"] == 1000
    assert leak["p"] == pytest.approx(1 / 1001)
    assert leak["p_holm"] == pytest.approx(2 / 1001)
    assert table.loc["box", "verdict"] == "at chance"
    assert table.loc["box", "p_holm"] == table.loc["box", "p"]


def test_a_random_box_is_flagged_in_about_one_case_of_twenty():
    dataset = tiny.dataset(70)
    p = [leakage.leakage(dataset, [BOX], seed)["p"][0] for seed in range(40)]
    assert np.mean(np.array(p) < 0.05) <= 0.15  # 6 of 40; more has a chance of 0.3%
    assert 0.35 < np.mean(p) < 0.65


def test_the_same_mask_for_every_face_can_say_nothing():
    table = leakage.leakage(tiny.dataset(70), select("eyes-0.3-mean,upper_half-0.1-mean"))
    assert set(table["verdict"]) == {"constant"}
    assert table["balanced_accuracy"].tolist() == pytest.approx([1 / 7] * 2)
    assert table["p"].tolist() == table["p_holm"].tolist() == [1, 1]


def test_chance_is_of_the_expressions_that_occur(monkeypatch):
    dataset = tiny.dataset(70)
    dataset = dataset.subset(np.flatnonzero(np.isin(dataset.labels, [2, 5])))
    sides = covering(monkeypatch, "sides", np.where(dataset.labels == 2, 10, 38))
    (row,) = leakage.leakage(dataset, [sides]).itertuples()
    assert (row.chance, row.balanced_accuracy, row.verdict) == (0.5, 1.0, "leaks")


def test_the_masks_are_those_of_the_benchmark_and_no_picture_gets_into_them():
    dataset = tiny.dataset(20)
    ids = dataset.metadata["image_id"].tolist()
    shown = cover_faces(mean_layout(48), BOX, ids, seed=3).mask
    assert torch.equal(torch.cat(list(masks(dataset, BOX, seed=3, block=7))), shown)
    assert not torch.equal(torch.cat(list(masks(dataset, BOX, seed=4))), shown)
    dataset._pixels = 255 - dataset._pixels
    assert torch.equal(torch.cat(list(masks(dataset, BOX, seed=3))), shown)


def test_each_occluder_and_fraction_is_measured_once_whatever_the_fill_and_pose():
    conditions = select("box-0.3-mean,box-0.3-noise,box-0.5-mean,roll+15,yaw+30-eyes-0.3-mean")
    found = [(condition.occluder, condition.fraction) for condition in masking(conditions)]
    assert found == [("box", 0.3), ("box", 0.5), ("eyes", 0.3)]
    with pytest.raises(InputError, match=r"no occluder in clean, roll-30, .*such as box"):
        masking(select("rotation"))


def test_balanced_accuracy_agrees_with_scikit_learn_for_every_labelling():
    generator = np.random.default_rng(0)
    folds = stratified_folds(np.arange(200) % 3 % 2, 0)
    features = generator.normal(size=(200, 5)).astype(np.float32)
    labels = np.stack([np.arange(200) % 3 % 2] * 2)
    features[labels[0] == 1] += 0.5
    for fold in range(5):
        inside = folds == fold
        labels[1, inside] = generator.permutation(labels[1, inside])
    expected = []
    for given in labels:
        answers = np.empty(200, dtype=int)
        for fold in range(5):
            inside = folds == fold
            model = NearestCentroid().fit(features[~inside], given[~inside])
            answers[inside] = model.predict(features[inside])
        expected.append(recall_score(given, answers, average="macro"))
    found = balanced_accuracy(features, labels, folds, 2)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert found[0] > found[1]


def test_features_are_uncorrelated_and_hold_place_and_size():
    features = mask_features(masks(tiny.dataset(300), BOX, 0))
    covariance = np.cov(features.T, bias=True)
    off = covariance - np.diag(np.diag(covariance))
    assert np.abs(off).max() < 1e-4
    assert covariance.max() < 1
    grown = torch.zeros(6, 48, 48, dtype=torch.bool)
    grown[3:, 10:30, 10:30] = True
    found = mask_features([grown])
    np.testing.assert_allclose(found[:3], found[:1].repeat(3, 0), atol=1e-5)
    np.testing.assert_allclose(found[3:], -found[:3], atol=1e-5)
    assert mask_features([grown[:3]]).shape[1] == 0


def test_every_class_is_spread_evenly_over_the_folds():
    labels = np.repeat([0, 1, 2], [52, 33, 4])
    folds = stratified_folds(labels, 0)
    table = pd.crosstab(labels, folds).to_numpy()
    assert (np.ptp(table, axis=1) <= 1).all()
    assert (folds != stratified_folds(labels, 1)).any()


@pytest.mark.parametrize(("n", "kept"), [(9, range(9)), (30, range(0, 28, 7))])
def test_too_few_faces_or_expressions_are_told(n, kept):
    with pytest.raises(InputError, match="too few to tell apart; at least 10 of two"):
        leakage.leakage(tiny.dataset(n).subset(list(kept)), [BOX])


def test_the_command_writes_and_prints_a_row_per_occluder_and_fraction(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("iram.data.open_dataset", lambda spec, split: tiny.dataset(70))
    arguments = ["leakage", "--data", "t", "--conditions", "eyes-0.3-*,box-0.3-*,box-0.5-mean"]
    assert cli.main([*arguments, "--limit", "60", "--out", str(tmp_path)]) == 0
    table = pd.read_csv(tmp_path / "leakage.csv")
    assert table[["occluder", "fraction"]].to_numpy().tolist() == [
        ["eyes", 0.3], ["box", 0.3], ["box", 0.5],
    ]
    assert (table["n"] == 60).all()
    out = capsys.readouterr().out
    assert "tiny: 60 faces, 7 expressions, told from the masks alone (%; chance 14.3)" in out
    assert "1 constant" in out
