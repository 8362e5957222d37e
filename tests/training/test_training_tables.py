"""Tables of training: each model is compared with the one that differs in one thing only."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from hits import measured, random_hits
from toy import toy_faces

from analysis.commands import main as cli
from analysis.engine.store import read_table
from analysis.studies.training.answers import faces_of, read_answers, write_answers
from analysis.studies.training.ledger import curves, ledger
from analysis.studies.training.measured import measure, weights_in
from analysis.studies.training.tables import ablation_table, accuracy_table
from iram import InputError
from iram.evaluate import accuracy, predict
from iram.training.grids import Cell, product
from iram.training.train_grid import train_grid
from iram.weights import load_model, pretrained

ERASED = {"erasing": 0.5}


@pytest.fixture
def models():
    return [
        *(measured("none", random_hits(0.6, s), s) for s in range(3)),
        *(measured("iram", random_hits(0.9, 10 + s), s) for s in (0, 1)),
        measured("none-erasing", random_hits(0.5, 20), 0, recipe=ERASED),
        measured("iram-erasing", random_hits(0.5, 21), 0, recipe=ERASED),
        measured("iram-reuse-none", random_hits(0.9, 30), 0, reuse="none"),
        measured("iram-random-labels", random_hits(0.2, 40), 0, recipe={"random_labels": True}),
    ]


def row(table, label):
    (found,) = [row for row in table.itertuples() if row.label == label]
    return found


def test_a_module_is_paired_with_the_reference_over_the_seeds_that_both_have(models):
    found = row(accuracy_table(models, "PrivateTest"), "iram")
    none, iram = ([m for m in models if m.label == name] for name in ("none", "iram"))
    assert found.seeds == found.paired_seeds == "0 1"
    difference = np.mean([iram[s].hits.mean() - none[s].hits.mean() for s in (0, 1)])
    assert found.difference == pytest.approx(difference)
    assert found.difference_low < difference < found.difference_high
    assert found.accuracy == pytest.approx(np.mean([m.hits.mean() for m in iram]))
    assert found.flip_accuracy == pytest.approx(found.accuracy + 0.01)
    assert np.isnan(found.crops_accuracy)  # the cards don't tell it
    assert found.p < 0.001
    assert row(accuracy_table(models, "PrivateTest"), "none").seeds == "0 1 2"


def test_a_control_is_compared_with_the_reference_module_under_its_own_recipe(models):
    table = accuracy_table(models, "PrivateTest")
    erased = row(table, "iram-erasing")
    assert (erased.kind, erased.reference) == ("control", "none-erasing")
    difference = random_hits(0.5, 21).mean() - random_hits(0.5, 20).mean()
    assert erased.difference == pytest.approx(difference)
    alone = row(table, "iram-random-labels")
    assert pd.isna(alone.reference)
    assert np.isnan(alone.difference)
    assert "labels shuffled" in alone.caveat


def test_only_what_differs_in_attention_alone_is_compared(models):
    """Not a net of another width, but the one that is wider to have as many parameters."""
    wide = measured("iram-wide", random_hits(0.9, 50), attention="iram")
    wide.card["architecture"]["width"] = 2.0
    matched = measured("none-matched", random_hits(0.7, 51), attention="none-matched")
    matched.card["architecture"]["width"] = 1.07
    elsewhere = measured("iram-ferplus", random_hits(0.9, 52), attention="iram")
    elsewhere.card["data"] |= {"name": "ferplus"}
    table = accuracy_table([*models, wide, matched, elsewhere], "PrivateTest")
    assert row(table, "none-matched").reference == "none"
    assert row(table, "none-matched").kind == "module"
    for label in ("iram-wide", "iram-ferplus"):
        assert pd.isna(row(table, label).reference)
        assert row(table, label).kind == "control"


def test_holm_counts_the_rows_of_a_kind_alone(models):
    models += [measured("se", random_hits(0.61, 5)), measured("eca", random_hits(0.62, 6))]
    table = accuracy_table(models, "PrivateTest")
    compared = table[(table["kind"] == "module") & table["p"].notna()]
    assert set(compared["label"]) == {"iram", "se", "eca"}
    smallest = compared.loc[compared["p"].idxmin()]
    assert smallest["p_holm"] == pytest.approx(3 * smallest["p"])
    assert row(table, "iram-erasing").p_holm == row(table, "iram-erasing").p


def test_one_seed_is_told_and_several_are_not(models):
    table = accuracy_table(models, "PrivateTest")
    assert "over images only" in row(table, "none-erasing").caveat
    assert row(table, "none").caveat == ""


def test_published_figures_stand_beside_ours_with_their_caveats(models):
    table = accuracy_table(models, "PrivateTest")
    published = table[table["kind"] == "published"]
    assert row(published, "ResMasking").accuracy == pytest.approx(0.7414)
    assert published["caveat"].str.len().min() > 5
    assert (published["data"] == "fer2013").all()


def test_a_switch_is_compared_with_the_module_as_it_is(models):
    table = ablation_table(models, "PrivateTest")
    assert list(table["kind"]) == ["whole", "ablation"]
    assert list(table["label"]) == ["iram", "iram-reuse-none"]
    switched = row(table, "iram-reuse-none")
    assert (switched.reference, switched.switches) == ("iram", "reuse=none")
    difference = random_hits(0.9, 30).mean() - random_hits(0.9, 10).mean()
    assert switched.difference == pytest.approx(difference)
    assert "iram-reuse-none" not in set(accuracy_table(models, "PrivateTest")["label"])
    assert ablation_table(models[:3], "PrivateTest").empty


def test_the_order_is_that_of_the_grids_whatever_the_files_order(models):
    labels = [m.label for m in models]
    table = accuracy_table(models[::-1], "PrivateTest")
    assert list(table["label"])[:2] == ["none", "iram"]
    assert set(table[table["kind"] != "published"]["label"]) == set(labels) - {"iram-reuse-none"}


def test_what_the_cards_tell_of_other_faces_or_labels_is_left_out(models):
    for model in models[:2]:
        model.labels[:40] = 2
    table = accuracy_table(models, "PrivateTest")
    assert np.isnan(row(table, "none").flip_accuracy)
    assert row(table, "iram").flip_accuracy > 0


def test_without_a_name_the_reference_is_the_only_net_without_attention():
    models = [measured(f"{name}-ferplus", random_hits(0.6, seed), attention=name)
              for seed, name in enumerate(["none", "iram"])]
    assert row(accuracy_table(models, "PrivateTest"), "iram-ferplus").reference == "none-ferplus"
    models.append(measured("none-long", random_hits(0.6, 2), recipe={"epochs": 90}))
    with pytest.raises(InputError, match=r"--reference none: not among the models"):
        accuracy_table(models, "PrivateTest")


def test_what_cannot_be_compared_is_an_input_error(models):
    with pytest.raises(InputError, match=r"--reference se: not among the models \(none, iram"):
        accuracy_table(models, "PrivateTest", "se")
    with pytest.raises(InputError, match=r"reuse-none: .*reuse=none.*can be none, iram, "):
        accuracy_table(models, "PrivateTest", "iram-reuse-none")
    with pytest.raises(InputError, match="two models of label 'none' differ"):
        accuracy_table([*models, measured("none", random_hits(0.5, 3), 3, recipe=ERASED)], "x")
    with pytest.raises(InputError, match="or have the same"):
        accuracy_table([*models, models[0]], "x")


SMALL = {"width": 0.25}
BRIEF = {"epochs": 2, "batch_size": 8}
SWITCHED = Cell("iram-reuse-none", 0, SMALL | {"attention": "iram", "reuse": "none"}, BRIEF)
CELLS = [*product(["none", "iram"], [0, 1], "", SMALL, BRIEF), SWITCHED]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    train_grid(CELLS, toy_faces(), folder, device="cpu", dtype="fp32")
    (folder / "se-seed0").mkdir()
    (folder / "se-seed0" / "diverged.txt").write_text("the loss is nan in epoch 1\n")
    return folder


@pytest.fixture
def toy_data(monkeypatch):
    monkeypatch.setattr(
        "iram.data.open_dataset",
        lambda spec, split=None: toy_faces().split(split) if split else toy_faces(),
    )


def test_models_are_measured_as_their_cards_say(trained):
    test = toy_faces().split("test")
    models = measure(weights_in(str(trained)), test)
    assert sorted((m.label, m.seed) for m in models) == sorted((c.label, c.seed) for c in CELLS)
    for model in models:
        assert model.hits.mean() == pytest.approx(
            model.card["accuracy"]["PrivateTest"]["accuracy"], abs=1e-6
        )


def test_a_card_that_does_not_tell_what_its_weights_do_is_an_input_error(trained, tmp_path):
    for kind in ("safetensors", "json"):
        (tmp_path / f"x.{kind}").write_bytes((trained / f"none-seed0.{kind}").read_bytes())
    card = json.loads((tmp_path / "x.json").read_text())
    card["accuracy"]["PrivateTest"]["accuracy"] -= 1 / 12
    (tmp_path / "x.json").write_text(json.dumps(card))
    with pytest.raises(InputError, match=r"x.safetensors: its card says .*, but it gets"):
        measure([tmp_path / "x.safetensors"], toy_faces().split("test"))


def test_the_command_compares_a_folder_and_writes_tables_and_figures(trained, tmp_path, toy_data):
    command = ["models", "--compare", str(trained), "--data", "toy", "--device", "cpu"]
    assert cli.main([*command, "--out", str(tmp_path)]) == 0
    table = read_table(tmp_path / "accuracy.csv")
    assert list(table["label"]) == ["none", "iram"]
    assert list(table["paired_seeds"].dropna()) == ["0 1"]
    assert list(read_table(tmp_path / "ablation.csv")["label"]) == ["iram", "iram-reuse-none"]
    assert "(`reuse=none`)" in (tmp_path / "ablation.md").read_text()
    figures = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert figures == [f"{n}.{k}" for n in ("ablation", "module_differences")
                       for k in ("pdf", "png")]
    again = tmp_path / "again"
    answers = str(tmp_path / "answers.parquet")
    assert cli.main(["models", "--compare", answers, "--out", str(again)]) == 0
    for path in (p.relative_to(tmp_path) for p in tmp_path.rglob("*") if again not in p.parents):
        if (tmp_path / path).is_file() and path.parts[0] != "figures":
            assert (again / path).read_bytes() == (tmp_path / path).read_bytes(), path
    kept = tmp_path / "kept"
    assert cli.main([*command, "--reference", "se", "--out", str(kept)]) == 2
    assert (kept / "answers.parquet").read_bytes() == (tmp_path / "answers.parquet").read_bytes()
    command[2] = str(trained / "none-seed0.safetensors")
    assert cli.main([*command, "--out", str(tmp_path)]) == 0
    assert not (tmp_path / "ablation.md").exists()
    assert cli.main([*command, "--split", "validation", "--out", str(again)]) == 0
    assert set(read_table(again / "accuracy.csv")["split"]) == {"PublicTest"}


def test_answers_without_their_cards_or_damaged_are_an_input_error(trained, tmp_path):
    paths = [trained / "none-seed0.safetensors"]
    test = toy_faces().split("test")
    write_answers(tmp_path, measure(paths, test), faces_of(test))
    ((model,), faces) = read_answers(tmp_path / "answers.parquet")
    assert list(faces["label"]) == [test.classes[label] for label in test.labels]
    assert model.hits.mean() == pytest.approx(model.card["accuracy"]["PrivateTest"]["accuracy"])
    card = tmp_path / "cards" / "none-seed0.json"
    card.unlink()
    with pytest.raises(InputError, match=r"has answers of none-seed0, but .*json is missing"):
        read_answers(tmp_path / "answers.parquet")
    data = (tmp_path / "answers.parquet").read_bytes()
    (tmp_path / "answers.parquet").write_bytes(data[:-40] + data[-39:])
    with pytest.raises(InputError, match=r"missing, damaged, or no table of answers"):
        read_answers(tmp_path / "answers.parquet")


def test_the_ledger_has_a_row_per_cell_with_what_became_of_it(trained, tmp_path):
    cells = [
        *CELLS,
        Cell("se", 0, {"attention": "se"}, BRIEF),
        Cell("eca", 3, {"attention": "eca"}),
    ]
    table = ledger(cells, [tmp_path, trained]).set_index("name")
    assert list(table["status"]) == ["done"] * 5 + ["diverged", "missing"]
    assert table.loc["se-seed0", "note"] == "the loss is nan in epoch 1"
    assert table.loc["iram-reuse-none-seed0", "switches"] == "reuse=none"
    assert table.loc["se-seed0", "recipe"] == "epochs=2 batch_size=8"
    card = json.loads((trained / "iram-seed1.json").read_text())
    assert table.loc["iram-seed1", "selected_epoch"] == card["selected_epoch"]
    assert table.loc["iram-seed1", "validation"] == card["accuracy"]["PublicTest"]["accuracy"]
    assert table.loc["iram-seed1", "test_flip_low"] == card["accuracy"]["PrivateTest, flip"]["low"]
    crops = card["accuracy"]["PublicTest, crops"]["high"]
    assert table.loc["iram-seed1", "validation_crops_high"] == crops
    assert table.loc["iram-seed1", "commit"] == card["commit"]


def test_the_ledger_lists_what_no_grid_names_after_the_cells(trained):
    names = list(ledger([CELLS[1]], [trained])["name"])
    assert names[0] == "iram-seed0"
    assert sorted(names) == sorted([*(cell.name for cell in CELLS), "se-seed0"])


def test_the_ledger_of_the_cards_alone_is_that_of_the_run(trained, tmp_path):
    for path in trained.glob("*.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert len(ledger(CELLS, [tmp_path])) == len(CELLS)
    assert ledger(CELLS, [tmp_path]).to_csv() == ledger(CELLS, [trained])[: len(CELLS)].to_csv()
    command = ["models", "--ledger", str(tmp_path), "--out", str(tmp_path / "out")]
    assert cli.main(command) == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["ledger.csv"]


def test_the_curves_are_the_logs_one_row_a_model_and_epoch(trained):
    table = curves([trained])
    assert len(table) == 2 * len(CELLS)
    assert list(table[table["name"] == "iram-seed1"]["epoch"]) == [1, 2]


def test_the_command_writes_the_ledger(trained, tmp_path, capsys):
    assert cli.main(["models", "--ledger", str(trained), "--out", str(tmp_path)]) == 0
    assert "se-seed0                           diverged (the loss is nan in epoch 1)" in (
        capsys.readouterr().out
    )
    table = read_table(tmp_path / "ledger.csv")
    assert (table["status"] == "done").sum() == 5
    assert (tmp_path / "curves.csv").exists()
    assert (tmp_path / "figures" / "training_curves.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--compare", "iram"], "name a folder with --out"),
        (["--compare", "iram", "--out", "x"], "name the data with --data"),
        (["--ledger", "nosuch", "--out", "x"], "nosuch is no folder"),
        (["--ledger", ".", "--grid", "studdy", "--out", "x"], "did you mean 'study'"),
        (
            ["--compare", "{empty}", "--data", "t", "--out", "x"],
            "holds no weights with their cards",
        ),
        (["--compare", "{empty}/answers.parquet", "--out", "x"], "no table of answers"),
        (["--compare", "answers.parquet", "--data", "t", "--out", "x"], "leave out --data"),
        (["--compare", "nosuch", "--data", "t", "--out", "x"], "unknown model 'nosuch'"),
    ],
)
def test_a_mistake_is_one_line(arguments, message, capsys, tmp_path):
    assert cli.main(["models", *(a.format(empty=tmp_path) for a in arguments)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


SPECS = {
    "fer2013": "fer2013:{0}/fer2013.csv.xz",
    "ferplus": "ferplus:{0}/fer2013.csv.xz,{0}/fer2013new.csv",
}
REAL = [name for name, card in pretrained().items() if card["data"]["name"] in SPECS]


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", REAL)
def test_a_shipped_model_measured_again_on_500_faces_agrees_with_its_card(iram_data, name):
    """The hits among 500 of the card's N faces are hypergeometric: within 3.5 standard deviations
    (all but 1 sample in 2,000; the sample is always the same one)."""
    from iram import open_dataset

    card = pretrained()[name]
    faces = open_dataset(SPECS[card["data"]["name"]].format(iram_data / "fer2013"), split="test")
    told, n = card["accuracy"]["PrivateTest"]["accuracy"], len(faces)
    assert n == card["accuracy"]["PrivateTest"]["n"]
    sample = torch.randperm(n, generator=torch.Generator().manual_seed(0))[:500]
    some = faces.subset(sample.numpy())
    found = accuracy(predict(load_model(name), some), some.labels)["accuracy"]
    deviation = (told * (1 - told) / 500 * (n - 500) / (n - 1)) ** 0.5
    assert abs(found - told) < 3.5 * deviation


@pytest.mark.exhaustive
def test_a_shipped_model_measured_again_on_every_face_gives_its_card_to_a_face(iram_data):
    from iram import open_dataset

    faces = open_dataset(f"fer2013:{iram_data}/fer2013/fer2013.csv.xz", split="test")
    found = accuracy(predict(load_model("none"), faces), faces.labels)["accuracy"]
    told = pretrained()["none-seed0"]["accuracy"]["PrivateTest"]["accuracy"]
    assert round(len(faces) * abs(found - told)) <= 1
