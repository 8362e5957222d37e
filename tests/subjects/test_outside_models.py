"""A model from outside as the study takes it, against the same net asked by hand."""

import threading

import outside
import pytest
import torch
from torch.nn import functional as F

from analysis.attributions import attribute
from analysis.subjects import open_subjects
from analysis.subjects.description import Description
from analysis.subjects.outside import OutsideModel
from analysis.subjects.probe import pictures
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


def test_a_net_that_fails_in_bf16_alone_is_told_of_fp32(tmp_path):
    result = "torch.tensor(self.fc(x.mean((2, 3))).detach().numpy())"
    [subject] = open_subjects(outside.write_net(tmp_path, result=result), outside.CLASSES,
                              bf16=True)
    with pytest.raises(InputError, match="ScalarType BFloat16; it ran in bf16, and may run by --d"):
        subject.logits(pictures(2))


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
