"""The study as a whole on small trained-like nets: files, resuming, mistakes, and real faces."""

import re
import shutil
from pathlib import Path

import numpy as np
import outside
import pandas as pd
import pytest
import tiny
import torch
from planted import Avoiding, Fixed, Inattentive, faces, few_permutations, subject  # noqa: F401
from torch.nn import functional as F

from analysis.commands import main as cli
from analysis.engine.parallel import Executor
from analysis.engine.store import read_cell
from analysis.figures.make import Results, make
from analysis.figures.registry import FIGURES, TABLES
from analysis.report.numbers import rendered
from analysis.stimuli.conditions import CLEAN, Condition, occlusion
from analysis.studies.occlusion.real.faces import RealFaces
from analysis.studies.shift import engine, readers, shift
from analysis.studies.shift.describe import MEASURES
from analysis.studies.shift.run import Shift
from analysis.subjects import open_subjects
from analysis.subjects.interventions import ALL
from iram import InputError, open_dataset
from iram.architecture import FER2013_CLASSES
from iram.model import Trace

TEMPLATES = Path(__file__).parents[2] / "docs" / "templates"
CONDITIONS = [CLEAN, Condition("lower_half", 0.3, "noise"), Condition("sham", 0.3, "noise")]


def run(out, folder, names=("iram", "none"), n=12, conditions=CONDITIONS, batch_size=5, **options):
    paths = [str(tiny.weights(folder, name)) for name in names]
    subjects = open_subjects(",".join(paths), FER2013_CLASSES)
    return shift(subjects, tiny.dataset(n), out, conditions=conditions, batch_size=batch_size,
                 progress=False, **options)


def files(out):
    return {p.relative_to(out): p.read_bytes() for p in sorted(out.rglob("*"))
            if p.is_file() and p.name != "run.json"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return run(tmp_path_factory.mktemp("out"), tmp_path_factory.mktemp("weights"))


def test_one_cell_per_model_and_condition_the_permuted_twin_among_them(finished):
    names = {p.name for p in (finished.plan.out / "shift").iterdir()}
    models = ("iram-seed0", "iram-seed0-permuted-weights", "none-seed0")
    assert names == {f"{m}--{c.name}.parquet" for m in models for c in CONDITIONS}
    assert finished.made == 9


def test_the_tables_are_tidy(finished):
    table = finished.tables["shift"]
    own = table.query("model == 'iram-seed0' and condition == 'lower_half-0.3-noise'")
    assert set(own["layer"]) == {*map(str, range(6)), "all"}
    assert set(own["measure"]) == set(MEASURES)
    assert set(own["region"]) == {"lower_half-0.3"}
    assert set(table["row"]) == {"attention", "clean", "sham", "twin", "permuted-weights"}
    assert set(table.query("condition == 'clean'")["region"]) == {"lower_half-0.3"}
    keys = ["model", "condition", "region", "layer", "measure"]
    assert not table.duplicated(keys).any()
    causes = finished.tables["interventions"]
    assert not causes.duplicated(
        ["model", "condition", "layer", "intervention", "effect", "outcome"]
    ).any()
    assert set(causes.query("model == 'none-seed0'")["intervention"]) == {"none"}


def test_direct_and_indirect_effect_sum_to_the_total(finished):
    table = finished.tables["interventions"].query("model == 'iram-seed0' and layer == 'all'")
    table = table[table["condition"] == "lower_half-0.3-noise"]
    for outcome, own in table.groupby("outcome"):
        value = own.set_index(["intervention", "effect"])["value"]
        total = value["clean", "indirect"] + value["clean", "direct"]
        assert total == pytest.approx(value["none", "total"], abs=1e-6), outcome


def test_mediation_is_the_mean_of_the_interventions_over_the_occluders(finished):
    causes = finished.tables["interventions"].query("layer == 'all' and occluder != 'sham'")
    table = finished.tables["mediation"]
    assert not table.duplicated(["model", "fill", "effect", "outcome"]).any()
    assert set(table.query("row == 'twin'")["effect"]) == {"total"}
    assert {"iram", "iram-permuted-weights", "none"} == set(table["model"])
    single = table.query("model == 'iram' and fill != 'all'")
    asked = {"total": ("none", "total"), "indirect": ("clean", "indirect"),
             "unmatched": ("clean_unmatched", "indirect"),
             "elsewhere": ("change_elsewhere", "indirect")}
    for row in single.itertuples():
        intervention, effect = asked[row.effect]
        of = causes[(causes["model"] == "iram-seed0") & (causes["fill"] == row.fill)
                    & (causes["outcome"] == row.outcome) & (causes["effect"] == effect)
                    & (causes["intervention"] == intervention)]
        assert row.value == pytest.approx(of["value"].mean(), abs=2e-6)
        assert row.low <= row.value <= row.high
        assert (row.n, row.seeds) == (of["n"].iloc[0], 1)
    replaced = single[single["effect"] == "indirect"]
    every = table.query("model == 'iram' and fill == 'all' and effect == 'total'")
    for row in every.itertuples():
        of = single[single["fill"].isin(replaced["fill"]) & (single["effect"] == "total")
                    & (single["outcome"] == row.outcome)]
        assert row.value == pytest.approx(of["value"].mean(), abs=2e-6)


def test_nothing_moves_on_the_clean_picture_itself(finished):
    table = finished.tables["shift"].query("condition == 'clean'")
    changes = table[table["measure"].isin(["mass_change", "visible_gain", "moved"])]
    assert np.allclose(changes["value"].dropna(), 0, atol=1e-6)


@pytest.mark.exhaustive
def test_a_run_that_was_interrupted_ends_with_the_same_bytes(tmp_path, monkeypatch, finished):
    done, compute = [], Shift.compute

    def interrupted(study, cells, advance):
        if done:
            raise KeyboardInterrupt
        done.append(cells)
        compute(study, cells, advance)

    monkeypatch.setattr(Shift, "compute", staticmethod(interrupted))
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "out", tmp_path, executor=Executor(workers=1))
    assert list((tmp_path / "out" / "shift").iterdir())
    assert not (tmp_path / "out" / "verdicts.csv").exists()
    monkeypatch.undo()
    resumed = run(tmp_path / "out", tmp_path)
    assert 0 < resumed.made < finished.made
    assert files(tmp_path / "out") == files(finished.plan.out)
    assert run(tmp_path / "out", tmp_path).made == 0


