"""Terms of the loss: by hand, refused where they don't fit, the same after a kill."""

import hashlib
import math

import pytest
import torch
from test_extending import of_the_page
from torch import nn
from torch.nn import functional as F
from toy import toy_faces
from trainings import Killed, killed_after, read_log, run, same_weights, without_times

from iram import InputError, build_model
from iram.training.recipe import Recipe
from iram.training.terms import TERMS, Batch, Loss, check_terms
from iram.training.terms.labels import cross_entropies
from iram.training.terms.pairs import pair_loss
from iram.training.terms.parts import bootstrap
from iram.training.train import _Run, train
from iram.weights import save_model

SHORT = {"epochs": 3, "batch_size": 8, "lr": 0.02}


def batch_of(model, share=0.0, count=4):
    images = torch.rand(count, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    targets = F.one_hot(torch.arange(count) % 2, 2).float()
    seen = model.run(images)
    return Batch(model, images, targets, torch.arange(count), share, seen,
                 model.classify(seen).float())


def net(backbone="compact", attention="none"):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build_model(backbone, attention, width=0.25, classes=("up", "down"), input_size=16,
                           dropout=0.0)


def test_without_a_word_the_loss_is_cross_entropy_to_the_bit():
    model = net()
    batch = batch_of(model)
    known = F.cross_entropy(batch.logits, batch.targets, label_smoothing=0.1)
    assert torch.equal(Loss(model, Recipe(), 4, 0)(batch), known)


def test_cross_entropies_of_each_face_have_torchs_mean():
    logits, targets = torch.randn(5, 3), torch.eye(3)[[0, 2, 1, 1, 0]]
    known = F.cross_entropy(logits, targets, label_smoothing=0.2)
    torch.testing.assert_close(cross_entropies(logits, targets, 0.2).mean(), known)
    several = cross_entropies(torch.stack([logits, 2 * logits], 1), targets, 0.2)
    torch.testing.assert_close(several[:, 0].mean(), known)


def test_the_loss_is_the_weighted_sum_of_its_terms():
    model = net()
    batch = batch_of(model)
    both = Loss(model, Recipe(terms="cross_entropy:0.25+contrastive:2"), 4, 0)(batch)
    pairs = pair_loss(batch.seen.embedding, batch.targets.argmax(1))
    torch.testing.assert_close(
        both, 0.25 * F.cross_entropy(batch.logits, batch.targets, label_smoothing=0.1) + 2 * pairs)


def test_contrastive_loss_by_hand():
    """Unit vectors at 0, 60 and 90 degrees (lengths don't count); d^2 = 2 - 2 cos."""
    angles = torch.tensor([0.0, 60.0, 90.0]).deg2rad()
    vectors = torch.stack([angles.cos(), angles.sin()], 1) * torch.tensor([[1.0], [3.0], [0.5]])
    near = math.sqrt(2 - 2 * math.cos(math.radians(30)))
    # Classes 0, 0, 1: one pair of a class, d^2 = 1; of the others (d = sqrt 2 and `near`) the
    # harder one alone is of the hardest half.
    found = pair_loss(vectors, torch.tensor([0, 0, 1]))
    assert found.item() == pytest.approx((1 + (1 - near) ** 2) / 2, abs=1e-5)
    assert pair_loss(vectors, torch.tensor([0, 1, 2])).item() == pytest.approx(
        ((1 - near) ** 2 + 0) / 2 / 2, abs=1e-5)  # three pairs, of which two are the hardest half
    vectors = torch.zeros(2, 3).add(1).requires_grad_()  # alike, and of two classes
    pair_loss(vectors, torch.tensor([0, 1])).backward()
    assert vectors.grad.isfinite().all()


def test_distillation_is_torchs_divergence_at_its_temperature(tmp_path):
    model, teacher = net(), net("compact", "se")
    save_model(teacher, tmp_path / "teacher.safetensors", {"seed": 0})
    recipe = Recipe(terms="cross_entropy:0+distillation:1",
                    teacher=str(tmp_path / "teacher.safetensors"))
    loss = Loss(model.eval(), recipe, 4, 0)
    batch = batch_of(model)
    with torch.no_grad():
        taught = loss.terms["distillation"].known[0](batch.images)
    known = 16 * torch.distributions.kl_divergence(
        torch.distributions.Categorical(logits=taught / 4),
        torch.distributions.Categorical(logits=batch.logits / 4)).mean()
    torch.testing.assert_close(loss(batch), known)
    assert not loss.state_dict()
    assert not list(loss.parameters())


def test_members_are_trained_apart_on_their_bootstrap_samples():
    model = net("ensemble")
    batch, loss = batch_of(model), Loss(
        model, Recipe(terms="cross_entropy:0+members:1", label_smoothing=0.0), 4, 7)
    counts = loss.terms["members"].counts
    assert torch.equal(counts[:, 0], counts[:, 1])  # of one sample
    assert counts.sum(0).tolist() == [4] * 6
    known = sum(
        (counts[:, m] * F.cross_entropy(batch.seen.embedding[:, m], batch.targets,
                                        reduction="none")).mean() for m in range(6))
    torch.testing.assert_close(loss(batch), known)
    assert not torch.equal(bootstrap(100, 0), bootstrap(100, 1))


def test_streams_are_trained_apart_for_two_thirds_then_joined():
    model = net("dual")
    recipe = Recipe(terms="cross_entropy:0+streams:1", label_smoothing=0.0)
    loss = Loss(model, recipe, 4, 0)
    loss(batch_of(model, share=0.6)).backward()
    assert model.classifier.weight.grad is None
    assert all(head.weight.grad.abs().max() > 0 for head in loss.terms["streams"].heads)
    batch = batch_of(model, share=0.7)
    torch.testing.assert_close(loss(batch), F.cross_entropy(batch.logits, batch.targets))


def test_the_way_back_is_the_squared_error_of_the_face_it_draws():
    model = net("bidirectional").eval()  # no code is left out
    batch = batch_of(model)
    loss = Loss(model, Recipe(terms="cross_entropy:0+reconstruction:1"), 4, 0)
    wanted = (batch.images - 0.508) / 0.255
    errors = [(chain.draw(part.map, batch.targets, 16) - wanted).square().mean()
              for chain, part in zip(model.backbone.chains, batch.seen.parts, strict=True)]
    torch.testing.assert_close(loss(batch), sum(errors))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"terms": "contrastive:-1"}, "terms has 'contrastive:-1'; the weight must be a number"),
        ({"terms": "contrastive"}, "as in contrastive:0.5"),
        ({"terms": "contrastive:nan"}, "must be a number from 0"),
        ({"terms": "contrasting:1"}, "unknown term of the loss 'contrasting'.*'contrastive'"),
        ({"terms": "contrastive:1+contrastive:2"}, "names contrastive twice"),
        ({"terms": "cross_entropy:0"}, "one term must have a weight above 0"),
        ({"terms": "distillation:1"}, "teacher is ''; it must be a name or file"),
        ({"teacher": "none"}, "teacher is 'none'; it must be empty"),
        ({"terms": 3}, "terms is 3; it must be a word"),
    ],
)
def test_a_recipe_with_terms_that_cannot_be_says_why_in_a_line(fields, message):
    with pytest.raises(InputError, match=message) as error:
        Recipe(**fields)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"terms": "streams:1"}, "streams needs a net of several streams; compact is none"),
        ({"terms": "members:1"}, "members needs an ensemble; compact is none"),
        ({"terms": "reconstruction:1"}, "reconstruction needs a net that draws faces"),
        ({"terms": "contrastive:1", "mixup": 0.2}, "mixup is 0.2; it must be 0"),
        ({"terms": "distillation:1", "teacher": "nosuch"}, "unknown model 'nosuch'"),
    ],
)
def test_a_term_that_does_not_fit_the_net_or_the_recipe_is_refused(fields, message):
    with pytest.raises(InputError, match=message):
        check_terms(net(), Recipe(**fields))


