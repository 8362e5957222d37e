"""Nets that recognise nothing, or are described wrongly, are told and marked."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import outside
import pandas as pd
import pytest
from safetensors.torch import load_file, save_file
from torch import nn

from analysis.commands.main import main
from analysis.engine.marks import marked, reasons, unmarked
from analysis.engine.store import read_table
from analysis.figures.occlusion import OccluderForest
from analysis.figures.printed import occluders
from analysis.subjects import open_subjects
from analysis.subjects.check import check
from analysis.subjects.judgement import assigned, judge
from analysis.subjects.scale import another_range
from iram.data import open_dataset

pytestmark = pytest.mark.exhaustive

ROOT = Path(__file__).parents[2]
CLASSES = outside.CLASSES
EXAMPLE = ROOT / "examples" / "residual.py"


def answered(labels, right, seed=0, k=7):
    """Predictions of which a share is right, and the others any class."""
    draws = np.random.default_rng(seed)
    other = draws.integers(0, k, len(labels))
    return np.where(draws.random(len(labels)) < right, labels, other)


LABELS = np.arange(700) % 7
SKEWED = np.repeat(np.arange(7), [400, 100, 60, 50, 40, 30, 20])


def test_a_good_net_has_no_mark_and_no_hint():
    for labels in (LABELS, SKEWED):
        assert judge(answered(labels, 0.6), labels, CLASSES).hints == ()


@pytest.mark.parametrize("share", [1.0, 0.97])
def test_a_constant_net_is_marked_by_its_answer(share):
    answers = np.where(np.arange(700) < 700 * share, 3, LABELS)
    found = judge(answers, LABELS, CLASSES)
    assert found.mark.startswith("answers 'happy' for")
    assert "700 faces" in found.mark


def test_a_net_that_is_right_on_faces_of_nearly_one_class_is_not_constant():
    labels = np.where(np.arange(700) < 680, 3, LABELS)
    assert not judge(labels, labels, CLASSES).mark


def test_chance_is_that_of_the_best_single_answer():
    found = judge(answered(LABELS, 0.0), LABELS, CLASSES)
    assert "not measurably above the 14.3% of always answering" in found.mark
    always = answered(SKEWED, 0.3)  # right on 40%, where 57% are of one class
    assert "57.1% of always answering 'angry'" in judge(always, SKEWED, CLASSES).mark
    assert not judge(answered(SKEWED, 0.75), SKEWED, CLASSES).mark


@pytest.mark.parametrize("names", [[1, 0, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6, 0],
                                   [6, 5, 4, 3, 2, 1, 0]])
@pytest.mark.parametrize("labels", [LABELS, SKEWED], ids=["balanced", "skewed"])
def test_classes_in_another_order_are_found_and_named(names, labels):
    answers = np.array(names)[answered(labels, 0.9)]
    found = judge(answers, labels, CLASSES)
    assert "wrong order of classes?" in found.mark
    for own, other in enumerate(names):
        told = f"what it calls {CLASSES[other]} fits {CLASSES[own]}"
        assert (told in found.mark) == (own != other)


def test_chance_never_looks_like_another_order():
    for seed in range(200):
        count = [30, 84, 700][seed % 3]
        found = judge(answered(LABELS[:count], 0.15 * (seed % 2), seed), LABELS[:count], CLASSES)
        assert "order" not in found.mark.replace("std or order", "")


def test_a_tie_is_left_as_it_is_called():
    labels = np.array([0, 1, 0, 1])
    assert assigned(np.array([0, 0, 1, 1]), labels, 2).tolist() == [0, 1]


def test_classes_that_are_never_predicted_are_told_and_marked_if_they_are_half():
    one = np.where(LABELS == 1, 0, LABELS)
    found = judge(one, LABELS, CLASSES)
    assert "1 of its 7 classes here are never predicted: disgust (100 faces" in found.hints[0]
    assert not found.mark
    two = np.where(LABELS % 2 == 0, 0, 3)
    assert "5 of its 7 classes here are never predicted" in judge(two, LABELS, CLASSES).mark


def test_of_few_faces_or_one_class_nothing_is_said():
    assert judge(np.zeros(9, int), LABELS[:9], CLASSES).hints == ()
    assert judge(np.zeros(50, int), np.full(50, 2), CLASSES).hints == ()


# Real nets, described wrongly


def described(folder, **changes):
    """The example net of this repository, with another description; FILE.py:build."""
    (folder / "net.py").write_text(EXAMPLE.read_text() + CONSTANT)
    tensors = load_file(EXAMPLE.with_suffix(".safetensors"))
    save_file(tensors, folder / "w.safetensors")
    own = {"input_size": 112, "colour": "rgb", "mean": [0.485, 0.456, 0.406],
           "std": [0.229, 0.224, 0.225], "weights": "w.safetensors",
           "classes": ["Neutral", "Happiness", "Surprise", "Sadness", "Anger", "Disgust", "Fear"]}
    lines = [f"{key} = {value!r}" for key, value in {**own, **changes}.items()]
    (folder / "net.toml").write_text("\n".join([*lines, "[constant]", "name = 'constant'"]))
    return f"{folder}/net.py:build"


CONSTANT = '''

class Constant(ResidualNet):
    def forward(self, x):
        return 0.001 * super().forward(x) + nn.functional.one_hot(
            x.new_zeros(len(x)).long(), 7)


def constant():
    return Constant()
'''
SWAPPED = ["Happiness", "Neutral", "Surprise", "Sadness", "Anger", "Disgust", "Fear"]
BYTES = {"mean": 0.0, "std": 1 / 255}


def recognised(spec):
    return next(f for f in check(spec) if f.what == "recognition")


@pytest.mark.parametrize(("changes", "told"), [
    ({"classes": SWAPPED}, "wrong order of classes? what it calls happy fits neutral"),
    (BYTES, "5 of its 7 classes here are never predicted"),
    (BYTES, "wrong mean or std? With pictures normalised as for ImageNet"),
])
def test_check_tells_what_is_described_wrongly(tmp_path, changes, told):
    right, wrong = recognised(described(tmp_path)), recognised(described(tmp_path, **changes))
    assert right.told == "right on 94.0% of 84 rendered heads (others: --data)"
    assert right.hints == ()
    assert any(told in hint for hint in wrong.hints)


def test_check_tells_a_constant_net_and_takes_a_data_set(tmp_path, capsys):
    spec = described(tmp_path).replace(":build", ":constant")
    assert "for all 84 faces" in recognised(spec).hints[0]
    assert main(["models", "--check", spec, "--data", "heads:n=140"]) == 0
    told = capsys.readouterr().out
    assert "of 14 rendered heads" in told
    assert "\nhint: rendered heads: answers 'neutral' for all 14 faces" in told


def test_our_own_nets_are_recognised_as_what_they_are():
    finding = recognised("iram-heads")
    assert finding.hints == ()
    assert finding.told.startswith("right on 100.0% of ")  # as many as the time allows


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A benchmark of the example as it is, with its classes swapped, and of a constant net."""
    folder = tmp_path_factory.mktemp("run")
    specs = []
    for name, changes in (("none-x", {}), ("swapped-x", {"classes": SWAPPED}),
                          ("scaled-x", BYTES), ("constant-x", {})):
        (folder / name).mkdir()
        spec = described(folder / name, name=name, **changes)
        if name == "constant-x":
            toml = folder / name / "net.toml"
            toml.write_text(toml.read_text().replace("'constant'", "'constant-x'"))
            spec = spec.replace(":build", ":constant")
        specs.append(spec)
    out = folder / "out"
    assert main(["bench", "--data", "heads:n=140", "--split", "all", "--models", ",".join(specs),
                 "--conditions", "eyes-0.3-mean,mouth-0.3-mean", "--out", str(out)]) == 0
    return out


