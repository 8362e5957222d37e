"""The bank of a finished run: what it holds is what the run measured, and others can load it."""

import io
import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import tiny
import torch
from PIL import Image
from torch.nn import functional as F

from analysis.commands.main import main
from analysis.studies.attribution.bank import LEVELS, SCHEMA, SIDE, write_bank
from analysis.studies.attribution.run import Sizes, attribution_suite
from analysis.subjects import open_subjects
from iram.architecture import FER2013_CLASSES
from iram.data import open_dataset

pytestmark = pytest.mark.exhaustive

METHODS = ("attention", "gradcam", "gradient_size", "sobel")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("bank")
    paths = [str(tiny.weights(out / "weights", name)) for name in ("iram", "none")]
    dataset = open_dataset("heads:n=12,size=48")
    found = attribution_suite(
        open_subjects(",".join(paths), FER2013_CLASSES), dataset, METHODS, out / "run",
        sizes=Sizes(reference=6, curves=4, pairs=4, sanity=2), progress=False)
    write_bank(found.plan, found.tables, out / "bank")
    return found, out / "bank"


@pytest.fixture(scope="module")
def bank(run):
    return {name: pd.read_parquet(run[1] / f"{name}.parquet") for name in SCHEMA}


def test_a_map_is_the_runs_own_at_24_by_24_to_half_a_level(run, bank):
    suite = run[0].plan
    for subject in suite.subjects:
        for method in suite.methods_of(subject):
            own = bank["maps"].query("model == @subject.name and method == @method")
            assert own["image_id"].tolist() == suite.ids.tolist()
            scale = own["scale"].to_numpy()[:, None, None]
            grids = np.stack(own["values"]).reshape(-1, SIDE, SIDE) / LEVELS * scale
            whole = suite.scaled_maps(subject, method, np.arange(12))
            wanted = F.adaptive_avg_pool2d(whole[:, None], SIDE)[:, 0].numpy()
            assert np.abs(grids - wanted).max() <= scale.max() * (0.5 / LEVELS + 1e-6)
            assert np.abs(grids).max((1, 2)) == pytest.approx(scale[:, 0, 0])


def test_scores_are_the_runs_rows_without_points_of_curves(run, bank):
    suite = run[0].plan
    for subject in suite.subjects:
        for method in suite.methods_of(subject):
            own = bank["scores"].query("model == @subject.name and method == @method")
            rows = suite.scores(subject, method)
            kept = rows[rows["order"].isna()]
            ours = own[~own["family"].str.startswith(("randomised", "trial"))]
            assert len(ours) == len(kept) < len(rows)
            np.testing.assert_allclose(ours["value"], kept["value"])
            np.testing.assert_allclose(ours["chance"], kept["chance"])
            others = len(suite.read("sanity", subject, method)), len(suite.trials(subject, method))
            assert min(others) > 0
            assert len(own) - len(ours) == sum(others)
    assert not bank["scores"].duplicated(
        ["model", "method", "image_id", "family", "metric", "of"]).any()


def test_shapley_values_and_interactions_sum_as_they_must(run, bank):
    """The diagonal of the Shapley-Taylor index is left out, so pairs need not sum; values do."""
    suite = run[0].plan
    table = bank["regions"]
    assert table.groupby(["model", "kind"]).size().unstack().loc[suite.subjects[0].name].to_dict() \
        == {"shapley": 6 * 8, "together": 6 * 28, "covered": 6 * 56}
    values = table.query("kind == 'shapley'").groupby(["model", "image_id"])["value"].sum()
    for subject in suite.subjects:
        some = suite.some(6)
        images = suite.dataset.images(some)
        target = suite.targets(subject)[some]
        gray = images.mean((1, 2, 3), keepdim=True).expand_as(images)
        change = [subject.logits(x).gather(1, target[:, None])[:, 0] for x in (images, gray)]
        told = torch.tensor(values.loc[subject.name].loc[suite.ids[some]].to_numpy())
        torch.testing.assert_close(told, change[0] - change[1], atol=1e-3, rtol=1e-3)


def test_pictures_and_answers_are_those_of_the_heads(run, bank):
    suite = run[0].plan
    faces = bank["faces"]
    pictures = np.stack([np.asarray(Image.open(io.BytesIO(one))) for one in faces["picture"]])
    assert np.array_equal(pictures, suite.dataset.images_uint8(slice(None)))
    answers = bank["answers"].query("model == @suite.subjects[0].name")
    logits = np.stack(answers["logits"])
    np.testing.assert_allclose(logits, suite.clean_logits(suite.subjects[0]), rtol=1e-6)
    assert answers["explained"].tolist() == [suite.dataset.classes[k] for k in logits.argmax(1)]


def test_pictures_of_people_are_left_out(run, tmp_path):
    found = run[0]
    dataset = found.plan.dataset.subset(np.arange(12))
    dataset.name = "people"
    object.__setattr__(found.plan, "dataset", dataset)
    write_bank(found.plan, found.tables, tmp_path)
    assert set(pd.read_parquet(tmp_path / "faces.parquet")["picture"]) == {b""}
    assert "license" not in json.loads((tmp_path / "croissant.json").read_text())
    assert "their pictures are left\nout" in (tmp_path / "README.md").read_text()


def test_every_column_is_described_once_for_all_readers(run):
    folder = run[1]
    schema = json.loads((folder / "schema.json").read_text())
    told = json.loads((folder / "croissant.json").read_text())
    sets = {one["name"]: [field["name"] for field in one["field"]] for one in told["recordSet"]}
    for name in SCHEMA:
        columns = pq.read_schema(folder / f"{name}.parquet").names
        assert columns == list(schema[name]) == sets[name]
        assert all(own["description"] for own in schema[name].values())


def test_croissant_is_valid(run):
    mlcroissant = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed")
    dataset = mlcroissant.Dataset(jsonld=run[1] / "croissant.json")
    record = next(iter(dataset.records("methods")))
    assert record["methods/method"] in (b"attention", "attention")


def test_the_command_writes_it_and_says_where(tmp_path, capsys):
    weights = str(tiny.weights(tmp_path, "none"))
    assert main(["attribute", "--data", "heads:n=9,size=48", "--split", "all", "--models", weights,
                 "--methods", "sobel,gradcam", "--reference", "2", "--curves", "2", "--pairs", "2",
                 "--sanity", "1", "--bank", str(tmp_path / "bank"), "--out",
                 str(tmp_path / "run")]) == 0
    assert f"in {tmp_path / 'bank'}: a bank" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "bank").iterdir()} == {
        *(f"{name}.parquet" for name in SCHEMA), "README.md", "schema.json", "croissant.json"}


def test_a_folder_that_cannot_be_written_is_told(run, tmp_path):
    from iram.errors import InputError

    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        write_bank(run[0].plan, run[0].tables, tmp_path / "file")
