"""Faster passes: to rounding those of the net as it is written, or refused with the reason."""

import copy
import json

import numpy as np
import pytest
import tiny
import torch
from torch import nn

from analysis import Subject, attribute
from analysis.stimuli.conditions import CLEAN, Condition
from analysis.studies.occlusion.run import benchmark
from analysis.studies.shift.readers import Reader
from analysis.subjects import backends, choice, open_subjects
from analysis.subjects.answers import pictures
from analysis.subjects.choice import by_backend, choose
from analysis.subjects.folding import folded
from analysis.subjects.subject import changed
from iram.attention import ATTENTION
from iram.errors import InputError
from iram.model import build_model

EXHAUSTIVE = pytest.mark.exhaustive
CLASSES = ("angry", "happy", "sad")
ROUNDING = 3e-6


def seen(module: nn.Module) -> nn.Module:
    """With batch norms that have seen something, so that folding them changes the weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for one in module.modules():
            if isinstance(one, nn.modules.batchnorm._BatchNorm) and one.running_mean is not None:
                one.running_mean.normal_(0, 0.2)
                one.running_var.uniform_(0.5, 2)
                if one.affine:
                    nn.init.normal_(one.weight, 1, 0.2)
                    nn.init.normal_(one.bias, 0, 0.2)
    return module.eval()


def norms(module: nn.Module) -> int:
    return sum(isinstance(one, nn.modules.batchnorm._BatchNorm) for one in module.modules())


class Net(nn.Module):
    """Layers as attributes, as nets are usually written; `how` is what forward does with them."""

    def __init__(self, how, groups: int = 1, affine: bool = True, **layers):
        super().__init__()
        self.how = how
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4, affine=affine)
        self.deep = nn.Conv2d(4, 4, 3, padding=1, groups=groups)
        self.second = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 3)
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x):
        return self.head(self.how(self, x).mean((2, 3)))


def usual(net, x):
    return net.second(net.deep(net.norm(net.conv(x)).relu()))


def shared_norm(net, x):
    return net.norm(net.deep(net.norm(net.conv(x)).relu()))


def read_twice(net, x):
    before = net.conv(x)
    return net.norm(before) + before


def norm_first(net, x):
    return net.second(net.norm(net.conv(x).relu()))


def asks_its_data(net, x):
    return usual(net, x) if x.sum() > -1e9 else x


def no_norm(net, x):
    return net.deep(net.conv(x).relu())


FOLDABLE = {  # net, and how many batch norms are left in what the net has
    "usual": (Net(usual), 0),
    "grouped": (Net(usual, groups=4), 0),
    "not affine": (Net(usual, affine=False), 0),
    "no norm": (Net(no_norm), 2),
    "norm of an activation": (Net(norm_first), 2),
    "shared norm": (Net(shared_norm), 2),
    "convolution that is read twice": (Net(read_twice), 2),
    "forward that asks its data": (Net(asks_its_data), 2),
    "parts of it in a sequence": (
        Net(lambda net, x: net.part(x) if x.sum() > -1e9 else x,
            part=nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU())), 2),
    "no running statistics": (
        Net(usual, second=nn.BatchNorm2d(4, track_running_stats=False)), 1),
    "a weight of its own class": (
        Net(usual, deep=nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 4, 3))), 1),
}


@pytest.mark.parametrize("name", FOLDABLE)
def test_a_folded_net_answers_as_the_net_and_keeps_norms_that_are_no_convolutions(name):
    net, left = FOLDABLE[name]
    net = seen(net)
    x = pictures(5)
    apart = folded(net)
    with torch.no_grad():
        torch.testing.assert_close(apart(x), net(x), rtol=0, atol=ROUNDING)
    assert norms(apart) == left


@pytest.mark.parametrize("attention", [*ATTENTION, "none-matched"])
@pytest.mark.parametrize("backbone", ["compact", "mobilenetv2"])
def test_every_net_of_ours_is_folded_whole_and_its_attention_is_still_read(attention, backbone):
    net = seen(build_model(backbone, attention, 3, width=0.25))
    x, apart = pictures(5), folded(net)
    with torch.inference_mode():
        own, other = net.trace(x), apart.trace(x)
    assert norms(apart) == 0
    for one, two in zip([own.logits, *own.attention], [other.logits, *other.attention],
                        strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=ROUNDING)


def test_folding_leaves_the_net_itself_as_it_is():
    net = seen(Net(usual)).train()
    before = copy.deepcopy(net.state_dict())
    folded(net)
    assert net.training
    assert norms(net) == 2
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


USUAL = seen(Net(usual))


def subject(net=None, name: str = "mine", **said) -> Subject:
    net = USUAL if net is None else net
    return Subject.of(net, classes=CLASSES, size=24, name=name, **said)


def logits(one: Subject, backend: str, count: int = 5) -> torch.Tensor:
    own = changed(one, backend=backend)
    own.columns = torch.arange(3)
    return own.logits(pictures(count))


@pytest.mark.parametrize(("backend", "channels"), [
    ("folded", 1), ("folded", 3), ("onnxruntime", 3),
    pytest.param("compile", 1, marks=EXHAUSTIVE), pytest.param("compile", 3, marks=EXHAUSTIVE),
])
def test_a_net_from_outside_answers_the_same_by_every_backend(backend, channels):
    if why := backends.lacking(backend):
        pytest.skip(why)
    one = subject(seen(Net(usual, conv=nn.Conv2d(channels, 4, 3))), channels=channels)
    found = logits(one, backend)
    torch.testing.assert_close(found, logits(one, "eager"), rtol=0, atol=ROUNDING)
    assert torch.equal(logits(one, backend), found)
    torch.testing.assert_close(logits(one, backend, 70)[:5], found, rtol=0, atol=ROUNDING)


def gated(net, x):
    x = net.conv(x)
    return (net.deep(x) + x).relu()


@pytest.mark.parametrize("groups", [1, 4])
def test_a_grouped_convolution_with_a_sum_and_a_relu_is_kept_from_being_one_in_bf16(groups):
    core, trial = backends.Core(Net(gated, groups).eval(), True), pictures(4, 24)
    net = torch.export.export(core, (trial,)).module()
    before = net(trial)
    kept = [node for part in backends._fusible(net).modules() if hasattr(part, "graph")
            for node in part.graph.nodes if "relu" in str(node.target)]
    assert len(kept) == (groups == 1)
    assert torch.equal(net(trial), before)


@EXHAUSTIVE
def test_such_a_net_is_compiled_once(monkeypatch):
    if why := backends.lacking("compile"):
        pytest.skip(why)
    import torch._inductor as inductor

    calls, compiled = [], inductor.compile
    monkeypatch.setattr(inductor, "compile", lambda *a: calls.append(a) or compiled(*a))
    one = subject(Net(gated, 4).eval())
    one.bf16 = True
    assert logits(one, "compile").isfinite().all()
    assert len(calls) == 1


class Wild(nn.Module):
    """What no exporter follows."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(1, 3)

    def forward(self, x):
        return self.head(torch.from_numpy(np.asarray(x.detach().mean((1, 2, 3)))[:, None]))