def test_bench_says_what_is_the_matter_in_place_of_a_robustness(run, capsys):
    table = read_table(run / "robustness.csv")
    why = reasons(table)
    assert set(why) == {"swapped-x", "scaled-x", "constant-x"}
    assert "for all 140 faces" in why["constant-x"]
    assert "order of classes" in why["swapped-x"]
    assert "never predicted" in why["scaled-x"]
    modules = read_table(run / "modules.csv")
    assert set(reasons(modules, "label")) == set(why)
    assert modules.loc[modules["label"] == "constant-x", ["p", "p_holm"]].isna().all(axis=None)
    assert set(unmarked(modules)["label"]) == {"none-x"}


def test_figures_leave_marked_models_out_and_printed_tables_mark_them(run):
    tables = {name: read_table(run / f"{name}.csv")
              for name in ("occluders", "robustness", "modules")}
    printed = occluders(tables["occluders"], tables["robustness"])
    assert sum("(marked)" in name for name in printed.header) == 3
    assert "nothing is to be read from the robustness of constant-x: answers" in printed.note
    figure = OccluderForest(tables["occluders"]).plot().figure_
    legend = figure.legends[0]
    assert "nothing is to be read from their robustness" in legend.get_title().get_text()
    assert len(legend.get_texts()) == 1
    plt.close("all")


def test_where_all_models_are_marked_figures_still_show_them(run):
    table = read_table(run / "occluders.csv")
    figure = OccluderForest(table[table["mark"].notna()]).plot().figure_
    assert len(figure.legends[0].get_texts()) == 3
    plt.close("all")


def test_a_table_without_marks_stays_as_it_is_and_a_marked_reference_marks():
    table = pd.DataFrame({"model": ["a", "b"], "reference": ["b", "b"], "p": [0.1, 0.2]})
    assert marked(table, {"a": ""}) is table
    found = marked(table, {"b": "answers 'x'"})
    assert found["mark"].tolist() == ["compared with b, which answers 'x'", "answers 'x'"]
    assert found["p"].isna().all()
    assert unmarked(found).empty


class Wants(nn.Module):
    """A net that was trained on pictures of another range than the net inside."""

    def __init__(self, net, mean, std):
        super().__init__()
        self.net, self.mean, self.std = net, mean, std

    def forward(self, x):
        pictures = x * self.std + self.mean
        mean, std = (pictures.new_tensor(one).view(1, 3, 1, 1)
                     for one in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
        return self.net((pictures - mean) / std)


@pytest.mark.parametrize(("wants", "described_as", "told"), [
    ((0.5, 0.5), BYTES, "in -1 to 1"),
    ((0.0, 1 / 255), {"mean": 0.5, "std": 0.5}, r"in 0 to 255 (mean = 0"),
])
def test_the_range_of_pictures_is_looked_for_among_the_usual_ones(
        tmp_path, wants, described_as, told):
    data = open_dataset("heads:n=84")
    subject = open_subjects(described(tmp_path, **described_as), data.classes)[0]
    subject.model.net = Wants(subject.model.net, *wants).eval()
    faces = data.images(slice(0, 84))
    assert told in another_range(subject.model, faces, data.labels[:84], subject.columns)
