"""A model from outside as the study takes it, against the same net asked by hand."""

import threading

import outside
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from analysis.attributions import attribute
from analysis.attributions.layers import name_layer
from analysis.subjects import Subject, open_subjects
from analysis.subjects.attention import AttentionLayers
from analysis.subjects.description import Description
from analysis.subjects.outside import OutsideModel
from analysis.subjects.probe import basics, pictures
from analysis.subjects.turns import kept
from iram.errors import InputError

SEVEN = outside.CLASSES
FIVE = ("Sadness", "Anger", "Neutral", "Happiness", "Surprise")
EIGHT = (*SEVEN, "contempt")


def opened(spec, classes=SEVEN):
    return open_subjects(spec, classes)[0]


def by_hand(model, images):
    """The usual steps, one by one: resize, repeat, normalise, ask."""
    told = model.description
    x = F.interpolate(images, (told.input_size,) * 2, mode="bilinear", antialias=True)
    x = x.repeat(1, told.channels, 1, 1)
    mean, std = (torch.tensor(one).view(1, -1, 1, 1) for one in (told.mean, told.std))
    with torch.no_grad():
        return model.net((x - mean) / std)


@pytest.mark.parametrize("size", [40, 48, 112, 224, 260])
@pytest.mark.parametrize("colour", ["gray", "rgb"])
def test_any_size_and_colour_gives_what_the_net_gives_by_hand(tmp_path, size, colour):
    spread = "std = [0.2, 0.3, 0.4]" if colour == "rgb" else "std = 0.3"
    subject = opened(outside.write_net(tmp_path, size, colour, extra=f"mean = 0.4\n{spread}"))
    images = pictures(5)
    torch.testing.assert_close(subject.logits(images), by_hand(subject.model, images))


@pytest.mark.parametrize(("own", "data"), [(FIVE, ("happy", "angry")), (SEVEN, SEVEN),
                                           (EIGHT, SEVEN), (EIGHT, FIVE)])
def test_logits_come_in_the_data_sets_order_whatever_its_names(tmp_path, own, data):
    subject = opened(outside.write_net(tmp_path, classes=own), data)
    same = {"happy": "Happiness", "angry": "Anger", "sad": "Sadness", "neutral": "Neutral",
            "surprise": "Surprise"}
    own_names = {same.get(name, name): place for place, name in enumerate(own)}
    places = [own_names[same.get(name, name)] for name in data]
    images = pictures(4)
    torch.testing.assert_close(subject.logits(images), by_hand(subject.model, images)[:, places])


def test_probabilities_become_logits_of_the_same_softmax(tmp_path):
    result = outside.RESULT + ".softmax(1)"
    spec = outside.write_net(tmp_path, result=result, extra='output = "probabilities"')
    subject, images = opened(spec), pictures(4)
    torch.testing.assert_close(subject.logits(images).softmax(1), by_hand(subject.model, images))


@pytest.mark.parametrize("output", ["probabilities", "log_probabilities"])
def test_outputs_that_are_not_what_they_are_called_are_told(tmp_path, output):
    with pytest.raises(InputError, match=f"described as {output}, but they sum to .*, not 1"):
        opened(outside.write_net(tmp_path, extra=f'output = "{output}"'))


