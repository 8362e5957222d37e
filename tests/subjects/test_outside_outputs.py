"""What a net returns: the logits are found in it, or one line says what to return."""

from collections import OrderedDict

import outside
import pytest
import torch

from analysis.subjects import Subject, open_subjects, opening
from analysis.subjects.check import check
from analysis.subjects.loading import load_outside
from analysis.subjects.outputs import logits_in
from iram.errors import InputError

SEVEN = outside.CLASSES


def opened(spec):
    return open_subjects(str(spec), SEVEN)[0]


def outside_net(spec):
    return load_outside(str(spec))[0].net


def found(spec, what):
    return next(f for f in check(str(spec)) if f.what == what)


# Outputs that are no logits


def test_outputs_of_a_sigmoid_are_told_where_a_net_is_checked_and_where_it_is_studied(tmp_path):
    outputs = "self.fc(x.mean((2, 3)))"
    spec = outside.write_net(tmp_path, result=f"{outputs}.sigmoid()")
    [hint] = found(spec, "outputs").hints
    assert hint.startswith("all outputs lie from 0 to 1, as probabilities of a sigmoid do")
    assert hint in opening.told(opened(spec))
    assert not found(outside.write_net(tmp_path, result=outputs, name="other"), "outputs").hints


# What a net returns


class Output(OrderedDict):
    __getattr__ = OrderedDict.__getitem__


class Plain:
    def __init__(self, **values):
        self.__dict__.update(values)


LOGITS, FEATURES, MAPS = torch.randn(3, 7), torch.randn(3, 32), torch.randn(3, 8, 4, 4)


@pytest.mark.parametrize("returned", [
    LOGITS, (LOGITS,), [LOGITS, FEATURES], (FEATURES, LOGITS), (MAPS, [FEATURES, LOGITS]),
    {"logits": LOGITS, "features": FEATURES}, {"f": FEATURES, "out": LOGITS},
    {"aux": torch.zeros(3, 7), "logits": LOGITS}, Output(loss=None, logits=LOGITS),
    Plain(logits=LOGITS, hidden=MAPS), Plain(hidden=MAPS, emotion=LOGITS),
    LOGITS[:, :, None, None], (MAPS, LOGITS[:, :, None]), LOGITS[:, None], LOGITS.double(),
    (LOGITS, torch.zeros(3, 7)),
], ids=lambda one: type(one).__name__)
def test_the_logits_are_found_in_what_a_net_returns(returned):
    torch.testing.assert_close(logits_in(returned, 3, 7, "net.py").float(), LOGITS)


@pytest.mark.parametrize(("result", "told"), [
    ("(2 * y, y)", "outputs 0, 1 could all be its output: the first of them is taken"),
    ("(x, [2 * y, y])", "outputs 1.0, 1.1 could all be its output: the first of them is taken"),
    ("collections.namedtuple('Pair', 'fine coarse')(y, 2 * y)",
     "fine, coarse could all be its output: the first of them is taken"),
    ("collections.namedtuple('Pair', 'aux logits')(2 * y, y)", ""),
    ("{'aux': 2 * y, 'out': y}", ""),
    ("(x, y)", ""),
])
def test_which_of_several_outputs_that_fit_is_taken_is_told_by_check_and_study(tmp_path, result,
                                                                               told):
    result = f"[{result} for y in [self.fc(x.mean((2, 3)))]][0]"
    spec = outside.write_net(tmp_path, result=result, more="\n\nimport collections\n")
    notes = [one.told for one in check(spec) if one.what == "note"]
    assert notes == [told] * bool(told)
    assert opened(spec).model.notes == tuple(notes)
    net = outside_net(spec)
    assert Subject.of(net, classes=SEVEN, size=64, channels=3).model.notes == tuple(notes)


def test_for_one_picture_the_batch_may_be_squeezed_away():
    torch.testing.assert_close(logits_in(LOGITS[0], 1, 7, "net.py"), LOGITS[:1])
    with pytest.raises(InputError, match=r"for 3 pictures it must return \(3, 7\)"):
        logits_in(LOGITS[0], 3, 7, "net.py")


@pytest.mark.parametrize(("returned", "told"), [
    (FEATURES[:, :8], r"it returned \(3, 8\): it has 8 outputs, its description 7 classes"),
    (FEATURES, r"it returned \(3, 32\)"),
    ((FEATURES, MAPS), r"returned tuple of \(3, 32\), \(3, 8, 4, 4\): return the logits"),
    ({"f": MAPS}, r"returned dict of f \(3, 8, 4, 4\): return the logits"),
    (None, "it returned NoneType"), ("angry", "it returned str"), ([], "list without a tensor"),
    (LOGITS.argmax(1), r"it returned \(3,\): return the logits"),
    (LOGITS.round().long(), "must return floats, not torch.int64: the logits, before argmax"),
    ({"a": LOGITS, "b": LOGITS + 1}, r"several tensors that could be the logits: a, b; return one"),
], ids=lambda one: None)
def test_what_holds_no_logits_is_told_with_what_to_return(returned, told):
    with pytest.raises(InputError, match=told) as error:
        logits_in(returned, 3, 7, "net.py")
    assert str(error.value).startswith("net.py: ")
