"""The benchmark, end to end on tiny models: resumable, exact, and honest about what it lacks."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from small_bench import QUICK, contents, opened, run

from analysis.engine.parallel import Executor
from analysis.stimuli import perturb
from analysis.stimuli.conditions import select
from analysis.stimuli.layout import FRONTAL
from analysis.studies.occlusion import run as bench
from analysis.studies.occlusion.estimate import estimate
from analysis.studies.occlusion.run import planned
from analysis.subjects import open_subjects
from analysis.subjects.batches import BATCH_SIZES, fastest_batch_size
from iram.architecture import FER2013_CLASSES
from iram.errors import InputError

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture
def subjects(tiny_weights):
    return opened(tiny_weights)


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
    rows = results.plan.rows(subjects[0], QUICK[0])
    with torch.inference_mode():
        logits = subjects[0].model(tiny.dataset().images(slice(None)))
    assert rows["prediction"].tolist() == logits.argmax(1).tolist()
    np.testing.assert_allclose(rows["probability"], logits.softmax(1)[range(40), np.arange(40) % 7],
                               rtol=1e-4)


@pytest.mark.drawn
def test_killed_half_way_and_run_again_it_gives_the_same_bytes(subjects, tmp_path, monkeypatch):
    run(subjects, tmp_path / "whole")
    calls = iter(range(1000))
    genuine = perturb.cover_faces

    def interrupted(*arguments):
        if next(calls) == 8:
            raise KeyboardInterrupt
        return genuine(*arguments)

    monkeypatch.setattr(perturb, "cover_faces", interrupted)
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
    monkeypatch.setattr(perturb, "cover_faces", lambda *arguments: pytest.fail("it computed again"))
    again = run(subjects, tmp_path)
    assert again.made == 0
    assert contents(tmp_path) == before
    assert again.report() == first.report()


def test_a_table_that_was_changed_is_made_again_and_told(subjects, tmp_path, capsys):
    run(subjects, tmp_path)
    before = contents(tmp_path)
    path = tmp_path / "summary.csv"
    for changed in (path.read_text()[:200], "", path.read_text().replace("0.", "1.")):
        path.write_text(changed)
        capsys.readouterr()
        assert run(subjects, tmp_path).made == 0
        assert "not as they were written: summary\n" in capsys.readouterr().err
        assert contents(tmp_path) == before


@pytest.mark.exhaustive
@pytest.mark.parametrize("executor", [
    Executor(workers=2), Executor(workers=5), Executor("processes", 2),
])
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
    one = run(subjects, tmp_path / "one", batch_size=7).plan
    other = run(subjects[::-1], tmp_path / "other", QUICK[::-1], batch_size=40).plan
    for subject in subjects:
        for condition in QUICK:
            a, b = one.rows(subject, condition), other.rows(subject, condition)
            np.testing.assert_allclose(a["margin"], b["margin"], atol=1e-4)
            assert a["occlusion_fraction"].equals(b["occlusion_fraction"])


def test_conditions_can_be_added_later(subjects, tmp_path):
    run(subjects, tmp_path, QUICK[:2])
    results = run(subjects, tmp_path)
    assert results.made == 2 * (len(QUICK) - 2)
    assert set(results.tables["summary"]["condition"]) == {c.name for c in QUICK}


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
    assert run(subjects, tmp_path, batch_size=None).plan.batch_size == 13


def test_the_fastest_batch_size_is_one_of_those_tried(subjects):
    assert fastest_batch_size(subjects[1].logits, tiny.dataset(), seconds=0.01) in BATCH_SIZES


def test_a_model_that_gives_no_numbers_is_named(subjects, tmp_path):
    subjects[1].model.classifier.bias.data[:] = torch.nan
    with pytest.raises(InputError, match=r"none-seed0.*not numbers"):
        run(subjects, tmp_path)


def test_columns_follow_the_data_sets_class_order(tiny_weights):
    path = str(tiny_weights / "iram-seed0.safetensors")
    usual, turned = (open_subjects(path, classes)[0]
                     for classes in (FER2013_CLASSES, FER2013_CLASSES[::-1]))
    x = tiny.dataset().images(slice(0, 3))
    torch.testing.assert_close(usual.logits(x), turned.logits(x).flip(1))


def test_pictures_of_another_size_are_resized(tiny_weights):
    subject = open_subjects(str(tiny_weights / "iram-seed0.safetensors"), FER2013_CLASSES)[0]
    assert subject.logits(tiny.dataset(size=96).images(slice(0, 2))).shape == (2, 7)


@pytest.mark.parametrize(
    ("names", "message"), [("nosuch", "unknown model"), (" , ", "names no model")]
)
def test_a_wrong_model_name_is_told(names, message):
    with pytest.raises(InputError, match=message):
        open_subjects(names, FER2013_CLASSES)


def test_a_model_without_one_of_the_classes_or_named_twice_is_refused(tiny_weights):
    path = str(tiny_weights / "iram-seed0.safetensors")
    with pytest.raises(InputError, match="contempt"):
        open_subjects(path, (*FER2013_CLASSES, "contempt"))
    with pytest.raises(InputError, match="named twice"):
        open_subjects(f"{path},{path}", FER2013_CLASSES)


def test_two_models_of_one_name_are_told_by_their_places(tiny_weights, tmp_path):
    path, other = tiny_weights / "iram-seed0.safetensors", tmp_path / "iram-seed0.safetensors"
    shutil.copy(path.with_suffix(".json"), tmp_path)
    shutil.copy(path, other)
    told = "; results are kept by name: rename the file and its .json, with the label in it, or "
    with pytest.raises(InputError) as error:
        open_subjects(f"iram,{path}", FER2013_CLASSES)
    assert str(error.value) == (
        f"--models: iram-seed0 is both the shipped one and {path}{told}train with --suffix=-mine"
    )
    with pytest.raises(InputError, match=f"is both {path} and {other}; results"):
        open_subjects(f"{path},{other}", FER2013_CLASSES)


def test_an_unwritable_folder_is_told(subjects, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        run(subjects, tmp_path / "file" / "out")
