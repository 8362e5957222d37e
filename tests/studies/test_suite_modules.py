"""The suite's table of modules: training seeds together, against each seed's own table."""

import numpy as np
import pandas as pd
import pytest
import tiny

from analysis.engine.inference import assess
from analysis.engine.parallel import Executor
from analysis.figures.faithfulness import FaithfulnessForest, SanityForest
from analysis.studies.attribution import Sizes, attribution_suite
from analysis.studies.attribution.modules import over_seeds
from analysis.studies.attribution.report import essence, report
from analysis.subjects import open_subjects

pytestmark = [pytest.mark.exhaustive, pytest.mark.usefixtures("undrawn")]
METHODS = ("attention", "gradcam", "feature_ablation", "random")


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("modules")
    weights = [tiny.weights(folder, "iram", seed) for seed in (0, 1)]
    weights.append(tiny.weights(folder, "none"))
    data = tiny.dataset(40)
    subjects = open_subjects(",".join(map(str, weights)), data.classes)
    return attribution_suite(subjects, data, METHODS, folder / "out", limit=6, progress=False,
                             sizes=Sizes(reference=6, curves=3, pairs=3, sanity=2),
                             executor=Executor(workers=1))


def own_rows(findings, table: str, **chosen) -> pd.DataFrame:
    found = findings.tables["modules"]
    found = found[(found["label"] == "iram") & (found["family"] == table)]
    for column, value in chosen.items():
        found = found[found[column] == value]
    return found


@pytest.mark.parametrize(("table", "keys"), [
    ("faithfulness", ["method", "metric", "fill"]),
    ("sanity", ["method", "test", "layer", "metric"]),
    ("agreement", ["method", "other", "metric", "resolution"])])
def test_the_mean_is_that_of_the_seeds_own_lines(findings, table, keys):
    each = findings.tables[table]
    each = each[each["model"].isin(["iram-seed0", "iram-seed1"])]
    lines = each.groupby(keys, sort=False, dropna=False)
    whole = lines.filter(lambda part: part["n"].nunique() == 1)  # the same images in both
    wanted = whole.groupby(keys)[["value", "chance"]].mean()
    found = own_rows(findings, table)
    found = found[(found["faces"] == "all") | (found["faces"] == found["faces"].iloc[0])]
    found = found.set_index(keys)
    both = found.index.intersection(wanted.dropna().index)
    assert len(both) > 3
    same = found.loc[both, "n"] == whole.groupby(keys)["n"].first().loc[both]
    assert same.any()
    np.testing.assert_allclose(found.loc[both, "value"][same], wanted.loc[both, "value"][same],
                               rtol=1e-5, atol=1e-6)
    directions = lines["better"].first().loc[both].fillna("")
    assert (found.loc[both, "better"].fillna("") == directions).all()


def test_the_interval_is_that_of_the_tests_over_seeds_and_images():
    chance = np.random.default_rng(0)
    value = chance.normal(1, 1, (3, 40, 2)) + np.array([0, 1, 2])[:, None, None]
    names = pd.DataFrame({"method": ["a", "b"], "metric": ["shapley_rank", "shapley_rank"]})
    table = over_seeds(names, value, np.zeros_like(value), np.arange(40))
    wanted = assess(value[..., 0], 0.0)
    first = table.iloc[0]
    assert (first["low"], first["high"]) == pytest.approx(wanted.ends)
    assert first["value"] == pytest.approx(wanted.effect)
    assert first["beyond"] == first["value"]
    value[1, 5, 0] = np.nan  # an image that one seed lacks counts for none
    table = over_seeds(names, value, np.zeros_like(value), np.arange(40))
    assert list(table["n"]) == [39, 40]
    kept = np.delete(value[..., 0], 5, axis=1)
    assert table["value"].iloc[0] == pytest.approx(kept.mean())


def test_a_ranking_has_the_best_first_and_how_far_each_is_behind_it(findings):
    ranked = own_rows(findings, "ranking", metric="shapley_rank")
    assert list(ranked["value"]) == sorted(ranked["value"], reverse=True)
    assert ranked["behind_best"].iloc[0] == 0
    assert (ranked["behind_best"].dropna() >= -1e-9).all()
    assert ranked["behind_best"].iloc[1] == pytest.approx(
        ranked["value"].iloc[0] - ranked["value"].iloc[1], abs=1e-6)


def test_modules_are_told_and_drawn_with_their_seeds_together(findings):
    told = report(findings.tables, findings.plan)
    assert "iram, training seeds 0 1 together" in told
    assert "none, training seeds" not in told  # it has one
    assert any("training seeds 0 1" in line for line in essence(findings.tables))
    tables = findings.tables
    forest = FaithfulnessForest(tables["faithfulness"], tables["modules"])
    assert set(forest.table["model"]) == {"iram", "none"}
    assert set(SanityForest(tables["sanity"], tables["modules"]).table["model"]) == {"iram", "none"}
