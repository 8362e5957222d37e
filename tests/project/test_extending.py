"""What docs/extending.md promises: one new file, imported, and everything treats it right.

Each test writes the file that a user would write, where it can that of the page itself, and imports
it, as a line in the `__init__.py` of its folder would.
"""

import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import small_results
import tiny
import torch
from safetensors.torch import load_file

from analysis.attributions import ATTRIBUTIONS
from analysis.attributions.explanation import Explanation, method_map
from analysis.commands import main as commands
from analysis.commands.main import main
from analysis.engine.store import write_table
from analysis.explorer.greeting import greeting
from analysis.explorer.words import condition_text
from analysis.figures import AgreementMatrix, AttentionPanel, MeasuredYaw, OccluderForest
from analysis.figures.names import condition_title, model_titles
from analysis.figures.printed import methods
from analysis.figures.registry import FIGURES, TABLES, declare
from analysis.figures.sections import SECTIONS
from analysis.figures.style import RISING, SIGNED
from analysis.metrics import FAMILIES, better
from analysis.report.notebooks import shown_by
from analysis.stimuli.conditions import select
from analysis.stimuli.corruptions import CORRUPTIONS
from analysis.stimuli.fills import FILLS
from analysis.stimuli.occluders import GROWING, OBJECTS
from analysis.studies.attribution import Sizes, attribution_suite
from analysis.studies.attribution.methods import is_quick
from analysis.studies.attribution.methods import select as select_methods
from analysis.studies.attribution.report import report
from analysis.studies.attribution.tables import ranking
from analysis.studies.occlusion.run import benchmark
from analysis.subjects import open_subjects
from iram.attention import ATTENTION
from iram.backbones import BACKBONES
from iram.data import DATASETS, open_dataset
from iram.model import build_model
from iram.registry import Registry
from iram.training.grids import GRIDS
from iram.training.terms import TERMS
from iram.weights import load_model, read_card

pytestmark = pytest.mark.usefixtures("undrawn")
REGISTRIES = (ATTRIBUTIONS, *FAMILIES, GROWING, OBJECTS, FILLS, CORRUPTIONS, ATTENTION, BACKBONES,
              DATASETS, TERMS)


