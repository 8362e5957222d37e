"""The attribution suite end to end on tiny models, and a model whose answer is known."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from torch import Tensor, nn

from analysis.attributions import FACE_REGIONS, face_regions
from analysis.commands.main import main
from analysis.engine.parallel import Executor
from analysis.studies.attribution import Sizes, attribution_suite, engine, run
from analysis.studies.attribution.tables import TABLES
from analysis.subjects import open_subjects
from iram.data.dataset import FaceDataset
from iram.errors import InputError

pytestmark = pytest.mark.usefixtures("undrawn")
METHODS = ("attention", "gradcam", "feature_ablation", "random", "mean_map")
SIZES = Sizes(reference=4, curves=3, pairs=3, sanity=2)
FACES = 8


def measured(folder, out, names=("iram", "none", "se"), methods=METHODS, **options):
    weights = [tiny.weights(folder, name) for name in names]
    data = tiny.dataset(40)
    subjects = open_subjects(",".join(map(str, weights)), data.classes)
    others = open_subjects(str(tiny.weights(folder, names[0], seed=1)), data.classes)
    return attribution_suite(
        subjects, data, methods, out, limit=FACES, sizes=SIZES, progress=False,
        randomised={subjects[0].name: others[0]}, **options,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("suite")


@pytest.fixture(scope="module")
def findings(folder):
    return measured(folder, folder / "out", executor=Executor(workers=1))


def written(out) -> dict[str, bytes]:
    return {name: (out / f"{name}.csv").read_bytes() for name in TABLES}


def test_every_measure_of_every_method_has_its_row_beside_chance(findings):
    rows = pd.read_parquet(findings.plan.out / "rows" / "iram-seed0--gradcam.parquet")
    assert set(rows["family"]) == {"complexity", "localisation", "faithfulness", "curves"}
    faithful = rows[rows["family"] == "faithfulness"].groupby(["metric", "fill"], observed=True)
    assert faithful.size()["order_gap_logit"].to_dict() == {"mean": 3, "blur": 3, "imputed": 3}
    assert faithful.size()["shapley_rank"].to_dict() == {"mean": 4}
    assert (faithful.size()["infidelity"] == 3).all()
    assert (faithful.size()["max_sensitivity"] == 3).all()
    assert rows[rows["metric"] == "gini"]["image_id"].nunique() == FACES
    localised = rows[rows["metric"] == "relevance_mass"]
    assert localised["value"].between(0, 1).sum() >= 1
    assert rows["chance"].notna().any()


def test_how_regions_work_together_stands_by_expression_and_over_all_faces(findings):
    cell = pd.read_parquet(findings.plan.out / "reference" / "iram-seed0.parquet")
    table = findings.tables["interactions"]
    own = table[(table["model"] == "iram-seed0") & (table["expression"] == "all")]
    k = len(FACE_REGIONS)
    assert own["metric"].value_counts().to_dict() == {"together": k * (k - 1) / 2,
                                                      "covered": k * (k - 1)}
    own = own.set_index(["metric", "region", "other"])
    for metric, name in (("together", "eyes+mouth"), ("covered", "mouth|eyes")):
        line = own.loc[(metric, *name.replace("|", "+").split("+"))]
        assert line["value"] == pytest.approx(cell[name].mean(), abs=1e-6)
        assert line["low"] <= line["value"] <= line["high"]
        assert line["n"] == len(cell)
    parts = table[(table["model"] == "iram-seed0") & (table["expression"] != "all")]
    assert parts.groupby("expression")["n"].first().sum() == len(cell)


def test_the_curves_are_those_that_the_areas_were_taken_of(findings):
    tables = {name: table[(table["model"] == "iram-seed0") & (table["method"] == "gradcam")]
              for name, table in findings.tables.items() if {"model", "method"} <= {*table}}
    areas = tables["faithfulness"].set_index(["metric", "fill"])
    for (fill, order), curve in tables["curves"].groupby(["fill", "order"]):
        shares = curve["share"].astype(float).to_numpy()
        assert shares[[0, -1]].tolist() == [0, 1]
        assert (np.diff(shares) > 0).all()
        area = {"morf": "deletion_auc_probability", "lerf": "insertion_auc_probability"}[order]
        for column in ("value", "chance"):
            found = np.trapezoid(curve[column], shares)
            assert found == pytest.approx(areas.loc[(area, fill), column], abs=1e-5)
    assert set(tables["curves"]["fill"]) == {"mean", "blur", "imputed"}


def test_the_tables_hold_every_model_and_method(findings):
    tables = findings.tables
    for name in ("faithfulness", "localisation", "complexity", "sanity"):
        found = set(zip(tables[name]["model"], tables[name]["method"], strict=True))
        assert ("iram-seed0", "attention") in found
        assert ("none-seed0", "attention") not in found
        assert len(found) == 5 + 4 + 5
    iram = tables["agreement"].query("model == 'iram-seed0'")
    assert len(iram.query("metric == 'spearman' and resolution == 'common'")) == 10
    kinds = iram.groupby("metric")["resolution"].unique().map(list).to_dict()
    assert kinds["ssim"] == ["image", "common"]
    assert kinds["earth_movers_distance"] == ["image"]
    assert (iram.query("metric == 'pearson'")["n"] == FACES).all()
    assert (iram.query("metric == 'ssim'")["n"] == 3).all()


def test_intervals_hold_their_values_and_say_which_way_is_good(findings):
    for name, table in findings.tables.items():
        known = table.dropna(subset=["low", "high", "value"])
        assert len(known)
        assert (known["low"] <= known["value"] + 1e-9).all(), name
        assert (known["value"] <= known["high"] + 1e-9).all(), name
    better = findings.tables["faithfulness"].drop_duplicates("metric").set_index("metric")["better"]
    assert better["deletion_auc_logit"] == better["infidelity"] == "lower"
    assert better["insertion_auc_logit"] == better["shapley_rank"] == "higher"
    assert set(findings.tables["complexity"]["better"]) == {"none"}


def test_skipped_methods_are_named_with_the_reason_and_derived_attention_is_told(findings):
    told = findings.report()
    assert "none-seed0: skipped attention: needs a model with attention maps of its own" in told
    assert "se-seed0: gates channels alone" in told
    assert "iram-seed0: gates channels alone" not in told
    assert "iram-seed0: agreement with its attention" in told
    assert "none-seed0: agreement with its attention" not in told
    assert "none-seed0: rank correlation with exact Shapley values" in told
    assert "beyond chance: " in told
    assert "most faithful: " in told


def test_randomised_weights_change_what_asks_the_model_and_nothing_else(findings):
    table = findings.tables["sanity"]
    assert set(table.loc[table["metric"].isin(["spearman", "ssim"]), "better"]) == {"lower"}
    sanity = findings.tables["sanity"].query("metric == 'spearman' and model == 'iram-seed0'")
    end = sanity.query("layer == 'backbone.stem'").set_index("method")["value"]
    assert end["random"] == pytest.approx(1, abs=1e-3)
    assert abs(end["gradcam"]) < 0.95
    labels = findings.tables["sanity"].query("test == 'labels'")
    assert set(labels["model"]) == {"iram-seed0"}
    assert set(labels["method"]) == set(METHODS)


def test_a_finished_run_is_a_no_op(findings, folder, monkeypatch):
    before = {p: p.stat().st_mtime_ns for p in (folder / "out").rglob("*.parquet")}

    def forbidden(*arguments):
        raise AssertionError("a finished run makes tables again")

    monkeypatch.setattr(run, "attribution_tables", forbidden)
    again = measured(folder, folder / "out")
    assert again.made == 0
    assert {p: p.stat().st_mtime_ns for p in (folder / "out").rglob("*.parquet")} == before
    assert again.report() == findings.report()


def test_an_interrupted_run_goes_on_to_the_same_bytes(folder, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    few = {"names": ("none",), "methods": ("gradcam", "random")}
    whole = measured(folder, folder / "whole", **few)
    with monkeypatch.context() as context:
        context.setitem(vars(engine.scores), "score_rows", interrupted)
        with pytest.raises(KeyboardInterrupt):
            measured(folder, folder / "killed", **few)
    assert not (folder / "killed" / "agreement.csv").exists()
    kept = len(list((folder / "killed").rglob("*.parquet")))
    resumed = measured(folder, folder / "killed", **few)
    assert 0 < kept == whole.made - resumed.made
    assert written(folder / "killed") == written(folder / "whole")


@pytest.mark.exhaustive
@pytest.mark.parametrize("executor", [Executor(workers=3), Executor("processes", 2)])
def test_whoever_computes_the_bytes_are_the_same(findings, folder, executor):
    several = folder / f"{executor.kind}-{executor.workers}"
    assert measured(folder, several, executor=executor).made == findings.made
    assert written(several) == written(folder / "out")
    cells = {path.relative_to(several): path.read_bytes() for path in several.rglob("*.parquet")}
    assert cells == {path: (folder / "out" / path).read_bytes() for path in cells}


def test_another_seed_into_the_same_folder_is_refused(findings, folder):
    with pytest.raises(InputError, match="seed is 0 there, 1 now"):
        measured(folder, folder / "out", seed=1)


# --- a model whose logit is a known linear function of the regions

WEIGHTS = {"mouth": 12.0, "brows": 0.5, "eyes": 0.4, "nose": 0.3, "cheeks": -0.3, "chin": -0.4,
           "forehead": -0.5, "rest": -0.6}


class OfTheMouth(nn.Module):
    """The first logit is a weighted sum of the regions' mean grays, above all of the mouth."""

    def __init__(self, size: int):
        super().__init__()
        weights = torch.zeros(size, size)
        for name, weight in WEIGHTS.items():
            inside = face_regions(size) == FACE_REGIONS.index(name)
            weights[inside] = weight / inside.sum()
        self.weights = nn.Parameter(weights)

    def forward(self, x: Tensor) -> Tensor:
        logit = (x[:, 0] * self.weights).sum((1, 2))
        return torch.stack([logit, torch.zeros_like(logit)], 1)


