"""What a module costs over its training seeds, against hand-made answers."""

import numpy as np
import pandas as pd
import pytest
import tiny
from answers import conditions, value_of, wrong_under

from analysis.engine.statistics import hierarchical_bootstrap, paired_permutation
from analysis.figures.modules import ModuleForest
from analysis.stimuli.conditions import Condition
from analysis.studies.occlusion.tables import grid
from analysis.studies.occlusion.tables.modules import COLUMNS, modules
from analysis.studies.occlusion.tables.robustness import kind_errors
from analysis.subjects import open_subjects
from analysis.subjects.roles import groups
from iram.architecture import FER2013_CLASSES
from iram.errors import InputError

GRID = conditions(
    ("eyes", 0.1, "mean"), ("eyes", 0.3, "mean"), ("box", 0.3, "noise"), ("sham", 0.3, "mean"),
    Condition(corruption="jpeg", severity=1),
)
N = 200


def table_of(seed=0, **models):
    """Of models named LABEL_N."""
    errors = {name: kind_errors(GRID, correct) for name, correct in models.items()}
    labels = {}
    for name in models:
        label, _, number = name.partition("_")
        labels.setdefault(label, {})[int(number)] = name
    return modules(GRID, errors, labels, dict.fromkeys(labels, "none"), seed)


def wrong(eyes=0, box=0, jpeg=0, start=0):
    return wrong_under(GRID, N, eyes=slice(start, start + eyes), box=slice(0, box),
                       jpeg=slice(0, jpeg))


@pytest.fixture
def table():
    return table_of(none_0=wrong(20), none_1=wrong(40), iram_0=wrong(60, box=20),
                    iram_1=wrong(60, box=20, jpeg=20), iram_2=wrong(0))


def test_values_are_means_over_seeds_levels_and_images(table):
    none, iram = (table[table["label"] == label] for label in ("none", "iram"))
    assert value_of(none, kind="eyes", metric="drop") == pytest.approx((0.1 + 0.2) / 2)
    assert value_of(iram, kind="eyes", metric="drop") == pytest.approx((0.3 + 0.3 + 0) / 3)
    assert value_of(iram, kind="eyes", metric="accuracy") == pytest.approx(0.8)
    assert value_of(iram, kind="jpeg", metric="drop") == pytest.approx(0.1 / 3)
    assert value_of(iram, kind="clean", metric="accuracy") == 1
    every = np.mean([0.2, (0.1 + 0.1 + 0) / 3, 0.1 / 3])  # each kind as heavy, without the sham
    assert value_of(iram, kind="all", metric="drop") == pytest.approx(every)
    assert set(table["kind"]) == {"clean", "all", "eyes", "box", "jpeg"}
    assert value_of(iram, "conditions", kind="eyes", metric="drop") == 2
    assert list(table.columns) == list(COLUMNS)


def test_a_difference_is_over_the_seeds_that_both_have(table):
    own = table[(table["label"] == "iram") & (table["metric"] == "drop")]
    assert set(own["seeds"]) == {"0 1 2"}
    assert set(own["paired_seeds"]) == {"0 1"}
    assert set(own["reference"]) == {"none"}
    assert value_of(own, "difference", kind="eyes") == pytest.approx((0.2 + 0.1) / 2)
    assert table[table["label"] == "none"]["difference"].isna().all()


def test_intervals_and_p_are_those_of_the_studys_statistics(table):
    drops = np.zeros((2, N))
    for seed, (iram, none) in enumerate([(60, 20), (60, 40)]):
        drops[seed, none:iram] = 1
    _, low, high = hierarchical_bootstrap(drops)
    own = table[(table["label"] == "iram") & (table["metric"] == "drop")]
    assert value_of(own, "difference_low", kind="eyes") == pytest.approx(low)
    assert value_of(own, "difference_high", kind="eyes") == pytest.approx(high)
    assert value_of(own, "p", kind="eyes") == paired_permutation(drops.mean(0))
    smallest = own[own["kind"] != "all"].sort_values("p").iloc[0]
    assert smallest["p_holm"] == pytest.approx(3 * smallest["p"])  # three kinds of one module
    assert value_of(own, "p_holm", kind="all") == value_of(own, "p", kind="all")


