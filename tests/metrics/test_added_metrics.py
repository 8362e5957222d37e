"""A metric that is registered in a finished run: what lacks is added, and nothing else is made."""

import shutil

import pandas as pd
import pytest
import tiny
from small_bench import QUICK, opened
from small_bench import run as bench

from analysis.engine.parallel import Executor
from analysis.metrics import (
    AGREEMENT,
    COMPLEXITY,
    CURVE_SCORES,
    LOCALISATION,
    REGION_SCORES,
    TRIALS,
)
from analysis.studies.attribution import Sizes, attribution_suite
from analysis.studies.occlusion.rows import MEASURES
from analysis.subjects import open_subjects
from iram.errors import InputError

pytestmark = [pytest.mark.exhaustive, pytest.mark.usefixtures("undrawn")]
METHODS = ("gradcam", "random")
ADDED = {
    "complexity": (COMPLEXITY, lambda maps: maps.flatten(1).std(1)),
    "localisation": (LOCALISATION, lambda maps, masks: (maps * masks).sum((1, 2))),
    "faithfulness": (REGION_SCORES,
                     lambda maps, regions, shapley: maps.amax((1, 2)) + shapley[:, 0]),
    "agreement": (AGREEMENT, lambda a, b: (a * b).sum((1, 2))),
    "sanity": (TRIALS, lambda case: (case.explained(case.images[:, None]).amax((1, 2, 3)),
                                     case.others(case.maps).amax((1, 2)))),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("suite")
    measured(folder, folder / "out")
    return folder


def measured(folder, out):
    data, path = tiny.dataset(40), folder / "none-seed0.safetensors"
    subjects = open_subjects(str(path if path.exists() else tiny.weights(folder, "none")),
                             data.classes)
    return attribution_suite(subjects, data, METHODS, out, limit=6, sizes=Sizes(4, 3, 3, 2),
                             progress=False)


@pytest.fixture
def out(finished, tmp_path):
    shutil.copytree(finished / "out", tmp_path / "out")
    return tmp_path / "out"


def files(out) -> dict:
    return {p.relative_to(out): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("table", ADDED)
def test_it_is_added_alone_and_the_cells_of_before_stay(finished, out, monkeypatch, table):
    before = files(out)
    registry, metric = ADDED[table]
    monkeypatch.setitem(registry, "mine", metric)
    found = measured(finished, out)
    assert found.made == (1 if table == "agreement" else len(METHODS))
    own = found.tables[table].query("metric == 'mine'")
    assert len(own) >= 1
    assert own["value"].notna().all()
    cells = {path: data for path, data in before.items() if path.suffix == ".parquet"}
    assert {path: data for path, data in files(out).items() if path in cells} == cells
    assert measured(finished, out).made == 0
    monkeypatch.delitem(registry, "mine")
    assert measured(finished, out).made == 0  # and the tables are those of before
    assert {p: d for p, d in files(out).items() if p in before} == before


def test_with_all_rows_gone_too_they_are_made_again(finished, out, monkeypatch):
    """Maps of before hold the scores of before alone: this ended in a KeyError."""
    for registry, metric in ADDED.values():
        monkeypatch.setitem(registry, "mine", metric)
    shutil.rmtree(out / "rows")
    found = measured(finished, out)
    assert found.made == len(METHODS) * 5 + 1
    whole = measured(finished, out.parent / "whole")
    assert found.made < whole.made
    for name, table in whole.tables.items():
        pd.testing.assert_frame_equal(found.tables[name], table)


def test_one_that_was_rewritten_is_measured_again(finished, out, monkeypatch):
    monkeypatch.setitem(COMPLEXITY, "mine", lambda maps: maps.flatten(1).std(1))
    first = measured(finished, out).tables["complexity"].query("metric == 'mine'")["value"]
    monkeypatch.setitem(COMPLEXITY, "mine", lambda maps: 2 * maps.flatten(1).std(1))
    again = measured(finished, out)
    assert again.made == len(METHODS)
    second = again.tables["complexity"].query("metric == 'mine'")["value"]
    assert (second.to_numpy() == pytest.approx(2 * first.to_numpy(), rel=1e-4))


def test_a_score_of_curves_makes_the_rows_anew_for_their_passes(finished, out, monkeypatch):
    monkeypatch.setitem(CURVE_SCORES, "both", lambda most, least: most + least)
    found = measured(finished, out)
    assert found.made == len(METHODS)
    table = found.tables["faithfulness"].query("fill == 'mean' and method == 'random'")
    value = table.set_index("metric")["value"]
    parts = value["deletion_auc_logit"] + value["insertion_auc_logit"]
    assert value["both_logit"] == pytest.approx(parts, abs=1e-5)


def test_workers_that_do_not_know_it_are_refused(tmp_path, tiny_weights, monkeypatch):
    """Else their cells would say that they hold it, and not."""
    monkeypatch.setitem(MEASURES, "highest", lambda logits, labels: logits.amax(1))
    with pytest.raises(InputError, match="unknown to workers in other processes"):
        bench(opened(tiny_weights)[:1], tmp_path, QUICK[:1], executor=Executor("processes", 2))
    assert not any(tmp_path.rglob("*.parquet"))


def test_a_measure_of_answers_makes_the_cells_of_occlusion_anew(
    tmp_path, tiny_weights, monkeypatch
):
    subjects = opened(tiny_weights)[:1]
    bench(subjects, tmp_path, QUICK[:2])
    monkeypatch.setitem(MEASURES, "highest", lambda logits, labels: logits.amax(1))
    found = bench(subjects, tmp_path, QUICK[:2])
    assert found.made == 2
    rows = found.plan.rows(subjects[0], QUICK[0])
    logits = subjects[0].logits(found.plan.dataset.images(slice(None)))
    assert rows["highest"].to_numpy() == pytest.approx(logits.amax(1).numpy(), abs=1e-4)