@dataclass
class Subject:
    """What the suite asks of a subject."""

    model: nn.Module
    name: str = "of-the-mouth"
    seed: int = 0
    weights_sha256: str = "planted"
    known: None = None
    device: str = "cpu"
    columns: Tensor = torch.arange(2)  # noqa: RUF009 (never changed)

    @property
    def passes(self) -> nn.Module:
        return self.model

    def settle(self, earlier) -> None:
        """It is known by its weights."""

    @torch.inference_mode()
    def logits(self, images: Tensor) -> Tensor:
        return self.model(images)


def faces_with_a_bright_mouth(n: int = 12, size: int = 24) -> FaceDataset:
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 100, (n, size, size)).astype(np.uint8)
    pixels[:, face_regions(size).numpy() == FACE_REGIONS.index("mouth")] += 150
    metadata = pd.DataFrame({"image_id": [f"face{i}" for i in range(n)], "usage": "Test",
                             "split": "test", "row": range(n)})
    return FaceDataset(name="mouths", classes=("up", "down"), labels=np.zeros(n, int), size=size,
                       metadata=metadata, pixels=pixels, sha256="mouths")


def test_where_the_mouth_decides_methods_faithful_to_shapley_say_so_and_are_ranked_first(tmp_path):
    data = faces_with_a_bright_mouth()
    methods = ("saliency", "integrated_gradients", "feature_ablation", "random")
    subject = Subject(OfTheMouth(data.size))
    found = attribution_suite([subject], data, methods, tmp_path, sizes=Sizes(12, 6, 2, 2),
                              progress=False)
    reference = pd.read_parquet(tmp_path / "reference" / "of-the-mouth.parquet")
    assert (reference[list(FACE_REGIONS)].to_numpy().argmax(1) == FACE_REGIONS.index("mouth")).all()
    table = found.tables["faithfulness"].query("fill == 'mean'").pivot(
        index="method", columns="metric", values="value"
    )
    for method in ("integrated_gradients", "feature_ablation"):
        assert table.loc[method, "shapley_rank"] == pytest.approx(1, abs=1e-6)
        assert table.loc[method, "shapley_first"] == 1
    assert abs(table.loc["random", "shapley_rank"]) < 0.7
    errors = table["infidelity"]
    assert errors["saliency"] < 1e-3 * errors["random"]  # the gradient is the whole account
    assert table["order_gap_logit"].idxmax() == "integrated_gradients"  # the best order there is
    ranked = found.tables["ranking"].query("metric == 'shapley_rank'")
    assert set(ranked["method"][:2]) == {"integrated_gradients", "feature_ablation"}
    assert (ranked["behind_best"].iloc[2:] > 0.05).all()
    told = found.report()
    assert "of-the-mouth: rank correlation with exact Shapley values" in told
    assert "most faithful: unknown (12 faces, 30 are needed)" in told


