"""The nets like those of other works: built, told of, saved, trained."""

import hashlib
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from toy import toy_faces

from analysis import attribute
from analysis.attributions import missing
from analysis.commands.main import main
from analysis.studies.attribution.sanity import blocks_from_top
from analysis.subjects.folding import folded
from iram import InputError, build_model, contract
from iram.backbones import BACKBONES
from iram.evaluate import predict
from iram.model import count_parameters
from iram.training.grids import GRIDS, STUDY, Cell
from iram.training.train_grid import train_cell
from iram.weights import load_model, save_model, write_card
from iram.zoo import works
from iram.zoo.bidirectional import prototypes
from iram.zoo.crops import SEEN, carried

ZOO = Path(__file__).parents[2] / "iram" / "zoo"
FILES = [path for path in ZOO.glob("*.py")
         if path.name not in ("__init__.py", "common.py", "views.py")]
CELLS = [cell for cell in GRIDS["zoo"] if cell.seed == 0]


def small(name, attention="none", **options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build_model(name, attention, width=0.25, **options).eval()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_file_is_short_and_begins_with_what_is_known_and_guessed(path):
    text = path.read_text("utf-8")
    told = text.split('"""')[1]
    assert len(text.splitlines()) <= (70 if path.stem == "bidirectional" else 60)
    assert re.match(r"(After|In the spirit of) [A-Z]", told)
    assert all(word in told for word in ("Known:", "Guessed:", "Source:"))


@pytest.mark.parametrize("name", works())
def test_a_net_takes_faces_of_other_sizes_and_numbers_of_classes(name):
    model = small(name, num_classes=3, input_size=40)
    assert model(torch.rand(2, 1, 40, 40)).shape == (2, 3)
    assert BACKBONES.about(name).work.startswith(("after ", "in the spirit of "))


def test_every_net_has_its_cell():
    assert {cell.architecture["backbone"] for cell in CELLS} >= set(works())


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.label)
def test_a_cell_is_trained_and_comes_back_with_the_same_logits(cell, tmp_path, monkeypatch):
    dataset, recipe = toy_faces(size=24), cell.recipe | {"epochs": 1, "batch_size": 8}
    if "teacher" in recipe:
        teacher = tmp_path / "teacher.safetensors"
        save_model(small("compact", classes=dataset.classes, input_size=24), teacher, {"seed": 0})
        recipe["teacher"] = str(teacher)
    tiny = Cell(cell.label, 0, cell.architecture | {"width": 0.25}, recipe)
    kept = []
    monkeypatch.setattr("iram.training.train_grid.save_model", lambda model, *arguments: (
        kept.append(model), save_model(model, *arguments))[1])
    card = train_cell(tiny, dataset, tmp_path, device="cpu", progress=False)
    model = load_model(tmp_path / f"{tiny.name}.safetensors")
    assert card["recipe"]["terms"] == cell.recipe.get("terms", "")
    assert card["parameters"] == sum(p.numel() for p in model.parameters())
    validation = dataset.split("validation")
    found = predict(model, validation)
    assert torch.equal(found, predict(kept[0], validation)), "as it was before it was saved"
    right = (found.argmax(1) == validation.labels).double().mean()
    assert card["accuracy"]["PublicTest"]["accuracy"] == pytest.approx(right.item(), abs=1e-6)


@pytest.mark.parametrize("name", works())
def test_a_docstring_says_how_many_parameters_there_are(name):
    told = float(re.search(r"([\d.]+) M\s+parameters", BACKBONES[name].__doc__)[1])
    attention = {cell.architecture["backbone"]: cell.architecture["attention"]
                 for cell in CELLS if not cell.label.endswith("-none")}
    found = count_parameters(build_model(name, attention[name])) / 1e6
    assert round(found, 2) == pytest.approx(told, abs=0.006)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.label)
def test_a_cell_has_the_fields_of_the_contract_and_says_what_it_lacks(cell):
    model = small(cell.architecture["backbone"], cell.architecture["attention"])
    x = torch.rand(2, 1, 48, 48)
    trace = model.trace(x)
    torch.testing.assert_close(trace.logits, model(x))
    assert len(trace.features) == model.num_layers
    assert len(trace.attention) == len(trace.effective) == (
        model.num_layers if model.has_attention else 0)
    assert set(model.lacks) <= set(contract.LACKS)
    methods = ["gradcam", "saliency", "activation_energy"]
    apart = cell.architecture["backbone"] in ("crops", "bidirectional", "ensemble")
    assert ("layers" in model.lacks) == apart
    for method in methods:
        if missing(method, model):
            assert apart
            assert missing(method, model) == ["layers"]
        else:
            found = attribute(model, x, torch.tensor([0, 1]), method)
            assert found.isfinite().all()
            assert found.abs().amax((1, 2)).min() > 0


def test_both_streams_gates_are_traced_and_replaced():
    model, x = small("dual", "se"), torch.rand(2, 1, 48, 48)
    own = model.trace(x)
    assert len(own.attention) == 6
    with model.intervene({4: own.attention[4] * 0.5}):
        changed = model.trace(x)
    same = [torch.equal(a, b) for a, b in zip(own.attention, changed.attention, strict=True)]
    assert same == [True, True, True, True, False, False]  # the other stream knows nothing of it
    assert not torch.allclose(own.logits, changed.logits)