def test_seeds_that_differ_widen_the_interval():
    alike = table_of(none_0=wrong(40), none_1=wrong(40), none_2=wrong(40))
    apart = table_of(none_0=wrong(0), none_1=wrong(40), none_2=wrong(80))
    widths = [value_of(t, "high", kind="eyes", metric="drop")
              - value_of(t, "low", kind="eyes", metric="drop") for t in (alike, apart)]
    assert widths[1] > 2 * widths[0]


def test_a_module_without_a_reference_or_a_seed_in_common_has_no_difference():
    alone = table_of(iram_0=wrong(20))
    assert alone["difference"].isna().all()
    apart = table_of(none_1=wrong(20), iram_0=wrong(20))
    own = apart[apart["label"] == "iram"]
    assert own["difference"].isna().all()
    assert own[["reference", "paired_seeds"]].isna().all(axis=None)
    with pytest.raises(InputError, match="no module with a reference"):
        ModuleForest(alone).plot()


def test_what_is_turned_is_compared_with_the_frontal_pose():
    posed = conditions(("eyes", 0.3, "mean"), Condition(yaw_deg=0.0), Condition(yaw_deg=30.0),
                       Condition(yaw_deg=-30.0), Condition(pitch_deg=15.0),
                       Condition("eyes", 0.3, "mean", yaw_deg=30.0), Condition(roll_deg=15.0))
    table = grid.turned(posed)
    assert table["kind"].tolist() == ["", "", "clean", "yaw", "yaw", "pitch", "", ""]
    correct = np.ones((20, len(posed)), bool)
    correct[:10, 3], correct[:4, 2] = False, False
    found = modules(table, {"x": kind_errors(table, correct)}, {"none": {0: "x"}}, {}, 0)
    assert value_of(found, kind="clean", metric="accuracy") == pytest.approx(16 / 20)
    assert value_of(found, kind="yaw", metric="drop") == pytest.approx(16 / 20 - 30 / 40)
    assert value_of(found, kind="pitch", metric="drop") == pytest.approx(16 / 20 - 1)
    assert value_of(found, kind="yaw", metric="lost") == pytest.approx(6 / 16 / 2)
    assert grid.turned(conditions(("eyes", 0.3, "mean"), Condition(roll_deg=15.0))) is None


def test_models_are_grouped_by_their_cards_and_only_with_their_like(tmp_path):
    paths = [tiny.carded(tmp_path, "a", "iram", "iram", 0),
             tiny.carded(tmp_path, "best", "iram", "iram", 3),
             tiny.carded(tmp_path, "c", "none", "none", 3),
             tiny.carded(tmp_path, "longer", "iram", "iram", 5, epochs=90),
             tiny.carded(tmp_path, "copy", "iram", "iram", 0)]
    found = groups(open_subjects(",".join(map(str, paths)), FER2013_CLASSES))
    assert found == {"iram": {0: "a", 3: "best"}, "none": {3: "c"}, "longer": {5: "longer"},
                     "copy": {0: "copy"}}


def test_with_the_clean_pass_alone_there_is_its_accuracy():
    clean = conditions()
    found = modules(clean, {"x": kind_errors(clean, np.ones((5, 1), bool))}, {"none": {0: "x"}},
                    {"none": "none"}, 0)
    assert found[["kind", "metric", "value"]].values.tolist() == [["clean", "accuracy", 1.0]]


def test_the_figure_has_a_row_per_kind_the_mean_on_top_and_tells_the_seeds(table):
    left, right = ModuleForest(table).plot().axes_
    assert [text.get_text() for text in left.get_yticklabels()][-1] == "mean over all"
    assert [text.get_text() for text in left.get_yticklabels()][:2] == ["random box", "JPEG"]
    (legend,) = left.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "no attention (2 seeds)", "IRAM (3 seeds)"]
    shown = [x for line in right.lines[1:] for x in line.get_xdata()]
    own = table[(table["label"] == "iram") & (table["metric"] == "drop")]
    assert sorted(shown) == pytest.approx(sorted(100 * own["difference"]))


def test_trainings_of_one_module_differ_in_shape_and_only_certain_differences_are_filled(table):
    taught = table.assign(label=table["label"] + "-erasing-noise", p_holm=0.5)
    both = pd.concat([table.assign(p_holm=0.01), taught], ignore_index=True)
    left, right = ModuleForest(both).plot().axes_
    drawn = [line for line in left.lines if line.get_marker() != "None"]
    assert len({(line.get_color(), line.get_marker()) for line in drawn}) == 4
    filled = [line.get_markerfacecolor() != "white" for line in right.lines[1:]]
    assert sorted(filled) == [False, True]
