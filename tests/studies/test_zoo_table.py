"""Nets side by side: the table is joined from the runs, and what it draws is what it says."""

import re
from pathlib import Path

import numpy as np
import outside
import pandas as pd
import pytest
import small_results
import tiny
import torch

from analysis.commands.main import main
from analysis.engine.store import read_table, write_table
from analysis.figures import ZooScatter
from analysis.figures.names import model_titles
from analysis.figures.printed_zoo import nets
from analysis.report.numbers import rendered
from analysis.studies.zoo import inside
from analysis.studies.zoo.speed import passes_per_second
from analysis.studies.zoo.table import ATTRIBUTION, OCCLUSION, TABLES, zoo_table
from analysis.subjects import open_subjects
from iram import build_model, open_dataset
from iram.architecture import FER2013_CLASSES
from iram.errors import InputError
from iram.training.recipe import Recipe
from iram.weights import save_model
from iram.zoo.bidirectional import prototypes

pytestmark = pytest.mark.exhaustive

ROOT = Path(__file__).parents[2]
HEADS = "heads:n=28"
CONDITIONS = "eyes-0.3-mean,mouth-0.3-noise,yaw+30"


def untrained(folder, label, backbone, attention="none", seed=0):
    """Small weights of a net of the zoo, with a whole card."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = build_model(backbone, attention, width=0.25)
    path = folder / f"{label}-seed{seed}.safetensors"
    save_model(model, path, {
        "label": label, "seed": seed, "data": {"name": "faces", "sha256": "faces"},
        "recipe": Recipe(epochs=24).to_dict()})
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zoo")
    paths = [tiny.carded(folder, f"none-seed{seed}", "none", "none", seed) for seed in (0, 1)]
    paths += [untrained(folder, "zoo-vgg", "vgg", seed=seed) for seed in (0, 1)]
    paths += [untrained(folder, f"zoo-{name}", name) for name in ("bidirectional", "crops")]
    return ",".join([*map(str, paths), outside.write_net(folder, name="mine", size=48)])


@pytest.fixture(scope="module")
def run(weights, tmp_path_factory):
    """The folder of a benchmark and of the zoo."""
    out = tmp_path_factory.mktemp("runs") / "zoo"
    common = ["--data", HEADS, "--split", "all", "--models", weights]
    assert main(["bench", *common, "--reference", "none", "--conditions", CONDITIONS, "--dtype",
                 "fp32", "--backend", "eager", "--batch-size", "28", "--out",
                 str(out / "occlusion")]) == 0
    assert main(["zoo", *common, "--out", str(out)]) == 0
    return out


def test_a_row_is_a_net_with_what_the_benchmark_found_of_all_its_seeds(run):
    table = read_table(run / "zoo.csv").set_index("label")
    assert table.index.tolist() == ["none", "zoo-vgg", "zoo-bidirectional", "zoo-crops",
                                    "mine-build"]
    assert table["trained"].tolist() == ["here"] * 4 + ["elsewhere"]
    assert table.loc["zoo-vgg", "seeds"] == "0 1"
    assert table.loc["zoo-crops", "work"].startswith("after Zhang")
    modules = read_table(run / "occlusion" / "modules.csv")
    found = modules[(modules["kind"] == "all") & (modules["metric"] == "lost")].set_index("label")
    for label in ("zoo-vgg", "mine-build"):
        for column in ("value", "low", "high"):
            name = "lost" if column == "value" else f"lost_{column}"
            assert table.loc[label, name] == pytest.approx(found.loc[label, column], nan_ok=True)
        for column in ("difference", "difference_low"):
            told, wanted = table.loc[label, f"lost_{column}"], found.loc[label, column]
            assert told == pytest.approx(wanted, nan_ok=True)
    poses = read_table(run / "occlusion" / "poses.csv")
    turned = poses[(poses["kind"] == "all") & (poses["metric"] == "drop")].set_index("label")
    assert table["drop_turned"].tolist() == pytest.approx(turned["value"].loc[table.index].tolist())
    model = build_model("vgg", "none", width=0.25)
    assert table.loc["zoo-vgg", "parameters"] == sum(p.numel() for p in model.parameters())
    assert (table["passes_least"] <= table["passes_per_second"]).all()
    assert table[["accuracy_really_occluded", "shapley_rank"]].isna().all(axis=None)


def test_what_the_benchmark_marks_stays_marked(run):
    modules = read_table(run / "occlusion" / "modules.csv")
    table = read_table(run / "zoo.csv")
    marked = modules[(modules["kind"] == "clean") & modules["mark"].notna()]
    assert set(table.loc[table["mark"].notna(), "label"]) == set(marked["label"])


def test_what_no_run_has_measured_is_told_with_its_command(weights, tmp_path, capsys):
    model = weights.split(",")[0]
    assert main(["zoo", "--data", HEADS, "--models", model, "--out", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert f"not there yet: {tmp_path}/occlusion/modules.csv, by iram bench" in told
    assert "not measured" in told
    assert "nan" not in told
    assert read_table(tmp_path / "zoo.csv")["parameters"].item() > 1000


def test_runs_of_other_seeds_are_one_line(run, weights, capsys):
    fewer = ",".join(name for name in weights.split(",") if "vgg-seed1" not in name)
    before = (run / "zoo.csv").read_bytes()
    assert main(["zoo", "--data", HEADS, "--models", fewer, "--out", str(run)]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert "has zoo-vgg of the training seeds 0 1, and --models those of 0" in told
    assert (run / "zoo.csv").read_bytes() == before


def test_the_best_method_is_the_first_that_is_neither_trivial_nor_fails(tmp_path):
    subjects = open_subjects(str(tiny.carded(tmp_path, "none-seed0", "none", "none")),
                             FER2013_CLASSES)
    rows = [("random", 0.9, None), ("gradcam", 0.8, "incomplete"), ("saliency", 0.5, None),
            ("integrated_gradients", 0.6, None)]
    ranked = pd.DataFrame(rows, columns=["method", "value", "fails"]).assign(
        label="none", seeds="0", faces="all", family="ranking", metric="shapley_rank", other=None,
        resolution=None, low=0.1, high=0.9)
    table = zoo_table(subjects, {ATTRIBUTION: ranked}, {}).iloc[0]
    assert (table["best_method"], table["shapley_rank"]) == ("integrated_gradients", 0.6)
    assert table["explained_seeds"] == "0"
    assert set(TABLES) > {OCCLUSION, ATTRIBUTION}


def test_speeds_are_measured_in_turns():
    asked = []

    class Answering:
        def __init__(self, name):
            self.name = name

        def logits(self, faces):
            asked.append(self.name)

    found = passes_per_second([Answering("a"), Answering("b")], torch.zeros(4, 1, 8, 8), 3, 0.0)
    assert "".join(asked) == "ab" + "ab" * 3
    for middle, least, most in found.values():
        assert 0 < least <= middle <= most


def test_the_shares_of_streams_sum_to_the_margin_of_the_class(weights):
    path = next(name for name in weights.split(",") if "crops" in name)
    faces = open_dataset(HEADS, split=None)
    [subject] = open_subjects(path, faces.classes)
    table = inside.stream_shares(subject, faces)
    clean = table[(table["metric"] == "carried") & (table["expression"] == "all")]
    logits = subject.logits(faces.images(slice(None))) - subject.model.classifier.bias.detach()
    true = logits.gather(1, faces.labels[:, None])[:, 0]
    margin = true - (logits.sum(1) - true) / (logits.shape[1] - 1)
    assert clean["value"].sum() == pytest.approx(margin.mean().item(), abs=1e-4)
    change = table[(table["metric"] == "change") & (table["occluder"] == "mouth")]
    silent = change.set_index("stream")["value"]
    assert silent["eyes"] == 0  # no pixel of it is covered
    assert silent[["mouth", "face 48"]].abs().min() > 0
    assert (clean["low"] <= clean["value"]).all()
    assert (clean["value"] <= clean["high"]).all()


def test_prototypes_are_what_the_members_draw(run, weights):
    table = read_table(run / "prototypes.csv")
    path = next(name for name in weights.split(",") if "bidirectional" in name)
    faces = open_dataset(HEADS, split=None)
    [subject] = open_subjects(path, faces.classes)
    drawn = prototypes(subject.model)[1, subject.columns[3], 0]
    own = table[(table["drawn_by"] == "member 2") & (table["expression"] == faces.classes[3])]
    pixels = np.array(own["pixels"].item().split(), int).reshape(48, 48)
    assert np.abs(pixels - 255 * drawn.numpy()).max() <= 0.5
    mean = table[(table["drawn_by"] == inside.MEAN) & (table["expression"] == faces.classes[3])]
    wanted = faces.images(np.flatnonzero(faces.labels.numpy() == 3))[:, 0].mean(0)
    pixels = np.array(mean["pixels"].item().split(), int).reshape(48, 48)
    assert np.abs(pixels - 255 * wanted.numpy()).max() <= 0.51
    names = {path.name for path in (run / "figures").iterdir()}
    assert {"prototypes_zoo-bidirectional-seed0.png", "streams_zoo-crops-seed0.pdf"} <= names


def test_tables_of_other_nets_are_taken_away(run, weights, tmp_path):
    for name in ("prototypes.csv", "streams.csv"):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "streams_other-seed0.png").write_bytes(b"old")
    model = weights.split(",")[0]
    assert main(["zoo", "--data", HEADS, "--models", model, "--out", str(tmp_path)]) == 0
    assert not list(tmp_path.glob("[ps]*.csv"))
    assert not list(tmp_path.glob("figures/[ps]*"))


def test_the_figure_has_a_point_a_net_the_reference_at_nought_and_others_nets_open():
    table = small_results.zoo()
    display = ZooScatter(table).plot()
    points = {line.get_label(): line for line in display.ax_.lines
              if not line.get_label().startswith("_")}
    assert list(points) == ["no attention", "small VGG", "regional CNN, no attention", "mine"]
    assert points["no attention"].get_ydata() == [0]
    vgg = table.set_index("label").loc["zoo-vgg"]
    assert points["small VGG"].get_xdata() == pytest.approx([100 * vgg["accuracy"]])
    assert points["small VGG"].get_ydata() == pytest.approx([100 * vgg["lost_difference"]])
    filled = [line.get_markerfacecolor() != "white" for line in points.values()]
    assert filled == [True, True, True, False]
    ends = {tuple(np.round(bar[:, 0], 6)) for lines in display.ax_.collections
            for bar in lines.get_segments() if np.isfinite(bar).all() and len(bar)}
    assert tuple(np.round([100 * vgg["accuracy_low"], 100 * vgg["accuracy_high"]], 6)) in ends
    with pytest.raises(InputError, match="no net with a reference"):
        ZooScatter(table.assign(reference=None, lost_difference=np.nan)).plot()


def test_the_printed_table_has_a_row_a_net_with_what_is_published_and_who_is_from_elsewhere():
    table = small_results.zoo().assign(published=["", "86.8% on RAF-DB", None, None],
                                       mark=[None, None, None, "always the same answer"])
    printed = nets(table)
    assert [row[0] for row in printed.rows] == [
        "no attention", "small VGG", "regional CNN, no attention", "mine (elsewhere) (marked)"]
    assert [row[2] for row in printed.rows] == ["", "86.8% on RAF-DB", "", ""]
    assert "no targets" in printed.note
    assert "always the same answer" in printed.note
    assert "accuracy (%) low" in printed.csv().splitlines()[0]


def test_the_findings_take_up_the_table_as_soon_as_it_is_there(tmp_path):
    write_table(tmp_path / "zoo" / "zoo.csv", small_results.zoo())
    whole = (ROOT / "docs" / "templates" / "docs" / "findings.md.j2").read_text("utf-8")
    [section] = re.findall(r'{% if there\("zoo/zoo.*?(?=## Accuracy on clean)', whole, re.DOTALL)
    template = tmp_path / "part.md.j2"
    template.write_text(section, "utf-8")
    told = rendered(template, tmp_path)
    assert re.search(r"\| small VGG \| after someone \| 1 \| 1,000 \| \d+\.\d \[", told)
    assert "| mine (elsewhere) |" in told
    template.write_text(section + "rest", "utf-8")
    assert rendered(template, tmp_path / "elsewhere").strip() == "rest"


def test_nets_of_the_zoo_are_called_by_their_backbone():
    names = ["zoo-vgg-seed0", "zoo-distilled", "zoo-regional-none", "zoo-own-net", "iram"]
    assert list(model_titles(names).values()) == [
        "small VGG", "separable CNN, distilled", "regional CNN, no attention", "zoo-own-net",
        "IRAM"]
    assert re.fullmatch("small VGG, seed 1", model_titles(["zoo-vgg-seed0", "zoo-vgg-seed1"])[
        "zoo-vgg-seed1"])
