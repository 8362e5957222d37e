"""Exported programs: the same answers as the net itself, and nothing in a file is ever run."""

import contextlib
import io
import json
import os
import pickle
import zipfile

import outside
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from analysis.attributions import attribute
from analysis.subjects import open_subjects
from analysis.subjects.exported import ExportedNet
from analysis.subjects.loading import load_outside
from analysis.subjects.probe import pictures
from iram.errors import InputError

SEVEN = outside.CLASSES


class Conv(nn.Module):
    def __init__(self, classes: int = 7):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8)
        self.pool, self.fc = nn.AdaptiveAvgPool2d(2), nn.Linear(32, classes)
        self.drop, self.act = nn.Dropout(0.5), nn.ReLU(inplace=True)

    def forward(self, x):
        x = self.act(self.bn(self.conv(x)))
        left, right = x.chunk(2, 1)
        x = torch.cat([left * torch.sigmoid(right), F.gelu(right, approximate="tanh")], 1)
        return self.fc(self.drop(self.pool(F.max_pool2d(x, 2)).flatten(1)))


class Tokens(nn.Module):
    """Sizes that are reckoned from the batch's, constants, and attention."""

    def __init__(self):
        super().__init__()
        self.embed, self.norm = nn.Conv2d(3, 16, 8, 8), nn.LayerNorm(16)
        self.first, self.head = nn.Parameter(torch.randn(1, 1, 16)), nn.Linear(16, 7)
        self.mix = nn.MultiheadAttention(16, 2, batch_first=True)
        self.register_buffer("place", torch.randn(1, 37, 16), persistent=False)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.first.expand(x.shape[0], -1, -1), x], 1) + self.place
        x = x + torch.arange(37, device=x.device).view(1, 37, 1) / 37
        x = self.norm(x)
        x = x + self.mix(x, x, x, need_weights=False)[0]
        return self.head(x[:, 0])


def export(path, net, size=48, batch=None, channels=3):
    """Saves a net as a .pt2; `batch` fixes the batch size."""
    torch.manual_seed(0)
    example = torch.rand(batch or 2, channels, size, size)
    dynamic = None if batch else ({0: torch.export.Dim.DYNAMIC},)
    program = torch.export.export(net.eval(), (example,), dynamic_shapes=dynamic)
    torch.export.save(program, path)
    outside.describe(path, None, None)
    return str(path)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The bytes of a good archive."""
    path = tmp_path_factory.mktemp("saved") / "net.pt2"
    torch.manual_seed(0)
    export(path, Conv())
    return path.read_bytes()


@pytest.mark.parametrize("make", [Conv, Tokens])
@pytest.mark.parametrize("batch", [None, 3])
def test_an_exported_program_answers_as_the_net_it_was_made_from(tmp_path, make, batch):
    torch.manual_seed(0)
    net = make()
    subject = open_subjects(export(tmp_path / "net.pt2", net, batch=batch), SEVEN)[0]
    images = pictures(5)
    with torch.no_grad():
        expected = net(images.expand(-1, 3, -1, -1))
    torch.testing.assert_close(subject.logits(images), expected)
    torch.testing.assert_close(subject.logits(images[:1]), expected[:1])


def test_its_gradients_and_deeplift_are_those_of_the_net(tmp_path):
    net = Conv()
    model = open_subjects(export(tmp_path / "net.pt2", net), SEVEN)[0].model
    other = nn.Sequential(Repeat(), net)
    for method in ("saliency", "deeplift", "guided_backprop"):
        found, expected = (attribute(one, pictures(2), 1, method) for one in (model, other))
        torch.testing.assert_close(found, expected)
    assert model.lacks.keys() == {"layers", "attention"}


class Repeat(nn.Module):
    def forward(self, x):
        return x.expand(-1, 3, -1, -1)


@pytest.mark.parametrize("change", [lambda net: net.train(), lambda net: Counting(net)])
def test_a_program_that_changes_its_own_state_is_refused(tmp_path, change):
    net = change(Conv())
    example = (torch.rand(2, 3, 48, 48),)
    torch.export.save(torch.export.export(net, example), tmp_path / "net.pt2")
    outside.describe(tmp_path / "net.pt2", None, None)
    with pytest.raises(InputError, match=r"state: a pass changes|changes its own state"):
        open_subjects(str(tmp_path / "net.pt2"), SEVEN)


class Counting(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net.eval()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x):
        self.seen.add_(1)
        return self.net(x)


# What follows makes a file that would run code, and looks whether it did.


def changed(saved: bytes, path, replace=None, add=None):
    """The archive with members replaced ({end of name: bytes -> bytes}) and added."""
    with zipfile.ZipFile(io.BytesIO(saved)) as old, zipfile.ZipFile(path, "w") as new:
        root = old.namelist()[0].split("/")[0]
        for name in old.namelist():
            data = old.read(name)
            for end, change in (replace or {}).items():
                if name.endswith(end):
                    data = change(data)
            new.writestr(name, data)
        for name, data in (add or {}).items():
            new.writestr(f"{root}/{name}", data)
    outside.describe(path, None, None)
    return str(path)


class Payload:
    """Unpickled, it makes a folder."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def saved_payload(folder) -> bytes:
    buffer = io.BytesIO()
    torch.save(Payload(folder), buffer)
    return buffer.getvalue()