def test_a_probability_of_zero_is_a_number_as_a_logit():
    certain = lambda x: torch.eye(7)[: len(x)]  # noqa: E731
    told = Description(SEVEN, 48, "gray", output="probabilities")
    logits = OutsideModel(certain, told)(pictures(2))
    assert logits.isfinite().all()
    torch.testing.assert_close(logits.softmax(1), torch.eye(7)[:2])


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ("self.fc(x.mean((2, 3)))[:, :5]", r"\(3, 7\), one number a class; it returned \(3, 5\)"),
        ("x", r"it returned \(3, 8, 32, 32\)"),
        ("self.fc(x.mean((2, 3)))[:1]", r"it returned \(1, 7\)"),
        ("{'out': x}", "it returned dict"),
        ("self.fc(x.mean((2, 3))).argmax(1)", r"it returned \(3,\)"),
        ("self.fc(x.mean((2, 3))).long()", "must return floats, not torch.int64"),
        ("self.fc(x.mean((2, 3))) * float('nan')", "finite: outputs are NaN or infinite"),
        ("self.fc(x.mean((2, 3))) * 1e25", "finite: outputs of .*e.2., of which no squares"),
        ("self.fc(x.mean((2, 3))).softmax(1)", 'they look like probabilities .* output = "prob'),
        ("self.fc(x.mean((2, 3))).softmax(1) * 100", "they look like percentages .*summing to 100"),
        ("self.fc(nn.functional.dropout(x.mean((2, 3))))", "determinism: .*left to chance"),
        ("self.fc(nn.BatchNorm2d(8)(x + self.conv.weight.sum()).square().mean((2, 3)))",
         "batch independence: .*batch statistics"),
        ("self.fc(self.conv(x).mean((2, 3)))", r"net.py, line \d+: RuntimeError: Given groups=1"),
        ("(setattr(self.bn, 'training', True), self.fc(x.mean((2, 3))))[1]",
         "state: a pass changes net.bn.running_mean"),
        ("(setattr(self.drop, 'training', True), self.fc(x.mean((2, 3))))[1]",
         "state: a pass puts net.drop into training mode"),
        ("(self.fc.bias.data.add_(0.0001), self.fc(x.mean((2, 3))))[1]",
         "state: a pass changes net.fc.bias"),
        ("undefined(x)", r"net.py, line 22: NameError: name 'undefined'"),
        ("exit(3)", r"net.py, line 22: SystemExit: 3"),
        ("exec('raise GeneratorExit')", r"net.py, line 22: GeneratorExit$"),
    ],
)
def test_what_a_net_may_not_do_is_told_before_anything_is_run(tmp_path, result, told):
    with pytest.raises(InputError, match=told):
        opened(outside.write_net(tmp_path, result=result))


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


def not_good(net) -> dict[str, str]:
    return {one.what: one.told for one in basics(net, pictures()) if not one.good}


def test_a_net_that_fails_in_bf16_alone_is_told_of_fp32(tmp_path):
    result = "torch.tensor(self.fc(x.mean((2, 3))).detach().numpy())"
    [subject] = open_subjects(outside.write_net(tmp_path, result=result), outside.CLASSES,
                              bf16=True)
    with pytest.raises(InputError, match="ScalarType BFloat16; it ran in bf16, and may run by --d"):
        subject.logits(pictures(2))


def test_a_net_that_is_left_in_training_mode_is_asked_in_eval_mode(tmp_path):
    subject = opened(outside.write_net(tmp_path))  # its dropout and batch norm are training
    assert not any(module.training for module in subject.model.modules())
    images = pictures(3)
    torch.testing.assert_close(subject.logits(images), subject.logits(images))
    torch.testing.assert_close(subject.logits(images)[1:2], subject.logits(images[1:2]))


@pytest.mark.parametrize("result", ["({}, x)", "[{}]", "type('Out', (), {{'logits': {}}})()"])
def test_the_first_of_several_outputs_or_their_logits_are_taken(tmp_path, result):
    subject = opened(outside.write_net(tmp_path, result=result.format(outside.RESULT)))
    assert subject.logits(pictures(2)).shape == (2, 7)


def test_a_net_in_half_precision_gets_its_own_type(tmp_path):
    more = "\n\ndef half():\n    return Net().to(torch.bfloat16)\n"
    spec = outside.write_net(tmp_path, more=more).replace("build", "half")
    assert opened(spec).logits(pictures(2)).dtype == torch.float32


