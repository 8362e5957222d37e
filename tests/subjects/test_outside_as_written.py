"""Nets from outside that are compiled, checkpointed, scripted or without numbers."""

import outside
import pytest
import torch
from torch import nn

from analysis import attribute
from analysis.subjects.as_written import as_written
from analysis.subjects.check import check
from analysis.subjects.examine import examine
from analysis.subjects.loading import load_outside
from analysis.subjects.probe import pictures
from analysis.subjects.subject import Subject
from iram.errors import InputError

COMPILED = {
    "as a whole": "def made():\n    return torch.compile(build())\n",
    "a part": ("def made():\n    net = build()\n    net.conv = torch.compile(net.conv)\n"
               "    return net\n"),
    "in place": "def made():\n    net = build()\n    net.compile()\n    return net\n",
    "by a decorator": ("class Decorated(Net):\n    @torch.compile\n    def forward(self, x):\n"
                       "        return super().forward(x)\n\n\n"
                       "def made():\n    return Decorated()\n"),
}


@pytest.mark.parametrize("how", COMPILED)
def test_compiled_nets_are_asked_as_they_were_written(tmp_path, monkeypatch, how):
    monkeypatch.setattr("torch._dynamo.convert_frame.ConvertFrame.__call__", refuse)
    spec = outside.write_net(tmp_path, 48, more="\n\n" + COMPILED[how]).replace("build", "made")
    model, _ = load_outside(spec)
    assert model.notes == ("parts of it are compiled: it is asked as it was written",)
    examine(model)
    plain, _ = load_outside(spec.replace("made", "build"))
    assert set(model.state_dict()) == set(plain.state_dict())
    x, target = pictures(2), torch.tensor([0, 1])
    torch.testing.assert_close(model(x), plain(x))
    for method in ("gradcam", "score_cam"):
        torch.testing.assert_close(attribute(model, x, target, method),
                                   attribute(plain, x, target, method))


def refuse(*_, **__):
    raise AssertionError("something was compiled")


def test_a_compiled_net_in_memory_is_asked_as_it_was_written_and_stays_compiled():
    torch.manual_seed(0)
    net = torch.compile(nn.Sequential(nn.Conv2d(1, 4, 5, 4), nn.ReLU(), nn.Flatten(),
                                      nn.Linear(484, 3)), backend="eager")
    subject = Subject.of(net, classes=["angry", "happy", "sad"], size=48)
    assert isinstance(subject.model.net, nn.Sequential)
    assert type(net).__name__ == "OptimizedModule"


EXPORTED = """


def program():
    shapes = ({0: torch.export.Dim.DYNAMIC},)
    return torch.export.export(Net().eval(), (torch.rand(2, 1, 48, 48),), dynamic_shapes=shapes)


def made():
    return program().module()


def inside():
    return nn.Sequential(program().module(), nn.BatchNorm1d(7))
"""


@pytest.mark.parametrize("factory", ["made", "inside"])
def test_an_exported_program_that_is_a_module_answers_as_its_net(tmp_path, factory):
    spec = outside.write_net(tmp_path, 48, "gray", more=EXPORTED)
    plain = load_outside(spec)[0]
    found = load_outside(spec.replace("build", factory))[0]
    examine(found)
    scale = (1 + nn.BatchNorm1d(7).eps) ** 0.5 if factory == "inside" else 1
    torch.testing.assert_close(found(pictures(5)) * scale, plain(pictures(5)))


def test_an_exported_program_in_memory_is_taken_too():
    net = nn.Sequential(nn.Flatten(), nn.Linear(48 * 48, 3)).eval()
    shapes = ({0: torch.export.Dim.DYNAMIC},)
    program = torch.export.export(net, (torch.rand(2, 1, 48, 48),), dynamic_shapes=shapes).module()
    subject = Subject.of(program, classes=["angry", "happy", "sad"], size=48)
    torch.testing.assert_close(subject.model(pictures(2)), net(pictures(2)))


def test_a_net_that_refuses_eval_itself_is_told(tmp_path):
    more = "\n\nclass Refuses(Net):\n    def eval(self):\n        raise NotImplementedError('no')\n"
    with pytest.raises(InputError, match=r"net\.py, line \d+: NotImplementedError: no$"):
        load_outside(outside.write_net(tmp_path, more=more).replace("build", "Refuses"))


def test_a_plain_net_stays_the_same_object():
    net = nn.Linear(2, 2)
    assert as_written(net) == (net, [])


def test_weights_without_numbers_are_told(tmp_path):
    more = "\n\ndef made():\n    with torch.device('meta'):\n        return nn.Linear(4, 7)\n"
    spec = outside.write_net(tmp_path, more=more).replace("build", "made")
    with pytest.raises(InputError, match=r"net\.py:made: its weights are on the meta device"):
        load_outside(spec)


def test_scripted_and_checkpointed_layers_are_told_for_what_they_are(tmp_path):
    more = """

def traced():
    return torch.jit.trace(build().eval(), torch.rand(1, 3, 64, 64))


class Again(Net):
    def forward(self, x):
        from torch.utils.checkpoint import checkpoint
        return self.fc(checkpoint(self.features, x, use_reentrant=True).mean((2, 3)))
"""
    spec = outside.write_net(tmp_path, more=more)
    found = {f.what: f for f in check(spec.replace("build", "traced"))}
    assert found["layers"].told == "its layers can't be read: parts of it are TorchScript"
    found = {f.what: f for f in check(spec.replace("build", "Again"))}
    for what in ("gradients", "layers"):
        assert not found[what].good
        assert "pass use_reentrant=False to torch's checkpoint" in found[what].told