@pytest.mark.exhaustive
@pytest.mark.parametrize("executor", [Executor(workers=1), Executor(workers=3)])
def test_however_many_compute_the_bytes_are_the_same(tmp_path, finished, executor):
    run(tmp_path / "out", tmp_path, executor=executor)
    assert files(tmp_path / "out") == files(finished.plan.out)


@pytest.mark.exhaustive
def test_a_damaged_cell_is_made_again(tmp_path):
    conditions = CONDITIONS[:2]
    first = run(tmp_path / "out", tmp_path, ("iram",), 6, conditions)
    cell = next((tmp_path / "out" / "interventions").iterdir())
    whole = files(tmp_path / "out")
    cell.write_bytes(cell.read_bytes()[:-40])
    again = run(tmp_path / "out", tmp_path, ("iram",), 6, conditions)
    assert (first.made, again.made) == (4, 1)
    assert files(tmp_path / "out") == whole


def test_measures_do_not_depend_on_the_batch(tmp_path):
    conditions = [CLEAN, Condition("box", 0.3, "noise")]
    tables = []
    for batch_size in (2, 6):
        out = tmp_path / str(batch_size)
        made = run(out, tmp_path, ("iram",), 6, conditions, batch_size)
        reader = made.plan.readers[0]
        rows = made.plan.rows("shift", reader, conditions[1])
        tables.append(rows.sort_values(["image_id", "layer"], kind="stable"))
    for name in MEASURES:
        np.testing.assert_allclose(*(t[name].to_numpy() for t in tables), atol=2e-4)


@pytest.mark.parametrize("modules", [("none",), ("se", "eca", "none")])
def test_only_models_whose_attention_can_not_move_is_a_mistake(tmp_path, modules):
    with pytest.raises(InputError, match="none has attention whose shift could be measured"):
        run(tmp_path / "out", tmp_path, modules)


def test_turned_heads_and_no_occluder_are_mistakes(tmp_path):
    with pytest.raises(InputError, match=r"'yaw\+30': attention's shift is measured under"):
        run(tmp_path / "out", tmp_path, conditions=[Condition(yaw_deg=30.0)])
    with pytest.raises(InputError, match="none covers the face"):
        run(tmp_path / "out", tmp_path, conditions=CONDITIONS[::2])


def test_an_occluder_of_the_whole_face_gives_words_and_no_nan(tmp_path):
    known, whole = faces(7), Condition("eyes", 1.0, "noise")
    results = shift([subject(Fixed(known), "iram-seed0")], known, tmp_path, batch_size=7,
                    conditions=[CLEAN, whole], progress=False)
    table = results.tables["verdicts"].set_index("hypothesis")
    assert ("eyes-1-noise: covers no cell of the face, or leaves none: nothing can be compared; "
            "it is left out of the verdicts") in results.report()
    assert table.loc["H1", "verdict"] == "not tested"
    assert "cover nothing, or the whole face" in table.loc["H1", "reason"]
    assert (table["verdict"] != "supported").all()