def test_nine_weights_of_regions_are_traced_as_a_map():
    model, x = small("regional", "regional"), torch.rand(2, 1, 48, 48)
    with torch.no_grad():
        model.backbone.blocks[0].attention.score.weight.mul_(50)
    (attention,) = model.trace(x).attention
    nine = attention[:, 0, ::2, ::2]
    torch.testing.assert_close(nine.sum((1, 2)), torch.ones(2))
    torch.testing.assert_close(attention[:, :1], nine.repeat_interleave(2, 1).repeat_interleave(
        2, 2)[:, None])
    assert nine.std() > 0
    twin = build_model("regional", "none", width=0.25).eval()
    twin.load_state_dict({k: v for k, v in model.state_dict().items() if k in twin.state_dict()})
    with model.intervene({0: torch.full((1, 1, 6, 6), 1 / 9)}):  # all alike: as without it
        torch.testing.assert_close(model(x), twin(x))


def test_a_covered_part_silences_its_stream_alone():
    model, x = small("crops"), torch.rand(1, 1, 48, 48)
    covered = x.clone()
    covered[..., 30:46, 12:36] = 0.5  # the mouth
    own, changed = carried(model, x)[0], carried(model, covered)[0]
    torch.testing.assert_close(own.sum(0) + model.classifier.bias, model(x)[0])
    moved = [name for name, a, b in zip(SEEN, own, changed, strict=True) if not torch.equal(a, b)]
    assert moved == ["face 48", "face 36", "face 24", "nose", "mouth"]
    covered = x.clone()
    covered[..., 10:15, 6:42] = 0.5
    changed = carried(model, covered)[0]
    moved = [name for name, a, b in zip(SEEN, own, changed, strict=True) if not torch.equal(a, b)]
    assert moved == ["face 48", "face 36", "face 24", "eyes"]


def test_streams_of_parts_take_no_attention_and_say_so():
    with pytest.raises(InputError, match="backbone crops takes no attention module"):
        small("crops", "se")


def test_the_way_back_shares_its_kernels_and_draws_each_class():
    model = small("bidirectional", num_classes=3, input_size=40)
    drawn = prototypes(model)
    assert drawn.shape == (3, 3, 1, 40, 40)
    assert len({tuple(one.flatten().tolist()) for one in drawn.flatten(0, 1)}) == 9
    with torch.no_grad():
        model.backbone.chains[0].blocks[2].branch[0].weight.mul_(-1)
    changed = prototypes(model)
    assert not torch.equal(changed[0], drawn[0])
    assert torch.equal(changed[1:], drawn[1:])


def test_codes_are_left_out_in_training_alone():
    chain = small("bidirectional").backbone.chains[0]
    code, classes = torch.rand(16, chain.channels, 6, 6), torch.eye(7)[:1].expand(16, -1)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        blind = chain.draw(0 * code, classes, 48)
        assert not torch.isclose(chain.draw(code, classes, 48), blind).flatten(1).all(1).any()
        seen = []
        chain.train()
        chain.norms[-1].register_forward_pre_hook(lambda module, given: seen.append(given[0]))
        chain.draw(code, classes, 48)
    alike = {tuple(one.flatten().tolist()) for one in seen[0]}
    assert 2 < len(alike) < 16


def test_the_grid_has_three_seeds_seed_by_seed_and_then_the_twins():
    cells = GRIDS["zoo"]
    labels = [cell.label for cell in CELLS if not cell.label.endswith("-none")]
    assert [cell.label for cell in cells[: 3 * len(labels)]] == 3 * labels
    assert [cell.seed for cell in cells[: 3 * len(labels)]] == [
        seed for seed in range(3) for _ in labels]
    rest = {(cell.label, cell.seed) for cell in cells[3 * len(labels) :]}
    assert rest == {(f"zoo-{name}-none", seed) for name in ("regional", "dual")
                    for seed in range(3)}
    for cell in cells:
        teacher = f"none-seed{(0, 5, 6)[cell.seed]}"  # of those that ship
        assert cell.recipe.get("teacher", teacher) == teacher
        assert {k: v for k, v in cell.recipe.items() if k not in ("terms", "teacher")} == (
            STUDY | {"epochs": cell.recipe["epochs"]})


def test_the_whole_grid_is_accepted_by_the_command(capsys):
    assert main(["train", "--grid", "zoo", "--dry-run"]) == 0
    assert capsys.readouterr().out.count("missing") == len(GRIDS["zoo"])


def test_an_ensemble_that_lacks_a_members_weights_is_refused_in_a_line(tmp_path):
    path = tmp_path / "ensemble-seed0.safetensors"
    card = save_model(small("ensemble"), path, {"seed": 0})
    tensors = {k: v for k, v in load_file(path).items() if not k.startswith("backbone.heads.5.")}
    save_file(tensors, path)
    card["weights_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    write_card(path, card)
    with pytest.raises(InputError, match=r"does not fit the architecture.*backbone\.heads\.5") as e:
        load_model(path)
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.label)
def test_a_folded_cell_gives_the_same_logits(cell):
    model, x = small(cell.architecture["backbone"], cell.architecture["attention"]), torch.rand(
        2, 1, 48, 48)
    torch.testing.assert_close(folded(model)(x), model(x), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("name", "count"), [("plain", 6), ("crops", 25), ("ensemble", 7)])
def test_what_has_weights_loses_them_from_the_top(name, count):
    model = small(name)
    names = blocks_from_top(model, torch.rand(1, 1, 48, 48))
    assert len(names) == count
    given = [{id(p) for p in model.get_submodule(one).parameters()} for one in names]
    assert all(given)
    assert set.union(*given) == {id(p) for p in model.parameters()}