@pytest.mark.parametrize(("net", "words"), [
    (Wild(), "mine: the net can't be exported"),
    (seen(Net(usual)).double(), "the net's weights are not in single precision"),
])
def test_a_net_that_cannot_have_a_backend_is_told_by_name_and_goes_without_by_auto(
    net, words, capsys
):
    one = subject(net)
    with pytest.raises(InputError, match=words):
        choose([one], "onnxruntime", None, 0)
    [found], backend = choose([one], "auto", "onnxruntime", 0)
    assert backend == "onnxruntime"
    assert found.backend in ("folded", "eager")
    assert words.removeprefix("mine: ") in capsys.readouterr().out


def test_a_net_whose_answers_are_left_to_chance_is_never_replaced():
    one = changed(subject(), backend="eager")
    one.__dict__["model"].net.how = lambda net, x: usual(net, x) + torch.rand(1)
    one.weights_sha256 = "chance"
    with pytest.raises(InputError, match="differently each time"):
        changed(one, backend="folded").passes  # noqa: B018


@pytest.mark.parametrize("backend", ["onnxruntime", "compile"])
def test_a_backend_that_is_not_there_is_told_with_what_it_needs(backend, monkeypatch):
    monkeypatch.setattr(choice, "lacking", lambda name: f"no {name} here")
    with pytest.raises(InputError, match=f"--backend {backend}: no {backend} here"):
        choose([subject()], backend, None, 0)