class Coarse(Inattentive):
    """Read on a grid of 2 x 2 cells, of which an occluder of a third of the face covers none."""

    def trace(self, images):
        trace = super().trace(images)
        return Trace(trace.logits, [], [F.adaptive_avg_pool2d(trace.features[0], 2)])


@pytest.mark.parametrize("order", [(Fixed, Coarse), (Coarse, Fixed)])
def test_on_whose_grid_an_occluder_covers_no_cell_is_told_whichever_net_is_first(tmp_path, order):
    known = faces(7)
    nets = [subject(kind(known), f"{kind.__name__.lower()}-seed0") for kind in order]
    told = shift(nets, known, tmp_path, batch_size=7, permuted=False, progress=False,
                 conditions=[CLEAN, Condition("eyes", 0.3, "noise")]).report()
    assert told.count("covers no cell") == 1
    assert ("eyes-0.3-noise: covers no cell of the face, or leaves none, on the grids of coarse: "
            "nothing can be compared there; it is left out of their verdicts") in told


ZERO = """

class Zero(nn.Module):
    def forward(self, x):
        return 0 * x.mean(1, keepdim=True)


def zero():
    net = Net()
    net.gate = Zero()
    return net
"""


def test_of_attention_that_sums_to_zero_nothing_is_said_but_that(tmp_path):
    outside.write_net(tmp_path, more=ZERO, extra='[attention]\nlayers = ["gate"]')
    dark = open_subjects(f"{tmp_path}/net.py:zero", FER2013_CLASSES)
    known, conditions = faces(7), [CLEAN, *occlusion(("eyes", "sham"), (0.3,), ("noise",))]
    made = {name: shift(nets, known, tmp_path / name, conditions=conditions, batch_size=7,
                        permuted=False, progress=False)
            for name, nets in (("alone", dark), ("both", [*dark, subject(Fixed(known), "fixed")]))}
    for results in made.values():
        table = results.tables["verdicts"].set_index(["model", "hypothesis"]).loc["net-zero"]
        for key in ("H1", "H5"):
            reason = table.loc[key, "reason"]
            assert "net-zero: its map sums to zero in layer 0: it has no shares there" in reason
            assert "the occluders cover nothing" not in reason
        told = results.report()
        assert "covers no cell" not in told
        assert "\nnet-zero: its map sums to zero in layer 0" in told
    assert made["alone"].tables["multiverse"].empty
    assert set(made["both"].tables["multiverse"]["model"]) == {"fixed"}


def test_the_command_says_what_is_wrong_in_one_line(tmp_path, capsys):
    asked = ["shift", "--data", "heads:n=14", "--out", str(tmp_path / "out")]
    assert cli.main([*asked, "--models", "none-heads"]) == 2
    assert "none has attention" in capsys.readouterr().err
    assert cli.main([*asked, "--conditions", "clean", "--models", "iram-heads"]) == 2
    assert "none covers the face" in capsys.readouterr().err


def listed(kinds, turned=()):
    """As `real_groups` gives it: a type per face, and who is turned."""
    faces = pd.DataFrame({
        "image_id": [f"face{i:03d}" for i in range(len(kinds))], "real_occlusion": kinds,
        "pose_30": [i in turned for i in range(len(kinds))], "pose_45": False,
    })
    return RealFaces(faces, [])


class Listed(Avoiding):
    """Its attention leaves the upper part of faces 21 on by half."""

    def gate(self, images, covered, names):
        own = super().gate(images, covered, names)
        which = (names[:, None] - self.known[None]).abs().flatten(2).sum(2).argmin(1)
        own[which >= 21, :6] /= 2
        return own


def with_lists(out, monkeypatch, models, **options):
    kinds = ["none"] * 21 + ["upper", "lower", "side", "glasses"] * 5 + ["upper"]
    monkeypatch.setattr("analysis.studies.shift.run.real_groups",
                        lambda *_: listed(kinds, turned=(41,)))
    known = faces(42)
    return shift([subject(model(known), name) for model, name in models], known, out,
                 batch_size=21, conditions=CONDITIONS, progress=False, **options)