def test_a_net_that_cuts_the_graph_goes_without_gradients_and_says_so(tmp_path):
    spec = outside.write_net(tmp_path, result=outside.RESULT.replace("x.mean", "x.detach().mean"))
    model = opened(spec).model
    assert "no gradient passes" in model.lacks["gradients"]
    with pytest.raises(InputError, match="needs a torch module that gradients pass through"):
        attribute(model, pictures(1), 0, "saliency")
    assert attribute(model, pictures(1), 0, "occlusion").shape == (1, 48, 48)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_traced_net_whose_layers_take_no_hooks_is_studied_without_them(tmp_path):
    more = "\n\ndef traced():\n    return torch.jit.trace(Net().eval(), torch.rand(2, 3, 64, 64))\n"
    subject = opened(outside.write_net(tmp_path, more=more).replace("build", "traced"))
    assert "layers" in subject.model.lacks
    assert "gradients" not in subject.model.lacks
    assert subject.logits(pictures(3)).shape == (3, 7)


def test_gradients_are_those_of_the_gray_face_at_its_own_size(tmp_path):
    model = opened(outside.write_net(tmp_path, 112)).model
    images = pictures(2).requires_grad_()
    by_hand_of = model.net(model.prepared(images))[:, 3].sum()
    (expected,) = torch.autograd.grad(by_hand_of, images)
    found = attribute(model, images.detach(), 3, "saliency")
    torch.testing.assert_close(found, expected[:, 0])


def test_threads_may_share_a_model_while_one_of_them_replaces_its_attention(tmp_path):
    extra = '[attention]\nlayers = ["gate"]'
    subject, images = opened(outside.write_net(tmp_path, extra=extra)), pictures(4)
    alone, inside = subject.logits(images), []
    with subject.model.intervene({0: lambda own: own * 0}), torch.no_grad():
        other = threading.Thread(target=lambda: inside.append(subject.logits(images)))
        other.start()
        other.join()
        replaced = subject.model(images)
    torch.testing.assert_close(inside[0], alone)
    assert (replaced - alone).abs().max() > 1e-3


class Attentive(nn.Module):
    """Transformer-like: tokens of patches, with or without a class token."""

    def __init__(self, prefix: int):
        super().__init__()
        self.prefix, self.drop = prefix, nn.Dropout(0.1)
        torch.manual_seed(0)
        self.embed, self.q, self.k = nn.Conv2d(1, 8, 8, 8), nn.Linear(8, 8), nn.Linear(8, 8)
        self.tokens = nn.Parameter(torch.randn(1, prefix, 8))
        self.head = nn.Linear(8, 7)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.tokens.expand(len(x), -1, -1), x], 1)
        scores = (self.q(x) @ self.k(x).transpose(1, 2))[:, None].expand(-1, 2, -1, -1)
        x = (self.drop(scores.softmax(-1)) @ x[:, None]).mean(1)
        return self.head(x[:, 0] if self.prefix else x.mean(1))


def attentive(prefix: int) -> OutsideModel:
    told = Description(SEVEN, 48, "gray",
                       attention=AttentionLayers(("drop",), "tokens", prefix))
    return OutsideModel(Attentive(prefix), told).eval()


@pytest.mark.parametrize("prefix", [0, 1, 3])
@torch.no_grad()
def test_token_attention_is_read_as_a_map_and_its_own_map_put_back_changes_nothing(prefix):
    model, images = attentive(prefix), pictures(3)
    seen = []
    handle = model.net.drop.register_forward_hook(lambda m, a, out: seen.append(out))
    logits = model(images)
    handle.remove()
    rows = seen[0][:, :, 0, prefix:] if prefix else seen[0].mean(2)
    trace = model.trace(images)
    torch.testing.assert_close(trace.attention[0], rows.view(3, 2, 6, 6))
    with model.intervene({0: trace.attention[0]}):
        torch.testing.assert_close(model(images), logits)
    with model.intervene({0: lambda own: own.flip(3)}):
        after = model.trace(images)
    assert (after.logits - logits).abs().max() > 1e-4
    if prefix:  # then the map is the row that was replaced
        torch.testing.assert_close(after.attention[0], trace.attention[0].flip(3))
    assert not model.net.drop._forward_hooks


