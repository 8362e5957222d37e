"""Methods with rules of their own for a net's functions, and nets with parts in TorchScript."""

import pytest
import torch
from torch import nn

from analysis.attributions import attribute
from analysis.attributions.base import missing
from iram.errors import InputError

RULED = ("guided_backprop", "deeplift")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Net(nn.Module):
    def __init__(self, function):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.fc, self.function = nn.Conv2d(1, 4, 3, 2), nn.Linear(4, 7), function

    def forward(self, x):
        return self.fc(self.function(self.conv(x)).mean((2, 3)))


def scripted(x):
    return torch.relu(x)


X = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("method", RULED)
@pytest.mark.parametrize("how", ["script", "trace", "inside"])
def test_scripted_modules_are_refused_before_they_are_run(method, how):
    net = Net(nn.ReLU()).eval()
    made = {"script": lambda: torch.jit.script(net), "trace": lambda: torch.jit.trace(net, X),
            "inside": lambda: nn.Sequential(torch.jit.script(net), nn.Identity())}[how]()
    assert missing(method, made) == ["functions"]
    with pytest.raises(InputError, match="needs a net without scripted parts"):
        attribute(made, X, 1, method)
    assert attribute(made, X, 1, "saliency").shape == (2, 16, 16)


@pytest.mark.parametrize("method", RULED)
def test_a_scripted_function_in_a_plain_net_is_found_as_it_runs(method):
    net = Net(torch.jit.script(scripted)).eval()
    with pytest.raises(InputError, match="calls relu from TorchScript"):
        attribute(net, X, 1, method)
    plain = Net(scripted).eval()
    assert attribute(plain, X, 1, method).abs().sum() > 0


def test_an_error_of_the_net_itself_is_not_hidden():
    def broken(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        attribute(Net(broken).eval(), X, 1, "guided_backprop")