def test_real_faces_are_compared_class_by_class_and_turned_ones_apart(tmp_path, monkeypatch):
    results = with_lists(tmp_path, monkeypatch, ran_lists=tmp_path, models=[
        (Listed, "iram-seed0"), (Inattentive, "none-seed0")])
    table = results.tables["real"].query("model == 'iram'").set_index(["faces", "type"])
    assert table.loc[("not turned", "upper"), "n"] == 5
    assert table.loc[("all", "upper"), "n"] == 6
    assert table.loc[("not turned", "upper"), "real"] < -0.1
    assert table.loc[("not turned", "lower"), "real"] > 0.1
    assert (table["synthetic"] < -0.5).all()  # where painted, it avoids
    own = results.tables["real_correlation"].query("model == 'iram' and faces == 'all'").iloc[0]
    assert own["types"] == 4
    assert -1 <= own["low"] <= own["pearson"] <= own["high"] <= 1
    verdict = results.tables["verdicts"].query("model == 'iram' and hypothesis == 'H4'").iloc[0]
    assert verdict["n"] == 20
    assert "really occluded faces" in results.report()


def test_all_listed_faces_count_however_few_the_run_has(tmp_path, monkeypatch):
    """Of 14 faces of the run those in no list are the comparison; resumed, nothing is made."""
    models = [(Listed, "iram-seed0"), (Inattentive, "none-seed0")]
    made = with_lists(tmp_path, monkeypatch, models, ran_lists=tmp_path, limit=14)
    table = made.tables["real"].query("model == 'iram' and faces == 'not turned'")
    assert table["n"].sum() == 20
    own = made.plan.dataset.metadata["row"]
    assert set(table["n_not_listed"]) == {(own < 21).sum()}
    assert made.tables["components"].query("hypothesis == 'H1'")["n"].max() <= 14
    assert with_lists(tmp_path, monkeypatch, models, ran_lists=tmp_path, limit=14).made == 0


def test_lists_change_no_verdict_but_that_on_really_occluded_faces(tmp_path, monkeypatch):
    found = [with_lists(tmp_path / name, monkeypatch, [(Listed, "iram-seed0")], ran_lists=lists)
             for name, lists in (("with", tmp_path), ("without", None))]
    for name in ("verdicts", "strata", "components", "by_fill", "mediation"):
        tables = [one.tables[name] for one in found]
        if "hypothesis" in tables[0]:
            tables = [one.query("hypothesis != 'H4'").reset_index(drop=True) for one in tables]
        pd.testing.assert_frame_equal(*tables, check_dtype=False)


def test_a_list_says_how_long_it_takes_and_writes_nothing(tmp_path, capsys):
    weights, out = str(tiny.weights(tmp_path)), tmp_path / "out"
    asked = ["shift", "--data", "heads:n=20", "--models", weights, "--batch-size", "4", "--list",
             "--conditions", "eyes-0.3-noise", "--out", str(out)]
    assert cli.main(asked) == 0
    told = capsys.readouterr().out
    assert re.search(r"2 conditions, 4 faces, 2 nets, .* about \d+ s here", told)
    assert not out.exists()


def test_attention_is_replaced_under_the_causal_fills_alone(tmp_path):
    conditions = [CLEAN, *occlusion(("eyes",), (0.3,), ("mean", "blur"))]
    made = run(tmp_path, tmp_path, ("iram",), 4, conditions)
    counts = {}
    for path in (tmp_path / "interventions").glob("iram-seed0--eyes*"):
        condition = next(c for c in conditions if f"--{c.name}." in path.name)
        rows = read_cell(path, made.plan.key(made.plan.readers[0], condition))
        counts[condition.fill] = len(rows.query(f"layer == {ALL}")["intervention"].unique())
    assert counts == {"mean": 12, "blur": 2}


def test_shipped_heads_know_what_their_expression_is(tmp_path):
    """On rendered heads the evidence is known: the expressive measures are defined."""
    fills = ("mean", "noise", "other_class")
    conditions = [*(f"lower_half-0.3-{fill}" for fill in fills), "surgical_mask-natural-object"]
    assert cli.main(["shift", "--data", "heads:n=35", "--models", "iram-heads", "--batch-size",
                     "35", "--conditions", ",".join(conditions), "--out", str(tmp_path)]) == 0
    table = pd.read_csv(tmp_path / "verdicts.csv").set_index("hypothesis")
    assert table.loc["H5", "verdict"] == "undecided"  # one training seed
    assert table.loc["H5", "this_net"] in ("supported", "refuted", "undecided")
    assert torch.isfinite(torch.tensor(table.loc["H5", "effect"]))


