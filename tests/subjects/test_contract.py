"""What is asked of a model beyond its logits: one default for each, wherever it is asked."""

import pytest
from torch import nn

from analysis.attributions import missing
from analysis.subjects.description import Description
from analysis.subjects.outside import OutsideModel
from iram import build_model, contract

ASKED = ("classes", "input_size", "has_attention", "num_layers", "lacks", "trace", "intervene")


class Bare(nn.Module):
    """It says nothing of itself."""


class Tracing(Bare):
    """It gives attention and says no more."""

    def trace(self, images):
        raise RuntimeError("not asked here")


@pytest.mark.parametrize("model", [
    build_model(attention="iram", width=0.25),
    OutsideModel(nn.Identity(), Description(("a", "b"), 48, "gray")),
])
def test_our_models_and_those_from_outside_say_all_of_it(model):
    assert all(hasattr(model, name) for name in ASKED)
    assert set(contract.lacks(model)) <= set(contract.LACKS)


def test_a_model_that_says_nothing_lacks_nothing_but_attention():
    bare = Bare()
    assert (dict(contract.lacks(bare)), contract.input_size(bare), contract.gates(bare)) == (
        {}, None, ())
    assert not contract.has_attention(bare)
    assert contract.called(bare) == "this Bare"
    assert missing("attention", bare) == ["attention"]
    assert missing("gradcam", bare) == []


def test_one_that_traces_has_attention_unless_it_says_otherwise():
    model = Tracing()
    assert contract.has_attention(model)
    model.has_attention = False
    assert not contract.has_attention(model)
    model.has_attention, model.lacks = True, {"attention": "its layer is gone"}
    assert not contract.has_attention(model)
    assert missing("attention", model) == ["attention"]


def test_what_lacks_a_thing_goes_without_the_methods_that_require_it():
    model = Bare()
    model.lacks = {"gradients": "it cuts the graph"}
    assert missing("gradcam", model) == ["gradients"]