def test_packages_that_are_not_installed_are_named(monkeypatch):
    monkeypatch.setattr(backends, "find_spec", lambda name: None)
    backends.lacking.cache_clear()
    assert "onnx, onnxscript, onnxruntime: pip install" in backends.lacking("onnxruntime")
    backends.lacking.cache_clear()


def test_onnxruntime_in_bf16_is_refused():
    one = subject()
    one.bf16 = True
    with pytest.raises(InputError, match="write --dtype fp32"):
        choose([one], "onnxruntime", None, 0)


def test_a_short_run_stays_eager_without_a_trial(monkeypatch):
    monkeypatch.setattr(choice, "_fitting", lambda subject: pytest.fail("tried"))
    [found], backend = choose([subject()], "auto", None, shown=10)
    assert backend == found.backend == "eager"


def test_a_long_run_takes_the_fastest(monkeypatch, capsys):
    times = {"eager": 4e-3, "folded": 3e-3, "onnxruntime": 1e-3, "compile": 2e-3}
    monkeypatch.setattr(choice, "_seconds", lambda own, few: times[own.backend])
    _, backend = choose([subject(name="long")], "auto", None, shown=1_000_000)
    assert backend == "onnxruntime"
    assert "its passes take 0.25 of eager's time" in capsys.readouterr().out


def bench(out, backend: str):
    one = subject()
    one.columns = torch.arange(3)
    conditions = [CLEAN, Condition("eyes", 0.3, "mean")]
    return benchmark([one], tiny.dataset(12, classes=CLASSES), conditions, out, batch_size=4,
                     backend=backend, progress=False)


def test_a_run_goes_on_by_its_backend_and_mixes_no_two(tmp_path):
    first = bench(tmp_path, "folded")
    told = json.loads((tmp_path / "run.json").read_text())
    assert told["identity"]["backend"] == "folded"
    assert told["backends"] == {"mine": "folded"}
    assert bench(tmp_path, "auto").made == 0
    with pytest.raises(InputError, match="begun by folded"):
        bench(tmp_path, "eager")
    assert first.made == 2


def test_an_eager_run_is_not_gone_on_with_by_another(tmp_path):
    bench(tmp_path, "eager")
    assert "backend" not in json.loads((tmp_path / "run.json").read_text())["identity"]
    with pytest.raises(InputError, match="begun by eager"):
        bench(tmp_path, "folded")


def test_shift_reads_and_replaces_the_attention_of_a_folded_copy_of_its_own(tmp_path):
    path = tiny.weights(tmp_path)
    [plain] = open_subjects(str(path), tiny.FER2013_CLASSES)
    reader = Reader(changed(plain, backend="folded")).versions()[0]
    x = pictures(4)
    own, found = Reader(plain).read(x), reader.read(x)
    assert norms(reader.model) == 0
    assert reader.model is not reader.versions()[0].model
    for one, other in zip([own.logits, *own.attention], [found.logits, *found.attention],
                          strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=ROUNDING)


def test_shift_is_not_had_by_a_backend_that_shows_no_attention(tmp_path):
    with pytest.raises(InputError, match="write one of auto, eager, folded"):
        by_backend([subject()], "compile", tmp_path, 0, ("eager", "folded"))


def test_dear_maps_by_another_backend_are_the_same_to_rounding():
    net = build_model("compact", "se", 3, width=0.25)
    one = Subject.of(seen(net), name="se-small")
    fast, x, target = changed(one, backend="onnxruntime"), pictures(2), torch.tensor([0, 2])
    for method in ("occlusion", "score_cam", "region_shapley"):
        own = attribute(one.model, x, target, method)
        other = attribute(one.model, x, target, method, passes=fast.passes)
        torch.testing.assert_close(own, other, rtol=0, atol=1e-5)