def test_permuted_weights_are_the_mean_of_several_on_the_first_faces(tmp_path, monkeypatch):
    """One cell; of a face beyond the first nothing is known, and its verdict is of those."""
    monkeypatch.setattr(readers, "PERMUTED_FACES", 4)
    made = run(tmp_path, tmp_path, ("iram",), 6, CONDITIONS[:2], batch_size=3)
    reader = next(r for r in made.plan.readers if r.permuted)
    rows = made.plan.rows("shift", reader, CONDITIONS[1])
    assert rows["image_id"].nunique() == 4
    known = made.study.evidence.measured(reader, CONDITIONS[1], "lower_half-0.3", "mass")
    assert np.isnan(known[4:]).all()
    whole = made.plan.dataset.images(slice(0, 4))
    apart = [version.read(whole).layers[0].map for version in reader.versions()]
    assert len(apart) == 2
    assert (apart[0] - apart[1]).abs().max() > 1e-3
    table = made.tables["components"].query("hypothesis == 'H2a' and fill_class == 'noise'")
    assert set(table["n"]) == {4}


def test_a_run_without_permuted_weights_says_so_and_can_be_finished_later(tmp_path):
    first = run(tmp_path, tmp_path, ("iram",), 6, CONDITIONS[:2], permuted=False)
    assert not any(reader.permuted for reader in first.plan.readers)
    row = first.tables["verdicts"].set_index("hypothesis").loc["H2a"]
    assert row["verdict"] == "not tested"
    assert row["not_tested"] == "more than permuted-weights"
    again = run(tmp_path, tmp_path, ("iram",), 6, CONDITIONS[:2])
    assert again.made == 2  # the permuted ones alone


def test_what_is_averaged_over_permutations_is_what_is_defined():
    tables = [pd.DataFrame({"layer": np.int8(0), "mass": np.float32([1, np.nan, np.nan])}),
              pd.DataFrame({"layer": np.int8(0), "mass": np.float32([3, 5, np.nan])})]
    found = engine._averaged(tables)["mass"].tolist()
    assert found[:2] == [2, 5]
    assert np.isnan(found[2])


ASKED = [CLEAN, *occlusion(("eyes", "sham"), (0.3,), ("mean", "noise", "other_class")),
         Condition("sunglasses", None, "object")]


@pytest.mark.exhaustive
def test_two_seeds_of_three_nets_give_every_table_figure_and_line_of_the_findings(tmp_path):
    """Of 21 rendered heads, end to end: what the documents say of the shift is rendered."""
    paths = [str(tiny.weights(tmp_path, name, seed)) for name in ("iram", "none", "cbam")
             for seed in (0, 1)]
    dataset = open_dataset("heads:n=21")
    made = shift(open_subjects(",".join(paths), FER2013_CLASSES), dataset, tmp_path / "shift",
                 conditions=ASKED, batch_size=21, progress=False)
    verdicts = made.tables["verdicts"].set_index(["model", "hypothesis"])
    tested = verdicts[verdicts["verdict"] != "not tested"]
    assert set(tested.loc["iram"].index) == {"H1", "H2a", "H2b", "H3", "H5"}
    assert (tested["seeds"] == 2).all()
    assert (tested["this_net"] == "").all()
    assert tested["needed_seeds"].str.fullmatch(r"(more than )?\d+ seeds").all()
    assert set(made.tables["mediation"]["effect"]) == {"total", "indirect", "unmatched",
                                                       "elsewhere"}
    results = Results(tmp_path)
    own = [one for one in FIGURES if all(name.startswith("shift/") for name in one.tables)
           and all(results.holds(name) for name in one.tables)]
    drawn = list(make(results, own, [one for one in TABLES if one.name == "verdicts"],
                      tmp_path / "figures", ("png",)))
    assert [one.name for one in drawn if one.missing] == []
    assert {"attention_shift", "attention_shift_by_stage", "mediation"} <= {o.name for o in drawn}
    findings = (TEMPLATES / "docs" / "findings.md.j2").read_text()
    part = findings[findings.index("## Does attention move"):findings.index("## How often these")]
    macros = findings[:findings.index("<!-- Made by")]
    (tmp_path / "part.md.j2").write_text(macros + part)
    (tmp_path / "shift" / "first_seeds").mkdir()
    shutil.copy(tmp_path / "shift" / "verdicts.csv", tmp_path / "shift" / "first_seeds")
    text = rendered(tmp_path / "part.md.j2", tmp_path)
    assert "IRAM has 2 training seeds" in text
    third = verdicts.loc[("iram", "H3"), "verdict"]
    assert f"| H3 its movement raises the true class's margin | **{third}**" in text
    assert "where and how much" in made.report()