class Wavy(OfTheMouth):
    """With a function that DeepLIFT has no rule for."""

    def forward(self, x: Tensor) -> Tensor:
        logit, other = super().forward(x).unbind(1)
        return torch.stack([2 + 20 * torch.sinc(logit), other], 1)


def test_a_method_that_fails_its_own_identity_is_marked_in_every_table_and_never_ranked(tmp_path):
    data = faces_with_a_bright_mouth()
    subject = Subject(Wavy(data.size), weights_sha256="wavy")
    found = attribution_suite([subject], data, ("deeplift", "feature_ablation", "random"), tmp_path,
                              sizes=Sizes(12, 2, 2, 2), progress=False)
    for name, table in found.tables.items():
        if name == "interactions":  # of the reference, and of no method
            continue
        fails = table["fails"].fillna("").astype(str).str.contains("there is no rule for sinc")
        of_it = (table[["method", "other"]] if "other" in table else table[["method"]])
        assert (fails == of_it.eq("deeplift").any(axis=1)).all(), name
        assert fails.any() == (name != "ranking")
    assert set(found.tables["ranking"]["method"]) == {"feature_ablation", "random"}
    assert "of-the-mouth: not ranked deeplift: contributions to" in found.report()


def test_a_method_whose_maps_are_the_same_everywhere_is_skipped_with_the_reason(tmp_path):
    data = faces_with_a_bright_mouth()
    dead = Subject(OfTheMouth(data.size), weights_sha256="dead")
    dead.model.weights.data.zero_()
    plan, _ = run.planned([dead], data, ("saliency", "random"), tmp_path)
    assert plan.skipped(dead) == {"saliency": "its maps are the same at every place"}