def edit(change):
    """A change of parsed JSON as one of bytes."""

    def work(data: bytes) -> bytes:
        parsed = json.loads(data)
        change(parsed)
        return json.dumps(parsed).encode()

    return work


def pickled_weight(folder):
    def change(config):
        config["config"]["fc.weight"] |= {"use_pickle": True, "path_name": "weight_99"}

    return ({"model_weights_config.json": edit(change)},
            {"data/weights/weight_99": saved_payload(folder)})


def opaque_constant(folder):
    told = {"path_name": "opaque_obj_0", "is_param": False, "use_pickle": True, "tensor_meta": None}

    def change(config):
        config["config"]["thing"] = told

    return ({"model_constants_config.json": edit(change)},
            {"data/constants/opaque_obj_0": pickle.dumps(Payload(folder))})


def operator_of_the_system(folder):
    def change(program):
        node = program["graph_module"]["graph"]["nodes"][0]
        node["target"] = "torch.os.mkdir"
        node["inputs"] = [{"name": "path", "arg": {"as_string": str(folder)}, "kind": 1}]

    return {"models/model.json": edit(change)}, {}


def file_of_a_tensor(folder):
    def change(program):
        node = program["graph_module"]["graph"]["nodes"][0]
        node["target"] = "torch.ops.aten.from_file.default"
        node["inputs"] = [{"name": "filename", "arg": {"as_string": str(folder)}, "kind": 1},
                          {"name": "shared", "arg": {"as_bool": True}, "kind": 1},
                          {"name": "size", "arg": {"as_int": 4}, "kind": 1}]

    return {"models/model.json": edit(change)}, {}


def machine_code(folder):
    return {}, {"data/aotinductor/model/net.so": b"\x7fELF"}


REFUSED = {
    pickled_weight: "'fc.weight' is stored as a pickle",
    opaque_constant: "'thing' is stored as a pickle or an object",
    operator_of_the_system: "calls torch.os.mkdir, which is not run here",
    file_of_a_tensor: "calls torch.ops.aten.from_file.default, which is not run here",
    machine_code: "compiled machine code",
}


@pytest.mark.parametrize("attack", REFUSED, ids=lambda attack: attack.__name__)
def test_what_would_run_code_is_refused_and_nothing_runs(tmp_path, saved, attack):
    folder = tmp_path / "ran"
    path = changed(saved, tmp_path / "bad.pt2", *attack(folder))
    with pytest.raises(InputError, match=REFUSED[attack]):
        open_subjects(path, SEVEN)
    assert not folder.exists()


def sample_inputs(folder):
    return {"sample_inputs/model.pt": lambda data: saved_payload(folder)}, {}


def expression(folder):
    code = f"__import__('os').mkdir('{folder}')"

    def change(program):
        sizes = program["graph_module"]["graph"]["tensor_values"]["x"]["sizes"]
        sizes[0]["as_expr"]["expr_str"] = code
        program["guards_code"] = [code]

    return {"models/model.json": edit(change)}, {}


@pytest.mark.parametrize("attack", [sample_inputs, expression], ids=lambda attack: attack.__name__)
def test_what_is_not_needed_is_not_read_and_the_net_still_answers(tmp_path, saved, attack):
    folder = tmp_path / "ran"
    path = changed(saved, tmp_path / "bad.pt2", *attack(folder))
    good = open_subjects(changed(saved, tmp_path / "good.pt2"), SEVEN)[0].logits(pictures(2))
    torch.testing.assert_close(open_subjects(path, SEVEN)[0].logits(pictures(2)), good)
    assert not folder.exists()


@pytest.mark.parametrize("attack", [pickled_weight, sample_inputs, expression, opaque_constant],
                         ids=lambda attack: attack.__name__)
