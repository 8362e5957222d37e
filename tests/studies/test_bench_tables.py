"""What the benchmark writes and tells: tables, figures and the report, of the rows alone."""

import re

import numpy as np
import outside
import pandas as pd
import pytest
import tiny
import torch
from small_bench import QUICK, contents, opened, run

from analysis.engine import store
from analysis.stimuli.conditions import select
from analysis.studies.occlusion.tables.summary import TABLES
from analysis.subjects import open_subjects
from iram.architecture import FER2013_CLASSES
from iram.errors import InputError

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture
def subjects(tiny_weights):
    return opened(tiny_weights)


@pytest.mark.drawn
def test_the_summary_has_every_score_with_an_interval(subjects, tmp_path):
    run(subjects, tmp_path)
    table = pd.read_csv(tmp_path / "summary.csv")
    assert len(table) == 2 * len(QUICK) * 5
    assert (table["n"] == 40).all()
    occluders = pd.read_csv(tmp_path / "occluders.csv")
    assert set(occluders["occluder"]) == {"eyes", "mouth", "box", "sham", "sunglasses"}
    assert "drop_beyond_box" not in set(occluders[occluders["occluder"] == "box"]["metric"])
    for name in ("accuracy_against_fraction_mean", "importance_iram-seed0"):
        assert (tmp_path / "figures" / f"{name}.pdf").stat().st_size > 5000


def test_every_table_is_written_with_the_models_names_and_intervals(subjects, tmp_path):
    results = run(subjects, tmp_path, select("eyes-*-mean,box-*-mean,roll+15,yaw+30"))
    for name in TABLES:
        table = store.read_table(tmp_path / f"{name}.csv")
        assert {"dataset", "metric", "value", "low", "high", "n"} <= set(table)
        if name in ("modules", "poses"):
            assert set(table["label"]) == {"iram", "none"}
        else:
            assert set(table["model"]) == {"iram-seed0", "none-seed0"}
            assert set(table["seed"]) == {0}
        assert len(table) == len(results.tables[name])
    areas = results.tables["curves"]
    assert len(areas) == 2 * 2  # models, occluders
    assert set(results.tables["importance"]["expression"]) == {"all", *FER2013_CLASSES}
    reference = results.tables["robustness"].query("model == 'none-seed0' and kind == 'all'")
    assert reference["metric"].tolist() == ["lost", "mrr", "relative_mrr"]
    assert reference["value"].iloc[1] == 100


def test_tables_are_of_the_rows(subjects, tmp_path):
    results = run(subjects, tmp_path)
    plan, tables = results.plan, results.tables
    right = {c.name: plan.rows(subjects[0], c)["correct"].to_numpy(float) for c in QUICK}
    sad = tiny.dataset().labels.numpy() == FER2013_CLASSES.index("sad")
    beyond = right["box-0.3-mean"][sad].mean() - right["mouth-0.3-mean"][sad].mean()
    cell = "model == 'iram-seed0' and expression == 'sad' and occluder == 'mouth'"
    own = tables["importance"].query(cell).set_index("metric")
    assert own.loc["drop_beyond_box", "value"] == pytest.approx(beyond)
    assert own.loc["drop", "n"] == sad.sum()
    harmful = [c for c in QUICK if c.occluder not in ("none", "sham") or c.severity]
    wrong = [[40 - plan.rows(s, c)["correct"].sum() for c in harmful] for s in subjects]
    mrr = tables["robustness"].query("model == 'iram-seed0' and metric == 'mrr'")["value"].item()
    assert mrr == pytest.approx(100 * np.mean(np.divide(*wrong)))


def test_an_object_that_does_not_reach_the_asked_share_is_told(subjects, tmp_path):
    results = run(subjects[:1], tmp_path, select("spectacles-0.5-mean,eyes-0.3-mean,sham-0.3-mean"))
    assert re.search(r"spectacles-0.5-mean +40 of 40 faces \((5|6|7|8|9)%\)", results.report())
    table = results.tables["summary"].query("metric == 'accuracy'").set_index("condition")["missed"]
    assert table["spectacles-0.5-mean"] == 1
    assert table["eyes-0.3-mean"] == 0
    assert np.isnan(table["sham-0.3-mean"])
    assert np.isnan(table["clean"])


