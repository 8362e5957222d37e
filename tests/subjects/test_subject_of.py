"""Any torch module as a subject, and what is wrong with some."""

import pickle

import pytest
import tiny
import torch
from torch import nn

from analysis.subjects import Subject, open_study, open_subjects
from analysis.subjects.training import training_of
from iram import InputError, build_model

CLASSES = ["happy", "sad"]


class Gated(nn.Module):
    """A net with a gate over places; `kept` is no weight, but changes its answers."""

    def __init__(self, channels=1, kept=1.0):
        super().__init__()
        self.kept = kept
        self.features = nn.Conv2d(channels, 4, 3, padding=1)
        self.gate = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Sigmoid())
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        x = self.features(x)
        return self.head((x * self.gate(x) ** self.kept).mean((2, 3)))


class Failing(nn.Module):
    """It fails on every picture."""

    def forward(self, x):
        raise RuntimeError("no such layer")


class Uncopied(Gated):
    """It can't be copied."""

    def __deepcopy__(self, memo):
        raise RuntimeError("no copies")


def net(**options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Gated(**options)


def made(module=None, **options):
    return Subject.of(module or net(), **{"classes": CLASSES, "size": 16, **options})


def test_a_module_answers_as_it_does_itself_on_pictures_of_its_size():
    module, subject = net(channels=3).eval(), made(net(channels=3), channels=3, mean=0.5, std=0.2)
    faces = tiny.dataset(6, size=48, classes=("sad", "happy"))
    (opened,), _ = open_study(subject, faces)
    images = torch.rand(3, 1, 16, 16)
    expected = module(((images - 0.5) / 0.2).repeat(1, 3, 1, 1)).detach()
    assert torch.allclose(opened.logits(images), expected[:, [1, 0]], atol=1e-5)
    assert opened.logits(faces.images([0, 1])).shape == (2, 2)


def test_the_users_module_stays_as_it_is_and_may_change_afterwards():
    module = net().train()
    subject = made(module)
    before = subject.model(torch.ones(1, 1, 16, 16)).detach()
    assert module.training
    assert not any(m._forward_hooks for m in module.modules())
    module.head.bias.data += 1
    assert torch.equal(subject.model(torch.ones(1, 1, 16, 16)), before)


def test_its_attention_can_be_read_and_replaced():
    for attention in (["gate"], ("gate",), {"layers": ["gate"], "read": "gate"}):
        model = made(attention=attention).model
        assert model.has_attention
        images = torch.rand(2, 1, 16, 16)
        own = model.trace(images)
        assert own.attention[0].shape == (2, 4, 16, 16)
        with model.intervene({0: own.attention[0] * 0.5}):
            assert not torch.equal(model(images), own.logits)


def test_results_are_known_by_weights_answers_and_description():
    known = made().weights_sha256
    assert made(net()).weights_sha256 == known
    assert made(net(kept=2.0)).weights_sha256 != known
    assert made(mean=0.1).weights_sha256 != known
    changed = net()
    changed.head.bias.data += 1
    assert made(changed).weights_sha256 != known


def test_a_module_of_ours_says_all_itself():
    model = build_model("compact", "iram", width=0.25)
    subject = Subject.of(model, name="mine-seed2", seed=2)
    assert (subject.name, subject.seed, subject.classes) == ("mine-seed2", 2, model.classes)
    assert subject.model.has_attention
    assert [s.name for s in open_subjects(model, model.classes)] == ["iram"]
    with pytest.raises(InputError, match=r"classes = .*: a FERClassifier says it itself"):
        Subject.of(model, classes=CLASSES)


def test_a_worker_gets_the_module_whole_and_the_users_subject_stays_as_it_is():
    subject = made()
    (opened,) = open_subjects([subject], ["sad", "happy"])
    assert opened.columns.tolist() == [1, 0]
    assert subject.columns is None
    assert opened.model is subject.model
    images = torch.rand(2, 1, 16, 16)
    assert torch.equal(pickle.loads(pickle.dumps(opened)).logits(images), opened.logits(images))


def test_controls_go_by_the_name():
    assert training_of(made(name="mine-random-labels-seed1")).random_labels


@pytest.mark.parametrize(("options", "told"), [
    ({"classes": None}, "Subject.of: classes is missing: the names of its classes"),
    ({"size": None}, "Subject.of: size is missing: pixels a side"),
    ({"size": 4}, "Subject.of: size = 4: write a whole number from 8 to 1024"),
    ({"size": 16.0}, "Subject.of: size = 16.0: write a whole number"),
    ({"channels": 2}, r"channels = 2: write 1 \(gray\) or 3 \(RGB\)"),
    ({"classes": ["happy"]}, "classes = .*: write a list of 2 names or more"),
    ({"classes": "happy"}, "classes = 'happy': write a list"),
    ({"classes": ["a", "b", "c"]}, r"for \d+ pictures it must return \(\d+, 3\), one number a"),
    ({"name": "a b"}, "name = 'a b': write up to 80 letters"),
    ({"mean": [0.1, 0.2]}, "mean has 2 numbers; a gray model takes 1"),
    ({"std": 0}, "std = 0: write numbers above 0"),
    ({"output": "scores"}, "output = 'scores': .*logits"),
    ({"output": "probabilities"}, "described as probabilities, but they sum to"),
    ({"attention": ["gaet"]}, r"attention.*'gaet'.*gate"),
    ({"attention": {"layer": ["gate"]}}, r"attention = .*: write a table \[attention\]"),
    ({"mapping": {"grin": "happy"}}, r"\[mapping\].*'grin'"),
    ({"module": Uncopied()}, "Subject.of: this Uncopied can't be copied: no copies"),
    ({"module": Failing()}, "Failing: RuntimeError: no such layer|line .*: RuntimeError: no such"),
])
def test_what_is_wrong_is_told_in_a_line(options, told):
    with pytest.raises(InputError, match=told) as error:
        made(**options)
    assert "\n" not in str(error.value)


def test_what_is_no_module_is_told():
    with pytest.raises(InputError, match=r"takes a torch.nn.Module, not a str; names and files go"):
        Subject.of("iram")
    with pytest.raises(InputError, match=r"takes a torch.nn.Module, not a function"):
        Subject.of(net)


@pytest.mark.parametrize(("models", "told"), [
    ([made, "iram"], r"of type function; write a name, a file, or Subject\.of"),
    (nn.Linear(2, 2), "Subject.of: classes is missing"),
    ([], "--models names no model"),
    ([7], "models: 7 is of type int; write a name"),
])
def test_what_is_no_model_is_told(models, told):
    with pytest.raises(InputError, match=told):
        open_subjects(models, CLASSES)


def test_two_of_one_name_are_told():
    with pytest.raises(InputError, match=r"Gated is both .* give one of them another `name`"):
        open_subjects([made(), made()], CLASSES)