def test_these_files_do_run_code_where_torch_itself_reads_them(tmp_path, saved, attack):
    """Else the tests above would prove nothing."""
    folder = tmp_path / "ran"
    path = changed(saved, tmp_path / "bad.pt2", *attack(folder))
    with contextlib.suppress(Exception):  # torch may stumble over what the payload returned
        torch.export.load(path).module()
    assert folder.exists()


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    ("replace", "told"),
    [
        ({"models/model.json": lambda d: b"{"}, "is damaged, or an exported program of another"),
        ({"models/model.json": lambda d: b"[" * 100_000}, "is damaged, or an exported program"),
        ({"models/model.json": edit(lambda p: p["schema_version"].update(major=9))}, "of schema 9"),
        ({"weights/weight_0": cut}, "is damaged, or an exported program of another form"),
        ({"model_weights_config.json": edit(lambda c: c["config"].pop("fc.weight"))},
         "lacks the tensor 'fc.weight'"),
        ({"models/model.json": edit(lambda p: p["graph_module"]["graph"].pop("nodes"))},
         "an exported program of another form: KeyError"),
    ],
)
def test_a_damaged_archive_is_told(tmp_path, saved, replace, told):
    with pytest.raises(InputError, match=told):
        open_subjects(changed(saved, tmp_path / "bad.pt2", replace), SEVEN)


def test_what_is_no_archive_of_an_exported_program_is_told(tmp_path, saved):
    path = tmp_path / "net.pt2"
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(InputError, match=r"is a pickle of torch.save; a .pt2 is written by"):
        ExportedNet(path)
    path.write_bytes(b"no ZIP")
    with pytest.raises(InputError, match=r"is no exported program: File is not a zip file"):
        ExportedNet(path)
    with zipfile.ZipFile(io.BytesIO(saved)) as old, \
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(InputError, match="is compressed"):
        ExportedNet(path)


def test_two_inputs_or_pictures_of_another_form_are_told(tmp_path):
    class Two(nn.Module):
        def forward(self, x, y):
            return x + y

    pair = (torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8))
    torch.export.save(torch.export.export(Two(), pair), tmp_path / "two.pt2")
    with pytest.raises(InputError, match="takes 2 inputs; a classifier of faces takes one"):
        ExportedNet(tmp_path / "two.pt2")
    flat = torch.export.export(nn.Linear(9, 7), (torch.rand(2, 9),))
    torch.export.save(flat, tmp_path / "flat.pt2")
    with pytest.raises(InputError, match=r"takes \[2, 9\]; \(N, 1, S, S\) or"):
        ExportedNet(tmp_path / "flat.pt2")


class Several(Conv):
    """Features, the class alone, then logits with axes of size 1 after them."""

    def forward(self, x):
        logits = super().forward(x)
        return {"features": x.mean((2, 3)), "class": logits.argmax(1), "logits": logits[..., None]}


def test_of_several_outputs_the_logits_are_found(tmp_path):
    net = Several()
    subject = open_subjects(export(tmp_path / "net.pt2", net), SEVEN)[0]
    images = pictures(3, 48)
    seen = subject.model.prepared(images)
    torch.testing.assert_close(subject.logits(images), net(seen)["logits"][..., 0])


class Both(Conv):
    def forward(self, x):
        logits = super().forward(x)
        return {"probs": logits.softmax(1), "logits": logits}


class Pair(Both):
    def forward(self, x):
        return tuple(super().forward(x).values())[::-1]


def test_of_several_outputs_that_fit_the_one_called_logits_is_taken_or_the_first(tmp_path):
    images = pictures(3, 48)
    for net, notes in ((Both(), []), (Pair(), ["linear, softmax could all be its output: the first "
                                               "of them is taken"])):
        model = open_subjects(export(tmp_path / "net.pt2", net), SEVEN)[0].model
        assert [*model.notes] == notes
        torch.testing.assert_close(model(images), Conv.forward(net, model.prepared(images)))


def test_an_output_that_is_described_as_probabilities_is_not_the_one_called_logits(tmp_path):
    net, images = Both(), pictures(3, 48)
    path = export(tmp_path / "net.pt2", net)
    seen = load_outside(path)[0].prepared(images)
    outside.describe(tmp_path / "net.pt2", None, None, extra='output = "probabilities"')
    found = open_subjects(path, SEVEN)[0].logits(images).softmax(1)
    torch.testing.assert_close(found, net(seen)["probs"])


class Bytes(Conv):
    def forward(self, x):
        return super().forward(x.float() / 255)


@pytest.mark.parametrize("kind", [torch.uint8, torch.int64])
def test_a_program_that_takes_whole_numbers_gets_0_to_255_and_has_no_gradients(tmp_path, kind):
    net, path = Bytes().eval(), tmp_path / "net.pt2"
    example = (torch.rand(2, 3, 48, 48) * 255).to(kind)
    program = torch.export.export(net, (example,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))
    torch.export.save(program, path)
    outside.describe(path, None, None)
    subject = open_subjects(str(path), SEVEN)[0]
    images = pictures(3, 48)
    whole = (images * 255).round().to(kind).expand(-1, 3, -1, -1)
    torch.testing.assert_close(subject.logits(images), net(whole))
    assert "whole numbers" in subject.model.lacks["gradients"]
