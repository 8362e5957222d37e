"""The studies' tables of all faces, and of those that are no copies of training faces."""

import numpy as np
import pandas as pd
import pytest
import tiny
from small_bench import opened, run

from analysis.engine.faces import groups_of, of_all_faces, said_of
from analysis.figures import OccluderForest
from analysis.stimuli.conditions import CLEAN, Condition, select
from analysis.studies.attribution import Sizes, attribution_suite
from analysis.studies.attribution.report import report as attribution_report
from analysis.studies.attribution.tables import TABLES as ATTRIBUTION_TABLES
from analysis.studies.occlusion.report import report
from analysis.studies.occlusion.tables.summary import TABLES
from analysis.studies.shift import report as shift_report
from analysis.studies.shift import shift
from iram.architecture import FER2013_CLASSES
from iram.data.dataset import FaceDataset

GROUPS = {"all": 30, "without copies": 24, "without near copies": 20}
pytestmark = [pytest.mark.exhaustive, pytest.mark.usefixtures("undrawn")]


@pytest.fixture(scope="module")
def copied() -> FaceDataset:
    """30 test faces: 6 are exact copies of training faces, 4 of them near ones, and of the other
    20 two are one photograph."""
    heads = tiny.dataset(32)
    pixels = heads.images_uint8(slice(0, 29))
    near = (30 + 0.7 * pixels[6:10]).astype(np.uint8)
    made = np.concatenate([pixels[:6], near, pixels, pixels[28:]])
    splits = ["train"] * 10 + ["test"] * 30
    labels = heads.labels.numpy()[[*range(10), *range(29), 28]]
    metadata = pd.DataFrame({"image_id": [f"face{i}" for i in range(40)], "usage": splits,
                             "split": splits})
    return FaceDataset(name="copied", classes=FER2013_CLASSES, labels=labels, metadata=metadata,
                       size=heads.size, pixels=made, sha256="copied").split("test")


@pytest.fixture
def results(copied, tiny_weights, tmp_path):
    conditions = select("eyes-0.1-mean,eyes-0.3-mean,box-0.3-mean,pitch+15")
    return run(opened(tiny_weights), tmp_path, conditions, dataset=copied)


def test_the_groups_of_faces(copied):
    assert {name: len(places) for name, places in groups_of(copied).items()} == GROUPS
    assert len(np.unique(copied.photographs())) == 29
    assert list(groups_of(copied.whole.split("train"))) == ["all"]


def test_every_table_of_the_benchmark_has_all_three(results):
    for name in TABLES:
        table = results.tables[name]
        assert table["faces"].drop_duplicates().tolist() == list(GROUPS), name
    sizes = results.tables["summary"].groupby("faces")["n"].unique()
    assert {name: own.item() for name, own in sizes.items()} == GROUPS


def test_accuracy_without_copies_is_that_of_the_rows_left(results, copied):
    benchmark = results.plan
    table = results.tables["summary"].query("condition == 'clean' and metric == 'accuracy'")
    for subject in benchmark.subjects:
        correct = benchmark.rows(subject, CLEAN)["correct"].to_numpy()
        own = table[table["model"] == subject.name].set_index("faces")["value"]
        for name, places in groups_of(copied).items():
            assert own[name] == pytest.approx(correct[places].mean(), abs=1e-6)


def test_the_report_tells_clean_accuracy_without_copies_and_all_else_of_all_faces(results):
    told = report(results.tables).splitlines()
    clean = [line for line in told if "without near copies" in line]
    assert len(clean) == 2
    assert len([line for line in told if "eyes" in line and "none-seed0" in line]) <= 2
    drops = results.tables["occluders"].query("metric == 'drop' and occluder == 'eyes'")
    assert len(drops) == 6


def test_figures_show_all_faces_alone(results):
    whole = results.tables["occluders"]
    table = of_all_faces(whole)
    assert set(table["faces"]) == {"all"}
    old = table.drop(columns="faces")
    assert of_all_faces(old) is old
    points = [[line.get_xydata().tolist() for line in OccluderForest(one).plot().ax_.get_lines()]
              for one in (whole, old)]
    assert points[0] == points[1]


def test_the_shift_study_has_all_three_and_says_which_verdicts_change(
    copied, tiny_weights, tmp_path
):
    conditions = [CLEAN, Condition("lower_half", 0.3, "noise"), Condition("sham", 0.3, "noise")]
    found = shift(opened(tiny_weights), copied, tmp_path, conditions=conditions, batch_size=15,
                  progress=False)
    for name, table in found.tables.items():
        assert table["faces"].drop_duplicates().tolist() == list(GROUPS), name
    rows = found.tables["mediation"].query("model == 'none' and outcome == 'accuracy'")
    assert rows.groupby("faces")["n"].first().to_dict() == GROUPS
    lines = [line for line in found.report().splitlines() if line.startswith("without")]
    assert len(lines) == 2
    assert len(found.tables["verdicts"]) == 3 * len(of_all_faces(found.tables["verdicts"]))


def test_changed_verdicts_are_named():
    verdicts = pd.DataFrame({
        "model": "iram", "hypothesis": ["H1", "H2a"] * 2,
        "verdict": ["supported"] * 3 + ["refuted"],
        "faces": ["all"] * 2 + ["without copies"] * 2,
    })
    [line] = shift_report.copies_lines(verdicts)
    assert line == "\nwithout copies of training faces: iram H2a supported there, refuted here"
    assert list(shift_report.copies_lines(verdicts[:2])) == []


def test_what_a_column_says_already_stays():
    assert said_of("not turned", "all") == "not turned"
    table = pd.DataFrame({"faces": ["not turned", said_of("not turned", "without copies")]})
    assert of_all_faces(table)["faces"].tolist() == ["not turned"]


@pytest.fixture
def explained(copied, tiny_weights, tmp_path):
    sizes = Sizes(reference=30, curves=30, pairs=4, sanity=4)
    return attribution_suite(opened(tiny_weights)[:1], copied, ("gradcam", "saliency"), tmp_path,
                             sizes=sizes, progress=False)


def test_every_table_of_attributions_has_all_three(explained, copied):
    suite = explained.plan
    for name in ATTRIBUTION_TABLES:
        table = explained.tables[name]
        assert table["faces"].drop_duplicates().tolist() == list(GROUPS), name
        assert list(table)[:4] == ["dataset", "model", "seed", "faces"]
    own = explained.tables["complexity"].query("method == 'gradcam' and metric == 'gini'")
    rows = suite.scores(suite.subjects[0], "gradcam").query("metric == 'gini'")
    values = rows.set_index("image_id")["value"][suite.ids].to_numpy()
    for name, places in groups_of(copied).items():
        [line] = own[own["faces"] == name].itertuples()
        assert (line.n, line.value) == (len(places), pytest.approx(values[places].mean(), abs=1e-5))
    assert attribution_report(explained.tables, suite).count("most faithful: ") == 2


def test_intervals_of_attributions_draw_copies_of_one_photograph_together(explained, monkeypatch):
    seen = []
    from analysis.studies.attribution import tables

    def noted(features, statistic, *, photographs, **options):
        seen.append((len(features), len(np.unique(photographs))))
        return kept(features, statistic, photographs=photographs, **options)

    kept = tables.bootstrap
    monkeypatch.setattr(tables, "bootstrap", noted)
    tables.attribution_tables(explained.plan)
    assert {(30, 29), (24, 23), (20, 19)} <= set(seen)