PAGE = (Path(__file__).parents[2] / "docs" / "extending.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def of_the_page(name: str) -> str:
    """The code of docs/extending.md that registers this name."""
    [code] = (block for block in BLOCKS if f'("{name}"' in block)
    return code


@pytest.fixture
def write(tmp_path, monkeypatch):
    """write(text) -> the module of this text; what it registers is taken back after the test."""
    before, lists = [set(known) for known in REGISTRIES], (FIGURES.copy(), TABLES.copy())

    def written(text: str):
        path = tmp_path / "mine.py"
        path.write_text(text, "utf-8")
        spec = spec_from_file_location("mine", path)
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    yield written
    for known, names in zip(REGISTRIES, before, strict=True):
        for name in known.keys() - names:
            del known[name]
    FIGURES[:], TABLES[:] = lists


def test_a_trivial_unsigned_map_is_drawn_unsigned_and_called_trivial(write, explorer_offer):
    write(of_the_page("brightness"))
    model = build_model("compact", "iram", width=0.25).eval()
    x = torch.rand(1, 1, 48, 48)
    maps = [method_map(model, x, 0, name) for name in ("brightness", "gradcam")]
    face = (255 * x[0, 0]).byte().numpy()
    told = Explanation("iram", model.classes, np.full(7, 1 / 7), [], face, maps)
    _, unsigned, signed, _ = AttentionPanel([told]).plot().axes_
    assert unsigned.get_title().startswith("the picture itself\n")
    assert (unsigned.images[-1].cmap.name, signed.images[-1].cmap.name) == (RISING, SIGNED)
    assert "brightness" in select_methods("cheap")
    assert not is_quick("brightness")
    offered = {one["name"]: one for one in greeting(explorer_offer)[0]["methods"]}
    assert offered["brightness"] == {
        "name": "brightness", "title": "The picture itself", "cost": "trivial"}


def test_a_dear_method_is_in_no_cheap_preset_and_one_by_name_in_none(write):
    write('''
from analysis.attributions import attribution

attribution("slow", cost="dear")(lambda model, x, target: x.mean(1))
attribution("odd", by_name=True)(lambda model, x, target: x.mean(1))
''')
    assert "slow" in select_methods("dear")
    assert "slow" not in select_methods("cheap")
    assert "odd" not in select_methods("all")
    assert select_methods("odd") == ("odd",)


METRICS = "".join(map(of_the_page, ("brightness", "misses", "mirrored"))) + '''
from analysis.metrics import AGREEMENT, COMPLEXITY, CURVE_SCORES, LOCALISATION
from analysis.metrics.localisation import top_k_intersection


@LOCALISATION.register("twentieth", title="top twentieth inside")
def twentieth(maps, mask):
    return top_k_intersection(maps, mask, share=0.05)


@COMPLEXITY.register("spread")
def spread(maps):
    return maps.flatten(1).std(1).double()


@CURVE_SCORES.register("worst", better="lower")
def worst(most, least):
    return (most - least).abs()


@AGREEMENT.register("distance", title="mean distance", better="lower")
def distance(a, b):
    return (a - b).abs().flatten(1).mean(1).double()
'''


@pytest.mark.exhaustive
def test_new_metrics_are_measured_and_sorted_by_what_is_good(write, tmp_path):
    write(METRICS)
    data, weights = tiny.dataset(16), tiny.weights(tmp_path, "iram")
    found = attribution_suite(
        open_subjects(str(weights), data.classes), data,
        ("attention", "gradcam", "saliency", "brightness"), tmp_path / "out", limit=8,
        sizes=Sizes(reference=4, curves=2, pairs=2, sanity=1), progress=False)
    tables = found.tables
    directions = {name: dict(zip(table["metric"], table["better"], strict=True))
                  for name, table in tables.items() if "better" in table}
    assert directions["localisation"]["twentieth"] == "higher"
    assert directions["complexity"]["spread"] == "none"
    assert directions["sanity"]["mirrored"] == "higher"
    own = tables["sanity"].query("metric == 'mirrored'")
    assert set(own["method"]) == {"attention", "gradcam", "saliency", "brightness"}
    assert own.set_index("method").loc["brightness", "value"] == pytest.approx(1)
    assert set(own["test"]) == {"mirrored"}
    assert directions["faithfulness"]["worst_logit"] == "lower"
    assert directions["faithfulness"]["misses"] == directions["agreement"]["distance"] == "lower"
    by_metric = {name: own for name, own in tables["ranking"].groupby("metric")}
    assert by_metric["misses"]["value"].is_monotonic_increasing
    assert by_metric["shapley_rank"]["value"].is_monotonic_decreasing
    assert list(by_metric["misses"]["method"]) == list(by_metric["shapley_rank"]["method"])
    assert (by_metric["misses"]["behind_best"] >= 0).all()
    told = report(tables, found.plan)
    assert "iram-seed0: regions missed, each map taken as it is" in told
    assert "brightness (trivial)" in told
    assert "likeness of maps of mirrored pictures, 1 faces; the highest, the lowest" in told
    assert "the picture itself" in {row[1] for row in methods(tables["ranking"]).rows}
    matrix = AgreementMatrix(tables["agreement"], "iram-seed0", metric="distance").plot()
    assert any("mean distance of maps" in ax.get_xlabel() for ax in matrix.figure_.axes)


def test_a_ranking_of_a_metric_of_which_less_is_better_has_the_least_first(write):
    write(METRICS)
    rows = pd.DataFrame([
        {"dataset": "d", "model": "m", "seed": 0, "image_id": f"i{face}", "method": method,
         "metric": metric, "value": value + face / 10, "chance": 1.0}
        for metric in ("misses", "shapley_rank") for face in range(3)
        for method, value in (("a", 0.5), ("b", 0.1), ("c", 0.3))
    ])
    orders = {metric: list(ranking(own)["method"]) for metric, own in rows.groupby("metric")}
    assert orders == {"misses": ["b", "c", "a"], "shapley_rank": ["a", "c", "b"]}
    behind = ranking(rows[rows["metric"] == "misses"])["behind_best"]
    assert behind.tolist() == pytest.approx([0, 0.2, 0.4])
    assert better("misses") == better("worst_probability") == "lower"
    assert better("probability") == better("nosuch") == "none"


FIGURE = of_the_page("rows") + '''
declare(Figure("own_rows", Rows, ("mine/rows.csv",), title="My rows", section="shift",
               command="iram data heads --out OUT/FILE"))
'''


def test_a_new_figure_is_listed_drawn_and_reported_with_its_section_and_title(
    write, tmp_path, capsys
):
    write(FIGURE)
    results = tmp_path / "results"
    write_table(results / "occlusion" / "summary.csv", small_results.summary())
    assert main(["figures", "--list"]) == 0
    assert "\nown_rows\n    mine/rows.csv: iram data heads --out results/mine/rows.csv\n" in (
        capsys.readouterr().out)
    arguments = ["--results", str(results)]
    assert main(["figures", *arguments, "--only", "*rows", "--format", "svg"]) == 0
    assert [path.name for path in (results / "figures").iterdir()] == ["rows.svg"]
    assert f"made by: iram data heads --out {results}/mine/rows.csv" in capsys.readouterr().out
    assert main(["report", *arguments, "--notebooks", "none"]) == 0
    page = (results / "report.html").read_text("utf-8")
    sections = {part.partition('"')[0]: part for part in page.split('<section id="')[1:]}
    assert "<h3>How many rows there are</h3>\n<figure>" in sections["occlusion"]
    assert "shift" not in sections  # of which the folder has no table
    assert shown_by("Rows(table).plot()") == [
        ("figure-rows", "How many rows there are"), ("figure-own_rows", "My rows")]


def test_every_figure_and_table_has_a_section_that_is_explained_and_a_title_of_its_own():
    for items in (FIGURES, TABLES):
        assert {item.part for item in items} <= SECTIONS.keys()
        titles = [item.title for item in items]
        assert len(set(titles)) == len(titles)
    with pytest.raises(ValueError, match="Figure 'summary' is declared twice"):
        declare(FIGURES[0])


STIMULI = '''
import torch

from analysis.stimuli.corruptions import CORRUPTIONS, value
from analysis.stimuli.fills import FILLS
from analysis.stimuli.layout.canvas import SIDE
from analysis.stimuli.occluders import GROWING, OBJECTS, Growth
from analysis.stimuli.occluders.objects import Sketch


@GROWING.register("stripe", title="a stripe from above", kind="at random")
def stripe(layout, generators):
    return Growth(layout.places[..., 1], layout.face)


@OBJECTS.register("plate", title="dinner plate")
def plate():
    alpha = torch.zeros(1, SIDE, SIDE)
    alpha[:, SIDE // 2 - 20 : SIDE // 2 + 20, SIDE // 2 - 20 : SIDE // 2 + 20] = 1
    return Sketch(alpha, torch.full_like(alpha, 0.9), (0.5, 0.5), 0.5, 2.0)


@FILLS.register("white", title="plain white")
def white(scene):
    return torch.ones_like(scene.images)


@CORRUPTIONS.register("darker", title="darkness", values=(0.9, 0.8, 0.7, 0.6, 0.5))
def darker(images, severity, generators=()):
    return images * value("darker", severity)
'''


def test_new_stimuli_are_run_by_their_names_and_called_by_their_titles(
    write, tmp_path, explorer_offer
):
    write(STIMULI)
    names = [condition.name for condition in select("stripe,plate,darker")]
    assert {"stripe-0.3-mean", "plate-natural-object", "darker-5"} <= set(names)
    conditions = select("stripe-0.3-white,plate-natural-object,darker-3,eyes-0.3-mean")
    data, weights = tiny.dataset(8), tiny.weights(tmp_path, "iram")
    found = benchmark(open_subjects(str(weights), data.classes), data, conditions,
                      tmp_path / "out", batch_size=8, progress=False)
    forest = OccluderForest(found.tables["occluders"]).plot()
    assert {label.get_text() for label in forest.ax_.get_yticklabels()} == {
        "eyes", "a stripe from above", "dinner plate"}
    assert condition_title("stripe", "white", 0.3) == "a stripe from above 30%, plain white"
    texts = [condition_text(condition, 0.3) for condition in conditions[1:]]
    assert "30% covered (a stripe from above, plain white)" in texts
    assert "spoiled (darkness, severity 3)" in texts
    hello = greeting(explorer_offer)[0]
    offered = {one["name"]: (one["title"], one["group"]) for one in hello["occluders"]}
    assert offered["stripe"] == ("a stripe from above", "At random")
    assert offered["plate"] == ("dinner plate", "Objects")
    assert {"name": "white", "title": "plain white", "borrows": False} in hello["fills"]
    assert {"name": "darker", "title": "darkness"} in hello["corruptions"]


def test_a_new_attention_module_trains_is_listed_and_titled(write, tmp_path, capsys):
    write(of_the_page("channel_mean"))
    assert main(["models"]) == 0
    assert "channel_mean" in capsys.readouterr().out.splitlines()[0]
    out = tmp_path / "out"
    assert main(["train", "--data", "heads:n=112", "--attention", "channel_mean", "--out", str(out),
                 "--switches", "width=0.25", "--recipe", "epochs=1,batch_size=8",
                 "--device", "cpu"]) == 0
    model = load_model(str(out / "channel_mean-seed0.safetensors"))
    assert len(model.trace(torch.rand(1, 1, 48, 48)).attention) == model.num_layers
    assert model_titles(["channel_mean-seed0", "none-seed0"]) == {
        "channel_mean-seed0": "channel mean", "none-seed0": "no attention"}


def test_a_new_backbone_is_built_and_a_new_data_set_opened_by_its_name(write):
    write(of_the_page("mine") + '''
from iram.backbones import BACKBONES

BACKBONES.register("mine", title="my backbone")(BACKBONES["compact"])
''')
    assert build_model("mine", "none", width=0.25).backbone
    assert len(open_dataset("mine:7,size=32", split=None)) == 7
    assert (BACKBONES.title("mine"), BACKBONES.title("resnet18")) == ("my backbone", "ResNet-18")
    yaw = pd.DataFrame({"dataset": "mine", "requested_yaw_deg": [-15.0, 0, 15],
                        "measured_yaw_deg": [-14.0, 0, 14], "low": [-15.0, -1, 13],
                        "high": [-13.0, 1, 15]})
    labels = MeasuredYaw(yaw, yaw.assign(dataset="fer2013")).plot().ax_.get_legend().get_texts()
    assert [label.get_text() for label in labels][1:] == ["my faces", "FER2013"]


def test_an_eleventh_net_is_one_file_and_one_cell(write, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(GRIDS, "zoo", list(GRIDS["zoo"]))
    write(of_the_page("wide_kernels"))
    [cell] = (block for block in BLOCKS if "zoo-wide-kernels" in block)
    exec(cell, {})
    assert main(["models"]) == 0
    assert "wide kernels, in the spirit of 7x7" in capsys.readouterr().out
    assert main(["train", "--data", "heads:n=112", "--grid", "zoo", "--only", "zoo-wide-*",
                 "--out", str(tmp_path), "--recipe", "epochs=1,batch_size=8",
                 "--device", "cpu"]) == 0
    weights = tmp_path / "zoo-wide-kernels-seed0.safetensors"
    model = load_model(weights)
    assert model(torch.rand(2, 1, 48, 48)).shape == (2, 7)
    assert len(build_model("wide_kernels", "cbam").trace(torch.rand(1, 1, 48, 48)).attention) == 2
    data = tiny.dataset(8)
    found = benchmark(open_subjects(str(weights), data.classes), data, select("eyes-0.3-mean"),
                      tmp_path / "out", batch_size=8, progress=False)
    assert set(found.tables["occluders"]["model"]) == {"zoo-wide-kernels-seed0"}


def test_a_new_term_of_the_loss_is_trained_by_and_recorded(write, tmp_path, capsys):
    write(of_the_page("centre"))
    arguments = ["train", "--data", "heads:n=112", "--attention", "none", "--out", str(tmp_path),
                 "--switches", "width=0.25", "--device", "cpu", "--recipe"]
    assert main([*arguments, "epochs=1,batch_size=8,terms=centre:0.1"]) == 0
    assert read_card(tmp_path / "none-seed0.safetensors")["recipe"]["terms"] == "centre:0.1"
    assert not [name for name in load_file(tmp_path / "none-seed0.safetensors") if "centre" in name]
    capsys.readouterr()
    assert main([*arguments, "epochs=1,terms=centre:-1"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_new_command_is_one_file_and_a_line_with_its_summary(write, monkeypatch, capsys):
    module = write('''"""Says hello."""


def configure(parser):
    parser.add_argument("--to", default="you")


def run(args):
    print(f"hello {args.to}")
''')
    monkeypatch.setitem(sys.modules, "analysis.commands.hello", module)
    monkeypatch.setitem(commands.COMMANDS, "hello", "say hello")
    assert main(["hello", "--to", "all"]) == 0
    assert capsys.readouterr().out == "hello all\n"
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "say hello" in capsys.readouterr().out


def test_a_fact_that_is_not_known_is_a_mistake_and_registers_nothing():
    fruit = Registry("fruit", ripe=True)
    with pytest.raises(TypeError, match=r"fruit 'kiwi': unknown fact 'rip' \(did you mean 'ripe'"):
        fruit.register("kiwi", rip=False)
    assert not fruit
    fruit.register("red_apple", ripe=False)(len)
    fruit.register("fig", title="Fig")(max)
    assert fruit.titles == {"red_apple": "red apple", "fig": "Fig"}
    assert (fruit.about("red_apple").ripe, fruit.about("nosuch").ripe) == (False, True)
    assert fruit.where(ripe=True) == ("fig",)
