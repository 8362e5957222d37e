"""The benchmark, end to end on tiny models: resumable, exact, and honest about what it lacks."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import tiny
import torch

from analysis import bench, engine, store
from analysis.bench import benchmark, planned
from analysis.estimate import estimate
from analysis.faces import to_be_turned
from analysis.layout import FRONTAL
from analysis.parallel import Executor
from analysis.sampling import BATCH_SIZES, fastest_batch_size, sample
from analysis.study import select
from analysis.subjects import open_subjects
from analysis.tables.summary import TABLES
from iram.errors import InputError
from iram.model import FER2013_CLASSES

QUICK = select("smoke")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    for attention in ("iram", "none"):
        tiny.weights(folder, attention)
    return folder


@pytest.fixture
def subjects(folder):
    names = ",".join(str(folder / f"{name}-seed0.safetensors") for name in ("iram", "none"))
    return open_subjects(names, FER2013_CLASSES)


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch, request):
    """Drawing takes longer than all else; only the tests that look at figures draw."""
    if "drawn" not in request.keywords:
        monkeypatch.setattr(bench, "draw", lambda results: [])


def run(subjects, out, conditions=QUICK, **options):
    options = {"batch_size": 16, "progress": False, **options}
    return benchmark(subjects, options.pop("dataset", tiny.dataset()), conditions, out, **options)


def contents(out):
    return {path.relative_to(out): path.read_bytes() for path in sorted(out.rglob("*"))
            if path.is_file()}  # fmt: skip


def test_it_writes_a_row_per_image_model_and_condition(subjects, tmp_path):
    results = run(subjects, tmp_path)
    assert results.made == 2 * len(QUICK)
    rows = pd.read_parquet(tmp_path / "rows")
    assert len(rows) == 40 * 2 * len(QUICK)
    assert not rows.duplicated(["image_id", "model", "condition"]).any()
    columns = """dataset label seed occluder fill occlusion_fraction yaw_deg pitch_deg roll_deg
        prediction correct margin probability"""
    assert set(columns.split()) <= set(rows)


def test_rows_are_the_models_own_answers(subjects, tmp_path):
    results = run(subjects, tmp_path)
    rows = results.benchmark.rows(subjects[0], QUICK[0])
    with torch.inference_mode():
        logits = subjects[0].model(tiny.dataset().images(slice(None)))
    assert rows["prediction"].tolist() == logits.argmax(1).tolist()
    np.testing.assert_allclose(rows["probability"], logits.softmax(1)[range(40), np.arange(40) % 7],
                               rtol=1e-4)  # fmt: skip


@pytest.mark.drawn
def test_killed_half_way_and_run_again_it_gives_the_same_bytes(subjects, tmp_path, monkeypatch):
    run(subjects, tmp_path / "whole")
    calls = iter(range(1000))
    genuine = engine.cover_faces

    def interrupted(*arguments):
        if next(calls) == 8:
            raise KeyboardInterrupt
        return genuine(*arguments)

    monkeypatch.setattr(engine, "cover_faces", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(subjects, tmp_path / "killed", executor=Executor(workers=1))
    monkeypatch.undo()
    kept = len(list((tmp_path / "killed" / "rows").iterdir()))
    assert 0 < kept < 2 * len(QUICK)
    results = run(subjects, tmp_path / "killed")
    assert results.made == 2 * len(QUICK) - kept
    whole, resumed = contents(tmp_path / "whole"), contents(tmp_path / "killed")
    assert whole == resumed


def test_a_finished_run_is_a_no_op(subjects, tmp_path, monkeypatch):
    first = run(subjects, tmp_path)
    before = contents(tmp_path)
    monkeypatch.setattr(engine, "cover_faces", lambda *arguments: pytest.fail("it computed again"))
    again = run(subjects, tmp_path)
    assert again.made == 0
    assert contents(tmp_path) == before
    assert again.report() == first.report()


@pytest.mark.parametrize("executor", [
    Executor(workers=2), Executor(workers=5), Executor("processes", 2),
])  # fmt: skip
def test_whoever_computes_the_bytes_are_the_same(subjects, tmp_path, executor):
    alone = run(subjects, tmp_path / "alone", executor=Executor(workers=1))
    threads = torch.get_num_threads()
    several = run(subjects, tmp_path / "several", executor=executor)
    assert alone.made == several.made == 2 * len(QUICK)
    assert contents(tmp_path / "alone") == contents(tmp_path / "several")
    assert torch.get_num_threads() == threads


def test_the_number_of_torchs_threads_changes_nothing(subjects, tmp_path):
    before = torch.get_num_threads()
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            run(subjects, tmp_path / str(count), executor=Executor(workers=2))
    finally:
        torch.set_num_threads(before)
    assert contents(tmp_path / "1") == contents(tmp_path / "3")


def test_occluders_follow_the_cameras_and_only_they_are_made_again(subjects, tmp_path):
    conditions = select("nose-0.1-mean,contrast-3,roll+15")
    run(subjects[:1], tmp_path, conditions)
    cameras = FRONTAL.repeat(40, 1, 1)
    cameras[:, 0, 3] = 0.2
    moved = run(subjects[:1], tmp_path, conditions, cameras=cameras)
    assert moved.made == 1


def test_the_cost_is_told_before_the_run(subjects, tmp_path):
    plan, _ = planned(subjects, tiny.dataset(), QUICK, tmp_path, batch_size=16)
    told = estimate(plan)
    assert (told.passes, told.finished) == (40 * 2 * len(QUICK), 0)
    assert told.seconds > 0
    assert not (tmp_path / "rows").exists()
    run(subjects, tmp_path)
    assert estimate(plan).passes == 0
    assert estimate(plan).seconds == 0


def test_a_damaged_cell_is_made_again(subjects, tmp_path):
    run(subjects, tmp_path)
    before = contents(tmp_path)
    victim = next((tmp_path / "rows").iterdir())
    victim.write_bytes(victim.read_bytes()[:100])
    assert run(subjects, tmp_path).made == 1
    assert contents(tmp_path) == before


def test_logits_do_not_depend_on_the_batch_size_or_the_order_of_conditions(subjects, tmp_path):
    one = run(subjects, tmp_path / "one", batch_size=7).benchmark
    other = run(subjects[::-1], tmp_path / "other", QUICK[::-1], batch_size=40).benchmark
    for subject in subjects:
        for condition in QUICK:
            a, b = one.rows(subject, condition), other.rows(subject, condition)
            np.testing.assert_allclose(a["margin"], b["margin"], atol=1e-4)
            assert a["occlusion_fraction"].equals(b["occlusion_fraction"])


def test_conditions_can_be_added_later(subjects, tmp_path):
    run(subjects, tmp_path, QUICK[:2])
    results = run(subjects, tmp_path)
    assert results.made == 2 * (len(QUICK) - 2)
    assert set(results.tables.summary["condition"]) == {c.name for c in QUICK}


def test_another_seed_in_the_same_folder_is_refused_and_loses_nothing(subjects, tmp_path):
    run(subjects, tmp_path)
    before = contents(tmp_path)
    with pytest.raises(InputError, match="seed is 0 there, 1 now"):
        run(subjects, tmp_path, seed=1)
    assert contents(tmp_path) == before


def test_the_batch_size_is_measured_once_and_kept(subjects, tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "fastest_batch_size", lambda *arguments: 13)
    run(subjects, tmp_path, batch_size=None)
    assert json.loads((tmp_path / "run.json").read_text())["identity"]["batch_size"] == 13
    monkeypatch.setattr(bench, "fastest_batch_size", lambda *arguments: 14)
    assert run(subjects, tmp_path, batch_size=None).benchmark.batch_size == 13


def test_the_fastest_batch_size_is_one_of_those_tried(subjects):
    assert fastest_batch_size(subjects[1], tiny.dataset(), seconds=0.01) in BATCH_SIZES


def test_a_model_that_gives_no_numbers_is_named(subjects, tmp_path):
    subjects[1].model.classifier.bias.data[:] = torch.nan
    with pytest.raises(InputError, match=r"none-seed0.*not numbers"):
        run(subjects, tmp_path)


def test_a_sample_is_part_of_a_larger_one():
    dataset = tiny.dataset()
    few, more = (set(sample(dataset, n, seed=0).metadata["image_id"]) for n in (10, 25))
    assert len(few) == 10
    assert few < more
    assert sample(dataset, 1000, 0) is dataset
    assert set(sample(dataset, 10, seed=1).metadata["image_id"]) != few
    with pytest.raises(InputError, match="--limit 0"):
        sample(dataset, 0, 0)


def test_columns_follow_the_data_sets_class_order(folder):
    path = str(folder / "iram-seed0.safetensors")
    usual, turned = (open_subjects(path, classes)[0]
                     for classes in (FER2013_CLASSES, FER2013_CLASSES[::-1]))  # fmt: skip
    x = tiny.dataset().images(slice(0, 3))
    torch.testing.assert_close(usual.logits(x), turned.logits(x).flip(1))


def test_pictures_of_another_size_are_resized(folder):
    subject = open_subjects(str(folder / "iram-seed0.safetensors"), FER2013_CLASSES)[0]
    assert subject.logits(tiny.dataset(size=96).images(slice(0, 2))).shape == (2, 7)


@pytest.mark.parametrize(
    ("names", "message"), [("nosuch", "unknown model"), (" , ", "names no model")]
)
def test_a_wrong_model_name_is_told(names, message):
    with pytest.raises(InputError, match=message):
        open_subjects(names, FER2013_CLASSES)


def test_a_model_without_one_of_the_classes_or_named_twice_is_refused(folder):
    path = str(folder / "iram-seed0.safetensors")
    with pytest.raises(InputError, match="contempt"):
        open_subjects(path, (*FER2013_CLASSES, "contempt"))
    with pytest.raises(InputError, match="named twice"):
        open_subjects(f"{path},{path}", FER2013_CLASSES)


def test_an_unwritable_folder_is_told(subjects, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        run(subjects, tmp_path / "file" / "out")


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
    results = run(subjects, tmp_path, select("eyes-*-mean,box-*-mean,roll+15"))
    for name in TABLES:
        table = store.read_table(tmp_path / f"{name}.csv")
        assert {"dataset", "model", "seed", "metric", "value", "low", "high", "n"} <= set(table)
        assert set(table["model"]) == {"iram-seed0", "none-seed0"}
        assert len(table) == len(getattr(results.tables, name))
    areas = results.tables.curves
    assert len(areas) == 2 * 2  # models, occluders
    assert set(results.tables.importance["expression"]) == {"all", *FER2013_CLASSES}
    reference = results.tables.robustness.query("model == 'none-seed0' and kind == 'all'")
    assert reference["metric"].tolist() == ["mrr", "relative_mrr"]
    assert reference["value"].iloc[0] == 100


def test_tables_are_of_the_rows(subjects, tmp_path):
    results = run(subjects, tmp_path)
    plan, tables = results.benchmark, results.tables
    right = {c.name: plan.rows(subjects[0], c)["correct"].to_numpy(float) for c in QUICK}
    sad = tiny.dataset().labels.numpy() == FER2013_CLASSES.index("sad")
    beyond = right["box-0.3-mean"][sad].mean() - right["mouth-0.3-mean"][sad].mean()
    cell = "model == 'iram-seed0' and expression == 'sad' and occluder == 'mouth'"
    own = tables.importance.query(cell).set_index("metric")
    assert own.loc["drop_beyond_box", "value"] == pytest.approx(beyond)
    assert own.loc["drop", "n"] == sad.sum()
    harmful = [c for c in QUICK if c.occluder not in ("none", "sham") or c.severity]
    wrong = [[40 - plan.rows(s, c)["correct"].sum() for c in harmful] for s in subjects]
    mrr = tables.robustness.query("model == 'iram-seed0' and metric == 'mrr'")["value"].item()
    assert mrr == pytest.approx(100 * np.mean(np.divide(*wrong)))


def test_an_object_that_does_not_reach_the_asked_share_is_told(subjects, tmp_path):
    results = run(subjects[:1], tmp_path, select("spectacles-0.5-mean,eyes-0.3-mean,sham-0.3-mean"))
    assert re.search(r"spectacles-0.5-mean +40 of 40 faces \((5|6|7|8|9)%\)", results.report())
    table = results.tables.summary.query("metric == 'accuracy'").set_index("condition")["missed"]
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


def test_the_report_names_the_reference_or_the_one_that_is_missing(subjects, tmp_path):
    both = run(subjects, tmp_path / "both").report()
    assert both.count("against none-seed0") == 2
    assert "lean most on a place" in both
    alone = run(subjects[:1], tmp_path / "alone")
    assert alone.tables.robustness.empty
    assert "iram-seed0" in alone.report()
    assert "no reference: name none-seed0 among the models" in alone.report()
    assert run(subjects[:1], tmp_path / "alone").report() == alone.report()
    bare = run(subjects[:1], tmp_path / "bare", select("clean")).report()
    assert "mRR" not in bare
    assert "lean most" not in bare


def test_what_is_turned_in_depth_is_compared_with_the_frontal_pose(subjects, tmp_path):
    results = run(subjects[:1], tmp_path, select("yaw+0,yaw+30,yaw+30-eyes-0.3-mean"))
    table = results.tables.summary.set_index(["condition", "metric"])["value"]
    drop = 1 - table["yaw+30", "accuracy"] / table["yaw+0", "accuracy"]
    assert table["yaw+30", "relative_drop"] == pytest.approx(drop)
    assert table["yaw+0", "relative_drop"] == 0
    turned = results.tables.summary[results.tables.summary["condition"] == "yaw+30"]
    assert (turned["self_occlusion_fraction"] > 0).all()
    assert (turned["yaw_deg"] == 30).all()
    assert not len(results.tables.occluders)


def landmarks_file(path, yaws, rows):
    """FaceMesh landmarks of faces with these yaws: the mean face, turned."""
    from analysis.landmarks import mean_landmarks
    from analysis.pose import rotation_matrix

    mean = mean_landmarks() * 48
    middle = mean.mean(0)
    away = [1, 1, -1]  # landmark depths point away from the viewer
    points = [((mean - middle) @ rotation_matrix(yaw, 0, 0).T + middle) * away for yaw in yaws]
    values = np.round(np.array(points) * 32).astype(np.int16)
    np.savez(path, points=values, row=np.array(rows))
    return path


def test_only_near_frontal_photographs_are_turned_and_they_keep_their_landmarks(tmp_path, capsys):
    path = landmarks_file(tmp_path / "points.npz", [0, 40, -5, -30], [3, 0, 7, 9])
    dataset = to_be_turned(tiny.dataset(10), path)
    assert dataset.metadata["row"].tolist() == [3, 7]
    assert dataset.landmarks.shape == (2, 468, 3)
    assert np.isfinite(dataset.landmarks).all()
    assert "the 2 of 10 faces" in capsys.readouterr().out
    assert sample(dataset, 1, seed=0).landmarks.shape == (1, 468, 3)


def test_landmarks_of_other_pictures_are_told(tmp_path):
    path = landmarks_file(tmp_path / "points.npz", [0], [999])
    with pytest.raises(InputError, match="is it of these pictures"):
        to_be_turned(tiny.dataset(10), path)


def test_without_landmarks_all_photographs_are_turned_and_it_is_said(capsys):
    assert len(to_be_turned(tiny.dataset(10), None)) == 10
    assert "whatever their own pose" in capsys.readouterr().out