def test_a_teacher_of_other_classes_is_refused_in_a_line():
    recipe = Recipe(terms="distillation:1", teacher="none")
    with pytest.raises(InputError, match=r"none tells 7 classes \(angry.*tells 2 \(up, down\)"):
        Loss(net(), recipe, 4, 0)


@pytest.fixture
def centre():
    """The term of docs/extending.md, with a parameter beside its buffer."""
    names = {}
    exec(of_the_page("centre"), names)

    class Scaled(names["Centre"]):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.scale = nn.Linear(1, 1)

        def forward(self, batch):
            return super().forward(batch) * self.scale.weight.square().sum()

    TERMS["centre"] = Scaled
    yield
    del TERMS["centre"]


def test_a_killed_run_with_a_term_that_has_state_goes_on_to_the_same(
    tmp_path, monkeypatch, centre
):
    recipe = Recipe(**SHORT, terms="centre:0.5", ema=0.9)
    whole = run(tmp_path / "whole", recipe)
    killed_after(monkeypatch, 2, tmp_path / "killed", recipe=recipe)
    resumed = run(tmp_path / "killed", recipe)
    assert same_weights(whole.model, resumed.model)
    assert without_times(read_log(tmp_path / "killed")) == without_times(read_log(
        tmp_path / "whole"))
    assert not same_weights(whole.model, run(tmp_path / "other", Recipe(**SHORT, ema=0.9)).model)


@pytest.mark.parametrize(("backbone", "terms"), [
    ("dual", "cross_entropy:0+streams:1"),  # killed before the joined head has had a gradient
    ("bidirectional", "cross_entropy:0+members:1+reconstruction:0.1"),
    ("regional", ""),  # what was found in training faces
])
def test_a_killed_run_of_a_net_of_parts_goes_on_to_the_same(tmp_path, monkeypatch, backbone, terms):
    dataset, recipe = toy_faces(), Recipe(**SHORT, terms=terms)
    parts = dataset.split("train"), dataset.split("validation")
    told = net(backbone).architecture

    def train_in(name):
        return train(told, *parts, recipe, 3, tmp_path / name, progress=False)

    whole, saved = train_in("whole"), _Run.save

    def killed(self):
        saved(self)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(_Run, "save", killed)
        with pytest.raises(Killed):
            train_in("killed")
    assert same_weights(whole.model, train_in("killed").model)


def test_a_card_records_terms_teacher_and_weights_and_another_teacher_is_told(tmp_path):
    from iram.training.grids import Cell
    from iram.training.train_grid import check_finished, train_cell

    dataset, teacher = toy_faces(), tmp_path / "teacher.safetensors"
    save_model(net("compact", "se"), teacher, {"seed": 0})
    cell = Cell("taught", 0, {"attention": "none", "width": 0.25}, SHORT | {
        "epochs": 1, "terms": "distillation:0.5", "teacher": str(teacher)})
    card = train_cell(cell, dataset, tmp_path, device="cpu", progress=False)
    assert card["recipe"]["terms"] == "distillation:0.5"
    assert card["teacher_sha256"] == hashlib.sha256(teacher.read_bytes()).hexdigest()
    check_finished(cell, dataset, tmp_path, "auto")
    save_model(net("compact", "none"), teacher, {"seed": 0})
    with pytest.raises(InputError, match="teacher_sha256: "):
        check_finished(cell, dataset, tmp_path, "auto")