@pytest.mark.parametrize("prefix", [0, 1])
@torch.no_grad()
def test_rows_of_tokens_keep_their_sums_when_the_map_is_replaced(prefix):
    model, seen = attentive(prefix), []
    with model.intervene({0: lambda own: own * torch.linspace(0.1, 4, 6)}):
        handle = model.net.drop.register_forward_hook(lambda m, a, out: seen.append(out))
        model(pictures(2))
        handle.remove()
    torch.testing.assert_close(seen[0].sum(3), torch.ones(2, 2, 36 + prefix))


def gated(tmp_path, layer, read="gate", result=outside.RESULT):
    extra = f'[attention]\nlayers = ["{layer}"]\nread = "{read}"'
    return opened(outside.write_net(tmp_path, result=result, extra=extra)).model


@torch.no_grad()
def test_a_gate_before_its_sigmoid_is_the_same_attention(tmp_path):
    images = pictures(2)
    after, before = gated(tmp_path, "gate"), gated(tmp_path, "gate.0", "sigmoid")
    maps = [model.trace(images).attention[0] for model in (after, before)]
    torch.testing.assert_close(*maps)
    new = torch.rand(maps[0].shape, generator=torch.Generator().manual_seed(0))
    answers = []
    for model in (after, before):
        with model.intervene({0: new}):
            answers.append(model(images))
    torch.testing.assert_close(*answers)


@torch.no_grad()
def test_a_replaced_gate_gives_what_the_net_gives_with_that_gate(tmp_path):
    model, images = gated(tmp_path, "gate"), pictures(2)
    x = model.net.features(model.prepared(images))
    expected = model.net.fc((x * 0.25).mean((2, 3)))
    with model.intervene({-1: torch.tensor(0.25)}):
        torch.testing.assert_close(model(images), expected)
    with pytest.raises(InputError, match=r"has shape .*; it must broadcast to"), \
            model.intervene({0: torch.rand(2, 1, 5, 5)}):
        model(images)
    assert not model.net.gate._forward_hooks
    with pytest.raises(InputError, match="no attention layer 1"), model.intervene({1: 0}):
        pass


@pytest.mark.parametrize(
    ("layer", "read", "told"),
    [
        ("gaet", "gate", "unknown layer 'gaet' .did you mean 'gate'"),
        ("conv", "gate", 'has a map from .*; it must be in .0, 1.: is it read = "sigmoid"'),
        ("fc", "gate", r"'fc' puts out \(3, 7\); 'gate' needs \(N, C, h, w\)"),
        ("conv", "tokens", "1024 tokens without|as many queries as keys|no square grid"),
        ("channels", "gate", "'channels' gates channels alone"),
        ("unused", "gate", "'unused' was not reached in a forward pass"),
        ("twice", "gate", "'twice' is used 2 times in a forward pass"),
    ],
)
def test_attention_that_is_not_as_described_is_told_at_once(tmp_path, layer, read, told):
    result = "self.fc(self.drop((self.channels(x) + self.twice(self.twice(x))).mean((2, 3))))"
    more = ("\n\nclass Channels(nn.Module):\n    def forward(self, x):\n        return "
            "x.mean((2, 3), keepdim=True).sigmoid()\n\n\n"
            "def build():\n    net = Net()\n    net.channels = Channels()\n"
            "    net.unused, net.twice = nn.Sigmoid(), nn.Sigmoid()\n    return net\n")
    extra = f'[attention]\nlayers = ["{layer}"]\nread = "{read}"'
    with pytest.raises(InputError, match=told):
        opened(outside.write_net(tmp_path, result=result, extra=extra, more=more))


def test_attention_that_nothing_uses_can_be_read_but_not_replaced(tmp_path):
    result = "(self.idle(x), self.fc(x.mean((2, 3))))[1]"
    more = "\n\ndef build():\n    net = Net()\n    net.idle = nn.Sigmoid()\n    return net\n"
    extra = '[attention]\nlayers = ["gate", "idle"]'
    model = opened(outside.write_net(tmp_path, result=result, more=more, extra=extra)).model
    assert model.num_layers == 2
    assert "the map of layer 1 changes nothing" in model.lacks["interventions"]


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
