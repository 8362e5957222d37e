"""Terms of a face beside the same face covered: by hand, where gradients flow, refused, resumed."""

import math
from dataclasses import replace

import pytest
import torch
from test_augment import faces, generator
from toy import toy_faces
from trainings import killed_after, run, same_weights, without_times

from iram import InputError, build_model
from iram.backbones import Layer, Pass
from iram.cells import cells
from iram.training import beside
from iram.training.augment import augment, augment_twice
from iram.training.erasing import Cover, erase, oval
from iram.training.grids import GRIDS, Cell
from iram.training.recipe import Recipe
from iram.training.terms import TERMS, Batch, Loss, check_terms
from iram.training.terms.consistency import TARGET, log_share
from iram.training.train_grid import train_grid
from iram.weights import read_card

PAIRED = ("consistency", "attention_stays", "attention_falls", "features_stay")
ALL = "+".join(f"{name}:0.5" for name in PAIRED)
COVERED = Recipe(erasing=1.0, terms=ALL)
WHOLE = {"rotation": 0.0, "shift": 0.0, "scale": 0.0, "flip": False}


def net(attention="iram", backbone="compact", **options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build_model(backbone, attention, width=0.25, classes=("up", "down"),
                            input_size=16, dropout=0.0, **options)
        for name, parameter in model.named_parameters():  # IRAM's gates start even
            if "expand.weight" in name:
                parameter.data.normal_(0, 0.3)
        return model


def batch_by_hand(name, clean, covered, mask, face=None, logits=(None, None)):
    """One layer's maps (N, 4, 4), as the effective multiplier or as features of one channel."""
    face = torch.ones_like(mask) if face is None else face
    one, other = (Pass(torch.zeros(len(m), 1), None, [Layer(m[:, None], None, None, m)])
                  for m in (clean, covered))
    return Batch(None, None, None, None, 0.0, one, logits[0],
                 beside.Covered(other, logits[1], mask, face))


def value(name, *arguments, **options):
    return TERMS[name](None, COVERED, 1, 0)(batch_by_hand(name, *arguments, **options)).item()


def left_column():
    """(1, 4, 4): the first column is covered; the second is the band, the others are visible."""
    mask = torch.zeros(1, 4, 4, dtype=torch.bool)
    mask[..., 0] = True
    return mask


def columns(*values):
    return torch.tensor(values).expand(1, 4, 4)


def test_consistency_by_hand():
    p, q = torch.tensor([[0.75, 0.25]]), torch.tensor([[0.5, 0.5]])
    known = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    same = torch.ones(1, 4, 4)
    found = value("consistency", same, same, left_column(), logits=(p.log(), q.log() + 3))
    assert found == pytest.approx(known, abs=1e-6)


@pytest.mark.parametrize(("multiplier", "known"), [
    (1.0, TARGET),  # nothing falls
    (0.9, TARGET + math.log(0.9 / ((0.9 + 2) / 3))),  # halfway
    (0.5, 0.0),  # farther than asked
])
def test_attention_falls_by_hand(multiplier, known):
    """4 cells are covered and 8 visible: their mean on the face is (m + 2) / 3."""
    after = columns(multiplier, 7.0, 1.0, 1.0)  # what the band has counts for nothing
    before = columns(1.0, 9.0, 1.0, 1.0)
    found = value("attention_falls", before, after, left_column())
    assert found == pytest.approx(known, abs=1e-6)


def test_attention_falls_against_the_same_place_of_the_face():
    low = columns(0.5, 1.0, 1.0, 1.0)
    assert value("attention_falls", low, low, left_column()) == pytest.approx(TARGET, abs=1e-6)


def test_attention_stays_is_of_the_pattern_on_the_visible_part_alone():
    before = columns(1.0, 1.0, 1.0, 1.0)
    assert value("attention_stays", before, columns(0.1, 5.0, 2.0, 2.0), left_column()) == 0
    found = value("attention_stays", before, columns(1.0, 1.0, 0.5, 1.5), left_column())
    assert found == pytest.approx((math.log(0.5) ** 2 + math.log(1.5) ** 2) / 2, abs=1e-6)


def test_features_stay_by_hand():
    found = value("features_stay", columns(9.0, 9.0, 2.0, 2.0), columns(0.0, 0.0, 2.0, 3.0),
                  left_column())
    assert found == pytest.approx(4 * 1 / (8 * 4), abs=1e-6)


@pytest.mark.parametrize("name", PAIRED[1:])
@pytest.mark.parametrize("mask", [torch.zeros(1, 4, 4).bool(), torch.ones(1, 4, 4).bool()])
def test_a_face_that_is_whole_or_wholly_covered_has_no_say(name, mask):
    before = columns(1.0, 1.0, 1.0, 1.0)
    after = columns(0.5, 1.0, 2.0, 3.0).clone().requires_grad_()
    term = TERMS[name](None, COVERED, 1, 0)
    loss = term(batch_by_hand(name, before, after, mask))
    loss.backward()
    assert loss.item() == 0
    assert (after.grad == 0).all()
    both = [torch.cat([one, two]) for one, two in (
        (before, before), (after.detach(), columns(0.9, 1.0, 1.0, 1.2)), (mask, left_column()))]
    alone = value(name, before, columns(0.9, 1.0, 1.0, 1.2), left_column())
    assert value(name, *both) == pytest.approx(alone, abs=1e-6), "nor does it thin the others out"


def traced(model, name, images, recipe=COVERED):
    """A term of the model's own pass, and both sides of the pictures, which ask for gradients."""
    clean, cover = augment_twice(images, recipe, generator())
    clean = clean.requires_grad_()
    cover.images = cover.images.detach().requires_grad_()
    seen, covered = beside.run(model, clean, cover)
    targets = torch.eye(2)[torch.arange(len(images)) % 2]
    batch = Batch(model, clean, targets, torch.arange(len(images)), 0.0, seen,
                  model.classify(seen).float(), covered)
    return TERMS[name](model, recipe, len(images), 0)(batch), clean, cover.images


@pytest.mark.parametrize("name", PAIRED)
def test_gradients_are_finite_where_nothing_passes_the_activation(name):
    model = net(place="block")
    for block in model.backbone.blocks:
        torch.nn.init.constant_(block.branch[-1][-1].bias, -4.0)
    loss, *_ = traced(model, name, faces(6)[..., :16, :16].contiguous())
    loss.backward()
    assert (model.backbone.run(faces(6)[..., :16, :16], traced=True).layers[0].features == 0).any()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize("name", PAIRED)
def test_gradients_flow_through_the_covered_side_alone(name):
    model = net().eval()  # in training batch norm couples the pictures
    loss, clean, covered = traced(model, name, faces(6)[..., :16, :16].contiguous())
    loss.backward()
    assert clean.grad is None or (clean.grad == 0).all()
    assert covered.grad.abs().max() > 0
    moved = {n for n, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert any("attention" in n for n in moved)
    assert any("classifier" in n for n in moved) == (name == "consistency")


def test_the_pass_of_both_is_the_pass_of_each():
    model, clean = net().eval(), torch.rand(3, 1, 16, 16, generator=generator())
    covered = torch.rand(3, 1, 16, 16, generator=generator(1))
    mask = torch.ones(3, 16, 16, dtype=torch.bool)
    seen, other = beside.run(model, clean, Cover(covered, mask, mask))
    for images, own, logits in ((clean, seen, model.classify(seen)),
                                (covered, other.seen, other.logits)):
        known = model.trace(images)
        torch.testing.assert_close(logits, known.logits)
        for layer, attention, effective in zip(own.layers, known.attention, known.effective,
                                               strict=True):
            torch.testing.assert_close(layer.attention, attention)
            torch.testing.assert_close(layer.effective, effective)


def test_one_pass_serves_all_terms_and_without_any_nothing_is_covered(tmp_path, monkeypatch):
    passes, batches = [], []
    model_run, loss = beside.run, Loss.forward

    def counted(model, images, cover, traced):
        passes.append(None if cover is None else len(cover.images))
        return model_run(model, images, cover, traced)

    def watched(self, batch):
        batches.append(batch)
        return loss(self, batch)

    monkeypatch.setattr(beside, "run", counted)
    monkeypatch.setattr(Loss, "forward", watched)
    run(tmp_path / "all", Recipe(epochs=1, batch_size=8, erasing=1.0, terms=ALL))
    assert passes == [8] * 4
    assert batches[-1].covered.seen.layers
    plain = Recipe(epochs=1, batch_size=8, erasing=1.0, terms="consistency:1")
    run(tmp_path / "consistency", plain)
    assert passes[4:] == [8] * 4
    assert not batches[-1].covered.seen.layers, "what no term looks at is not measured"
    run(tmp_path / "none", replace(plain, terms=""))
    assert passes[8:] == [None] * 4
    assert batches[-1].covered is None


def test_the_face_beside_the_copy_stays_whole_and_the_mask_tells_what_was_covered():
    x = faces(40)
    clean, cover = augment_twice(x, Recipe(erasing=0.5, erasing_fill="mean"), generator())
    assert torch.equal(clean, augment(x, Recipe(), generator()))
    assert torch.equal((clean != cover.images)[:, 0] & ~cover.mask, torch.zeros_like(cover.mask))
    touched = cover.mask.flatten(1).any(1)
    assert 0.25 < touched.float().mean() < 0.75
    assert torch.equal(clean[~touched], cover.images[~touched])


def test_the_face_is_the_mean_face_moved_along():
    still, cover = augment_twice(faces(3), replace(COVERED, **WHOLE), generator())
    assert torch.equal(cover.face, oval(*still.shape[2:]).expand(3, -1, -1))
    _, moved = augment_twice(faces(3), replace(COVERED, **WHOLE | {"shift": 0.4}), generator())
    assert not torch.equal(moved.face, cover.face)


@pytest.mark.parametrize("held_out", ["", "flat", "noise", "texture"])
def test_families_are_painted_by_turns_but_for_the_one_that_is_held_out(held_out):
    x = torch.rand(200, 1, 16, 16, generator=generator()) + 2
    recipe = Recipe(erasing=1.0, erasing_fill="families", held_out=held_out, **WHOLE, contrast=0.0,
                    brightness=0.0)
    out, seen = erase(x, recipe, generator()), set()
    for own, other, painted in zip(x, x.roll(1, 0).flip(2), out, strict=True):
        found = painted[painted != own]
        if torch.equal(found, other[painted != own]):
            seen.add("texture")
        elif found.numel() > 1:
            seen.add("flat" if found.std() < 1e-4 else "noise")
    assert seen == {"flat", "noise", "texture"} - {held_out}


@pytest.mark.parametrize(("recipe", "model", "told"), [
    ({"terms": "attention_falls:1"}, ("none", "compact"), "attention_falls needs attention.* none"),
    ({"terms": "attention_stays:1"}, ("se", "compact"), "attention_stays needs attention.* se"),
    ({"terms": "features_stay:1"}, ("none", "ensemble"), "features_stay needs layers"),
    ({"terms": "consistency:1", "erasing": 0.0}, ("none", "compact"), "erasing is 0.0; it must be"),
    ({"terms": "consistency:1", "mixup": 0.2}, ("none", "compact"), "mixup is 0.2; it must be 0"),
])
def test_a_term_that_does_not_fit_is_refused_in_one_line(recipe, model, told):
    with pytest.raises(InputError, match=told) as error:
        check_terms(net(*model), Recipe(**{"erasing": 1.0, **recipe}))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("recipe", [
    {"held_out": "noise"}, {"erasing_fill": "families", "held_out": "objects"},
    {"erasing_fill": "family"}, {"terms": "attention_fall:1"}, {"terms": "consistency:-1"},
])
def test_an_unknown_family_fill_or_term_is_refused(recipe):
    with pytest.raises(InputError, match=r"^recipe: "):
        Recipe(**recipe)


def test_terms_that_need_no_attention_take_any_net_even_of_several_parts():
    check_terms(net("none"), Recipe(erasing=1.0, terms="consistency:1+features_stay:1"))
    model = net("none", "ensemble").eval()
    loss, *_ = traced(model, "consistency", torch.rand(4, 1, 16, 16),
                      Recipe(erasing=1.0, terms="consistency:1"))
    assert loss.isfinite()


def test_attention_learns_to_leave_in_a_few_dozen_steps():
    """A fresh net that sees nothing but noise and its copy in mean gray."""
    recipe = Recipe(erasing=1.0, erasing_fill="mean", erasing_shape="regions", **WHOLE,
                    terms="cross_entropy:0+attention_falls:1")
    model = net(fusion="multiply", place="block").train()
    optimizer, draws = torch.optim.SGD(model.parameters(), 0.5, 0.9), generator(3)

    def share(images):
        clean, cover = augment_twice(images, recipe, generator(8))
        seen, covered = beside.run(model, clean, cover)
        where = cells(cover.mask, cover.face, *seen.layers[0].effective.shape[1:])
        before, after = (log_share(one.layers[0].effective, where)[where.defined].mean()
                         for one in (seen, covered.seen))
        return (after - before).item()

    images = torch.rand(32, 1, 16, 16, generator=draws)
    assert share(images) > -0.05
    loss = Loss(model, recipe, 32, 0)
    for _ in range(40):
        clean, cover = augment_twice(torch.rand(32, 1, 16, 16, generator=draws), recipe, draws)
        seen, covered = beside.run(model, clean, cover)
        optimizer.zero_grad()
        loss(Batch(model, clean, None, None, 0.0, seen, None, covered)).backward()
        optimizer.step()
    assert share(images) < -0.15


def test_a_resumed_training_is_the_uninterrupted_one(tmp_path, monkeypatch):
    recipe = Recipe(epochs=3, batch_size=8, lr=0.02, erasing=1.0, erasing_fill="families",
                    held_out="texture", erasing_shape="regions", terms=ALL)
    whole = run(tmp_path / "whole", recipe)
    killed_after(monkeypatch, 2, tmp_path / "killed", recipe=recipe)
    resumed = run(tmp_path / "killed", recipe)
    assert same_weights(whole.model, resumed.model)
    assert without_times(resumed.log) == without_times(whole.log)
    assert not same_weights(whole.model, run(tmp_path / "x", replace(recipe, terms="")).model)


def test_a_grid_gives_the_same_weights_in_any_order_and_its_cards_tell_the_terms(tmp_path):
    small = {"attention": "iram", "width": 0.25}
    recipe = {"epochs": 1, "batch_size": 8, "erasing": 1.0, "terms": ALL}
    cells = [Cell("iram-away", seed, small, recipe) for seed in (0, 1)]
    for folder, order in (("a", cells), ("b", cells[::-1])):
        train_grid(order, toy_faces(), tmp_path / folder, device="cpu", dtype="fp32",
                   progress=False)
    for cell in cells:
        one, other = (tmp_path / folder / f"{cell.name}.safetensors" for folder in "ab")
        assert one.read_bytes() == other.read_bytes()
        assert read_card(one)["recipe"]["terms"] == ALL


def test_the_grid_has_three_seeds_of_its_main_cells_first_and_differs_in_terms_alone():
    cells = GRIDS["away"]
    main = ["iram-away", "none-away-consistency", "iram-away-erasing", "none-away-erasing",
            "iram-away-falls-0"]
    assert [c.name for c in cells[:15]] == [f"{m}-seed{s}" for s in range(3) for m in main]
    base = cells[0].recipe
    for cell in cells:
        differing = {k for k in base | cell.recipe if base.get(k) != cell.recipe.get(k)}
        assert differing <= {"terms", "erasing", "pretrained"}, cell.name
        shipped = {0: 0, 1: 5, 2: 6}[cell.seed]
        assert cell.recipe["pretrained"] == f"{cell.architecture['attention']}-seed{shipped}"
        assert cell.recipe["held_out"] == "texture"
    alone = {c.recipe["terms"].partition(":")[0] for c in cells
             if c.recipe.get("terms", "+").count("+") == 0}
    assert alone == set(PAIRED)
    falls = {Recipe.from_dict(c.recipe).term_weights.get("attention_falls", 0) for c in cells
             if c.label == "iram-away" or "-falls-" in c.label}
    assert len(falls) == 4
    assert min(falls) == 0