# --- as it is typed


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--methods", "gradcan"], "did you mean 'gradcam'"),
        (["--methods", ","], "--methods names no method"),
        (["--models", "nosuch"], "unknown model 'nosuch'"),
        (["--curves", "0"], "--curves 0: at least one face"),
        (["--limit", "0"], "--limit 0"),
        (["--layer", "backbone.stemm"], "did you mean 'backbone.stem'"),
        (["--data", "nosuch:x"], "unknown data set"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(tmp_path, folder, more, message, capsys):
    model, out = str(tiny.weights(folder, "none")), str(tmp_path / "out")
    arguments = ["attribute", "--data", "heads:n=20", "--placement", "mean", "--models", model,
                 "--out", out, *more]
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_list_says_what_each_method_costs_and_writes_nothing(tmp_path, folder, capsys):
    arguments = ["attribute", "--data", "heads:n=20", "--models", str(tiny.weights(folder, "none")),
                 "--methods", "attention,gradcam,kernel_shap", "--list", "--out",
                 str(tmp_path / "out")]
    assert main(arguments) == 0
    told = capsys.readouterr().out
    assert "skipped attention: needs" in told
    for name in ("reference", "gradcam", "kernel_shap"):
        assert f"none-seed0               {name} " in told
    assert "1 models, 3 methods: about" in told
    assert not (tmp_path / "out").exists()
