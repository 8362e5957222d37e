"""What a net from outside calls its own, keeps and changes."""

import threading

import outside
import pytest
import torch
from torch import nn

from analysis.attributions.layers import name_layer
from analysis.subjects import Subject, open_subjects
from analysis.subjects.probe import basics, pictures
from analysis.subjects.turns import kept

SEVEN = outside.CLASSES


def opened(spec, classes=SEVEN):
    return open_subjects(spec, classes)[0]


def not_good(net) -> dict[str, str]:
    return {one.what: one.told for one in basics(net, pictures()) if not one.good}


class Averaging(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(48 * 48, 7))
        for name in ("mean", "alike"):
            self.register_buffer(name, torch.ones(7))

    def forward(self, x):
        logits = self.head(x)
        self.mean = 0.9999 * self.mean + 0.0001 * logits.detach().mean(0)
        self.alike = torch.ones(7)
        return logits - self.mean


def test_a_buffer_that_a_pass_sets_anew_is_found_as_one_that_it_changes_and_put_back():
    net = Averaging().eval()
    mean = net.mean
    assert not_good(net) == {"state": "a pass changes mean"}
    assert net.mean is mean
    assert torch.equal(mean, torch.ones(7))
    new, bias = nn.Parameter(torch.zeros(7)), net.head[1].bias
    net.forward = lambda x: (setattr(net.head[1], "bias", new), net.head(x))[1]
    assert not_good(net) == {"state": "a pass changes head.1.bias"}
    assert net.head[1].bias is bias


def test_a_net_that_is_left_in_training_mode_is_asked_in_eval_mode(tmp_path):
    subject = opened(outside.write_net(tmp_path))  # its dropout and batch norm are training
    assert not any(module.training for module in subject.model.modules())
    images = pictures(3)
    torch.testing.assert_close(subject.logits(images), subject.logits(images))
    torch.testing.assert_close(subject.logits(images)[1:2], subject.logits(images[1:2]))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_traced_net_whose_layers_take_no_hooks_is_studied_without_them(tmp_path):
    more = "\n\ndef traced():\n    return torch.jit.trace(Net().eval(), torch.rand(2, 3, 64, 64))\n"
    subject = opened(outside.write_net(tmp_path, more=more).replace("build", "traced"))
    assert "layers" in subject.model.lacks
    assert "gradients" not in subject.model.lacks
    assert subject.logits(pictures(3)).shape == (3, 7)


OWN = '''
class Own(Net):
    """As many nets: `train` keeps something in eval mode and returns nothing."""

    lacks, alone = 7, ["of its author"]

    def train(self, mode=True):
        super().train(mode)
        self.bn.eval()


def build():
    return Own()
'''


def test_a_net_may_call_its_attributes_as_it_likes_and_return_nothing_of_train(tmp_path):
    plain = opened(outside.write_net(tmp_path)).model
    own = opened(outside.write_net(tmp_path, name="own", more=OWN)).model
    assert own.lacks == plain.lacks
    assert name_layer(own, "conv").cam_layer == "conv"
    torch.testing.assert_close(own(pictures(2)), plain(pictures(2)))
    given = Subject.of(own.net, classes=SEVEN, size=64, channels=3)
    torch.testing.assert_close(given.model(pictures(2)), plain(pictures(2)))


SPARSE = """


def build():
    net = Net()
    net.mixing = nn.Parameter(torch.eye(7).to_sparse())
    net.register_buffer("unused", torch.tensor(float("nan")))
    return net
"""


def test_sparse_weights_and_buffers_of_nan_are_weights_like_others(tmp_path):
    result = "torch.sparse.mm(self.mixing, self.fc(x.mean((2, 3))).T).T"
    model = opened(outside.write_net(tmp_path, result=result, more=SPARSE)).model
    plain = opened(outside.write_net(tmp_path, name="plain")).model
    torch.testing.assert_close(model(pictures(2)), plain(pictures(2)))
    assert "sparse" in model.lacks["weights"]


KEEPING = """

import time


class Keeping(Net):
    def forward(self, x):
        self.x = self.features(x)
        time.sleep(0.05)  # another thread's turn
        return {"logits": self.fc(self.x.mean((2, 3)))}


def build():
    return Keeping()
"""


def test_a_net_that_keeps_numbers_of_a_pass_in_itself_answers_threads_in_turn(tmp_path):
    model = opened(outside.write_net(tmp_path, more=KEEPING)).model
    assert any("keeps numbers of a pass in itself (x)" in note for note in model.notes)
    images, found = pictures(4), {}
    with torch.no_grad():
        alone = [model(one) for one in images.split(1)]

    def ask(place):
        with torch.no_grad():
            found[place] = model(images[place : place + 1])

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(found[place], alone[place]) for place in range(4))
    plain = opened(outside.write_net(tmp_path, name="plain")).model
    assert not plain.in_turn
    assert Subject.of(model.net, classes=SEVEN, size=64, channels=3).model.in_turn


@pytest.mark.parametrize("held", ["self.x = x", "self.held[0] = x", "self.by['x'] = x",
                                  "self.buffer = x", "self.inner.count = len(x)"])
def test_what_a_pass_leaves_in_a_net_is_found_wherever_it_is(held):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.held, self.by, self.inner = [None], {}, nn.Identity()
            self.register_buffer("buffer", None)

        def forward(self, x):
            exec(held)
            self.same = torch.ones(3) * 2  # which every pass leaves alike
            return x

    net = Net()
    assert held.split(" = ")[0].partition("[")[0].removeprefix("self.") == kept(net, net,
                                                                                pictures(3))
