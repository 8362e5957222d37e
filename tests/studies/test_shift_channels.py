"""What the mean over channels hides: single channels, what passes the gate, and what counts."""

import math
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import tiny
import torch
from planted import Avoiding, Fixed, faces, subject
from torch import nn

from analysis.studies.shift.describe import MEASURES, describe
from analysis.studies.shift.measures import LITTLE, channels_leaving, log_mass, variation
from analysis.studies.shift.readers import LayerReading, Reader, weighted_by_evidence
from analysis.subjects import open_subjects
from iram.architecture import FER2013_CLASSES
from iram.cells import Cells

LEFT = torch.tensor([[1.0, 0, 0, 0]] * 4)[None]  # a region of 4 cells,
REST = torch.tensor([[0.0, 0, 1, 1]] * 4)[None]  # a band of 4 beside it, and the rest
HALF = Cells(LEFT, REST)
ELSEWHERE = Cells(LEFT.flip(2), torch.tensor([[0.0, 0, 1, 0]] * 4)[None])


def columns(*values):
    """(1, 4, 4): a map whose four columns have these values."""
    return torch.tensor([values] * 4, dtype=torch.float32)[None]


EVEN = columns(0.5, 0.5, 0.5, 0.5)
PLACES = SimpleNamespace(
    cells=lambda regions, *size: (HALF, ELSEWHERE),
    expressive_at=lambda *size: (EVEN, EVEN),
)


def layer(*channels, effective=None, weighted=None) -> LayerReading:
    maps = torch.stack(channels, 1)
    return LayerReading(maps.mean(1), maps.mean(1) if effective is None else effective, maps,
                        weighted)


def measured(clean, occluded) -> dict[str, float]:
    return {name: value.item() for name, value in describe(PLACES, None, clean, occluded).items()}


def test_every_measure_is_described():
    assert tuple(measured(layer(EVEN), layer(EVEN))) == MEASURES


def test_channels_that_move_against_each_other_leave_the_mean_where_it_is():
    down, up = columns(0.3, 0.5, 0.5, 0.5), columns(0.7, 0.5, 0.5, 0.5)
    found = measured(layer(EVEN, EVEN), layer(down, up))
    assert found["mass_change"] == pytest.approx(0, abs=1e-6)
    assert found["channels_leave"] == 0.5


def test_a_channel_leaves_by_its_share_and_not_by_its_level():
    assert channels_leaving(EVEN[:, None], 0.1 * EVEN[:, None], HALF).item() == 0
    fall = columns(0.47, 0.5, 0.5, 0.5)[:, None]  # log(0.47 / 0.49) = -0.042: within the margin
    assert channels_leaving(EVEN[:, None], fall, HALF).item() == 0


def test_leaving_everywhere_is_no_leaving_of_the_region():
    """The permuted mask's region loses the same: the two shares cancel."""
    both = columns(0.2, 0.5, 0.8, 0.2)
    found = measured(layer(EVEN), layer(both))
    assert channels_leaving(EVEN[:, None], both[:, None], HALF).item() == 1
    assert found["channels_leave"] == 0


def test_the_effective_multiplier_is_measured_as_the_map_is():
    moved = columns(0.2, 0.5, 0.5, 0.5)
    found = measured(layer(EVEN, effective=EVEN), layer(EVEN, effective=moved))
    assert found["mass_change"] == 0
    assert found["effective"] == pytest.approx(0, abs=1e-6)
    assert found["effective_change"] == pytest.approx(math.log(0.2 / 0.4))
    assert found["effective_elsewhere_change"] == 0


def test_weighted_attention_leaves_where_the_evidence_does():
    clean, occluded = layer(EVEN, weighted=EVEN), layer(EVEN, weighted=columns(0.2, 0, 0.5, 0.5))
    assert measured(clean, occluded)["weighted_change"] == pytest.approx(math.log(0.2 / 0.4))
    nothing = layer(EVEN, weighted=columns(0, 1, 1, 1))
    assert measured(clean, nothing)["weighted_change"] == pytest.approx(math.log(LITTLE))
    assert math.isnan(measured(clean, layer(EVEN))["weighted_change"])


def test_variation_is_channel_by_channel():
    assert variation(torch.stack([EVEN, EVEN], 1)).item() == 0
    maps = torch.stack([columns(1, 1, 3, 3), columns(3, 3, 1, 1)], 1)  # the mean is flat
    assert variation(maps).item() == pytest.approx(0.5)


class Linear(nn.Module):
    """Logits of class k: the sum over channels and places of weight_k A f."""

    name, classes, input_size, num_layers, has_attention = "linear", ("a", "b", "c"), 2, 1, True

    def __init__(self):
        super().__init__()
        chance = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(torch.randn(3, 2, 2, 2, generator=chance))
        self.features = torch.rand(2, 2, 2, generator=chance)

    def trace(self, x):
        own = (x * torch.tensor([1.0, 0.5]).view(2, 1, 1)).sigmoid()
        logits = torch.einsum("nchw,kchw->nk", own * self.features, self.weight)
        return SimpleNamespace(logits=logits, attention=[own], features=[own], effective=[])

    @contextmanager
    def intervene(self, replacements):
        yield self


def reader(model) -> Reader:
    return Reader(subject(model, model.name), dataset=faces(7))


def test_weighting_is_gate_times_feature_times_the_margins_slope():
    model, x, labels = Linear(), torch.rand(2, 1, 2, 2), torch.tensor([0, 2])
    found = reader(model).read(x, labels)
    own = found.attention[0]
    rivals = found.logits.scatter(1, labels[:, None], -torch.inf).argmax(1)
    slope = model.weight[labels] - model.weight[rivals]
    known = (own * model.features * slope).sum(1).relu()
    torch.testing.assert_close(found.layers[0].weighted, known.detach())
    assert (known > 0).any()
    assert not found.logits.requires_grad
    assert model.weight.grad is None


def test_without_labels_nothing_is_weighted_and_the_rest_is_the_same():
    model, x = Linear(), torch.rand(2, 1, 2, 2)
    plain, weighed = reader(model).read(x), reader(model).read(x, torch.tensor([0, 2]))
    assert plain.layers[0].weighted is None
    torch.testing.assert_close(plain.logits, weighed.logits)
    torch.testing.assert_close(plain.layers[0].map, weighed.layers[0].map)


def test_a_model_that_is_first_read_without_gradients_is_weighted_after(tmp_path):
    (one,) = open_subjects(str(tiny.weights(tmp_path)), FER2013_CLASSES)
    known = faces(7)
    read = Reader(one, dataset=known)
    images = known.images(slice(0, 7))
    read.answer(images)
    assert all(layer.weighted is not None for layer in read.read(images, known.labels).layers)


def test_attention_that_no_gradient_reaches_is_not_weighted():
    known = faces(7)
    images, labels = known.images(slice(0, 7)), known.labels
    assert reader(Fixed(known)).read(images, labels).layers[0].weighted is None
    assert reader(Avoiding(known)).read(images, labels).layers[0].weighted is not None
    one = torch.rand(1, 2, 2, 2, requires_grad=True)
    assert weighted_by_evidence(torch.rand(1, 3, requires_grad=True), [one], labels[:1]) == [None]


def test_a_net_that_cant_tell_its_multiplier_is_read_by_its_map():
    known = faces(7)
    found = reader(Fixed(known)).read(known.images(slice(0, 7))).layers[0]
    assert torch.equal(found.effective, found.map)


def test_log_mass_of_a_map_that_is_zero_is_nothing():
    assert log_mass(0 * EVEN, HALF).isnan().all()