def test_a_folder_that_lacks_a_table_gets_it_without_a_forward_pass(subjects, tmp_path):
    run(subjects, tmp_path)
    before = contents(tmp_path)
    (tmp_path / "robustness.csv").unlink()
    assert run(subjects, tmp_path).made == 0
    assert contents(tmp_path) == before


def test_tables_of_other_rows_are_never_taken_for_these(subjects, tmp_path, monkeypatch):
    """Placed otherwise, and killed between the rows and the tables: the old tables still stand."""
    plain = run(subjects, tmp_path).tables["summary"]
    turned = torch.eye(2, 4).expand(40, 2, 4).clone()
    turned[:, :, 3] = 6  # pixels
    with monkeypatch.context() as patch:
        patch.setattr("analysis.studies.occlusion.run.summarise", lambda plan: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(subjects, tmp_path, cameras=turned)
    again = run(subjects, tmp_path, cameras=turned)
    assert again.made == 0
    fresh = run(subjects, tmp_path / "fresh", cameras=turned).tables["summary"]
    pd.testing.assert_frame_equal(again.tables["summary"], fresh)
    assert not again.tables["summary"].equals(plain)


def test_the_report_names_the_reference_or_the_one_that_is_missing(subjects, tmp_path):
    both = run(subjects, tmp_path / "both").report()
    assert both.count("against none-seed0") == 1
    assert re.search(r"against none-seed0, which loses +\d+\.\d \[.*of its own", both)
    assert "lean most on a place" in both
    numbers = both.partition("\nin ")[0].splitlines()
    assert max(map(len, numbers)) <= 80
    alone = run(subjects[:1], tmp_path / "alone")
    assert alone.tables["robustness"].empty
    assert "iram-seed0" in alone.report()
    assert "no reference: name none-seed0 among the models, or --reference" in alone.report()
    assert run(subjects[:1], tmp_path / "alone").report() == alone.report()
    bare = run(subjects[:1], tmp_path / "bare", select("clean")).report()
    assert "mRR" not in bare
    assert "lost of what" not in bare
    assert "lean most" not in bare


def two_from_outside(folder):
    outside.write_net(folder, 48, "gray", name="residual", extra='name = "a-net"')
    outside.write_net(folder, 48, "gray", name="plain", extra='name = "b-net"')
    return open_subjects(f"{folder}/residual.py:build,{folder}/plain.py:build", FER2013_CLASSES)


def test_models_from_outside_are_compared_with_the_one_that_is_named(tmp_path):
    both = two_from_outside(tmp_path)
    told = run(both, tmp_path / "out").report()
    assert told.count("no reference: name one of the models by --reference MODEL") == 2
    named = run(both, tmp_path / "out", reference="b-net")
    assert named.made == 0
    assert "against b-net" in named.report()
    assert "b-net" in (tmp_path / "out" / "run.json").read_text().partition('"reference"')[2]
    modules = named.tables["modules"]
    assert set(modules.loc[modules["label"] == "a-net", "reference"]) == {"b-net"}
    assert modules.loc[modules["label"] == "b-net", "reference"].isna().all()
    assert run(both, tmp_path / "out").tables["robustness"].empty


def test_an_unknown_reference_is_told_with_the_models_that_there_are(tmp_path):
    with pytest.raises(InputError, match=r"--reference: .*'none'.*a-net.*b-net"):
        run(two_from_outside(tmp_path), tmp_path / "out", reference="none")
    assert not (tmp_path / "out").exists()


def test_what_is_turned_in_depth_is_compared_with_the_frontal_pose(subjects, tmp_path):
    results = run(subjects[:1], tmp_path, select("yaw+0,yaw+30,yaw+30-eyes-0.3-mean"))
    table = results.tables["summary"].set_index(["condition", "metric"])["value"]
    drop = 1 - table["yaw+30", "accuracy"] / table["yaw+0", "accuracy"]
    assert table["yaw+30", "relative_drop"] == pytest.approx(drop)
    assert table["yaw+0", "relative_drop"] == 0
    turned = results.tables["summary"][results.tables["summary"]["condition"] == "yaw+30"]
    assert (turned["self_occlusion_fraction"] > 0).all()
    assert (turned["yaw_deg"] == 30).all()
    assert not len(results.tables["occluders"])
